package identity

import (
	"context"
	"slices"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Verify is Admit for who lets in everybody who is known.
func (v *Verifier) Verify(ctx context.Context, p Presented) (Principal, error) {
	return v.Admit(ctx, p, func(Principal) error { return nil })
}

// Admit returns the principal that a token asserts. Whatever is wrong with what
// was presented, the fault is of kind Unauthenticated with one and the same
// message; its cause is a fixed text. Where the issuer's keys, the list of what is
// revoked or what the gateways know of proofs cannot be had it is Unavailable, and
// where one caller has made too many proofs it is Limited.
//
// admit is asked, once, when all but one thing is known to be good, the revocations
// among it: whether another gateway took the proof, which costs a durable write. So
// whoever is over a limit makes none, and a proof that was refused for that is as good
// as before. What admit answers is returned as it is.
func (v *Verifier) Admit(ctx context.Context, p Presented, admit func(Principal) error) (Principal, error) {
	now := v.clock()
	who, made, err := v.know(ctx, p, now)
	if err != nil {
		return Principal{}, said(err)
	}
	if err := admit(who); err != nil {
		return Principal{}, err
	}
	if made != nil {
		if err := v.takeProof(ctx, made, &who, now); err != nil {
			return Principal{}, said(err)
		}
	}
	return who, nil
}

// said is what the caller is told.
func said(err error) error {
	switch {
	case fault.Is(err, fault.Unavailable):
		return fault.New(fault.Unavailable, "identity.Verify", "Who is calling cannot be established at the moment.")
	case fault.Is(err, fault.Limited):
		return fault.New(fault.Limited, "identity.Verify", "Too many proofs were made by one caller.")
	}
	return fault.Wrap(fault.Unauthenticated, "identity.Verify", "A valid access token is needed.", reason(err))
}

// know checks everything about what was presented, but does not take the proof, which
// it returns where there has to be one.
func (v *Verifier) know(ctx context.Context, p Presented, now time.Time) (who Principal, made *proof, err error) {
	if len(p.Token) > maxToken {
		return who, nil, refusal("the token is too large")
	}
	if p.Scheme != SchemeBearer && p.Scheme != SchemeDPoP {
		return who, nil, refusal("the scheme is unknown")
	}
	certificate := thumbprintOf(p.Certificate)
	key := keyOf(p.Token, certificate)
	t := v.cache.get(key, now)
	fresh := t == nil
	if fresh {
		if t, err = v.token(ctx, p.Token); err != nil {
			return who, nil, err
		}
	}
	if err := t.checkBinding(p, certificate); err != nil {
		return who, nil, err
	}
	if err := v.checkRevoked(t, certificate); err != nil {
		return who, nil, err
	}
	if t.bound.key != "" {
		if made, err = v.checkProof(p, t.bound.key, now); err != nil {
			return who, nil, err
		}
	}
	if fresh {
		v.cache.put(key, t, now)
	}
	who = t.principal
	who.Roles = slices.Clone(who.Roles)
	return who, made, nil
}
