package policy

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-policy-agent/opa/v1/storage"
)

// slowStore keeps whoever reads it waiting.
type slowStore struct {
	storage.Store

	wait time.Duration
}

func (s *slowStore) Read(ctx context.Context, t storage.Transaction, path storage.Path) (any, error) {
	<-time.After(s.wait)
	return s.Store.Read(ctx, t, path)
}

// A decision that waits has used no processor time, so that a busy machine
// makes none fail until patience ends. Time on the wall is the bubble's.
func TestWaitingIsNotWorking(t *testing.T) {
	cfg := sample(t)
	cfg.Timeout, cfg.Patience = 0, 0
	sources, err := readSources(cfg)
	if err != nil {
		t.Fatal(err)
	}
	compiler, err := compile(sources.modules)
	if err != nil {
		t.Fatal(err)
	}
	store := &slowStore{Store: newStore(document(cfg, sources))}
	e, err := prepare(t.Context(), cfg, compiler, store)
	if err != nil {
		t.Fatal(err)
	}
	e.limits.processor = 100 * time.Millisecond // the race detector makes real work of a decision
	synctest.Test(t, func(t *testing.T) {
		in := person(allGroups(cfg)[:1])
		e.places = make(chan struct{}, 1) // the bubble's
		store.wait = 150 * time.Millisecond
		if _, err := e.Decide(t.Context(), in); err != nil {
			t.Errorf("a decision that waited a while: %v", err)
		}
		store.wait = DefaultPatience + time.Second
		_, err := e.Decide(t.Context(), in)
		failsClosed(t, err, "policy-failed")
		if !errors.Is(err, errStarved) {
			t.Errorf("a decision that waited too long: %v", err)
		}
	})
}
