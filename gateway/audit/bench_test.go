package audit_test

import (
	"context"
	"fmt"
	"sync/atomic"
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

func benchmarkAppend(b *testing.B, writers int, l *audit.Log, providers ...string) {
	b.Helper()
	mustAppend(b, l, request(0)) // the session
	var next atomic.Int64
	done := make(chan error, writers)
	b.ReportAllocs()
	b.ResetTimer()
	for range writers {
		go func() {
			for {
				n := next.Add(1)
				if n > int64(b.N) {
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
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
	if last := mustAppend(b, l, request(0)); last.Batch > 1 {
		b.ReportMetric(float64(b.N)/float64(last.Batch-1), "requests/batch")
	}
}

// BenchmarkVerify verifies a whole log, read from SQLite.
func BenchmarkVerify(b *testing.B) {
	for _, entries := range []int{100_000} {
		b.Run(fmt.Sprintf("entries=%d", entries), func(b *testing.B) {
			h := newHouse(b)
			fillLog(b, h, entries)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				wantOK(b, h.verify(nil))
			}
			b.ReportMetric(float64(entries)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
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
