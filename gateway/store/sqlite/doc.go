// Package sqlite is the embedded store of Concord: one folder, no server, no
// cgo (modernc.org/sqlite).
//
// It guarantees what the ports record.Store, event.Store, audit.Store and
// spool.Store ask for, and that what it acknowledged survives a crash of the process and a loss
// of power (write-ahead log, synchronous=FULL). All writes go through one
// connection, so that they never wait for each other inside SQLite; reads have
// a pool of their own that cannot write. The folder must be open to its owner
// alone (0700, the file 0600), or Open refuses it. Space that a
// withdrawal, an expiry or a deletion frees is overwritten with zeros.
//
// It trusts the file system to honour fsync, and nobody else to write to the
// file. Several processes may open one folder; SQLite's own locks order them.
//
// Correctness rests on unique inserts only. Events and the log refuse UPDATE
// and DELETE by trigger. Opening never counts or scans rows.
package sqlite
