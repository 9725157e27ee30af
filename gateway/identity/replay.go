package identity

import (
	"context"
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

// Proofs is what the gateways of one store know together of the proofs that were
// taken.
type Proofs interface {
	// Take takes a proof for good. Of all calls with one digest, at whatever gateway
	// and before or after a restart, at most one is told that it is the first, until
	// the time given has passed by the clock of every gateway; what it is told is
	// durable by then. It answers a fault of kind Unavailable where that cannot be
	// established: the proof is then not to be accepted, and may count as taken.
	//
	// An implementation may rely on a unique insert, and on nothing else of the store.
	Take(ctx context.Context, digest [sha256.Size]byte, until time.Time) (first bool, err error)
}

// replays remembers the proofs that were taken here. One that cannot be remembered is
// not taken. It is the sieve before Proofs, which costs a write: what is known here
// to be a replay is not asked about, and no key has more rows made than maxOfKey.
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

// digestOfProof names a proof by the thumbprint of its key and its id.
func digestOfProof(key, id string) [sha256.Size]byte {
	return sha256.Sum256([]byte(key + "\x00" + id)) // a key is a digest in base64url
}

// takeProof takes a proof, here and for all the gateways of the store, and refuses it
// from then on.
func (v *Verifier) takeProof(ctx context.Context, p *proof, now time.Time) error {
	if err := v.proofs.once(p.key, p.id, now); err != nil || v.shared == nil {
		return err
	}
	// Until when a gateway takes it goes by what the proof says, not by who took it.
	first, err := v.shared.Take(ctx, digestOfProof(p.key, p.id), p.issued.Add(proofAge+time.Second))
	switch {
	case err != nil:
		return fault.Wrap(fault.Unavailable, "identity.takeProof", "Whether the proof was used before is not known.", err)
	case !first:
		return refusal("the proof was used before, here or at another gateway")
	}
	return nil
}

// once takes a proof, by its id, of a key, and refuses it from then on.
func (r *replays) once(key, id string, now time.Time) error {
	proof := digestOfProof(key, id)
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
