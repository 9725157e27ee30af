package audit

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/concord-gateway/concord/gateway/fault"
)

// InclusionProof proves that an entry is in the tree of a checkpoint (RFC 6962
// section 2.1.1).
type InclusionProof struct {
	Index int64 `json:"index"`
	Size  int64 `json:"size"`
	// Leaf is the leaf data, SHA-256 of the canonical entry, in hex.
	Leaf string `json:"leaf_hash"`
	// Hashes are the audit path, from the leaf up, each in base64.
	Hashes []string `json:"proof"`
	// Checkpoint is the signed note of the tree.
	Checkpoint string `json:"checkpoint"`
}

// ConsistencyProof proves that the tree of Old entries is a prefix of that of
// New entries (RFC 6962 section 2.1.2).
type ConsistencyProof struct {
	Old int64 `json:"old"`
	New int64 `json:"new"`
	// Hashes are each in base64.
	Hashes []string `json:"proof"`
}

// Checkpoint returns the newest published checkpoint, a signed note
// (c2sp.org/tlog-checkpoint), or a fault of kind NotFound while there is none.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	_, checkpoint, err := l.cfg.Store.LastCheckpoint(ctx)
	return checkpoint, err
}

// Publish appends a heads entry, signs a checkpoint of the tree that ends with it,
// has it cosigned and stores it, unless everything that is in the log is published
// already. It answers Unavailable, with the code CodeUnwitnessed when too few
// witnesses cosigned; the same checkpoint is tried again then, before another is
// signed.
func (l *Log) Publish(ctx context.Context) error {
	const op = "audit.Publish"
	l.publishing.Lock()
	defer l.publishing.Unlock()
	defer l.alarm()
	published, _, err := l.cfg.Store.LastCheckpoint(ctx)
	if err != nil && !isNotFound(err) {
		return unavailable(op, "the log store does not answer", err)
	}
	l.learn(published)
	if err := l.halted.Load(); err != nil {
		return fault.Wrap(fault.Unavailable, op, "the log refuses to go on", *err)
	}
	if p := l.pending; p != nil && p.size > published {
		if err := l.finish(ctx, p); err != nil {
			return err
		}
		published = p.size
	}
	if l.state.Load().tree.size <= published {
		return nil
	}
	end, err := l.commitHeads(ctx)
	if err != nil {
		return err
	}
	signed, err := signTree(l.cfg.Origin, end.tree.size, end.root, nil, l.signers()...)
	if err != nil {
		return unavailable(op, "the log key cannot sign", err)
	}
	return l.finish(ctx, &unpublished{end.tree.size, end.root, signed})
}

// finish has a signed checkpoint cosigned, and stores it.
func (l *Log) finish(ctx context.Context, p *unpublished) error {
	l.pending = p
	checkpoint, err := l.cosign(ctx, p.size, p.root, p.signed)
	if errors.Is(err, errSuperseded) {
		l.pending = nil
	}
	if err != nil {
		return err
	}
	err = l.cfg.Store.InsertCheckpoint(ctx, p.size, checkpoint)
	if err != nil && !fault.Is(err, fault.Conflict) {
		return unavailable("audit.Publish", "the log store does not answer", err)
	}
	l.pending = nil
	l.learn(p.size)
	return nil
}

// commitHeads appends a heads entry and returns the state of the log that ends
// with it.
func (l *Log) commitHeads(ctx context.Context) (*state, error) {
	const op = "audit.Publish"
	now := l.cfg.Clock()
	p := preparer{keys: l.cfg.Keys, now: now}
	r := Request{ID: headsRequest(l.cfg.Origin), Actor: Actor{Agency: l.cfg.Origin, Subject: "log"}, Time: now}
	draft, err := p.heads(ctx, r)
	if err != nil {
		return nil, err
	}
	providers := len(l.state.Load().tips)
	j := &job{
		ctx: ctx, heads: draft, at: now, bytes: headsOverhead + headsEach*providers + len(draft.private),
		reply: make(chan outcome, 1),
	}
	if err := l.send(j); err != nil {
		return nil, err
	}
	done, ok := j.wait(ctx)
	if !ok {
		return nil, fault.Wrap(fault.Unavailable, op, "the heads entry was not logged in time", ctx.Err())
	}
	done.dealtWith()
	return done.state, done.err
}

// publisher stores complete tiles and publishes checkpoints until the sequencer
// ends or ctx does.
func (l *Log) publisher(ctx context.Context) {
	defer close(l.done)
	var tick <-chan time.Time
	if l.cfg.CheckpointEvery > 0 {
		ticker := time.NewTicker(l.cfg.CheckpointEvery)
		defer ticker.Stop()
		tick = ticker.C
	}
	for {
		select {
		case t, open := <-l.tiles.unsaved:
			if !open {
				return
			}
			if err := l.cfg.Store.InsertTile(ctx, t.level, t.n, t.data); err != nil {
				l.cfg.Logger.Warn("audit: a tile was not stored and will be computed again", "level", t.level, "n", t.n, "error", err)
			}
		case <-tick:
			err := l.Publish(ctx)
			if f, ok := errors.AsType[*fault.Error](err); ok && f.Code == CodeUnwitnessed {
				continue // alarm tells, in its time
			}
			if err != nil {
				l.cfg.Logger.Error("audit: no checkpoint was published", "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// published returns the newest published checkpoint, verified.
func (l *Log) published(ctx context.Context, op string) (treeNote, []byte, error) {
	_, checkpoint, err := l.cfg.Store.LastCheckpoint(ctx)
	if isNotFound(err) {
		return treeNote{}, nil, l.notYet(op)
	}
	if err != nil {
		return treeNote{}, nil, err
	}
	n, err := openTree(checkpoint, l.known())
	if err != nil {
		return treeNote{}, nil, fault.Wrap(fault.Internal, op, "the published checkpoint does not verify", err)
	}
	return n, checkpoint, nil
}

// notYet is the answer to a question about what is logged but not published.
func (l *Log) notYet(op string) error {
	err := fault.New(fault.Conflict, op, "the entry is in the log, but in no published checkpoint yet").
		WithCode("not-yet-published")
	err.RetryAfter = max(l.cfg.CheckpointEvery, time.Second)
	return err
}

// Proof proves entry index against the newest published checkpoint. It answers
// NotFound when the log has no such entry, and Conflict with code
// "not-yet-published" and RetryAfter when it is in the log alone.
func (l *Log) Proof(ctx context.Context, index int64) (InclusionProof, error) {
	const op = "audit.Proof"
	b, err := batchOf(ctx, l.cfg.Store, op, index)
	if err != nil {
		return InclusionProof{}, err
	}
	n, checkpoint, err := l.published(ctx, op)
	if err != nil {
		return InclusionProof{}, err
	}
	if index >= n.size {
		return InclusionProof{}, l.notYet(op)
	}
	leaf := b.Leaves[index-b.First]
	hashes, err := l.prove(ctx, n, index, leaf)
	if err != nil {
		return InclusionProof{}, err
	}
	return InclusionProof{
		Index: index, Size: n.size, Leaf: hex.EncodeToString(leaf), Hashes: hashes, Checkpoint: string(checkpoint),
	}, nil
}

// Consistency proves that the log of the size older is a prefix of that of the
// size newer. Both sizes must be at least 1; newer zero means the newest published
// checkpoint, beyond which nothing is proven.
func (l *Log) Consistency(ctx context.Context, older, newer int64) (ConsistencyProof, error) {
	const op = "audit.Consistency"
	n, _, err := l.published(ctx, op)
	if err != nil {
		return ConsistencyProof{}, err
	}
	if newer == 0 {
		newer = n.size
	}
	if older < 1 || newer < older {
		return ConsistencyProof{}, fault.New(fault.Invalid, op, "the old size must be at least 1 and at most the new size")
	}
	if newer > n.size {
		return ConsistencyProof{}, l.notYet(op)
	}
	edge, err := l.edge(ctx, n.size)
	if err != nil {
		return ConsistencyProof{}, err
	}
	hashes, err := tlog.ProveTree(newer, older, l.tiles.reader(ctx, edge))
	if err != nil {
		return ConsistencyProof{}, readFault(op, err)
	}
	return ConsistencyProof{Old: older, New: newer, Hashes: encodeHashes(hashes)}, nil
}

// edge returns the right edge of a tree of at least size entries: that of this
// process, or, when another gateway has published more than this one knows, one
// read from the store, which is kept.
func (l *Log) edge(ctx context.Context, size int64) (*tree, error) {
	if now := l.state.Load(); now.tree.size >= size {
		return &now.tree, nil
	}
	if kept := l.served.restored.Load(); kept != nil && kept.size >= size {
		return kept, nil
	}
	edge, err := restore(size, func(level int, from, to int64) ([]tlog.Hash, error) {
		return l.tiles.hashes(ctx, level, from, to)
	})
	if err != nil {
		return nil, err
	}
	l.served.restored.Store(&edge)
	return &edge, nil
}

// Opening opens the newest published heads entry for a provider. It answers
// Conflict with code "not-yet-published" and RetryAfter while there is none.
func (l *Log) Opening(ctx context.Context, provider string) (Opening, error) {
	const op = "audit.Opening"
	n, checkpoint, err := l.published(ctx, op)
	if err != nil {
		return Opening{}, err
	}
	b, err := batchOf(ctx, l.cfg.Store, op, n.size-1)
	if err != nil {
		return Opening{}, err
	}
	if b.Size != n.size {
		return Opening{}, fault.New(fault.Internal, op, "the published checkpoint does not end a batch")
	}
	o, err := b.opening(provider)
	if err != nil {
		return Opening{}, err
	}
	o.Proof, err = l.prove(ctx, n, o.Index, b.Leaves[o.Index-b.First])
	o.Checkpoint = string(checkpoint)
	return o, err
}

// prove returns the inclusion proof of an entry in a published tree.
func (l *Log) prove(ctx context.Context, n treeNote, index int64, leaf []byte) ([]string, error) {
	const op = "audit.Proof"
	edge, err := l.edge(ctx, n.size)
	if err != nil {
		return nil, err
	}
	hashes, err := tlog.ProveRecord(n.size, index, l.tiles.reader(ctx, edge))
	if err != nil {
		return nil, readFault(op, err)
	}
	if err := tlog.CheckRecord(hashes, n.size, n.root, index, tlog.RecordHash(leaf)); err != nil {
		return nil, fault.Wrap(fault.Internal, op, "the log does not prove its own entry", err)
	}
	return encodeHashes(hashes), nil
}

// readFault passes a fault of the store through and makes any other error one.
func readFault(op string, err error) error {
	if fault.KindOf(err) == fault.Internal {
		return fault.Wrap(fault.Internal, op, "the tree of the log cannot be read", err)
	}
	return fmt.Errorf("%s: %w", op, err)
}
