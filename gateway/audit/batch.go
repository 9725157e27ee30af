package audit

import (
	"maps"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/concord-gateway/concord/gateway/fault"
)

// draftBatch is a batch in the making, with the state of the log after it.
type draftBatch struct {
	batch  *Batch
	leaves []tlog.Hash
	jobs   []*job
	// firsts are the indexes of the first entries of the jobs.
	firsts []int64
	after  *state
	// at is the time that the head says.
	at   time.Time
	full []tile
	// intro is set when the batch introduces the session of this process.
	intro bool
}

// build makes the next batch out of jobs.
func (s *sequencer) build(jobs []*job) (*draftBatch, error) {
	now := s.l.state.Load()
	b := &draftBatch{
		batch: &Batch{N: now.next, First: now.tree.size, Tips: maps.Clone(now.tips), Writer: s.own.signer.Name()},
		after: &state{next: now.next + 1},
		jobs:  jobs,
	}
	if b.batch.Tips == nil {
		b.batch.Tips = map[string]Tip{}
	}
	if !s.own.introduced {
		b.intro = true
		for i := range s.own.intro {
			b.place(&s.own.intro[i])
		}
	}
	var heads *headsDraft
	for _, j := range b.jobs {
		b.firsts = append(b.firsts, b.batch.First+int64(len(b.leaves)))
		if j.heads != nil {
			heads = j.heads
		}
		for i := range j.entries {
			b.place(&j.entries[i])
		}
	}
	if heads != nil {
		if err := b.placeHeads(heads); err != nil {
			return nil, err
		}
	}
	for i := range b.leaves {
		b.batch.Leaves = append(b.batch.Leaves, b.leaves[i][:])
	}
	return b, s.sign(b, now)
}

func (b *draftBatch) place(p *prepared) {
	text, leaf := p.place(b.batch.Tips)
	b.batch.Entries = append(b.batch.Entries, text)
	b.batch.Private = append(b.batch.Private, p.private)
	b.leaves = append(b.leaves, leaf)
}

// sign grows the tree by the batch and signs its head.
func (s *sequencer) sign(b *draftBatch, now *state) error {
	const op = "audit.Append"
	after := b.after
	after.tree, b.full = now.tree.grow(b.leaves)
	var err error
	if after.ends, err = after.tree.ends(); err != nil {
		return fault.Wrap(fault.Internal, op, "the tree of the log has a hole", err)
	}
	root := after.ends[len(after.ends)-1]
	after.root, after.tips = root, b.batch.Tips
	b.batch.Size, b.batch.Root = after.tree.size, root[:]
	digest, err := tipsDigest(b.batch.Tips)
	if err != nil {
		return err
	}
	b.at = s.l.cfg.Clock()
	h := head{batch: b.batch.N, tips: digest, time: b.at}
	b.batch.Head, err = signTree(batchOrigin(s.l.cfg.Origin), after.tree.size, root, h.lines(), s.own.signer)
	if err != nil {
		return fault.Wrap(fault.Internal, op, "the head of the batch cannot be signed", err)
	}
	return nil
}

// admit returns the jobs that go into the next batch, and answers the others:
// those that nobody waits for any more, and those over their limit. Limits are
// held against everything before the batch; requests within it count for those
// behind them.
func (s *sequencer) admit(jobs []*job) []*job {
	admitted := make([]*job, 0, len(jobs))
	var within map[actorKey][]time.Time
	for _, j := range jobs {
		if err := j.ctx.Err(); err != nil {
			j.reply <- outcome{err: unavailable("audit.Append", "the caller gave up", err)}
			continue
		}
		if j.limit != nil {
			if v := j.limit.check(s.l.use.earlier(j.actor, j.at, within), j.at); v.over {
				j.reply <- outcome{verdict: v}
				continue
			}
		}
		for range j.subjects() {
			if within == nil {
				within = map[actorKey][]time.Time{}
			}
			within[j.actor] = append(within[j.actor], j.at)
			within[j.actor.whole()] = append(within[j.actor.whole()], j.at)
		}
		admitted = append(admitted, j)
	}
	return admitted
}

// subjects returns how many requests about a subject the job counts for.
func (j *job) subjects() int {
	n := 0
	for i := range j.entries {
		if j.entries[i].about {
			n++
		}
	}
	return n
}

// commit takes a durable batch over into the state of the log.
func (s *sequencer) commit(b *draftBatch) {
	if b.intro {
		s.own.introduced = true
		s.l.keys.Store(&s.own.keys)
		s.sessions[s.own.signer.Name()] = s.own.session
	}
	for _, j := range b.jobs {
		for range j.subjects() {
			s.l.use.add(j.actor, j.at, s.l.cfg.Clock())
		}
	}
	s.l.patience.grown(b.batch.First, b.batch.Size, b.at)
	s.l.state.Store(b.after)
	s.project(b.full)
}

// acknowledge answers the jobs of a durable batch.
func (b *draftBatch) acknowledge(c *coming, after *state) {
	for i, j := range b.jobs {
		j.acknowledge(c, outcome{first: b.firsts[i], count: len(j.entries), batch: b.batch, state: after})
	}
}

// project hands complete tiles to the goroutine that stores them. Tiles are
// derived: when it cannot keep up they are left out, and computed again from the
// batches when somebody needs them.
func (s *sequencer) project(full []tile) {
	for _, t := range full {
		select {
		case s.l.tiles.unsaved <- t:
		default:
		}
	}
}
