package revocation

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
)

// Refresh reads the list and holds it against the log. What it cannot read, what does
// not open and what the log contradicts leaves the list as it was, and so soon
// unusable; of the last two the fault has the code Altered.
func (l *List) Refresh(ctx context.Context) error {
	l.reading.Lock()
	defer l.reading.Unlock()
	err := l.refresh(ctx)
	if err != nil {
		l.failed.Store(&err)
		return err
	}
	l.failed.Store(nil)
	return nil
}

func (l *List) refresh(ctx context.Context) error {
	begun, before := l.clock(), l.state.Load()
	s, err := l.newest(ctx, before)
	if err != nil {
		return err
	}
	if before == nil {
		if err := l.learn(ctx); err != nil {
			return err
		}
	}
	behind, err := l.behind(ctx, s)
	if err == nil && behind {
		// The log has a row more: stored, and noted by another gateway, since this one
		// read. Who reads again finds it, or it is not there any more.
		if s, err = l.newest(ctx, s); err != nil {
			return err
		}
		behind, err = l.behind(ctx, s)
	}
	switch {
	case err != nil:
		return err
	case behind:
		return altered("it lacks rows that the log has; concord revoke --restore verifies the log and puts them back")
	}
	if err := l.hold(ctx, s); err != nil {
		return err
	}
	s.at = begun
	l.state.Store(s)
	return nil
}

// newest reads what is new since before, which may be nil. Rows are only ever added.
func (l *List) newest(ctx context.Context, before *state) (*state, error) {
	if before == nil {
		return l.read(ctx)
	}
	known := len(before.rows)
	last, err := l.events.Last(ctx, kind, streamID)
	switch {
	case fault.Is(err, fault.NotFound) && known == 0, err == nil && last.N == int64(known)-1 && bytes.Equal(last.Body, before.last):
		same := *before
		return &same, nil
	case fault.Is(err, fault.NotFound), err == nil && last.N < int64(known):
		return nil, altered("rows are missing, or are others than before")
	case err != nil:
		return nil, err
	}
	s, err := l.read(ctx)
	if err != nil {
		return nil, err
	}
	if len(s.rows) < known || known > 0 && digests(s.rows)[known-1] != digests(before.rows)[known-1] {
		return nil, altered("rows are missing, or are others than before")
	}
	s.noted = before.noted
	return s, nil
}

// read reads the whole list.
func (l *List) read(ctx context.Context) (*state, error) {
	events, err := l.events.Stream(ctx, kind, streamID)
	if err != nil {
		return nil, err
	}
	s := &state{revoked: map[thing]struct{}{}}
	if len(events) == 0 {
		return s, nil
	}
	sealer, err := l.keys.Sealer(ctx, keyring.RevocationScope)
	if err != nil {
		return nil, err
	}
	for i := range events {
		r, err := open(sealer, &events[i], int64(i))
		if err != nil {
			return nil, err
		}
		s.rows = append(s.rows, r)
		if r.Lift {
			delete(s.revoked, r.thing())
		} else {
			s.revoked[r.thing()] = struct{}{}
		}
	}
	s.last = events[len(events)-1].Body
	return s, nil
}

// open opens the row that has to stand in place n.
func open(sealer keyring.Sealer, e *event.Event, n int64) (Row, error) {
	var r Row
	if e.N != n {
		return r, altered("rows are missing")
	}
	body, err := sealer.Open(e.Body, place(n))
	if err != nil {
		return r, altered("a row does not open in its place")
	}
	if err := json.Unmarshal(body, &r); err != nil || r.check() != nil {
		return r, altered("a row cannot be read")
	}
	return r, nil
}
