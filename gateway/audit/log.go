package audit

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
)

// Config is what a log needs.
type Config struct {
	// Store keeps the log. The caller closes it, after the log.
	Store Store
	// Keys seals private parts and holds the log key, the signer called "log".
	Keys keyring.Keyring
	// Origin names the log for good, for example "concord.example/log": no
	// spaces, no plus sign. It is the origin line of every checkpoint.
	Origin string
	// Clock tells the time; nil means time.Now.
	Clock func() time.Time
	// Logger gets what an operator must know; nil discards it.
	Logger *slog.Logger
	// CheckpointEvery is how often a checkpoint is published when the log has
	// grown. Zero publishes only on Publish and Close.
	CheckpointEvery time.Duration
	// KeyVersion is the version of the log key to bring the log to, from 1; zero
	// means the one that it has come to. Versions only ever go up.
	KeyVersion int
	// Witnesses are asked to cosign every checkpoint. One is published only when
	// Quorum of them have; 0 asks them and does not depend on them.
	Witnesses []WitnessConfig
	Quorum    int
	// Patience is how long entries may wait for a published checkpoint, where there
	// is a quorum, before Append refuses more; zero means DefaultPatience.
	Patience time.Duration
	// Queue is how many requests may wait for the sequencer; zero means 4096.
	Queue int

	// maxEntries bounds what is drained into one batch; benchmarks set it.
	maxEntries int
}

const (
	defaultQueue = 4096
	// maxQueueBytes bounds the memory of what waits.
	maxQueueBytes = 64 << 20
	// retryAfter is what a caller is told when the log cannot take its entry.
	retryAfter = time.Second
)

// Log is an open log. All its methods are safe for concurrent use.
type Log struct {
	cfg Config
	// keys are the versions of the log key up to the one in force. The sequencer
	// writes them.
	keys atomic.Pointer[[]*noteSigner]
	// wanted is the version of the log key to bring the log to.
	wanted atomic.Int64
	tiles  *tileStore
	// served is what everybody may read.
	served *served
	use    *window
	// state is what is durable, read back and acknowledged.
	state atomic.Pointer[state]
	// publishing makes checkpoints of this process strictly follow each other. It
	// guards pending, and the sizes of witnesses.
	publishing sync.Mutex
	witnesses  []*witness
	pending    *unpublished
	patience   patience
	// halted is why nothing may be appended any more, as a witness showed.
	halted atomic.Pointer[error]
	// stop ends the publisher; done is closed when it has ended.
	stop context.CancelFunc
	done chan struct{}

	seq *sequencer

	mu          sync.RWMutex // guards closed, and sending on seq.queue against closing it
	closed      bool         // no more entries of others
	shut        bool         // the queue is closed
	queuedBytes atomic.Int64
	coming      *coming
}

// state is the end of the log after one batch. It is immutable.
type state struct {
	// next is the number of the next batch.
	next int64
	tree tree
	root tlog.Hash
	tips map[string]Tip
	// ends are those of the tree after a batch of this process.
	ends []tlog.Hash
}

// Open opens the log in a store. It reads the last batch, the right edge of the
// tree and the requests of the last day, and answers a fault of kind Unavailable
// when they do not fit together: a head that no introduced session signed, a root
// that does not come out, a log that is shorter than, or differs from, its last
// published checkpoint. Every witness that can be reached is asked, too: with the
// code CodeOlder or CodeForked when one has seen more of the log, or another.
// Nothing is written to the store, and no key is made for a log that has entries: a log
// key that the keyring does not have is Unavailable. Once the log has shown that the keys
// are its own, they are asked for as when one is made, for keyrings that note what they
// were used with.
func Open(ctx context.Context, cfg Config) (*Log, error) {
	const op = "audit.Open"
	cfg.defaults()
	if !cleanOrigin(cfg.Origin) {
		return nil, fault.New(fault.Invalid, op, "the origin of the log has to be a name without spaces and plus signs")
	}
	l := newLog(cfg)
	l.RotateKey(cfg.KeyVersion)
	var err error
	if l.witnesses, err = newWitnesses(&cfg); err != nil {
		return nil, err
	}
	if err := l.seq.recover(ctx); err != nil {
		return nil, err
	}
	if err := l.meet(ctx); err != nil {
		return nil, err
	}
	if err := l.seq.enter(ctx); err != nil {
		return nil, err
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop = stop
	go l.seq.run(background)
	go l.publisher(background)
	return l, nil
}

// newLog returns a log of which nothing was read.
func newLog(cfg Config) *Log {
	l := &Log{
		cfg: cfg, tiles: newTileStore(cfg.Store), served: newServed(), done: make(chan struct{}), coming: newComing(),
		use: &window{times: map[actorKey][]time.Time{}},
	}
	l.seq = newSequencer(l)
	return l
}

func (c *Config) defaults() {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Queue <= 0 {
		c.Queue = defaultQueue
	}
	if c.Patience <= 0 {
		c.Patience = DefaultPatience
	}
	if c.maxEntries <= 0 {
		c.maxEntries = maxBatchEntries - 1
	}
}

// Close takes no more entries, waits for those that are queued, publishes a
// checkpoint if the log has grown, and stops. When ctx ends first, it returns
// without waiting; what was not acknowledged may or may not be in the log.
func (l *Log) Close(ctx context.Context) error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	defer l.stop()
	err := l.Publish(ctx) // behind everything that is queued
	l.mu.Lock()
	if !l.shut {
		l.shut = true
		close(l.seq.queue)
	}
	l.mu.Unlock()
	select {
	case <-l.seq.done:
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, "audit.Close", "entries were still waiting", ctx.Err())
	}
	select {
	case <-l.done: // every complete tile is stored
	case <-ctx.Done():
	}
	return err
}

// VKey returns the verifier key of the log: what Verify needs as a key, in the
// form that c2sp.org/signed-note gives it.
func (l *Log) VKey() string { return l.current().vkey }

// Size returns how many entries are in the log, as far as this process knows.
func (l *Log) Size() int64 { return l.state.Load().tree.size }

// Append writes the drafts of r into the log, together and in order, and returns
// when they are durable.
//
// It answers Limited, with the receipt of the denial that was logged in place of
// the drafts, when r is over its limit; Invalid and TooLarge (an entry of more
// than 1 MiB, a request of more than a batch) for drafts that cannot be logged;
// and Unavailable, with RetryAfter, when the queue is full, the keyring or the
// store does not answer, ctx ends, or (with the code CodeUnwitnessed) entries have
// waited longer than Config.Patience for enough witnesses. After Unavailable the entries may be in the
// log or may come into it later: they record a release that did not happen.
func (l *Log) Append(ctx context.Context, r Request) (Receipt, error) {
	if err := r.check(); err != nil {
		return Receipt{}, err
	}
	if r.Time.IsZero() {
		r.Time = l.cfg.Clock()
	}
	done, err := l.enqueue(ctx, r, r.Drafts, r.Limit)
	if err != nil {
		return Receipt{}, err
	}
	if !done.verdict.over {
		return done.receipt()
	}
	v := done.verdict
	if done, err = l.enqueue(ctx, r, r.Limit.denied(v), nil); err != nil {
		return Receipt{}, err
	}
	receipt, err := done.receipt()
	if err != nil {
		return Receipt{}, err
	}
	limited := fault.New(fault.Limited, "audit.Append", "too many requests about people").WithCode(v.code)
	limited.RetryAfter = v.retry
	return receipt, limited
}

// check says whether a request can be logged at all.
func (r *Request) check() error {
	const op = "audit.Append"
	if r.ID == "" || r.Actor.Subject == "" || r.Actor.Agency == "" || len(r.Drafts) == 0 {
		return fault.New(fault.Invalid, op, "a request needs an id, an actor and at least one draft")
	}
	drafts := r.Drafts
	if l := r.Limit; l != nil {
		if len(l.Denied) == 0 || (l.AgencyPerHour > 0 || l.AgencyPerDay > 0) && len(l.AgencyDenied) == 0 {
			return fault.New(fault.Invalid, op, "a limit needs the drafts that are logged when it is passed")
		}
		drafts = slices.Concat(drafts, l.Denied, l.AgencyDenied)
	}
	for i := range drafts {
		if drafts[i].Action == "" || !utf8.ValidString(drafts[i].Provider) {
			return fault.New(fault.Invalid, op, "a draft needs an action, and a provider's name in UTF-8")
		}
	}
	return nil
}

// enqueue prepares drafts, hands them to the sequencer and waits for it.
func (l *Log) enqueue(ctx context.Context, r Request, drafts []Draft, limit *Limit) (outcome, error) {
	const op = "audit.Append"
	l.coming.begin()
	age := r.Expected.age()
	r.Expected.End() // from here on it comes soon
	entries, err := preparer{keys: l.cfg.Keys, now: l.cfg.Clock()}.entries(ctx, r, drafts)
	l.coming.end()
	if err != nil {
		return outcome{}, err
	}
	j := &job{
		ctx: ctx, entries: entries, limit: limit, at: r.Time, age: age,
		actor: actorKey{r.Actor.Agency, r.Actor.Subject}, reply: make(chan outcome, 1),
	}
	for i := range entries {
		j.bytes += entries[i].bytes()
	}
	if err := l.send(j); err != nil {
		return outcome{}, err
	}
	done, ok := j.wait(ctx)
	if !ok {
		return outcome{}, fault.Wrap(fault.Unavailable, op, "the caller gave up while its entry was being logged", ctx.Err())
	}
	return done, done.err
}

// send puts a job into the queue, or refuses it at once.
func (l *Log) send(j *job) error {
	const op = "audit.Append"
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.shut || l.closed && j.heads == nil {
		return unavailable(op, "the log is closed", nil)
	}
	if l.queuedBytes.Add(int64(j.bytes)) <= maxQueueBytes {
		select {
		case l.seq.queue <- j:
			return nil
		default:
		}
	}
	l.queuedBytes.Add(-int64(j.bytes))
	return unavailable(op, "too many entries are waiting for the log", nil)
}

// unavailable returns the fault of everything that a caller may try again.
func unavailable(op, message string, cause error) *fault.Error {
	err := fault.Wrap(fault.Unavailable, op, message, cause)
	err.RetryAfter = retryAfter
	return err
}

// outcome is what became of a job.
type outcome struct {
	err     error
	verdict verdict
	// first is the index of its first entry, in batch, after which the log was
	// in state.
	first int64
	count int
	batch *Batch
	state *state
	// coming, where set, counts the caller until dealtWith.
	coming *coming
}

// receipt proves the first entry in the tree of the batch's head. It runs in the
// caller's goroutine.
func (o *outcome) receipt() (Receipt, error) {
	defer o.dealtWith()
	proof, err := o.state.tree.prove(o.first, o.state.ends)
	if err != nil {
		return Receipt{}, fault.Wrap(fault.Internal, "audit.Append", "the entry cannot be proven", err)
	}
	return Receipt{
		First: o.first, Count: o.count, Batch: o.batch.N,
		EntryHash: hex.EncodeToString(o.batch.Leaves[o.first-o.batch.First]),
		Proof:     encodeHashes(proof), Head: string(o.batch.Head),
	}, nil
}

// encodeHashes returns hashes in base64.
func encodeHashes(hashes []tlog.Hash) []string {
	text := make([]byte, 0, len(hashes)*base64.StdEncoding.EncodedLen(tlog.HashSize))
	for i := range hashes {
		text = base64.StdEncoding.AppendEncode(text, hashes[i][:])
	}
	all := string(text) // of which the others are parts
	encoded := make([]string, len(hashes))
	for i := range encoded {
		each := len(all) / len(hashes)
		encoded[i] = all[i*each : (i+1)*each]
	}
	return encoded
}

// cleanOrigin reports whether origin can stand on a line of its own and name a
// key (c2sp.org/signed-note).
func cleanOrigin(origin string) bool {
	return origin != "" && utf8.ValidString(origin) && !strings.ContainsAny(origin, "+\n\t ")
}
