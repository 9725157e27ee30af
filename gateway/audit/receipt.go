package audit

import (
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// ReceiptReport is what became of the promise that a receipt makes.
type ReceiptReport struct {
	Index int64 `json:"index"`
	// Kept says that the log holds what the receipt promised, at its place.
	Kept bool `json:"kept"`
	// Published says that the published checkpoint covers it.
	Published bool `json:"published"`
	// Head is the signed head of the receipt, and LogHead that of the log's batch
	// of the same number, or else the published checkpoint: both signed by the
	// gateway. Where they contradict each other, together they prove it.
	Head    string `json:"head"`
	LogHead string `json:"log_head"`
}

// watch looks for the receipt's batch among those that go by.
func (v *verification) watch(b *Batch) {
	r := v.opts.Receipt
	if r == nil || v.report.Receipt != nil && v.report.Receipt.Kept {
		return
	}
	if v.report.Receipt == nil {
		v.report.Receipt = &ReceiptReport{Index: r.First, Head: r.Head}
	}
	if b.N == r.Batch {
		v.report.Receipt.LogHead = string(b.Head)
	}
	if at := r.First - b.First; at >= 0 && at < int64(len(b.Leaves)) {
		v.report.Receipt.Kept = b.N == r.Batch && hex.EncodeToString(b.Leaves[at]) == r.EntryHash && string(b.Head) == r.Head
	}
}

// settleReceipt says what became of the receipt, once the whole log has gone by.
func (v *verification) settleReceipt(checkpoints [][]byte) {
	r := v.opts.Receipt
	if r == nil {
		return
	}
	found := v.report.Receipt
	if found == nil { // of a log without entries
		found = &ReceiptReport{Index: r.First, Head: r.Head}
		v.report.Receipt = found
	}
	found.Published = found.Kept && r.First < v.report.Checkpoint
	if found.LogHead == "" && len(checkpoints) > 0 {
		found.LogHead = string(checkpoints[len(checkpoints)-1])
	}
	if found.Kept {
		return
	}
	if r.First < v.report.From {
		v.found(Problem{Index: r.First, Batch: -1, Code: CodeReceipt, Message: fmt.Sprintf(
			"the receipt is for entry %d, before the checkpoint that was gone on from: verify the log in full", r.First)})
		return
	}
	v.found(Problem{Index: min(r.First, v.size), Batch: -1, Code: CodeReceipt, Message: v.broken(r)})
}

// broken says in which way the promise of a receipt is not kept.
func (v *verification) broken(r *Receipt) string {
	n, err := v.receiptHead(r)
	if err != nil {
		return fmt.Sprintf("the receipt for entry %d is not one of this log: %v", r.First, err)
	}
	return fmt.Sprintf("the gateway promised entry %d, with hash %s, in a head over %d entries that it signed, and the log does not hold it there",
		r.First, r.EntryHash, n.size)
}

var errStranger = errors.New("its head is not signed by a session key that the log introduces")

// receiptHead verifies the head of a receipt, by a session that the log
// introduces, and the proof under it.
func (v *verification) receiptHead(r *Receipt) (treeNote, error) {
	n, err := parseTree([]byte(r.Head))
	if err != nil {
		return n, err
	}
	verified := false
	for _, s := range v.sessions {
		if opened, err := openTree([]byte(r.Head), note.VerifierList(s.verifier)); err == nil {
			n, verified = opened, true
			break
		}
	}
	if !verified {
		return n, errStranger
	}
	hashes, err := decodeHashes(r.Proof)
	if err != nil {
		return n, err
	}
	leaf, err := hex.DecodeString(r.EntryHash)
	if err != nil {
		return n, err
	}
	if r.First < 0 || r.First >= n.size {
		return n, errNote
	}
	return n, tlog.CheckRecord(hashes, n.size, n.root, r.First, tlog.RecordHash(leaf))
}
