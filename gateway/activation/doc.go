// Package activation decides which rules come into force, and when.
//
// Rules arrive as files: a signed policy bundle, or in development a folder.
// They come into force only here, by one road:
//
//	source ──▶ read ──▶ judge ──▶ compile ──▶ archive ──▶ log ──▶ in force
//	              └────────┴─────────┴──▶ refused: logged, the last good rules stay
//
// It guarantees:
//
//   - An agreement version is live only with the approval of every party over
//     exactly what is enforced, from the date that they signed (package
//     approval). Nobody changes an agreement or the core policy alone: files that
//     would end, replace or alter a live agreement without the signatures of its
//     parties are refused as a whole, and so is a change that was signed without
//     an impact report about this very content.
//   - A bundle that is unsigned, altered, a delta or older than the newest one
//     that was ever in force is refused (package bundle). A refusal changes
//     nothing and is an entry in the log.
//   - Either party alone suspends an agreement, at once. Only a new version that
//     both have signed lifts it.
//   - What is in force is exchanged whole (package rulebook), was archived under
//     its revision before, and is an entry in the log before the first decision
//     rests on it; each provider finds in its register what changed for its data.
//
// What was in force last, and what is suspended, is read from the audit log,
// which cannot be cut short unseen; the archive is found by revision and proves
// itself. So a restart, or another gateway on the same store, comes to the same
// rules. The package trusts the registered approvers' keys, the authors' keys,
// the log and the clock.
package activation
