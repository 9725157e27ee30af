package audit

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Evidence is one entry with what proves that it is in the published log: for a
// court, or for anybody who is not given the rest.
type Evidence struct {
	Index int64 `json:"index"`
	// Entry is the entry, whose canonical JSON is hashed into the log.
	Entry json.RawMessage `json:"entry"`
	// Proof is the inclusion proof in the tree of Checkpoint, each hash in
	// base64.
	Proof []string `json:"proof"`
	// Checkpoint is the signed note.
	Checkpoint string `json:"checkpoint"`
}

// Evidence returns entry index with its proof against the newest published
// checkpoint. Its errors are those of Proof.
func (l *Log) Evidence(ctx context.Context, index int64) (Evidence, error) {
	proof, err := l.Proof(ctx, index)
	if err != nil {
		return Evidence{}, err
	}
	_, raw, err := l.Entry(ctx, index)
	return Evidence{Index: index, Entry: raw, Proof: proof.Hashes, Checkpoint: proof.Checkpoint}, err
}

// ExtractEvidence is like Log.Evidence, on a store whose log nobody has open here. The
// checkpoint's signature is not checked: that is for whoever is given the
// evidence.
func ExtractEvidence(ctx context.Context, store Store, index int64) (Evidence, error) {
	const op = "audit.Evidence"
	b, err := batchOf(ctx, store, op, index)
	if err != nil {
		return Evidence{}, err
	}
	_, checkpoint, err := store.LastCheckpoint(ctx)
	if err != nil {
		return Evidence{}, err
	}
	n, err := parseTree(checkpoint)
	if err != nil {
		return Evidence{}, fault.Wrap(fault.Internal, op, "the published checkpoint cannot be read", err)
	}
	if index >= n.size {
		return Evidence{}, fault.New(fault.Conflict, op, "the entry is in the log, but in no published checkpoint yet").
			WithCode("not-yet-published")
	}
	tiles := newTileStore(store)
	edge, err := restore(n.size, func(level int, from, to int64) ([]tlog.Hash, error) { return tiles.hashes(ctx, level, from, to) })
	if err != nil {
		return Evidence{}, err
	}
	hashes, err := tlog.ProveRecord(n.size, index, tiles.reader(ctx, &edge))
	if err != nil {
		return Evidence{}, readFault(op, err)
	}
	return Evidence{
		Index: index, Entry: b.Entries[index-b.First], Proof: encodeHashes(hashes), Checkpoint: string(checkpoint),
	}, nil
}

// EntryReport is what VerifyEvidence found.
type EntryReport struct {
	Index int64 `json:"index"`
	// Size is the size of the tree in which the entry is proven.
	Size    int64    `json:"size"`
	Entry   *Entry   `json:"entry,omitempty"`
	OK      bool     `json:"ok"`
	Problem *Problem `json:"problem,omitempty"`
}

// VerifyEvidence checks that an entry is in the tree of a checkpoint that the log
// key signed, and as many witnesses cosigned as opts asks for. Any of opts.Keys may
// have signed: which was in force then, the whole log tells.
func VerifyEvidence(e Evidence, opts VerifyOptions) (EntryReport, error) {
	p, err := newProver(opts, e.Checkpoint)
	if err != nil {
		return EntryReport{}, err
	}
	report := EntryReport{Index: e.Index, Size: p.tree.size}
	if p.problem != nil {
		report.Problem = p.problem
		return report, nil
	}
	entry, problem := p.entry(e.Index, e.Entry, e.Proof)
	report.Entry, report.Problem, report.OK = entry, problem, problem == nil
	return report, nil
}

// prover holds entries against one checkpoint.
type prover struct {
	tree treeNote
	// problem is what is wrong with the checkpoint itself.
	problem *Problem
}

// newProver opens a checkpoint. Options that are wrong are Invalid.
func newProver(opts VerifyOptions, checkpoint string) (*prover, error) {
	v, err := newVerification(opts)
	if err != nil {
		return nil, err
	}
	tree, bad := openTree([]byte(checkpoint), v.keys.all())
	if bad != nil || tree.origin != v.origin {
		return &prover{tree: tree, problem: &Problem{ //nolint:nilerr // it is what was found
			Batch: -1, Code: CodeCheckpoint, Message: "the checkpoint is not signed by the log key for this log",
		}}, nil
	}
	problem, err := cosigned([]byte(checkpoint), opts)
	return &prover{tree: tree, problem: problem}, err
}

// entry checks that raw is a canonical entry and stands at index in the tree.
func (p *prover) entry(index int64, raw json.RawMessage, proof []string) (*Entry, *Problem) {
	problem := func(code, format string, args ...any) (*Entry, *Problem) {
		return nil, &Problem{Index: index, Batch: -1, Code: code, Message: fmt.Sprintf(format, args...)}
	}
	var e Entry
	if err := json.Unmarshal(raw, &e); err != nil {
		return problem(CodeEntryForm, "entry %d is not an entry", index)
	}
	// From its members, in whatever form they came: JSON that was indented on the
	// way still says the same.
	text, err := Canonical(raw)
	if err != nil {
		return problem(CodeEntryForm, "entry %d has no canonical form", index)
	}
	leaf := tlog.Hash(sha256.Sum256(text))
	hashes, err := decodeHashes(proof)
	if err != nil {
		return problem(CodeProof, "the proof of entry %d cannot be read", index)
	}
	if index < 0 || index >= p.tree.size {
		return problem(CodeProof, "entry %d is not covered by the checkpoint, which has %d entries", index, p.tree.size)
	}
	if err := tlog.CheckRecord(hashes, p.tree.size, p.tree.root, index, tlog.RecordHash(leaf[:])); err != nil {
		return problem(CodeProof, "entry %d is not in the log at that place, or was changed", index)
	}
	return &e, nil
}

// decodeHashes undoes encodeHashes.
func decodeHashes(encoded []string) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(encoded))
	for i, text := range encoded {
		raw, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil || len(raw) != tlog.HashSize {
			return nil, errNote
		}
		hashes[i] = tlog.Hash(raw)
	}
	return hashes, nil
}

// TreeOf reads size and root off a checkpoint, whose signature is not checked.
func TreeOf(checkpoint []byte) (size int64, root [sha256.Size]byte, err error) {
	n, err := parseTree(checkpoint)
	if err != nil {
		return 0, root, fault.Wrap(fault.Invalid, "audit.TreeOf", "the checkpoint cannot be read", err)
	}
	return n.size, n.root, nil
}
