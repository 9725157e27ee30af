package httpapi_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/httpapi"
	"github.com/concord-gateway/concord/gateway/identity"
)

// recorder keeps what was presented, and refuses it.
type recorder struct{ got *identity.Presented }

func (r *recorder) Admit(_ context.Context, p identity.Presented, _ func(identity.Principal) error) (identity.Principal, error) {
	r.got = &p
	return identity.Principal{}, fault.New(fault.Unauthenticated, "test", "no")
}

// trusting is a verifier that can be made to believe what a token once was: then it
// looks nothing up but that.
type trusting struct {
	httpapi.Verifier

	off   atomic.Bool
	known map[string]identity.Principal // before anything is measured
}

func (t *trusting) Admit(ctx context.Context, p identity.Presented, admit func(identity.Principal) error) (identity.Principal, error) {
	if t.off.Load() {
		return t.known[p.Token], admit(t.known[p.Token])
	}
	return t.Verifier.Admit(ctx, p, admit)
}

// BenchmarkAuthenticated serves requests for a profile with the verifier and a warm
// cache, and with one that believes every token, in turn: the processor time of the
// first over that of the second.
func BenchmarkAuthenticated(b *testing.B) {
	const bound = 1.15
	l, believing := &load{}, &trusting{known: map[string]identity.Principal{}}
	l.fillIn(b, between{wrap: func(v httpapi.Verifier) httpapi.Verifier {
		believing.Verifier = v
		return believing
	}})
	for _, token := range l.tokens {
		shown := identity.Presented{Scheme: identity.SchemeBearer, Token: token}
		p, err := believing.Verifier.Admit(b.Context(), shown, func(identity.Principal) error { return nil })
		if err != nil {
			b.Fatal(err)
		}
		believing.known[token] = p
	}
	b.ResetTimer()
	with, without := l.inTurn(b, bound, func(requests int, second bool) time.Duration {
		believing.off.Store(second)
		start := cpu(b)
		l.run(b, requests)
		return cpu(b) - start
	})
	b.ReportMetric(with, "with-cpu-us/op")
	b.ReportMetric(without, "without-cpu-us/op")
}
