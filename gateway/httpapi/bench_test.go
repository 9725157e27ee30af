package httpapi_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
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
	// beside are more gateways on the same folder, which serve their share.
	beside []*rig
}

func newLoad(b *testing.B) *load {
	b.Helper()
	l := &load{}
	return l.fillIn(b, between{log: func(log *audit.Log) profile.Log {
		l.log = &switched{Log: log}
		return l.log
	}})
}

// fillIn makes the rig, its analysts and the people that they ask for.
func (l *load) fillIn(b *testing.B, mid between) *load {
	b.Helper()
	l.rig = newRig(b, mid)
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
	gateways := append([]*rig{l.rig}, l.beside...)
	for a := range benchAnalysts {
		gateway := gateways[a%len(gateways)]
		wg.Go(func() {
			for {
				n := int(next.Add(1))
				if n > requests {
					return
				}
				if w := gateway.call(l.tokens[a], http.MethodPost, "/v1/profiles/subject", question(n%benchPeople)); w.Code != http.StatusOK {
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
		on, off := l.inTurn(b, 1.25, func(requests int, second bool) time.Duration { return l.measure(b, requests, second) })
		b.ReportMetric(on, "on-cpu-us/op")
		b.ReportMetric(off, "off-cpu-us/op")
	})
}

// inTurn measures two ways of serving requests in turn, reports the processor time
// of the first over that of the second, and fails where that is more than bound.
// It returns the microseconds that one request took each way: the turn in the
// middle counts.
func (l *load) inTurn(b *testing.B, bound float64, measure func(requests int, second bool) time.Duration) (first, second float64) {
	b.Helper()
	const turn, least = 256, 31
	turns := max(b.N/turn, least)
	if testing.Short() {
		turns = 2
	}
	took := [2][]float64{}
	for i := range turns {
		for way := range took { // each way goes first every other time
			way = (way + i) % len(took)
			took[way] = append(took[way], float64(measure(turn, way == 1).Microseconds())/turn)
		}
	}
	for way := range took {
		slices.Sort(took[way])
	}
	first, second = took[0][turns/2], took[1][turns/2]
	b.ReportMetric(first/second, "ratio")
	if first/second > bound && !testing.Short() {
		b.Errorf("a request takes %.3f times the processor time that it takes without; the bound is %.2f", first/second, bound)
	}
	return first, second
}
