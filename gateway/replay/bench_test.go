package replay_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/linkage"
	"github.com/concord-gateway/concord/gateway/policy"
	"github.com/concord-gateway/concord/gateway/profile"
	"github.com/concord-gateway/concord/gateway/replay"
)

// BenchmarkReplay replays a log that a quarter of a year has filled: fifty
// analysts with their roles and clearances, seven purposes, forty cases with links
// of every sort, persons and areas, now and then an emergency, and all of it by
// the real gateway's own code. The time to make the log is not measured but
// reported. What is measured runs on one processor; a single decision that is
// not identical fails it.
func BenchmarkReplay(b *testing.B) {
	for _, n := range []int{1000, 10000, 100000} {
		b.Run(fmt.Sprintf("decisions=%d", n), func(b *testing.B) {
			h := newHouse(b)
			began := time.Now()
			h.quarter(n)
			made := time.Since(began)
			archive := just(h.engine)
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			defer debug.SetGCPercent(debug.SetGCPercent(800)) // as concord policy replay has it
			b.ResetTimer()
			before := processorTime(b)
			for b.Loop() {
				r := replayed(b, h.source(), archive)
				if r.Identical != int64(n) || r.DifferingCount != 0 {
					b.Fatalf("not identical: %+v", r)
				}
			}
			b.StopTimer()
			each := float64(processorTime(b)-before) / float64(b.N*n)
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "decisions/s")
			b.ReportMetric(each, "cpu-ns/decision")
			const many, least = 100_000, 10_000
			perSecond := float64(time.Second) / each
			b.ReportMetric(perSecond, "decisions/cpu-s")
			if n == many && perSecond < least && !testing.Short() {
				b.Errorf("%.0f decisions a second on one core; the bound is %d", perSecond, least)
			}
			b.ReportMetric(made.Seconds(), "log-s")
		})
	}
}

// processorTime is what this process has had of the processors, which a busy
// machine does not lengthen.
func processorTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// quarter asks n questions, many at a time so that the log fills fast.
func (h *house) quarter(n int) {
	h.tb.Helper()
	const people, links, workers = 500, 400, 64
	subjects := make([]linkage.Subject, people)
	for i := range subjects {
		subjects[i] = h.someone(i, false)
	}
	draw := rand.New(rand.NewPCG(1, 2)) // a log that is the same each time
	for range links {
		h.assign(draw.IntN(analysts), subjects[draw.IntN(people)], caseRef(draw))
	}
	questions := make(chan func(), workers)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for ask := range questions {
				ask()
			}
		})
	}
	for i := range n {
		questions <- h.question(draw, i, subjects)
	}
	close(questions)
	all.Wait()
}

const analysts = 50

func caseRef(draw *rand.Rand) string {
	prefix := []string{"OP-", "CE-", "X-"}[draw.IntN(3)]
	return prefix + strconv.Itoa(draw.IntN(13))
}

// question draws question i.
func (h *house) question(draw *rand.Rand, i int, subjects []linkage.Subject) func() {
	n := draw.IntN(analysts)
	roles := [][]identity.Role{{"analyst"}, {"analyst", "emergency"}, {"analyst", "supervisor"}, {"supervisor"}}[n%4]
	a := h.asking("request-"+strconv.Itoa(i), h.rules.purposes[draw.IntN(len(h.rules.purposes))].ID, n, roles...)
	a.Principal.Clearance = []string{"nppv3", "nppv2", "sc"}[n%3]
	a.CaseRef = caseRef(draw)
	at := day().Add(time.Duration(draw.IntN(90*24*3600)) * time.Second).Add(time.Duration(i) * time.Microsecond)
	subject := subjects[draw.IntN(len(subjects))]
	service := h.service(at)
	about := draw.IntN(100)
	if about < 3 {
		a.Purpose = "protection-of-life"
		a.Emergency = &policy.Emergency{Ground: "threat_to_life", Incident: "INC-" + strconv.Itoa(i)}
	}
	return func() {
		var err error
		if about < 80 {
			_, err = service.Subject(context.Background(), a, subject)
		} else {
			_, err = service.Area(context.Background(), a, profile.AreaQuestion{
				Area: "E06000020", From: "2026-01", To: "2026-01", By: profile.ByNone,
			})
		}
		if err != nil && !refused(err) {
			h.tb.Error(err)
		}
	}
}

// BenchmarkImpact asks two sets of rules about the same log.
func BenchmarkImpact(b *testing.B) {
	const n = 1000
	h := newHouse(b)
	h.quarter(n)
	candidate := shipped(b)
	inTenancies(b, candidate, "/household_size", "full")
	engine := candidate.engine(b)
	b.ResetTimer()
	for b.Loop() {
		r, err := replay.Impact(b.Context(), h.source(), h.engine, engine, replay.ImpactOptions{At: day()})
		if err != nil || r.Considered.Requests != n {
			b.Fatalf("%+v, %v", r, err)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "decisions/s")
}
