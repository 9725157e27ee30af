package audit

import (
	"slices"
	"sync"
	"time"
)

// window remembers when each actor asked about a subject during the last day
// or so. The sequencer writes it, anybody may read it.
type window struct {
	mu sync.Mutex // guards times
	// times are ascending for each actor.
	times map[actorKey][]time.Time
}

// actorKey names an actor: a subject is unique within its agency only.
type actorKey struct{ agency, subject string }

const (
	shortWindow = time.Hour
	longWindow  = 24 * time.Hour
)

func (w *window) add(key actorKey, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	times := w.times[key]
	i, _ := slices.BinarySearchFunc(times, at, time.Time.Compare)
	times = slices.Insert(times, i, at)
	// What is a day older than the newest can count for nobody any more who
	// asks at about the present.
	old, _ := slices.BinarySearchFunc(times, times[len(times)-1].Add(-2*longWindow), time.Time.Compare)
	w.times[key] = times[old:]
}

// since returns the times later than from, ascending. Times that lie ahead of
// the caller's clock count too: another gateway's clock may be fast.
func (w *window) since(key actorKey, from time.Time) []time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	times := w.times[key]
	i, _ := slices.BinarySearchFunc(times, from.Add(1), time.Time.Compare)
	return slices.Clone(times[i:])
}

// merge returns both lists in one, ascending.
func merge(ascending, more []time.Time) []time.Time {
	if len(more) == 0 {
		return ascending
	}
	all := slices.Concat(ascending, more)
	slices.SortFunc(all, time.Time.Compare)
	return all
}

// verdict says whether a request is over its limit.
type verdict struct {
	over bool
	code string
	// retry is how long it takes until the same request would pass.
	retry time.Duration
}

// check holds a limit against the times of the actor's earlier requests of the
// last day, ascending.
func (l *Limit) check(earlier []time.Time, at time.Time) verdict {
	for _, c := range []struct {
		most   int
		within time.Duration
		code   string
	}{{l.PerHour, shortWindow, "limit-hour"}, {l.PerDay, longWindow, "limit-day"}} {
		if c.most <= 0 {
			continue
		}
		i, _ := slices.BinarySearchFunc(earlier, at.Add(1-c.within), time.Time.Compare)
		if counted := earlier[i:]; len(counted) >= c.most {
			// Room comes when so many have left that one fits.
			leaves := counted[len(counted)-c.most].Add(c.within)
			return verdict{over: true, code: c.code, retry: max(leaves.Sub(at), time.Second)}
		}
	}
	return verdict{}
}
