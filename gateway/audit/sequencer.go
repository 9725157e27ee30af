package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
)

const (
	// storeTimeout bounds one call of the store. A call that takes longer has an
	// unknown outcome.
	storeTimeout = 10 * time.Second
	// yieldAfterConflict is how long a writer that lost a number and then won
	// one lets the others go first.
	yieldAfterConflict = time.Millisecond
	// rivalFor is how long after a lost number another writer is thought to be
	// about.
	rivalFor = time.Second
)

// job is a request in the queue.
type job struct {
	ctx     context.Context //nolint:containedctx // the caller's, to drop work that nobody waits for
	entries []prepared
	bytes   int
	limit   *Limit
	actor   actorKey
	at      time.Time
	// age is how long the request took until it came here, if it was announced.
	age   time.Duration
	reply chan outcome // has room for the one outcome
	// state says whether the caller still waits.
	state atomic.Int32
	// heads, where set, asks for a heads entry behind everything in the batch;
	// the job has no entries then.
	heads *headsDraft
}

// sequencer puts entries in order. Everything below queue belongs to its
// goroutine (to Open before that).
type sequencer struct {
	l     *Log
	queue chan *job
	done  chan struct{} // closed when the goroutine has ended

	// held is a drained job that did not fit into the last batch.
	held     *job
	sessions map[string]session
	own      *ownSession
	// rotateAt is when a rotation of the log key that failed may be tried again.
	rotateAt time.Time
	// unsettled is a batch whose outcome is unknown.
	unsettled *draftBatch
	// lost is set from a lost number to the next one that is won, and rival is
	// when one was lost.
	lost  bool
	rival time.Time
	// broken is why nothing can be appended any more.
	broken error
}

// count returns how many entries the job takes at most.
func (j *job) count() int {
	if j.heads != nil {
		return 1
	}
	return len(j.entries)
}

func newSequencer(l *Log) *sequencer {
	return &sequencer{
		l: l, queue: make(chan *job, l.cfg.Queue), done: make(chan struct{}),
		sessions: map[string]session{},
	}
}

func (s *sequencer) run(ctx context.Context) {
	defer close(s.done)
	defer close(s.l.tiles.unsaved)
	for {
		jobs := s.drain()
		if jobs == nil {
			return
		}
		s.write(ctx, jobs)
	}
}

// drain waits for a job and returns it with everything else that fits into one
// batch; nil means that the log is closed and the queue empty.
func (s *sequencer) drain() []*job {
	if s.held != nil {
		return s.gather(nil)
	}
	j, ok := <-s.queue
	if !ok {
		return nil
	}
	s.received(j)
	return s.gather([]*job{j})
}

// gather adds to jobs what is queued and fits into one batch with them. It waits
// for those who are about to come, and for nobody else: those that the last batch
// has answered come back with their next requests, and would miss this one. It
// costs a lone caller less than a microsecond.
func (s *sequencer) gather(jobs []*job) []*job {
	entries, size := 0, 0
	for _, j := range jobs {
		entries, size = entries+j.count(), size+j.bytes
	}
	begun, yielded := time.Now(), false
	for {
		j, open := s.take()
		if open && j == nil && len(jobs) > 0 && entries < s.l.cfg.maxEntries {
			if most := s.l.coming.patience(len(jobs), s.rivals(), jobs[0].age, begun); most > 0 {
				var again bool
				j, open, again = s.l.coming.wait(s.queue, most)
				s.received(j)
				yielded = yielded && !again
			}
		}
		switch {
		case j != nil && len(jobs) > 0 && (entries+j.count() > s.l.cfg.maxEntries || size+j.bytes > maxBatchBytes-sessionBytes):
			s.held = j
			return jobs
		case j != nil:
			jobs, entries, size = append(jobs, j), entries+j.count(), size+j.bytes
			yielded = false
		case !open || yielded || entries >= s.l.cfg.maxEntries:
			return jobs
		default:
			yielded = true
			runtime.Gosched() // who is ready to run goes first
		}
	}
}

// take returns the next job that waits, or nil; open is false when none will ever
// come.
func (s *sequencer) take() (j *job, open bool) {
	if s.held != nil {
		j, s.held = s.held, nil
		return j, true
	}
	select {
	case j, open = <-s.queue:
		s.received(j)
		return j, open
	default:
		return nil, true
	}
}

// received gives the room of a job in the queue back.
func (s *sequencer) received(j *job) {
	if j != nil {
		s.l.queuedBytes.Add(-int64(j.bytes))
	}
}

// write makes the jobs durable and answers each of them.
func (s *sequencer) write(ctx context.Context, jobs []*job) {
	if err := s.settle(ctx); err != nil {
		refuse(jobs, err)
		return
	}
	for {
		if err := errors.Join(s.catchUp(ctx), s.renewSession(ctx)); err != nil {
			refuse(jobs, err)
			return
		}
		// Again each time round: what came in between may count.
		if jobs = s.admit(s.patient(ctx, jobs)); len(jobs) == 0 {
			return
		}
		b, err := s.build(jobs)
		if err != nil {
			refuse(jobs, err)
			return
		}
		err = s.insert(ctx, b)
		if err == nil {
			s.commit(b)
			b.acknowledge(s.l.coming, s.l.state.Load())
			s.yield(ctx)
			return
		}
		if !errors.Is(err, errLost) {
			refuse(jobs, err)
			return
		}
		s.lost, s.rival = true, time.Now()
		jobs = s.gather(jobs) // what has come meanwhile goes along
	}
}

// rivals reports whether other gateways append to the log as well.
func (s *sequencer) rivals() bool { return !s.rival.IsZero() && time.Since(s.rival) < rivalFor }

// catchUp takes over what other gateways have appended, if there are any: a read
// costs less than a number that is lost.
func (s *sequencer) catchUp(ctx context.Context) error {
	if !s.rivals() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if err := s.follow(ctx); !errors.Is(err, errLost) {
		return err
	}
	return nil
}

// refuse tells jobs that they were not, or perhaps not, logged.
func refuse(jobs []*job, err error) {
	for _, j := range jobs {
		j.reply <- outcome{err: err}
	}
}

// yield lets other writers go first, once, after a lost number was followed by
// a won one.
func (s *sequencer) yield(ctx context.Context) {
	if !s.lost {
		return
	}
	s.lost = false
	timer := time.NewTimer(yieldAfterConflict)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// errLost means that another writer's batch has the number, and that it and all
// behind it are followed.
var errLost = errors.New("another gateway's batch has the number")

// insert makes a batch durable and reads it back. It returns nil or errLost when
// the outcome is known. Otherwise the batch is kept as unsettled, after one retry,
// and the error is Unavailable.
func (s *sequencer) insert(ctx context.Context, b *draftBatch) error {
	err := s.attempt(ctx, b)
	if fault.Is(err, fault.Unavailable) && s.broken == nil {
		err = s.attempt(ctx, b)
	}
	if err == nil || errors.Is(err, errLost) || s.broken != nil {
		s.unsettled = nil
		return err
	}
	s.unsettled = b
	s.l.cfg.Logger.Error("audit: the outcome of a batch is unknown", "batch", b.batch.N, "error", err)
	return err
}

// settle learns the outcome of the unsettled batch, if there is one, by
// inserting the identical batch again. Nothing else is appended before.
func (s *sequencer) settle(ctx context.Context) error {
	if s.broken != nil {
		return unavailable("audit.Append", "the log refuses to go on", s.broken)
	}
	if err := s.l.halted.Load(); err != nil {
		return s.breakOff(*err)
	}
	b := s.unsettled
	if b == nil {
		return nil
	}
	err := s.insert(ctx, b)
	switch {
	case err == nil:
		s.commit(b)
		return nil
	case errors.Is(err, errLost):
		s.lost = true
		return nil
	default:
		return err
	}
}

// attempt inserts b under its number. A taken number may be taken by b itself,
// whose first insert was reported as failed: writer and digest tell.
func (s *sequencer) attempt(ctx context.Context, b *draftBatch) error {
	const op = "audit.Append"
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	err := s.l.cfg.Store.InsertBatch(ctx, b.batch)
	if err != nil && !fault.Is(err, fault.Conflict) {
		return unavailable(op, "the log store does not answer", err)
	}
	stored, readErr := s.l.cfg.Store.Batch(ctx, b.batch.N)
	if readErr != nil {
		return unavailable(op, "the log store does not answer", readErr)
	}
	if err != nil && (stored.Writer != b.batch.Writer || !bytes.Equal(stored.Head, b.batch.Head)) {
		return s.follow(ctx)
	}
	if err := b.same(stored); err != nil {
		return s.breakOff(err)
	}
	return nil
}

// breakOff stops the log for good: what the store holds is not what was signed.
func (s *sequencer) breakOff(err error) error {
	s.broken = err
	s.l.cfg.Logger.Error("audit: the log refuses to go on", "error", err)
	return unavailable("audit.Append", "the log refuses to go on", err)
}

// same compares what the store gives back with what was signed, and hashes the
// entries once more: memory and disks flip bits.
func (b *draftBatch) same(stored *Batch) error {
	ours := b.batch
	if stored.First != ours.First || stored.Size != ours.Size || !bytes.Equal(stored.Root, ours.Root) ||
		!bytes.Equal(stored.Head, ours.Head) || stored.Writer != ours.Writer || len(stored.Entries) != len(ours.Entries) ||
		len(stored.Private) != len(ours.Private) || len(stored.Leaves) != len(ours.Leaves) ||
		!maps.Equal(stored.Tips, ours.Tips) || !sameSalts(stored.Salts, ours.Salts) {
		return fmt.Errorf("batch %d was read back differently", ours.N)
	}
	for i, entry := range stored.Entries {
		if sha256.Sum256(entry) != b.leaves[i] || !bytes.Equal(stored.Leaves[i], b.leaves[i][:]) ||
			!bytes.Equal(stored.Private[i], ours.Private[i]) {
			return fmt.Errorf("entry %d was read back differently", ours.First+int64(i))
		}
	}
	return nil
}
