// Package audit is the log of every use of partner data: durable before the
// use, and provable afterwards to people who trust nobody here.
//
// # What it guarantees
//
// Append returns without error only when its entries are durable, were read
// back from the store and hashed to what the signed head of their batch says
// (invariant 1). Nobody can change, delete, reorder, insert or cut off entries
// without Verify finding it, given the log's public key and, against cutting
// off and forking, one old checkpoint (invariant 4). When store or keys cannot
// answer, Append answers Unavailable and the caller must release nothing
// (invariant 3). The open part of an entry holds no personal data of data
// subjects; the private part is sealed (invariant 5).
//
// # How
//
// Entries are canonical JSON (RFC 8785). The log is the Merkle tree of RFC 6962
// over leaves whose data is the 32 bytes SHA-256(entry). Entries become durable
// in batches; the batch number is the lock, so that inserting batch N is the
// compare-and-swap between several gateways on one store. Nothing but a unique
// insert is asked of the store.
//
//	Append ──prepare──▶ queue ──drain all──▶ build N ──insert──▶ read back ──▶ acknowledge
//	                                           ▲        │  │
//	                        taken: follow what │        │  └─ unknown: callers get Unavailable;
//	                        came in between ───┴────────┘     the identical batch is inserted again
//	                                                          until the outcome is known, before
//	                                                          anything else is appended
//
// There is no batching timer: whatever is queued when the sequencer comes round
// goes into one batch. The read-back happens before the acknowledgement, hence
// before the next head is signed; it costs one look-up by key and one hash for
// each entry, small beside the insert.
//
// # Who signs what
//
// The log key signs checkpoints (c2sp.org/tlog-checkpoint, origin line = the
// log's origin) and countersigns session keys. A session key lives in memory for
// at most 24 hours, is introduced by an admin entry that carries the log key's
// countersignature, and signs batch heads. A head is a note with the origin line
// "<origin>/batch" and names its batch number and the digest of the providers'
// chain ends, so that it can never pass for a checkpoint.
//
// # Who watches
//
// Everybody may read the published log as c2sp.org/tlog-tiles has it: hashes of
// hashes, which tell nothing. Partners run witnesses (c2sp.org/tlog-witness), each
// of which cosigns a checkpoint only when it continues the one before.
//
//	heads ──sign──▶ unpublished ──ask all──▶ quorum ──insert──▶ published
//	                  ▲    │                   too few: the same checkpoint is tried again;
//	                  └────┴─ (patience ends:  a greater one was seen: another is signed
//	                          Append refuses)  more than the store has, or a fork: the end
//
// While a quorum is missing, entries go in and receipts are given; when the oldest
// entry without a published checkpoint is older than Config.Patience, by the time
// that the head of its batch says, nothing more is logged, and so nothing released
// (invariant 3). A witness that has seen more than the store holds, or something
// else, stops the log, however many others agree: a store put back from a backup
// must not go on as if nothing had been. So each witness can stop the gateway, by
// a lie too; the operator then sees which one, and takes it out of the
// configuration or finds out what happened to the store.
//
// # Whom it trusts
//
// The keyring, the clock, and the store to say honestly what became durable.
// Verify trusts the log's public key alone.
package audit
