package audit

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"sort"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/concord-gateway/concord/gateway/fault"
)

// VerifyOptions says what Verify trusts.
type VerifyOptions struct {
	// Keys are the verifier keys of the log (VKey), at least one; all carry the
	// log's origin as their name. One of them must be the first that the log
	// had; the later ones are followed by the entries that bring them in, and those
	// that are given too must have come in.
	Keys []string
	// Since is a checkpoint that was seen before, a signed note; nil for none.
	// It is what makes cutting off and forking visible.
	Since []byte
	// Incremental verifies only what follows Since, which the source must be
	// able to resume from. What came before was verified when Since was kept.
	Incremental bool
	// Witnesses are the verifier keys of the witnesses that are trusted, of which
	// Quorum different ones must have cosigned the published checkpoint; 0 asks
	// for none.
	Witnesses []string
	Quorum    int
	// Receipt, where set, is held against the log as well.
	Receipt *Receipt
	// Progress, where set, is told how many entries are verified, and of how
	// many (0 when unknown).
	Progress func(done, total int64)
}

// Report is what Verify found.
type Report struct {
	// From is how many entries were taken as verified before; 0 for a full
	// verification. Entries and Batches count what follows them.
	From    int64 `json:"from,omitempty"`
	Entries int64 `json:"entries"`
	Batches int64 `json:"batches"`
	// Size and Root (base64) are of the tree that the entries make.
	Size int64  `json:"size"`
	Root string `json:"root"`
	// Checkpoint is the size of the newest published checkpoint, 0 for none.
	Checkpoint int64 `json:"checkpoint"`
	// Providers counts the entries in each provider's chain.
	Providers map[string]int64 `json:"providers"`
	// Receipt is what became of the receipt, where one was given.
	Receipt *ReceiptReport `json:"receipt,omitempty"`
	OK      bool           `json:"ok"`
	// FirstBad is the smallest index of Problems, nil when there are none.
	FirstBad *int64    `json:"first_bad,omitempty"`
	Problems []Problem `json:"problems,omitempty"`
}

// Verify recomputes the whole log and holds it against its signatures: every
// entry's form and hash, the root of every batch, every head and the session key
// behind it, the numbers of batches, entries and providers' chains, the published
// checkpoint and Since. It trusts opts alone. Private parts may be absent.
//
// What is wrong with the log is in the report. An error means that it could not be
// verified: Invalid for options that are wrong, Unavailable for a source that
// cannot be read.
func Verify(ctx context.Context, source Source, opts VerifyOptions) (Report, error) {
	v, err := newVerification(opts)
	if err != nil {
		return Report{}, err
	}
	var total int64
	if sized, ok := source.(Sized); ok {
		if total, err = sized.Size(ctx); err != nil && fault.Is(err, fault.Unavailable) {
			return Report{}, err
		}
	}
	if opts.Incremental {
		if opts.Since == nil {
			return Report{}, fault.New(fault.Invalid, "audit.Verify", "an incremental verification needs a checkpoint to go on from")
		}
		if err := v.resume(ctx, source, opts.Since); err != nil {
			return Report{}, err
		}
	}
	for b, err := range ahead(ctx, source) {
		if fault.Is(err, fault.Unavailable) {
			return Report{}, err
		}
		if err != nil {
			v.found(Problem{Index: v.size, Batch: v.next, Code: CodeUnreadable, Message: "the next batch cannot be read: " + err.Error()})
			break
		}
		v.add(b)
		v.watch(b)
		if opts.Progress != nil {
			opts.Progress(v.size, total)
		}
	}
	checkpoints, err := source.Checkpoints(ctx)
	if err != nil {
		return Report{}, err
	}
	for _, checkpoint := range checkpoints {
		v.report.Checkpoint = max(v.report.Checkpoint, v.checkpoint(checkpoint, "the published checkpoint"))
	}
	if opts.Since != nil {
		v.checkpoint(opts.Since, "the checkpoint seen before")
	}
	if err := v.witnessed(checkpoints); err != nil {
		return Report{}, err
	}
	v.settleReceipt(checkpoints)
	return v.finish(), nil
}

// verification is a Verify under way.
type verification struct {
	checker

	tree   frontier
	report Report
	opts   VerifyOptions
	// lost is set once the tree cannot come out any more; it is reported once.
	lost bool
	// ends are the sizes and roots after each batch, ascending.
	ends []treeEnd
}

type treeEnd struct {
	size int64
	root tlog.Hash
	// heads is set where a heads entry is the last.
	heads bool
}

func newVerification(opts VerifyOptions) (*verification, error) {
	const op = "audit.Verify"
	v := &verification{opts: opts, report: Report{Providers: map[string]int64{}}}
	for _, vkey := range opts.Keys {
		key, err := newEpoch(0, vkey)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, op, "a key of the log cannot be read", err)
		}
		if v.origin != "" && key.verifier.Name() != v.origin {
			return nil, fault.New(fault.Invalid, op, "the keys are of different logs")
		}
		v.origin = key.verifier.Name()
		v.keys.trusted = append(v.keys.trusted, key)
	}
	if len(v.keys.trusted) == 0 {
		return nil, fault.New(fault.Invalid, op, "a key of the log is needed")
	}
	v.sessions = map[string]session{}
	v.notify = v.found
	return v, nil
}

// publicKey returns the Ed25519 key of a verifier key that note.NewVerifier has
// accepted: name, hash and base64 of an algorithm byte and the key.
func publicKey(vkey string) ed25519.PublicKey {
	_, rest, _ := strings.Cut(vkey, "+")
	_, key, _ := strings.Cut(rest, "+") // which may hold a plus sign itself
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil || len(raw) != 1+ed25519.PublicKeySize {
		return make(ed25519.PublicKey, ed25519.PublicKeySize) // verifies nothing
	}
	return raw[1:]
}

func (v *verification) found(p Problem) {
	if v.report.FirstBad == nil || p.Index < *v.report.FirstBad {
		v.report.FirstBad = &p.Index
	}
	if len(v.report.Problems) < problemsAtMost {
		v.report.Problems = append(v.report.Problems, p)
	}
}

// add verifies the next batch.
func (v *verification) add(b *Batch) {
	inPlace := v.batch(b)
	v.report.Batches++
	v.report.Entries += int64(len(b.Entries))
	for provider, tip := range v.tips {
		v.report.Providers[provider] = tip.Seq
	}
	if !inPlace {
		v.lost = true // and reported by the checker
	}
	if v.lost {
		return
	}
	for i, leaf := range b.Leaves {
		if len(leaf) != sha256.Size || i >= len(v.facts) { // reported as no entry's hash
			v.lost = true
			return
		}
		v.tree.push(v.facts[i].record)
	}
	root := v.tree.root()
	v.ends = append(v.ends, treeEnd{v.tree.size, root, v.heads == v.tree.size})
	if string(root[:]) != string(b.Root) {
		v.lost = true
		v.problemf(b, v.suspect, CodeRoot, "the leaves up to batch %d do not give its root", b.N)
	}
}

// checkpoint holds the log against a checkpoint and returns its size.
func (v *verification) checkpoint(msg []byte, which string) int64 {
	n, err := v.openCheckpoint(msg)
	if err != nil {
		v.found(Problem{Index: 0, Batch: -1, Code: CodeCheckpoint, Message: which + " is not signed by the log key for this log"})
		return 0
	}
	size := v.size
	if n.size > size {
		v.found(Problem{Index: size, Batch: -1, Code: CodeTruncated, Message: fmt.Sprintf(
			"the log ends at %d entries, but %s has %d", size, which, n.size)})
		return n.size
	}
	end, ok := v.endAt(n.size)
	if ok && end.root == n.root && !end.heads {
		v.found(Problem{Index: n.size - 1, Batch: -1, Code: CodeHeads, Message: which + " does not end with a heads entry"})
	}
	if !ok || end.root != n.root {
		v.found(Problem{Index: v.lastGood(n.size), Batch: -1, Code: CodeFork, Message: fmt.Sprintf(
			"the first %d entries are not those of %s", n.size, which)})
	}
	return n.size
}

// openCheckpoint verifies a checkpoint by the log key that was in force at its
// size. Of a log in which no key came into force any trusted one will do.
func (v *verification) openCheckpoint(msg []byte) (treeNote, error) {
	n, err := openTree(msg, v.keys.all())
	if err != nil {
		return n, err
	}
	if inForce, ok := v.keys.at(n.size); ok {
		if n, err = openTree(msg, inForce); err != nil {
			return n, err
		}
	}
	if n.origin != v.origin {
		return n, errNote
	}
	return n, nil
}

// endAt returns the tree after size entries, which must end a batch.
func (v *verification) endAt(size int64) (treeEnd, bool) {
	if size == 0 {
		return treeEnd{root: (&frontier{}).root(), heads: true}, true
	}
	i := sort.Search(len(v.ends), func(i int) bool { return v.ends[i].size >= size })
	if i == len(v.ends) || v.ends[i].size != size {
		return treeEnd{}, false
	}
	return v.ends[i], true
}

// lastGood is the index to name for a fork somewhere below size: where exactly,
// a root does not tell, unless something else was found there.
func (v *verification) lastGood(size int64) int64 {
	if v.report.FirstBad != nil && *v.report.FirstBad < size {
		return *v.report.FirstBad
	}
	return 0
}

func (v *verification) finish() Report {
	if key, missing := v.keys.missing(); missing && v.size > 0 {
		v.found(Problem{Index: v.size, Batch: -1, Code: CodeKey, Message: "the log ends before the key " + key + " came into force"})
	}
	root := v.tree.root()
	v.report.Size, v.report.Root = v.size, root.String()
	v.report.OK = len(v.report.Problems) == 0
	return v.report
}

// frontier is the least that is needed to compute roots: the hashes of the
// complete subtrees that make up the tree, largest first. It shares no code with
// the tree that the log appends to.
type frontier struct {
	size  int64
	stack []tlog.Hash
}

func (f *frontier) push(h tlog.Hash) {
	for n := f.size; n&1 == 1; n >>= 1 {
		last := len(f.stack) - 1
		h = tlog.NodeHash(f.stack[last], h)
		f.stack = f.stack[:last]
	}
	f.stack = append(f.stack, h)
	f.size++
}

func (f *frontier) root() tlog.Hash {
	if len(f.stack) == 0 {
		return sha256.Sum256(nil) // RFC 6962 section 2.1
	}
	h := f.stack[len(f.stack)-1]
	for i := len(f.stack) - 2; i >= 0; i-- {
		h = tlog.NodeHash(f.stack[i], h)
	}
	return h
}
