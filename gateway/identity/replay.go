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
	// maxOfOne keeps one key, and one principal with many keys, from filling the memory
	// for all: 90 requests a second, for as long as a proof is remembered.
	maxOfOne = 1 << 13
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
// to be a replay is not asked about, and nobody has more rows made than maxOfOne.
type replays struct {
	mu    sync.Mutex // covers all below
	seen  map[[sha256.Size]byte]struct{}
	of    map[maker]int // how many of each
	queue []taken       // in the order of their time
}

// maker is who makes proofs: a key, by its thumbprint, or a principal.
type maker struct{ key, agency, subject string }

type taken struct {
	proof [sha256.Size]byte
	by    [2]maker
	at    time.Time
}

func newReplays() *replays {
	return &replays{seen: map[[sha256.Size]byte]struct{}{}, of: map[maker]int{}}
}

// digestOfProof names a proof by the thumbprint of its key and its id.
func digestOfProof(key, id string) [sha256.Size]byte {
	return sha256.Sum256([]byte(key + "\x00" + id)) // a key is a digest in base64url
}

// takeProof takes a proof of a principal, here and for all the gateways of the store,
// and refuses it from then on.
func (v *Verifier) takeProof(ctx context.Context, p *proof, of *Principal, now time.Time) error {
	by := [2]maker{{key: p.key}, {agency: of.Agency, subject: of.Subject}}
	if err := v.replays.once(p.digest, by, now); err != nil || v.proofs == nil {
		return err
	}
	// Until when a gateway takes it goes by what the proof says, not by who took it.
	first, err := v.proofs.Take(ctx, p.digest, p.issued.Add(proofAge+time.Second))
	switch {
	case err != nil:
		return fault.Wrap(fault.Unavailable, "identity.takeProof", "Whether the proof was used before is not known.", err)
	case !first:
		return refusal("the proof was used before, here or at another gateway")
	}
	return nil
}

const errReplay = refusal("the proof was used before")

// fresh refuses a proof that was taken, and takes none.
func (r *replays) fresh(proof [sha256.Size]byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, again := r.seen[proof]; again {
		return errReplay
	}
	return nil
}

// once takes a proof, of a key and a principal, and refuses it from then on.
func (r *replays) once(proof [sha256.Size]byte, by [2]maker, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(now)
	if _, again := r.seen[proof]; again {
		return errReplay
	}
	switch {
	case r.of[by[0]] >= maxOfOne, r.of[by[1]] >= maxOfOne:
		return fault.New(fault.Limited, "identity.replays", "Too many proofs of one caller.")
	case len(r.seen) >= maxProofs:
		return fault.New(fault.Unavailable, "identity.replays", "Too many proofs.")
	}
	r.seen[proof] = struct{}{}
	for _, m := range by {
		r.of[m]++
	}
	r.queue = append(r.queue, taken{proof: proof, by: by, at: now})
	return nil
}

// forget drops what cannot come again. The caller holds mu. The clock may go back;
// what is in the queue then stays longer.
func (r *replays) forget(now time.Time) {
	n := 0
	for n < len(r.queue) && now.Sub(r.queue[n].at) > replayLife {
		old := r.queue[n]
		delete(r.seen, old.proof)
		for _, m := range old.by {
			if r.of[m]--; r.of[m] == 0 {
				delete(r.of, m)
			}
		}
		n++
	}
	r.queue = r.queue[n:]
}
