package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/concord-gateway/concord/gateway/fault"
)

const (
	// witnessTimeout bounds how long one witness is asked.
	witnessTimeout = 5 * time.Second
	// witnessGrace is how long the others are waited for once there is a quorum.
	witnessGrace = time.Second
	// witnessTries is how often a witness is asked that knows another size: other
	// gateways publish, too.
	witnessTries = 3

	// CodeUnwitnessed is the code of Unavailable while too few witnesses cosign.
	CodeUnwitnessed = "unwitnessed"
	// CodeOlder is the code of Unavailable when a witness has seen more of the log
	// than the store holds.
	CodeOlder = "store-older-than-witness"
	// CodeForked is its code when a witness has seen another log.
	CodeForked = "store-forked"
)

// witness is a witness as the publisher knows it.
type witness struct {
	name     string
	verifier *torchwood.CosignatureVerifier
	port     Witness
	// size is that of the newest tree that it is known to have cosigned. Whoever
	// asks it owns the field; Log.publishing lets only one.
	size int64
}

// newWitnesses reads the witnesses of a configuration.
func newWitnesses(cfg *Config) ([]*witness, error) {
	const op = "audit.Open"
	if cfg.Quorum < 0 || cfg.Quorum > len(cfg.Witnesses) {
		return nil, fault.New(fault.Invalid, op, "the quorum is greater than the number of witnesses")
	}
	keys := make([]string, len(cfg.Witnesses))
	for i, w := range cfg.Witnesses {
		keys[i] = w.Key
	}
	verifiers, err := cosigners(op, keys)
	if err != nil {
		return nil, err
	}
	witnesses := make([]*witness, len(keys))
	for i, w := range cfg.Witnesses {
		witnesses[i] = &witness{name: w.Name, verifier: verifiers[i], port: w.Witness}
		if w.Name == "" {
			witnesses[i].name = verifiers[i].Name()
		}
	}
	return witnesses, nil
}

// unpublished is a signed checkpoint that is not published yet. It is kept until
// it is, or until a witness has seen a greater one: signing another each time
// would fill the log with heads entries.
type unpublished struct {
	size   int64
	root   tlog.Hash
	signed []byte
}

var (
	// errSuperseded means that a witness has cosigned a greater tree of this log.
	errSuperseded = errors.New("another gateway has shown a witness a greater tree")
	errOlder      = errors.New("a witness has cosigned more entries than the store holds: the store is older than what was witnessed")
	errForked     = errors.New("a witness has cosigned a tree that the store does not contain: the store was changed")
)

// cosign has the witnesses cosign a checkpoint of a tree, and returns the note
// with all cosignatures. It answers Unavailable with the code CodeUnwitnessed when
// fewer than Config.Quorum did. When one of them has seen more than the store
// holds, or something else, the log goes no further, and the error wraps errOlder
// or errForked.
func (l *Log) cosign(ctx context.Context, size int64, root tlog.Hash, signed []byte) ([]byte, error) {
	const op = "audit.Publish"
	if len(l.witnesses) == 0 {
		return signed, nil
	}
	answers := l.askAll(ctx, size, root, signed)
	var missing []string
	have, cosigned, superseded := 0, signed, false
	for i, w := range l.witnesses {
		a := answers[i]
		if a.err == nil {
			if with, err := addCosignature(cosigned, a.lines, w.verifier); err == nil {
				have, cosigned = have+1, with
				continue
			}
		}
		if err := l.judge(ctx, a.err); err != nil {
			l.halt(fmt.Errorf("witness %s: %w", w.name, err))
			return nil, fault.Wrap(fault.Unavailable, op, "a witness contradicts the store", err)
		}
		superseded = superseded || errors.Is(a.err, errSuperseded)
		missing = append(missing, w.name)
		l.cfg.Logger.Debug("audit: a witness did not cosign", "witness", w.name, "size", size, "error", a.err)
	}
	l.patience.answered(missing)
	switch {
	case have >= l.cfg.Quorum:
		return cosigned, nil
	case superseded:
		return nil, unavailable(op, "too few witnesses cosigned", errSuperseded).WithCode(CodeUnwitnessed)
	default:
		return nil, unavailable(op, "too few witnesses cosigned", nil).WithCode(CodeUnwitnessed)
	}
}

// halt stops the log for good.
func (l *Log) halt(err error) {
	l.cfg.Logger.Error("audit: what the store holds is not what was witnessed", "error", err)
	l.halted.CompareAndSwap(nil, &err)
}

// answer is what one witness said.
type answer struct {
	// lines are signature lines, one of which verifies.
	lines []byte
	err   error
}

// askAll asks all witnesses at once. Once there is a quorum, the others have
// little time left.
func (l *Log) askAll(ctx context.Context, size int64, root tlog.Hash, signed []byte) []answer {
	ctx, cancel := context.WithTimeout(ctx, witnessTimeout)
	defer cancel()
	answers := make([]answer, len(l.witnesses))
	var mu sync.Mutex // guards have
	have := 0
	var wg sync.WaitGroup
	for i, w := range l.witnesses {
		wg.Go(func() {
			answers[i].lines, answers[i].err = l.ask(ctx, w, size, root, signed)
			if answers[i].err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if have++; have == l.cfg.Quorum {
				time.AfterFunc(witnessGrace, cancel)
			}
		})
	}
	wg.Wait()
	return answers
}

// ask asks one witness, from the size that it is thought to have and then from
// that which it names. It returns an *aheadError when it has a greater tree.
func (l *Log) ask(ctx context.Context, w *witness, size int64, root tlog.Hash, signed []byte) ([]byte, error) {
	const op = "audit.ask"
	old := min(w.size, size)
	for range witnessTries {
		proof, err := l.proofFrom(ctx, old, size, root)
		if err != nil {
			return nil, err
		}
		lines, err := w.port.Cosign(ctx, old, proof, signed)
		other, isOther := errors.AsType[*OtherSizeError](err)
		switch {
		case err == nil:
			if _, err := addCosignature(signed, lines, w.verifier); err != nil {
				return nil, fault.Wrap(fault.Unavailable, op, "the witness answered with something else", err)
			}
			w.size = size
			return lines, nil
		case fault.Is(err, fault.Conflict), isOther && other.Size == old && old == size:
			return nil, fmt.Errorf("%w: %w", errForked, err)
		case isOther && other.Size > size:
			return nil, &aheadError{other.Size}
		case isOther && other.Size >= 0 && other.Size != old:
			old, w.size = other.Size, other.Size
		default:
			return nil, err
		}
	}
	return nil, unavailable(op, "the witness names another size each time", nil)
}

// proofFrom proves that the tree of size entries contains that of old entries.
// What does not prove it is not sent: a witness would take it for a fork.
func (l *Log) proofFrom(ctx context.Context, old, size int64, root tlog.Hash) ([]tlog.Hash, error) {
	const op = "audit.proofFrom"
	if old == 0 || old == size {
		return nil, nil
	}
	edge, err := l.edge(ctx, size)
	if err != nil {
		return nil, err
	}
	reader := l.tiles.reader(ctx, edge)
	proof, err := tlog.ProveTree(size, old, reader)
	if err != nil {
		return nil, readFault(op, err)
	}
	first, err := tlog.TreeHash(old, reader)
	if err != nil {
		return nil, readFault(op, err)
	}
	if err := tlog.CheckTree(proof, size, root, old, first); err != nil {
		return nil, fault.Wrap(fault.Internal, op, "the log does not prove its own beginning", err)
	}
	return proof, nil
}

// aheadError says that a witness has cosigned a greater tree than it was shown.
type aheadError struct{ size int64 }

func (e *aheadError) Error() string {
	return fmt.Sprintf("the witness has cosigned %d entries", e.size)
}

// Is makes it errSuperseded: that it is worse, judge says.
func (e *aheadError) Is(target error) bool { return target == errSuperseded }

// judge returns errOlder or errForked when the answer of a witness means that,
// and nil when it is only an answer that is missing. The store is read after the
// witness answered, since another gateway may have shown it more meanwhile.
func (l *Log) judge(ctx context.Context, err error) error {
	if errors.Is(err, errForked) {
		return err
	}
	ahead, ok := errors.AsType[*aheadError](err)
	if !ok {
		return nil
	}
	last, err := l.cfg.Store.LastBatch(ctx)
	switch {
	case isNotFound(err), err == nil && last.Size < ahead.size:
		return fmt.Errorf("%w: %w", errOlder, ahead)
	default: // a store that does not answer proves nothing
		return nil
	}
}

// meet asks every witness, before anything is written, to cosign once more what
// the store has published, and refuses a store that is older than what was
// witnessed. A witness that is not reached says nothing.
func (l *Log) meet(ctx context.Context) error {
	const op = "audit.Open"
	if len(l.witnesses) == 0 {
		return nil
	}
	p, err := l.lastPublished(ctx)
	if err != nil {
		return err
	}
	for _, w := range l.witnesses {
		w.size = p.size
	}
	var missing []string
	for i, a := range l.askAll(ctx, p.size, p.root, p.signed) {
		name := l.witnesses[i].name
		switch err := l.judge(ctx, a.err); {
		case errors.Is(err, errOlder):
			return fault.Wrap(fault.Unavailable, op, "witness "+name+" has seen more of the log than the store holds", err).WithCode(CodeOlder)
		case err != nil:
			return fault.Wrap(fault.Unavailable, op, "witness "+name+" has seen another log than the store holds", err).WithCode(CodeForked)
		case a.err != nil && !errors.Is(a.err, errSuperseded):
			missing = append(missing, name)
			l.cfg.Logger.Warn("audit: a witness cannot be asked how much of the log it has seen", slog.String("witness", name), slog.Any("error", a.err))
		}
	}
	l.patience.answered(missing)
	return nil
}

// lastPublished returns the newest published checkpoint, or, while there is none,
// one of the empty tree, which is not published.
func (l *Log) lastPublished(ctx context.Context) (unpublished, error) {
	const op = "audit.Open"
	n, checkpoint, err := l.published(ctx, op)
	if err == nil {
		return unpublished{n.size, n.root, checkpoint}, nil
	}
	if f, ok := errors.AsType[*fault.Error](err); !ok || f.Code != "not-yet-published" {
		return unpublished{}, err
	}
	empty, err := tlog.TreeHash(0, nil)
	if err != nil {
		return unpublished{}, err
	}
	signed, err := signTree(l.cfg.Origin, 0, empty, nil, l.signers()...)
	if err != nil {
		return unpublished{}, unavailable(op, "the log key cannot sign", err)
	}
	return unpublished{0, empty, signed}, nil
}
