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

	"golang.org/x/mod/sumdb/tlog"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/identity/devissuer"
	"github.com/concord-gateway/concord/gateway/profile"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// switched is a log that can be made to append nothing: then it gives back the
// receipt of an earlier entry, and all else stays as it is. It can also be made to
// give receipts without their proof and signed head, or with a proof that it makes
// once more: the log makes one in any case.
type switched struct {
	*audit.Log

	off, bare, again atomic.Bool
	receipt          atomic.Pointer[audit.Receipt]
	// tree is one to make proofs in.
	tree provable
}

func (s *switched) Append(ctx context.Context, r audit.Request) (audit.Receipt, error) {
	if s.off.Load() {
		return *s.receipt.Load(), nil
	}
	receipt, err := s.Log.Append(ctx, r)
	s.receipt.Store(&receipt)
	if s.again.Load() && err == nil {
		receipt.Proof, err = s.tree.prove(receipt.First % provableSize)
	}
	if s.bare.Load() {
		receipt.Proof, receipt.Head = nil, ""
	}
	return receipt, err
}

// provable is a whole tree of provableSize leaves, as tlog stores it: proofs in it
// are as long as those of a log of that size.
type provable []tlog.Hash

const provableSize = 1 << 14

func newProvable(tb testing.TB) provable {
	tb.Helper()
	var p provable
	for n := range int64(provableSize) {
		p = append(p, value(tlog.StoredHashes(n, []byte{byte(n)}, p))(tb)...)
	}
	return p
}

// ReadHashes implements tlog.HashReader.
func (p provable) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hashes[i] = p[index]
	}
	return hashes, nil
}

func (p provable) prove(n int64) ([]string, error) {
	hashes, err := tlog.ProveRecord(provableSize, n, p)
	proof := make([]string, len(hashes))
	for i, h := range hashes {
		proof[i] = h.String()
	}
	return proof, err
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
	// slowest is what the hundredth part of the requests of the last run took at
	// least.
	slowest time.Duration
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
	l.run(b, upTo(256)) // warm, and leaves a receipt
	return l
}

// upTo is so many requests, or one from each analyst where a benchmark only shows that
// it runs.
func upTo(requests int) int {
	if testing.Short() {
		return benchAnalysts
	}
	return requests
}

// run serves so many profile requests, from all analysts at once.
func (l *load) run(b *testing.B, requests int) {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	gateways := append([]*rig{l.rig}, l.beside...)
	took := make([]time.Duration, requests)
	for a := range benchAnalysts {
		gateway := gateways[a%len(gateways)]
		wg.Go(func() {
			for {
				n := int(next.Add(1))
				if n > requests {
					return
				}
				begun := time.Now()
				w := gateway.call(l.tokens[a], http.MethodPost, "/v1/profiles/subject", question(n%benchPeople))
				took[n-1] = time.Since(begun)
				if w.Code != http.StatusOK {
					b.Errorf("status %d: %s", w.Code, w.Body)
					return
				}
			}
		})
	}
	wg.Wait()
	slices.Sort(took)
	l.slowest = took[requests*99/100]
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

// measureProof returns the processor time of so many requests whose responses carry
// a receipt with proof and signed head, or one without both. What making a proof
// costs is in the difference, with tlog, which takes longer than the log does.
func (l *load) measureProof(b *testing.B, requests int, bare bool) time.Duration {
	b.Helper()
	l.log.bare.Store(bare)
	l.log.again.Store(!bare)
	return l.measure(b, requests, false)
}

// BenchmarkProfile serves requests for a person's profile, through the whole
// API and from 64 analysts at once, with the log and without: the off path
// differs by the append alone. audit=ratio takes both in turn and reports what
// the log costs: the processor time with it over that without. proof=ratio does
// the same for the proof and the signed head in a response.
func BenchmarkProfile(b *testing.B) {
	for _, off := range []bool{false, true} {
		b.Run("audit="+map[bool]string{false: "on", true: "off"}[off], func(b *testing.B) {
			l := newLoad(b)
			b.ResetTimer()
			used := l.measure(b, b.N, off)
			b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-us/op")
		})
	}
	for _, c := range []struct {
		name    string
		bound   float64
		measure func(l *load, b *testing.B, requests int, without bool) time.Duration
	}{
		{"audit=ratio", 1.25, (*load).measure},
		{"proof=ratio", 1.05, (*load).measureProof},
	} {
		b.Run(c.name, func(b *testing.B) {
			l := newLoad(b)
			l.log.tree = newProvable(b)
			b.ResetTimer()
			with, without := l.inTurn(b, c.bound, func(requests int, without bool) time.Duration {
				return c.measure(l, b, requests, without)
			})
			b.ReportMetric(with, "with-cpu-us/op")
			b.ReportMetric(without, "without-cpu-us/op")
		})
	}
}

// inTurn measures two ways of serving requests in turn, reports the processor time
// of the first over that of the second, and fails where that is more than bound.
// It returns the microseconds that one request took each way: the turn in the
// middle counts.
func (l *load) inTurn(b *testing.B, bound float64, measure func(requests int, second bool) time.Duration) (first, second float64) {
	b.Helper()
	const least = 31
	turn := upTo(256)
	turns := max(b.N/turn, least)
	if testing.Short() {
		turns = 2
	}
	took := [2][]float64{}
	for i := range turns {
		for way := range took { // each way goes first every other time
			way = (way + i) % len(took)
			took[way] = append(took[way], float64(measure(turn, way == 1).Microseconds())/float64(turn))
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
