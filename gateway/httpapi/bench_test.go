package httpapi_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/identity/devissuer"
	"github.com/concord-gateway/concord/gateway/profile"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// switched is a log that can be made to append nothing: then it gives back the
// receipt of an earlier entry, and all else stays as it is.
type switched struct {
	*audit.Log

	off     atomic.Bool
	receipt atomic.Pointer[audit.Receipt]
}

func (s *switched) Append(ctx context.Context, r audit.Request) (audit.Receipt, error) {
	if s.off.Load() {
		return *s.receipt.Load(), nil
	}
	receipt, err := s.Log.Append(ctx, r)
	s.receipt.Store(&receipt)
	return receipt, err
}

const (
	benchAnalysts = 64
	benchPeople   = 8
)

// load is a rig under the requests of many analysts at once.
type load struct {
	*rig

	log    *switched
	tokens []string
}

func newLoad(b *testing.B) *load {
	b.Helper()
	l := &load{}
	l.rig = newRig(b, between{log: func(log *audit.Log) profile.Log {
		l.log = &switched{Log: log}
		return l.log
	}})
	var names []string
	for i := range benchAnalysts {
		name := fmt.Sprintf("analyst%d", i)
		names = append(names, name)
		l.tokens = append(l.tokens, l.token(devissuer.Police, name, identity.Analyst))
	}
	l.fill(benchPeople, names...)
	l.run(b, 256) // warm, and leaves a receipt
	return l
}

// run serves so many profile requests, from all analysts at once.
func (l *load) run(b *testing.B, requests int) {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	for a := range benchAnalysts {
		wg.Go(func() {
			for {
				n := int(next.Add(1))
				if n > requests {
					return
				}
				if w := l.call(l.tokens[a], http.MethodPost, "/v1/profiles/subject", question(n%benchPeople)); w.Code != http.StatusOK {
					b.Errorf("status %d: %s", w.Code, w.Body)
					return
				}
			}
		})
	}
	wg.Wait()
}

// cpu is the processor time that the process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure returns the processor time of so many requests, with or without the
// append.
func (l *load) measure(b *testing.B, requests int, off bool) time.Duration {
	b.Helper()
	l.log.off.Store(off)
	start := cpu(b)
	l.run(b, requests)
	return cpu(b) - start
}

// BenchmarkProfile serves requests for a person's profile, through the whole
// API and from 64 analysts at once, with the log and without: the off path
// differs by the append alone. audit=ratio takes both in turn and reports what
// the log costs: the processor time with it over that without.
func BenchmarkProfile(b *testing.B) {
	for _, off := range []bool{false, true} {
		b.Run("audit="+map[bool]string{false: "on", true: "off"}[off], func(b *testing.B) {
			l := newLoad(b)
			b.ResetTimer()
			used := l.measure(b, b.N, off)
			b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-us/op")
		})
	}
	b.Run("audit=ratio", func(b *testing.B) {
		l := newLoad(b)
		b.ResetTimer()
		const turn = 256
		var on, off time.Duration
		requests := 0
		for requests < b.N {
			on += l.measure(b, turn, false)
			off += l.measure(b, turn, true)
			requests += turn
		}
		b.ReportMetric(float64(on.Microseconds())/float64(requests), "on-cpu-us/op")
		b.ReportMetric(float64(off.Microseconds())/float64(requests), "off-cpu-us/op")
		b.ReportMetric(float64(on)/float64(off), "ratio")
	})
}
