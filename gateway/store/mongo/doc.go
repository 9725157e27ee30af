// Package mongo keeps everything that Concord keeps in a database that speaks
// the MongoDB protocol, for more than one gateway.
//
// It guarantees what the ports record.Store, event.Store, audit.Store and
// spool.Store ask for. Correctness rests on one thing alone, which every server of the protocol
// has: that of two inserts with one _id exactly one succeeds. There is no
// transaction, no update, no conditional write and no expiry by the server. Every
// write waits for the majority of the replica set and its journal; reads come from
// the primary, at read concern majority.
//
// # What is where
//
//	log          one document a batch; _id is its number, the lock of the log
//	tiles        complete tiles; _id is level/number
//	checkpoints  published checkpoints; _id is the size
//	events       event rows; _id is kind/id/number
//	records      versions of records; _id is provider/dataset/source/version
//	pieces       what is kept for a while; _id is kind/id/number
//
// A batch holds its entries as exact bytes, and beside them the columns they are
// searched by, in the same document: one insert writes both, and nobody can take
// one away without the other. Columns that do not fit their entries make the batch
// unreadable, which a verification reports.
//
// Only records are ever deleted, by withdrawal and expiry, and pieces, when they are
// done with; the gateway's user needs find and insert on everything else, and no
// more (deploy/mongo).
//
// It trusts the server to honour the write concern. Whether the server can
// enforce rights is looked at when it is opened.
package mongo
