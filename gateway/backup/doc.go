// Package backup copies a whole Concord into one file while it runs, and puts it
// back into an empty store, of whichever engine: it works on the ports alone.
//
// # What it guarantees
//
// A copy is either whole or refused: it is written under another name and renamed
// when it is on the disk, and a file that is cut off or was altered does not read.
// Its last line holds the counts, the SHA-256 of all before it and a signature of
// the log key, so that nobody without that key makes one. The log in it was
// verified while it was copied. No key is in a copy, and nothing in it is open that
// is sealed in the store.
//
// A restore never brings an erased record back. It takes two files: the backup,
// and a copy of the log that is as new as can be had. Both logs are verified in
// full, the newer one has to contain the older one and to end with a published
// checkpoint, and every erasure in it is applied to the records on their way into the
// store (package erasure): withdrawals, ends of retention and destroyed keys. Without
// a newer log it refuses: what was erased since the backup could not be known.
//
// What cannot be taken out of the copies that exist already is made unreadable in them:
// once the key of an agreement and month is destroyed, no copy of the store shows what
// was sealed under it. That holds as far as no copy of the key is left: keys are backed
// up by themselves, and old copies of them are to be destroyed.
//
// A restore that refuses its files, or the keys, has written nothing, not even an empty
// store, and no key is ever made for one.
//
// A restore that ends early leaves a store that nothing accepts. The first row
// that it writes is an event that says so, and the last one takes it back:
//
//	empty ──restore 0──▶ being restored: serve, backup and restore refuse ──restore 1──▶ in use
//
// A third row is written when the gateway that starts on it has logged the restore.
//
// # What is in a copy
//
// One gzip stream of JSON lines, in this order: header, the batches of the log
// with their sealed private parts, its newest checkpoint, every event row, the
// version in force of every record as sealed, trailer. A copy of the log (LogOnly)
// lacks the records and is small and quick; it has the events because the log
// commits to some of them, the archived rules and the frozen editions, without
// which a gateway does not go on from that log.
//
// # Why it is consistent
//
// Nothing is locked. The order of reading is what makes the copy a state from which
// a gateway can start as after a crash:
//
//   - First the end of the log is fixed, at the newest published checkpoint. What
//     is logged later is not in the copy.
//   - Then the events are read. Whatever the log commits to was an event before it
//     was logged (rules, the series of an edition), or is made again from the log
//     (the manifest of an edition). Of each stream a beginning without a hole is
//     taken.
//   - Then the records. A row is stored before its submission is logged, so every
//     row that the log speaks of is there, unless it was erased.
//
// A submission that was under way has an opening among the events, and perhaps some
// of its rows: a row without an entry in the log. At its start the gateway closes
// such a submission as interrupted and logs it, as after a crash. A submission that
// began after the events were read may have rows without any event; they are
// ordinary records, and the entry that speaks of them stands in the newer log.
//
// A withdrawal is logged before its rows go, so a copy may have rows of which its own
// log, or a newer one, says that they are erased. A restore leaves them out, whether
// the deletion came a moment after they were read, or failed and was made good at a
// start. Rows that were sent again since stay: what decides is where the entries of
// submission and erasure stand in the log.
//
// What was submitted after the backup is not in it. The newer log names those
// submissions, and a restore lists them: their rows have to be sent again.
//
// # Whom it trusts
//
// The keys of the log that it is given, or has in the keyring; and whoever keeps
// the copies of the log to hand over the newest one. Where witnesses are
// configured, its checkpoint has to carry their cosignatures. That nothing still
// newer exists, no file can prove.
package backup
