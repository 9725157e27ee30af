// Package replay decides past requests again: by the rules that were in force,
// to prove that the log tells what was decided (Replay), and by rules that are
// not in force yet, to show what they would change (Impact).
//
// Both read the log from its store (audit.Facts), in order and without opening
// it, so that they run on a copy in another process or beside a gateway that goes
// on. Nothing is written, but for one thing: a keyring that has never seen the
// log makes keys for its months, unless it may not (Keyring.Existing). Whose the keys
// are is for the caller to know.
//
// # What Replay guarantees
//
// A request is identical only if the engine that was rebuilt from what its
// revision's archive holds names itself by that revision, decides the logged
// facts to the logged digest, and what the open entries of the request say was
// released and withheld, provider by provider, is what the decision says. Every
// request is either identical, differing or not replayable, and for what is not
// replayable the reason is counted: nothing is passed over. Like questions are
// decided once (policy.Memo); a difference is reported only after the engine
// itself has been asked.
//
// # What Impact answers
//
// "Had these requests come in on the day on which the candidate goes live, what
// would be different with it than without?" Both the rules in force and the
// candidate are put the logged question with the time of that day, each about
// the datasets that a gateway with its agreements would ask about, and all else
// as logged (actor, purpose, case link, emergency, usage). Neither the past
// decision nor the past rules come into it: what the rules in force would do on
// that day anyway, an agreement that ends by then for example, is not the
// candidate's doing. A request that finds a quota used up is refused whole, as a
// gateway does.
//
// An entry that is damaged, or that the keys do not open, is an error: of what it says
// the report would know nothing. What is past its retention, was refused before the rules
// were asked, or is no question to these rules is counted as not considered.
//
// Subjects are counted by the keyed references of the identifiers asked for:
// requests that share one are about one subject. The key of the references
// changes with the year, so a person who was asked about in two years counts
// twice; two requests that give no identifier in common do too. The number is
// therefore the most that it can be. Areas have no subject.
//
// Reports hold nothing about any person: indexes, revisions, agencies, datasets,
// fields, treatments, codes and numbers.
package replay
