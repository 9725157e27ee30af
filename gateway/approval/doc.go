// Package approval says whether the parties of an agreement have approved it.
//
// An agreement version is live only when an approver of every party has signed
// one statement about it: which agreement and version, the digest of what it
// means, from when it is live, and the impact report that was read before
// signing. The statement is the text of a signed note (c2sp.org/signed-note)
// with Ed25519 signatures, kept as approval.note beside the agreement:
//
//	concord agreement approval v1
//	agreement ISA-TH-WMP-001
//	version 2
//	digest 6f1d...           SHA-256 over what the agreement means
//	live-from 2027-01-01T00:00:00Z
//	impact 9c0e...           SHA-256 of impact.json, or "none" in a founding set
//	lifts 4711               only where it ends a suspension: that log entry
//
//	— telford-housing/dpo wJk2...
//	— west-mercia-police/siro Lq0a...
//
// The digest covers agreement.json, its conditions, the schemas of the datasets
// it shares and the core policy with purposes and places, so that none of them
// can change under a signature. A statement about another digest is void.
//
//	draft ──sign──▶ awaiting others ──sign──▶ approved ──live-from──▶ live
//	  ▲                                          │
//	  └───────────── any content changes ◀───────┘   (void: sign again)
//
// Who is an approver is configuration of the gateway, and never comes through
// its API. The package guarantees that a signature counts only for the agency
// that its key is registered for, only where that agency is a party, and never
// where the approver is whom the agreement names as its author. It trusts the
// registered public keys and nothing else, and the agreement for who its author
// is: that whoever signs bundles approves nothing is for those to see to who
// register both. It has no clock and decides nothing about a request.
package approval
