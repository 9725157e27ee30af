package audit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/concord-gateway/concord/gateway/fault"
)

// recover reads the end of the log and checks that it can be gone on from.
func (s *sequencer) recover(ctx context.Context) error {
	const op = "audit.Open"
	// The checkpoint first: another gateway may be appending meanwhile, and the
	// log must be at least as long as a checkpoint that was read before it.
	size, checkpoint, err := s.l.cfg.Store.LastCheckpoint(ctx)
	published := err == nil
	if err != nil && !isNotFound(err) {
		return fault.Wrap(fault.Unavailable, op, "the log store does not answer", err)
	}
	if err := s.findKeys(ctx); err != nil {
		return err
	}
	after := &state{}
	switch last, err := s.l.cfg.Store.LastBatch(ctx); {
	case isNotFound(err):
	case err != nil:
		return fault.Wrap(fault.Unavailable, op, "the last batch of the log cannot be read", err)
	default:
		if after, err = s.resume(ctx, last); err != nil {
			return fault.Wrap(fault.Unavailable, op, fmt.Sprintf("batch %d, the last of the log, does not verify", last.N), err)
		}
	}
	if published {
		if err := s.extends(ctx, &after.tree, size, checkpoint); err != nil {
			return fault.Wrap(fault.Unavailable, op, "the log does not fit its last published checkpoint", err)
		}
	}
	if err := s.l.countLastDay(ctx); err != nil {
		return fault.Wrap(fault.Unavailable, op, "the requests of the last day cannot be read", err)
	}
	s.l.state.Store(after)
	return s.waiting(ctx, size, after.tree.size)
}

// waiting notes since when entries wait for a checkpoint, of which the newest has
// a size.
func (s *sequencer) waiting(ctx context.Context, size, end int64) error {
	const op = "audit.Open"
	s.l.learn(size)
	if end <= size || s.l.cfg.Quorum == 0 {
		return nil
	}
	b, err := batchOf(ctx, s.l.cfg.Store, op, size)
	if err != nil {
		return fault.Wrap(fault.Unavailable, op, "the oldest entry that is not published cannot be read", err)
	}
	at, err := headTime(b.Head)
	if err != nil {
		return fault.Wrap(fault.Unavailable, op, "the head of the oldest batch that is not published cannot be read", err)
	}
	s.l.patience.grown(size, end, at)
	return nil
}

// resume returns the state after the last batch.
func (s *sequencer) resume(ctx context.Context, last *Batch) (*state, error) {
	edge, err := restore(last.Size, func(level int, from, to int64) ([]tlog.Hash, error) {
		return s.l.tiles.hashes(ctx, level, from, to)
	})
	if err != nil {
		return nil, err
	}
	root, err := edge.root()
	if err != nil {
		return nil, err
	}
	if string(root[:]) != string(last.Root) {
		return nil, errors.New("the leaves do not give its root")
	}
	if err := s.signed(ctx, last); err != nil {
		return nil, err
	}
	for i, entry := range last.Entries {
		if sum := sha256.Sum256(entry); string(sum[:]) != string(last.Leaves[i]) {
			return nil, fmt.Errorf("entry %d is not what was hashed into the log", last.First+int64(i))
		}
		if columns, err := ColumnsOf(entry); err == nil && columns.Action == Heads {
			if err := checkHeads(last, i, entry, last.Tips); err != nil {
				return nil, fmt.Errorf("entry %d: %w", last.First+int64(i), err)
			}
		}
	}
	return &state{next: last.N + 1, tree: edge, root: root, tips: last.Tips}, nil
}

// signed checks that the head of a batch is signed by a session that a log key introduced.
func (s *sequencer) signed(ctx context.Context, last *Batch) error {
	if err := s.findSession(ctx, last); err != nil {
		return err
	}
	c := checker{origin: s.l.cfg.Origin, sessions: s.sessions}
	_, err := c.openHead(last)
	return err
}

// findSession takes in the session that wrote a batch. Its introduction
// is found by the search rows, or without them by reading the log backwards; that
// the log key countersigned it is what counts.
func (s *sequencer) findSession(ctx context.Context, last *Batch) error {
	found, err := s.l.cfg.Store.Search(ctx, Query{RequestID: last.Writer, Action: Admin, Before: last.Size})
	if err != nil {
		return err
	}
	for _, index := range found {
		b, err := s.l.cfg.Store.BatchOf(ctx, index)
		if err != nil {
			return err
		}
		if s.learn(b, last.Writer) {
			return nil
		}
	}
	for n := last.N; n >= 0; n-- {
		b, err := s.l.cfg.Store.Batch(ctx, n)
		if err != nil {
			return err
		}
		if s.learn(b, last.Writer) {
			return nil
		}
	}
	return errors.New("its head is signed by a key that was never introduced")
}

// learn takes in the sessions that b introduces, and reports whether writer is
// known then.
func (s *sequencer) learn(b *Batch, writer string) bool {
	c := checker{
		origin: s.l.cfg.Origin, keys: keyLine{trusted: s.l.trusted()}, sessions: s.sessions, notify: func(Problem) {},
	}
	for i, entry := range b.Entries {
		if columns, err := ColumnsOf(entry); err == nil && columns.Action == Admin {
			c.introduce(b, b.First+int64(i), entry)
		}
	}
	_, known := s.sessions[writer]
	return known
}

// extends checks that the log contains the tree of a published checkpoint.
func (s *sequencer) extends(ctx context.Context, edge *tree, size int64, checkpoint []byte) error {
	n, err := openTree(checkpoint, s.l.known())
	switch {
	case err != nil:
		return fmt.Errorf("the checkpoint is not signed by the log key: %w", err)
	case n.origin != s.l.cfg.Origin || n.size != size:
		return errors.New("the checkpoint is of another log or size")
	case size > edge.size:
		return fmt.Errorf("the log has %d entries, the checkpoint %d", edge.size, size)
	}
	root, err := tlog.TreeHash(size, s.l.tiles.reader(ctx, edge))
	if err != nil {
		return err
	}
	if root != n.root {
		return fmt.Errorf("the first %d entries are not those of the checkpoint", size)
	}
	return nil
}

// countLastDay fills the window of requests about subjects from the log.
func (l *Log) countLastDay(ctx context.Context) error {
	const page = 10_000
	q := Query{Action: Consult, From: FormatTime(l.cfg.Clock().Add(-longWindow)), Limit: page}
	var b *Batch
	for {
		found, err := l.cfg.Store.Search(ctx, q)
		if err != nil {
			return err
		}
		for _, index := range found {
			if b == nil || index < b.First {
				if b, err = l.cfg.Store.BatchOf(ctx, index); err != nil {
					return err
				}
			}
			if err := l.count(b.Entries[index-b.First]); err != nil {
				return err
			}
		}
		if len(found) < page {
			return nil
		}
		q.Before = found[len(found)-1]
	}
}

// count counts an entry towards the limits of its actor, if it counts.
func (l *Log) count(entry []byte) error {
	c, err := ColumnsOf(entry)
	if err != nil || c.Action != Consult || c.Area != "" {
		return err
	}
	at, err := time.Parse(timeLayout, c.Time)
	if err != nil {
		return err
	}
	l.use.add(actorKey{c.Agency, c.Actor}, at, l.cfg.Clock())
	return nil
}

func isNotFound(err error) bool { return fault.Is(err, fault.NotFound) }

// follow takes over what other gateways appended since the last batch that this
// one knows. It returns errLost when it has reached the end.
func (s *sequencer) follow(ctx context.Context) error {
	for {
		now := s.l.state.Load()
		b, err := s.l.cfg.Store.Batch(ctx, now.next)
		if isNotFound(err) {
			return errLost
		}
		if err != nil {
			return unavailable("audit.Append", "the log store does not answer", err)
		}
		if err := s.meet(ctx, b); fault.Is(err, fault.Unavailable) {
			return unavailable("audit.Append", "the log store does not answer", err)
		} else if err != nil {
			return s.breakOff(fmt.Errorf("batch %d: %w", b.N, err))
		}
		after, err := s.takeOver(now, b)
		if err != nil {
			return s.breakOff(err)
		}
		if err := s.followKeys(ctx, b); err != nil {
			return unavailable("audit.Append", "the log was handed over to a key that cannot be had", err)
		}
		at, err := headTime(b.Head)
		if err != nil {
			return s.breakOff(err)
		}
		s.l.patience.grown(b.First, b.Size, at)
		s.l.state.Store(after)
	}
}

// meet takes in the session that wrote a batch of another gateway, unless it is
// known or the batch introduces it. A gateway that is opened knows the writer of
// the last batch alone; others may have introduced theirs long before.
func (s *sequencer) meet(ctx context.Context, b *Batch) error {
	if _, known := s.sessions[b.Writer]; known {
		return nil
	}
	for _, entry := range b.Entries {
		if c, err := ColumnsOf(entry); err == nil && c.Action == Admin && c.RequestID == b.Writer {
			return nil
		}
	}
	return s.findSession(ctx, b)
}

// takeOver checks a batch of another gateway and returns the state after it. The
// tiles that it completes are stored by the gateway that wrote it.
func (s *sequencer) takeOver(now *state, b *Batch) (*state, error) {
	var found error
	trusted := s.l.trusted()
	c := checker{
		origin: s.l.cfg.Origin, keys: keyLine{epochs: trusted[len(trusted)-1:]}, sessions: s.sessions,
		next: now.next, size: now.tree.size, tips: maps.Clone(now.tips),
		notify: func(p Problem) { found = errors.Join(found, errors.New(p.Message)) },
	}
	c.batch(b)
	if found != nil {
		return nil, found
	}
	leaves := make([]tlog.Hash, len(b.Leaves))
	for i, leaf := range b.Leaves {
		leaves[i] = tlog.Hash(leaf)
	}
	after := &state{next: b.N + 1, tips: b.Tips}
	after.tree, _ = now.tree.grow(leaves)
	root, err := after.tree.root()
	if err != nil || string(root[:]) != string(b.Root) {
		return nil, fmt.Errorf("the leaves of batch %d do not give its root", b.N)
	}
	after.root = root
	for _, entry := range b.Entries {
		if err := s.l.count(entry); err != nil {
			return nil, err
		}
	}
	return after, nil
}
