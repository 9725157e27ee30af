package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/tlog"
)

// chained is what the chain and session checks need of an entry.
type chained struct {
	action, provider, prev, seq, version string
}

// facts are what can be said of an entry by itself.
type facts struct {
	chained

	sum [sha256.Size]byte
	// hash is sum in hex.
	hash string
	// record is the hash of the leaf in the tree (RFC 6962 section 2.1), where the
	// batch has leaf data of the right length.
	record tlog.Hash
	// err says that the entry is not canonical JSON. It is not looked for in an
	// entry that is not what was hashed.
	err error
}

// inspectTogether is how many entries a processor is given at least.
const inspectTogether = 64

// inspect hashes and reads the entries of a batch, on all processors where there
// are enough of them. into is used again if it is large enough.
func inspect(b *Batch, into []facts) []facts {
	n := min(len(b.Entries), len(b.Leaves))
	if cap(into) < n {
		into = make([]facts, n)
	}
	into = into[:n]
	parts := max(1, min(runtime.GOMAXPROCS(0), n/inspectTogether))
	if parts == 1 {
		inspectSome(b, into, 0)
		return into
	}
	var wg sync.WaitGroup
	for part := range parts {
		from, to := n*part/parts, n*(part+1)/parts
		wg.Go(func() { inspectSome(b, into[from:to], from) })
	}
	wg.Wait()
	return into
}

// inspectSome fills into for the entries from an index on. What it keeps of their
// texts and hashes are parts of one string each: a string of its own for each
// would take longer than to hash it.
func inspectSome(b *Batch, into []facts, from int) {
	size := 0
	for i := range into {
		size += len(b.Entries[from+i])
	}
	var all strings.Builder
	all.Grow(size)
	hashes := make([]byte, 0, len(into)*2*sha256.Size)
	for i := range into {
		text, leaf := b.Entries[from+i], b.Leaves[from+i]
		f := facts{sum: sha256.Sum256(text)}
		if len(leaf) == sha256.Size {
			f.record = recordHash(leaf)
		}
		into[i] = f
		all.Write(text)
		hashes = hex.AppendEncode(hashes, f.sum[:])
	}
	texts, hash := all.String(), string(hashes)
	for i := range into {
		f, n := &into[i], len(b.Entries[from+i])
		f.hash = hash[i*2*sha256.Size : (i+1)*2*sha256.Size]
		if string(f.sum[:]) == string(b.Leaves[from+i]) {
			f.chained, f.err = readChained(texts[:n])
		}
		texts = texts[n:]
	}
}

// recordHash is tlog.RecordHash of the data of a leaf.
func recordHash(leaf []byte) tlog.Hash {
	var data [1 + sha256.Size]byte // which begins with 0 (RFC 6962 section 2.1)
	copy(data[1:], leaf)
	return sha256.Sum256(data[:])
}

// readChained reads the members of an entry that the checks need.
func readChained(text string) (e chained, err error) {
	err = members(text, func(key, value string, _ int) bool {
		switch key {
		case "action":
			e.action = value
		case "provider":
			e.provider = value
		case "provider_prev":
			e.prev = value
		case "provider_seq":
			e.seq = value
		case "v":
			e.version = value
		}
		return true
	})
	return e, err
}
