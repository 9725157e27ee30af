package activation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/concord-gateway/concord/gateway/approval"
	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/rulebook"
)

// Log is what activation needs of the audit log.
type Log interface {
	Append(ctx context.Context, r audit.Request) (audit.Receipt, error)
	Search(ctx context.Context, q audit.Query) ([]audit.Indexed, error)
}

// Deps is what the service works with.
type Deps struct {
	Source    Source
	Approvers *approval.Approvers
	Log       Log
	// Events keeps the archive.
	Events event.Store
	// Origin is the name of the log, which stands as the actor's agency in
	// entries that nobody in particular caused.
	Origin string
	Clock  func() time.Time
	Logger *slog.Logger
}

// Service keeps the rules in force up to date. Its methods are safe for
// concurrent use.
type Service struct {
	Deps

	book *rulebook.Book

	mu sync.Mutex // covers what follows; one change at a time
	// draft and candidate are what is in force, before the choice.
	draft     *rulebook.Draft
	candidate Candidate
	// known is what the log says.
	known history
	// again is when the source is asked again although it has not changed: because
	// by then more of it is live, or because log or store did not answer. The zero
	// time means never.
	again time.Time
}

// Open brings rules into force: those of the source, or where a bundle is
// refused the last good ones. Without either, or where the log or the archive
// cannot answer, there is a fault and no service. Files of a folder have no last
// good ones: whoever starts a gateway on them is at hand to mend them.
func Open(ctx context.Context, d Deps) (*Service, error) {
	s := &Service{Deps: d, known: newHistory()}
	if err := s.known.read(ctx, d.Log); err != nil {
		return nil, err
	}
	last, err := s.lastGood(ctx)
	if err != nil {
		return nil, err
	}
	if last != nil {
		for _, sus := range last.Choice.Suspensions {
			s.known.suspend(sus) // whoever took the log's own rows away has not lifted it
		}
		s.takeOver(last)
	}
	err = s.offer(ctx, "start")
	if err == nil {
		return s, nil
	}
	if _, atHand := d.Source.(fixed); atHand || last == nil || !fault.Is(err, fault.Invalid) {
		return nil, err
	}
	// The bundle was refused. What was in force goes on, as of today.
	if err := s.renew(ctx, "last-good"); err != nil {
		return nil, err
	}
	return s, nil
}

// takeOver puts rules in force that the log names as the newest already.
func (s *Service) takeOver(r *rulebook.Rules) {
	r.Standings = r.Draft.Standings(s.Approvers)
	if s.book == nil {
		s.book = rulebook.NewBook(r)
	}
	s.book.Swap(r)
	s.draft, s.candidate = r.Draft, Candidate{Files: r.Files, Sequence: s.known.sequence}
}

// Book is what is in force.
func (s *Service) Book() *rulebook.Book { return s.book }

// Run refreshes the rules until ctx ends.
func (s *Service) Run(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := s.Refresh(ctx); err != nil && ctx.Err() == nil {
				s.Logger.Error("the rules could not be refreshed; those in force stay", "error", err)
			}
		}
	}
}

// Refresh brings into force what follows from the log and the clock: suspensions
// that another gateway has written, a newer bundle that another gateway has taken,
// agreements whose day has come. Then it looks for a new candidate. One that is
// refused changes nothing; that is the error.
func (s *Service) Refresh(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.known.read(ctx, s.Log); err != nil {
		return err
	}
	err := s.follow(ctx)
	if err == nil {
		err = s.renew(ctx, "date")
	}
	if s.Source.Changed() {
		return errors.Join(err, s.offer(ctx, "bundle"))
	}
	if !s.again.IsZero() && !s.again.After(s.now()) {
		return errors.Join(err, s.offer(ctx, "date"))
	}
	return err
}

// follow takes over what another gateway on the same log has brought into force
// from a newer bundle than this one has.
func (s *Service) follow(ctx context.Context) error {
	if s.known.sequence <= s.candidate.Sequence {
		return nil
	}
	r, err := s.lastGood(ctx)
	if err == nil && r != nil {
		s.takeOver(r)
	}
	return err
}

// now is the time, which does not stand before the newest entry about rules: a
// clock that goes back brings nothing back.
func (s *Service) now() time.Time {
	if at := s.Clock(); at.After(s.known.time) {
		return at
	}
	return s.known.time
}

// offer reads the source and brings it into force, or refuses it.
func (s *Service) offer(ctx context.Context, reason string) error {
	s.again = time.Time{}
	c, err := s.Source.Read()
	var r *rulebook.Rules
	if err == nil {
		r, err = s.judge(ctx, c)
	}
	if err == nil {
		err = s.enforce(ctx, r, c, reason)
	}
	switch {
	case err == nil:
	case !fault.Is(err, fault.Invalid):
		s.again = s.now() // it was not judged, or not brought to its end
	default:
		s.refuse(ctx, c, err)
	}
	return err
}

// renew brings what is in force up to the suspensions and dates of the moment.
func (s *Service) renew(ctx context.Context, reason string) error {
	r, err := s.compile(ctx, s.draft)
	if err != nil {
		return err
	}
	return s.enforce(ctx, r, s.candidate, reason)
}

// enforce archives rules, logs that they come into force, and lets them. What is
// in force here already, or was announced by another gateway, is not said again.
func (s *Service) enforce(ctx context.Context, r *rulebook.Rules, c Candidate, reason string) error {
	here := s.book != nil && s.book.Current().Revision() == r.Revision()
	if !here && r.Revision() != s.known.revision || c.Sequence > s.known.sequence {
		if err := s.archive(ctx, r); err != nil {
			return err
		}
		if err := s.announce(ctx, r, c, reason); err != nil {
			return err
		}
	}
	if s.book == nil {
		s.book = rulebook.NewBook(r)
	}
	s.book.Swap(r)
	s.book.Halt(false)
	s.draft, s.candidate = r.Draft, c
	return nil
}

func sha256Hex(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}
