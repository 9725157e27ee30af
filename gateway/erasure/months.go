package erasure

import (
	"context"
	"strings"
	"sync"

	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
)

// The kinds of the events of a key, a stream of two rows:
//
//	begun (0) ──> destroyed (1)
//
// The key of an agreement and month has the id "<agreement>/<month>", that of
// the rejected rows of a month "<month>".
const (
	recordKey   = "record-key"
	rejectedKey = "rejected-key"
)

// pageOfMonths is how many keys are read together.
const pageOfMonths = 512

// Months is the register of the keys that are destroyed when their month is over
// and nothing is kept under it any more. A keyring does not list its keys: whoever
// seals under one says so here before. A month without an agreement is that of the
// rejected rows. It is safe for concurrent use, and several may share a store.
type Months struct {
	events event.Store

	mu sync.Mutex // covers begun
	// begun are the keys that this process has entered.
	begun map[record.Month]bool
}

// NewMonths returns the register over a store.
func NewMonths(events event.Store) *Months {
	return &Months{events: events, begun: map[record.Month]bool{}}
}

// Begin enters the key of an agreement and month. It is durable before anything is
// sealed under the key; to enter one twice is no error, and costs nothing in the
// same process. Errors are those of the store.
func (m *Months) Begin(ctx context.Context, agreement, month string) error {
	if agreement == "" {
		return fault.New(fault.Invalid, "erasure.Begin", "a record is sealed under an agreement and a month")
	}
	return m.begin(ctx, record.Month{Agreement: agreement, KeyMonth: month})
}

// BeginRejected enters the key of the rejected rows of a month, as Begin does.
func (m *Months) BeginRejected(ctx context.Context, month string) error {
	return m.begin(ctx, record.Month{KeyMonth: month})
}

func (m *Months) begin(ctx context.Context, k record.Month) error {
	if k.KeyMonth == "" {
		return fault.New(fault.Invalid, "erasure.Begin", "a key that is destroyed has a month")
	}
	m.mu.Lock()
	known := m.begun[k]
	m.mu.Unlock()
	if known {
		return nil
	}
	if err := m.insert(ctx, k, 0); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.begun[k] = true
	return nil
}

// Destroyed notes that a key is gone. To note it twice is no error.
func (m *Months) Destroyed(ctx context.Context, k record.Month) error { return m.insert(ctx, k, 1) }

func (m *Months) insert(ctx context.Context, k record.Month, n int64) error {
	e := event.Event{Kind: rejectedKey, ID: k.KeyMonth, N: n, Body: []byte("{}")}
	if k.Agreement != "" {
		e.Kind, e.ID = recordKey, k.Agreement+"/"+k.KeyMonth
	}
	if err := m.events.Insert(ctx, e); !fault.Is(err, fault.Conflict) {
		return err
	}
	return nil
}

// All returns the keys that were entered, by agreement and month: those in use, and
// those of which it was noted that they are gone.
func (m *Months) All(ctx context.Context) (live, destroyed []record.Month, err error) {
	for _, kind := range []string{rejectedKey, recordKey} {
		for after := ""; ; {
			page, err := m.events.List(ctx, kind, after, pageOfMonths)
			if err != nil {
				return nil, nil, err
			}
			for _, e := range page {
				k := record.Month{KeyMonth: e.ID}
				if i := strings.LastIndexByte(e.ID, '/'); kind == recordKey && i >= 0 {
					k = record.Month{Agreement: e.ID[:i], KeyMonth: e.ID[i+1:]}
				}
				if e.N == 0 {
					live = append(live, k)
				} else {
					destroyed = append(destroyed, k)
				}
			}
			if len(page) < pageOfMonths {
				break
			}
			after = page[len(page)-1].ID
		}
	}
	return live, destroyed, nil
}
