package httpapi_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
)

// commits counts the transactions that the store commits, and those that it takes
// back because another gateway has the number of the log.
type commits struct{ done, lost atomic.Int64 }

// count passes an error on.
func (n *commits) count(err error) error {
	if fault.Is(err, fault.Conflict) {
		n.lost.Add(1)
	} else {
		n.done.Add(1)
	}
	return err
}

type countedLog struct {
	audit.Store

	n *commits
}

func (s countedLog) InsertBatch(ctx context.Context, b *audit.Batch) error {
	return s.n.count(s.Store.InsertBatch(ctx, b))
}

func (s countedLog) InsertTile(ctx context.Context, level int, n int64, data []byte) error {
	return s.n.count(s.Store.InsertTile(ctx, level, n, data))
}

func (s countedLog) InsertCheckpoint(ctx context.Context, size int64, note []byte) error {
	return s.n.count(s.Store.InsertCheckpoint(ctx, size, note))
}

type countedEvents struct {
	event.Store

	n *commits
}

func (s countedEvents) Insert(ctx context.Context, e event.Event) error {
	return s.n.count(s.Store.Insert(ctx, e))
}

// BenchmarkCommits counts how many transactions the store takes for one profile
// that is released, through the whole API, for 64 analysts at once: at one gateway,
// and shared out among three on one store.
func BenchmarkCommits(b *testing.B) {
	for _, gateways := range []int{1, 3} {
		b.Run(fmt.Sprintf("gateways=%d", gateways), func(b *testing.B) {
			const least, bound = 4096, 0.15
			n := new(commits)
			mid := between{
				store:  func(s audit.Store) audit.Store { return countedLog{s, n} },
				events: func(s event.Store) event.Store { return countedEvents{s, n} },
			}
			l := new(load).fillIn(b, mid)
			mid.beside = l.rig
			for range gateways - 1 {
				l.beside = append(l.beside, newRig(b, mid))
			}
			l.run(b, upTo(1024)) // the sessions
			n.done.Store(0)
			n.lost.Store(0)
			requests := upTo(max(b.N, least))
			b.ResetTimer()
			l.run(b, requests)
			b.ReportMetric(float64(requests)/b.Elapsed().Seconds(), "requests/s")
			b.ReportMetric(float64(l.slowest.Milliseconds()), "p99-ms")
			ratio := float64(n.done.Load()) / float64(requests)
			b.ReportMetric(ratio, "commits/release")
			b.ReportMetric(float64(n.lost.Load())/float64(requests), "lost/release")
			if ratio > bound && !testing.Short() {
				b.Errorf("%.3f transactions for each release; the bound is %.2f", ratio, bound)
			}
		})
	}
}
