package identity_test

import (
	"context"
	"crypto/sha256"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/attacktest"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
)

// sharing is what a test's gateways know together.
type sharing struct {
	mu    sync.Mutex // covers taken, until and asked
	taken map[[sha256.Size]byte]bool
	until time.Time
	asked int
	err   error
}

func (s *sharing) Take(_ context.Context, proof [sha256.Size]byte, until time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	s.until = until
	first := !s.taken[proof]
	s.taken[proof] = true
	return first && s.err == nil, s.err
}

// TestProofAtAnotherGateway: what one took, no other takes, nor the same one once it
// was started again; what is known here is not asked about; and what cannot be asked is
// not taken.
func TestProofAtAnotherGateway(t *testing.T) {
	w, c := newWorld(t), newCaller("partner")
	together := &sharing{taken: map[[sha256.Size]byte]bool{}}
	token := w.ed(t, edHeader(), analystClaims().with("cnf", object{"jkt": c.jkt()}))
	gateway := func() *identity.Verifier { return w.startedAt(t, now.Add(-time.Hour)).Sharing(together) }
	one, other := gateway(), gateway()
	// By a clock ahead, which the time of a start does not hold up.
	ahead := now.Add(30 * time.Second)
	proof := byDPoP(token, c.sign(c.header(), c.claims(token).with("iat", ahead.Unix())))
	if _, err := one.Verify(t.Context(), proof); err != nil {
		t.Fatal(err)
	}
	if want := ahead.Add(time.Minute + time.Second); !together.until.Equal(want) {
		t.Errorf("it is kept until %v, want %v", together.until, want)
	}
	for name, v := range map[string]*identity.Verifier{"the same": one, "another": other, "started again": gateway()} {
		p, err := v.Verify(t.Context(), proof)
		refused(t, p, err, token)
		attacktest.Proofs.Refused(t, "replayed, "+name, 1)
	}
	if together.asked != 3 {
		t.Errorf("they were asked %d times, want 3: not about what the first one knew", together.asked)
	}
	together.err = fault.New(fault.Conflict, "test", "canary")
	next := byDPoP(token, c.sign(c.header(), c.claims(token)))
	if p, err := one.Verify(t.Context(), next); !fault.Is(err, fault.Unavailable) || p.Subject != "" || strings.Contains(err.Error(), "canary") {
		t.Errorf("where nobody answers: %v, %v", p, err)
	}
	together.err = nil
	p, err := one.Verify(t.Context(), next)
	refused(t, p, err, token)
}

// TestAdmit asks who is let in when all but the proof's being new elsewhere is known,
// once, and of nobody else; who is not let in has no proof taken, and can show it again.
func TestAdmit(t *testing.T) {
	w, c := newWorld(t), newCaller("partner")
	together := &sharing{taken: map[[sha256.Size]byte]bool{}}
	token := w.ed(t, edHeader(), analystClaims().with("cnf", object{"jkt": c.jkt()}))
	v := w.startedAt(t, now.Add(-time.Hour)).Sharing(together)
	asked, full := 0, fault.New(fault.Unavailable, "test", "the gateway is full").WithCode("busy")
	admit := func(answer error) func(identity.Principal) error {
		return func(p identity.Principal) error {
			if asked++; p.Subject != analyst.Subject || p.Agency != analyst.Agency {
				t.Errorf("asked about %+v", p)
			}
			return answer
		}
	}
	want := func(what string, err error, kind fault.Kind, admitted, shared int) {
		t.Helper()
		if fault.KindOf(err) != kind || asked != admitted || together.asked != shared {
			t.Errorf("%s: %v; admit was asked %d times and the others %d, want %d and %d", what, err, asked, together.asked, admitted, shared)
		}
	}
	proof := byDPoP(token, c.sign(c.header(), c.claims(token)))
	for n := range 2 {
		p, err := v.Admit(t.Context(), proof, admit(full))
		if want("not let in", err, fault.Unavailable, n+1, 0); fault.CodeOf(err) != "busy" || p.Subject != "" {
			t.Errorf("not let in: %v, %+v", err, p)
		}
	}
	_, err := v.Admit(t.Context(), proof, admit(nil))
	want("let in", err, "", 3, 1)
	_, err = v.Admit(t.Context(), proof, admit(nil))
	want("a replay", err, fault.Unauthenticated, 3, 1)
	_, err = v.Admit(t.Context(), byDPoP(token, c.sign(c.header(), c.claims(token).with("htm", "GET"))), admit(nil))
	want("a proof for another method", err, fault.Unauthenticated, 3, 1)
	_, err = v.Against(revokedAll{}).Admit(t.Context(), byDPoP(token, c.sign(c.header(), c.claims(token))), admit(nil))
	want("somebody who is revoked", err, fault.Unauthenticated, 3, 1)
}

// revokedAll has everybody revoked.
type revokedAll struct{}

func (revokedAll) Check(identity.Credential) error {
	return fault.New(fault.Unauthenticated, "test", "It was revoked.")
}
