package identity

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
)

// The bounds of what is remembered of proofs.
const (
	// replayLife is how long a proof is remembered: until the latest time at which
	// one that is taken now could be taken again.
	replayLife = proofAge + leeway + time.Second
	maxProofs  = 1 << 17
	// maxOfKey keeps one caller from filling the memory for all: 90 requests a
	// second, for as long as a proof is remembered.
	maxOfKey = 1 << 13
)

// replays remembers the proofs that were taken. One that cannot be remembered is
// not taken.
type replays struct {
	mu    sync.Mutex // covers all below
	seen  map[[sha256.Size]byte]struct{}
	of    map[string]int // how many of each key
	queue []taken        // in the order of their time
}

type taken struct {
	proof [sha256.Size]byte
	key   string
	at    time.Time
}

func newReplays() *replays {
	return &replays{seen: map[[sha256.Size]byte]struct{}{}, of: map[string]int{}}
}

// once takes a proof, by its id, of a key, and refuses it from then on.
func (r *replays) once(key, id string, now time.Time) error {
	proof := sha256.Sum256([]byte(key + "\x00" + id)) // a key is a digest in base64url
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(now)
	if _, again := r.seen[proof]; again {
		return refusal("the proof was used before")
	}
	switch {
	case r.of[key] >= maxOfKey:
		return fault.New(fault.Limited, "identity.replays", "Too many proofs of one key.")
	case len(r.seen) >= maxProofs:
		return fault.New(fault.Unavailable, "identity.replays", "Too many proofs.")
	}
	r.seen[proof] = struct{}{}
	r.of[key]++
	r.queue = append(r.queue, taken{proof: proof, key: key, at: now})
	return nil
}

// forget drops what cannot come again. The caller holds mu. The clock may go back;
// what is in the queue then stays longer.
func (r *replays) forget(now time.Time) {
	n := 0
	for n < len(r.queue) && now.Sub(r.queue[n].at) > replayLife {
		old := r.queue[n]
		delete(r.seen, old.proof)
		if r.of[old.key]--; r.of[old.key] == 0 {
			delete(r.of, old.key)
		}
		n++
	}
	r.queue = r.queue[n:]
}
