package audit

import (
	"slices"
	"sync"
	"time"
)

// window remembers when each actor, and each agency, asked about a subject
// during the last day or so. The sequencer writes it, anybody may read it.
type window struct {
	mu sync.Mutex // guards times
	// times are ascending for each actor and each agency.
	times map[actorKey][]time.Time
}

// actorKey names an actor: a subject is unique within its agency only. Without
// a subject, which no actor is, it names all of the agency.
type actorKey struct{ agency, subject string }

// whole is the key of all actors of the agency.
func (k actorKey) whole() actorKey { return actorKey{agency: k.agency} }

const (
	shortWindow = time.Hour
	longWindow  = 24 * time.Hour
)

// add counts a request of an actor, for the actor and for the agency. now is the
// present.
func (w *window) add(key actorKey, at, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	// What is a day older than the present and its day can count for nobody any
	// more. Not than the newest: behind a clock that was put back, everything new
	// is older than that, and would be forgotten at once.
	if at.Before(now) {
		now = at
	}
	for _, k := range []actorKey{key, key.whole()} {
		times := w.times[k]
		i, _ := slices.BinarySearchFunc(times, at, time.Time.Compare)
		times = slices.Insert(times, i, at)
		old, _ := slices.BinarySearchFunc(times, now.Add(-2*longWindow), time.Time.Compare)
		w.times[k] = times[old:]
	}
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

// earlier are the times of requests of the last day, ascending: of an actor,
// and of all actors of the agency.
type earlier struct{ actor, agency []time.Time }

// earlier returns what counts for a request at a time, within included.
func (w *window) earlier(key actorKey, at time.Time, within map[actorKey][]time.Time) earlier {
	from := at.Add(-longWindow)
	return earlier{
		actor:  merge(w.since(key, from), within[key]),
		agency: merge(w.since(key.whole(), from), within[key.whole()]),
	}
}

// AgencyLimit begins the code of a Limited fault where it is the agency's cap
// that is passed, and not the actor's own.
const AgencyLimit = "limit-agency"

// verdict says whether a request is over its limit.
type verdict struct {
	over bool
	// agency says that it is the agency that has asked too often.
	agency bool
	code   string
	// retry is how long it takes until the same request would pass.
	retry time.Duration
}

// check holds a limit against earlier requests. Of several caps that are
// passed, the verdict is of the one that lasts longest: before there is room
// under that, the request does not pass.
func (l *Limit) check(e earlier, at time.Time) verdict {
	var worst verdict
	for _, c := range []struct {
		most   int
		within time.Duration
		times  []time.Time
		agency bool
		code   string
	}{
		{l.PerHour, shortWindow, e.actor, false, "limit-hour"},
		{l.PerDay, longWindow, e.actor, false, "limit-day"},
		{l.AgencyPerHour, shortWindow, e.agency, true, AgencyLimit + "-hour"},
		{l.AgencyPerDay, longWindow, e.agency, true, AgencyLimit + "-day"},
	} {
		if c.most <= 0 {
			continue
		}
		i, _ := slices.BinarySearchFunc(c.times, at.Add(1-c.within), time.Time.Compare)
		counted := c.times[i:]
		if len(counted) < c.most {
			continue
		}
		// Room comes when so many have left that one fits.
		retry := max(counted[len(counted)-c.most].Add(c.within).Sub(at), time.Second)
		if !worst.over || retry > worst.retry {
			worst = verdict{over: true, agency: c.agency, code: c.code, retry: retry}
		}
	}
	return worst
}

// denied are the drafts that are logged for a request that a verdict is over.
func (l *Limit) denied(v verdict) []Draft {
	if v.agency {
		return l.AgencyDenied
	}
	return l.Denied
}

// Usage returns how many requests about a subject the actor, and all of the
// agency, have made in the hour and in the day before at, as far as this process
// knows: on a store that several gateways share, the sequencer alone knows
// better.
func (l *Log) Usage(subject, agency string, at time.Time) Usage {
	e := l.use.earlier(actorKey{agency, subject}, at, nil)
	lastHour := func(times []time.Time) int {
		i, _ := slices.BinarySearchFunc(times, at.Add(1-shortWindow), time.Time.Compare)
		return len(times) - i
	}
	return Usage{
		LastHour: lastHour(e.actor), LastDay: len(e.actor),
		AgencyLastHour: lastHour(e.agency), AgencyLastDay: len(e.agency),
	}
}

// Wait returns how long it takes until a request of the actor would pass the
// limit, as far as this process knows, and zero where it would at once.
func (l *Log) Wait(subject, agency string, limit Limit, at time.Time) time.Duration {
	return limit.check(l.use.earlier(actorKey{agency, subject}, at, nil), at).retry
}
