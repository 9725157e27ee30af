package audit

import (
	"crypto/sha256"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// BatchOf bounds the batches of a log to n entries; benchmarks compare with
// n = 1, one transaction for each entry.
func (c *Config) BatchOf(n int) { c.maxEntries = n }

// Rehash makes a chain of batches fit together again after entries were changed:
// what somebody can do who may write to the store and holds no key.
func Rehash(batches []*Batch) {
	var front frontier
	for n, b := range batches {
		b.N, b.First = int64(n), front.size
		b.Leaves = nil
		for _, entry := range b.Entries {
			leaf := sha256.Sum256(entry)
			b.Leaves = append(b.Leaves, leaf[:])
			front.push(tlog.RecordHash(leaf[:]))
		}
		root := front.root()
		b.Size, b.Root = front.size, root[:]
	}
}

// Resign signs the head of a batch with the session key of a log that was
// closed: what somebody can do who holds the keys of the gateway itself.
func (l *Log) Resign(b *Batch, at time.Time) error {
	digest, err := tipsDigest(b.Tips)
	if err != nil {
		return err
	}
	h := head{batch: b.N, tips: digest, time: at}
	b.Writer = l.seq.own.signer.Name()
	b.Head, err = signTree(batchOrigin(l.cfg.Origin), b.Size, tlog.Hash(b.Root), h.lines(), l.seq.own.signer)
	return err
}
