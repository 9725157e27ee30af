package policy

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Memo decides by an engine, and decides what is the same question once.
// It is for replaying many past requests, where it saves nearly all the work,
// and never for answering a live one: a gateway asks its engine.
//
// Two inputs are the same question where the rules cannot tell them apart. What
// they look at is found in their text (see reading): a part of the input that no
// rule names is left out; one that is only held against a constant counts by the
// outcome; times and numbers that are only held against those of the agreements
// count by where they fall between them. Whatever is used in any other way counts
// as it stands. As the proof is about text, it is checked as well: of each answer
// that is given again, the use number 64, 4096 and so on is decided anew, and an
// engine that then says something else ends the Memo's use with a fault of kind
// Internal.
//
// It is safe for concurrent use. An answer is shared by all who get it and must
// not be changed.
type Memo struct {
	engine *Engine
	asks   []question
	most   int

	mu    sync.Mutex // covers known
	known map[[sha256.Size]byte]*Settled
}

// Settled is a decision with its digest.
type Settled struct {
	Decision Decision
	Digest   [sha256.Size]byte

	// uses and check are covered by the Memo's mutex: how often the answer was
	// given, and the use at which it is decided anew.
	uses, check int
}

const (
	// memoMost is how many answers a Memo holds before it forgets them all: some
	// kilobytes each, as what they say of a group is shared where it stands ready.
	memoMost = 1 << 14
	// memoCheck is the use at which an answer is first decided anew, and by
	// what the number grows.
	memoCheck = 64
)

// NewMemo returns a Memo of an engine.
func NewMemo(e *Engine) *Memo {
	return &Memo{engine: e, asks: newReading(e.modules, e.data).questions(), most: memoMost, known: map[[sha256.Size]byte]*Settled{}}
}

// Revision is that of the engine.
func (m *Memo) Revision() string { return m.engine.Revision() }

// Decide answers as Engine.Decide does, with the same faults.
func (m *Memo) Decide(ctx context.Context, in Input) (*Settled, error) {
	key, ok := m.key(&in)
	if !ok {
		return m.settle(ctx, in)
	}
	s, anew := m.look(key)
	if s != nil && !anew {
		return s, nil
	}
	fresh, err := m.settle(ctx, in)
	if err != nil {
		return nil, err
	}
	if s != nil && s.Digest != fresh.Digest {
		return nil, fault.New(fault.Internal, "policy.Memo.Decide", "Two questions that were taken for one have two answers.").
			WithCode("memo-unsound")
	}
	if s == nil {
		m.keep(key, fresh)
	}
	return fresh, nil
}

func (m *Memo) settle(ctx context.Context, in Input) (*Settled, error) {
	d, err := m.engine.Decide(ctx, in)
	if err != nil {
		return nil, err
	}
	return &Settled{Decision: d, Digest: d.Digest(), check: memoCheck}, nil
}

// look returns the answer that is known, and whether it is time to check it.
func (m *Memo) look(key [sha256.Size]byte) (s *Settled, anew bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s = m.known[key]
	if s == nil {
		return nil, false
	}
	s.uses++
	if anew = s.uses == s.check; anew {
		s.check *= memoCheck
	}
	return s, anew
}

func (m *Memo) keep(key [sha256.Size]byte, s *Settled) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.known) >= m.most {
		clear(m.known)
	}
	m.known[key] = s
}

// key is what the rules can see of an input. An input whose time is none, or
// beyond what nanoseconds can count, has no key.
func (m *Memo) key(in *Input) (key [sha256.Size]byte, ok bool) {
	at, err := time.Parse(time.RFC3339, in.Request.Time)
	if err != nil || at.Year() < firstYear || at.Year() > lastYear {
		return key, false
	}
	e := newEncoder()
	defer e.free()
	for i := range m.asks {
		m.asks[i].ask(e, in, at)
	}
	return e.sum(), true
}

// The years within which nanoseconds since 1970 fit into 64 bits.
const firstYear, lastYear = 1678, 2261
