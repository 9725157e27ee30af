// Package rulebook holds the rules in force: datasets, places, live agreements
// and the policy made of them, as one thing that is exchanged whole.
//
//	Files ──Read──▶ Draft ──Rules(choice)──▶ Rules ──Swap──▶ Book
//
// A Draft is a set of files that reads well; nothing of it is in force. A Choice
// says which agreement versions are live and which are suspended; it comes from
// the approvals of the parties, which package activation judges. Rules are a
// Draft under a Choice: they do not change, and their Revision covers everything
// that a decision depends on besides its input. A Book holds the Rules of the
// moment. A request takes them once, when it comes in, and carries them in its
// context, so that one request is answered by one revision from its first check
// to its last, whatever is exchanged meanwhile.
//
// Rules can be archived and made again from the archive, by another process and
// years later: that is how a decision in the log is replayed (invariant 10). An
// archive that does not give the revision it is kept under is refused.
package rulebook
