package audit_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
)

// BenchmarkAppend is group commit: one operation is one request with one entry,
// durable on a real SQLite file when it returns.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			benchmarkAppend(b, writers, newHouse(b).open())
		})
	}
}

// BenchmarkAppendEach is the same with one transaction for each entry: same
// store, same durability, same tree and signatures.
func BenchmarkAppendEach(b *testing.B) {
	for _, writers := range []int{64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			benchmarkAppend(b, writers, newHouse(b).open(func(c *audit.Config) { c.BatchOf(1) }))
		})
	}
}

// BenchmarkAppendProfile is one request with the entries of a profile: one
// consult and two providers.
func BenchmarkAppendProfile(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			benchmarkAppend(b, writers, newHouse(b).open(), "telford-housing", "mercia-education")
		})
	}
}

// BenchmarkAppendRatio takes both in turn, on a log of its own each, and reports
// how many times as many appends group commit makes durable in the same time: the
// round in the middle counts, so that a busy machine slows both alike.
func BenchmarkAppendRatio(b *testing.B) {
	const writers, least, bound = 64, 25, 12
	group := newHouse(b).open()
	each := newHouse(b).open(func(c *audit.Config) { c.BatchOf(1) })
	rounds := max(b.N, least)
	if testing.Short() {
		rounds = 2
	}
	perGroup, perEach := make([]float64, rounds), make([]float64, rounds)
	appendAll(b, writers, 2048, group)
	appendAll(b, writers, 128, each)
	b.ResetTimer()
	for i := range rounds {
		perGroup[i] = appendAll(b, writers, 2048, group)
		perEach[i] = appendAll(b, writers, 128, each)
	}
	slices.Sort(perGroup)
	slices.Sort(perEach)
	ratio := perEach[rounds/2] / perGroup[rounds/2]
	b.ReportMetric(1/perGroup[rounds/2], "group/s")
	b.ReportMetric(1/perEach[rounds/2], "each/s")
	b.ReportMetric(ratio, "ratio")
	if ratio < bound && !testing.Short() {
		b.Errorf("group commit is %.1f times one transaction each; the bound is %d", ratio, bound)
	}
}

func benchmarkAppend(b *testing.B, writers int, l *audit.Log, providers ...string) {
	b.Helper()
	mustAppend(b, l, request(0)) // the session
	b.ReportAllocs()
	b.ResetTimer()
	appendAll(b, writers, b.N, l, providers...)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
	if last := mustAppend(b, l, request(0)); last.Batch > 1 {
		b.ReportMetric(float64(b.N)/float64(last.Batch-1), "requests/batch")
	}
}

// appendAll appends so many requests and returns how many seconds one took.
func appendAll(b *testing.B, writers, requests int, l *audit.Log, providers ...string) float64 {
	b.Helper()
	var next atomic.Int64
	done := make(chan error, writers)
	begun := time.Now()
	for range writers {
		go func() {
			for {
				n := next.Add(1)
				if n > int64(requests) {
					done <- nil
					return
				}
				if _, err := l.Append(context.Background(), request(int(n), providers...)); err != nil {
					done <- err
					return
				}
			}
		}()
	}
	for range writers {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(begun).Seconds() / float64(requests)
}

// BenchmarkVerify verifies a whole log, from memory and as it is read from
// SQLite, against what SHA-256 over the same entries takes in the same round, on one
// processor: in memory, and read from the same store. Each is the quickest of its
// rounds by the clock, and the bound is on that; x-sha256-cpu is processor time.
func BenchmarkVerify(b *testing.B) {
	for _, entries := range []int{1000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("entries=%d", entries), func(b *testing.B) {
			h := newHouse(b)
			fillLog(b, h, entries)
			var batches sliceSource
			for batch, err := range audit.StoreSource(h.db.Log()).Batches(b.Context()) {
				if err != nil {
					b.Fatal(err)
				}
				batch.Private = nil
				batches = append(batches, batch)
			}
			best, least := map[string]time.Duration{}, map[string]time.Duration{}
			timed := func(what string, do func()) {
				begin, used := time.Now(), processorTime(b)
				do()
				keep(best, what, time.Since(begin))
				keep(least, what, processorTime(b)-used)
			}
			b.ResetTimer()
			for range max(b.N, 9) {
				timed("verify", func() { wantOK(b, verify(b, batches, h.vkey(), nil)) })
				timed("hash", func() { hashAll(b, batches) })
				timed("verify stored", func() { wantOK(b, h.verify(nil)) })
				timed("hash stored", func() { hashAll(b, audit.StoreSource(h.db.Log())) })
			}
			ratio := best["verify"].Seconds() / best["hash"].Seconds()
			b.ReportMetric(ratio, "x-sha256")
			b.ReportMetric(least["verify"].Seconds()/least["hash"].Seconds(), "x-sha256-cpu")
			b.ReportMetric(best["verify stored"].Seconds()/best["hash stored"].Seconds(), "x-read+sha256")
			b.ReportMetric(float64(entries)/best["verify"].Seconds(), "entries/s")
			b.ReportMetric(float64(entries)/best["verify stored"].Seconds(), "stored/s")
			if most := 2.5; ratio > most && !testing.Short() {
				b.Errorf("verifying takes %.2f times what SHA-256 over the same bytes takes, more than %.1f", ratio, most)
			}
		})
	}
}

// hashAll hashes every entry of a log.
func hashAll(b *testing.B, source audit.Source) {
	b.Helper()
	var sum [sha256.Size]byte
	for batch, err := range source.Batches(b.Context()) {
		if err != nil {
			b.Fatal(err)
		}
		for _, entry := range batch.Entries {
			sum = sha256.Sum256(entry)
		}
	}
	if sum == [sha256.Size]byte{} {
		b.Fatal("nothing was hashed")
	}
}

// BenchmarkOpen opens a log of 100,000 entries, none of which is of the last
// day.
func BenchmarkOpen(b *testing.B) {
	h := newHouse(b)
	fillLog(b, h, 100_000)
	b.ResetTimer()
	for range b.N {
		l, err := audit.Open(context.Background(), h.config())
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := l.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// keep keeps the shortest time.
func keep(of map[string]time.Duration, what string, took time.Duration) {
	if had, ok := of[what]; !ok || took < had {
		of[what] = took
	}
}

// processorTime is what this process has had of the processors.
func processorTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// fillLog writes a log of so many entries in large batches, two days ago, and
// closes it.
func fillLog(b *testing.B, h *house, entries int) {
	b.Helper()
	l := h.open()
	for n := 0; int(l.Size()) < entries; n++ {
		r := request(n)
		r.Time = now.Add(-48 * time.Hour)
		for len(r.Drafts) < min(500, entries-int(l.Size())) {
			r.Drafts = append(r.Drafts, disclosure("telford-housing"))
		}
		mustAppend(b, l, r)
	}
	if err := l.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
}
