package audit

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/concord-gateway/concord/gateway/fault"
)

// A partner's register, as a file: one line of JSON with the opening of the
// newest published heads entry, and then one for each of the partner's entries,
// oldest first. It holds everything that is needed to verify it offline, but for
// the keys.

// registerLine is one line of such a file.
type registerLine struct {
	Opening *Opening  `json:"opening,omitempty"`
	Use     *Evidence `json:"use,omitempty"`
}

// WriteRegister writes a partner's register. Entries that the opening does not
// cover have no proof yet. The checkpoint stands in the opening alone.
func WriteRegister(w io.Writer, opening *Opening, uses iter.Seq2[Evidence, error]) error {
	enc := json.NewEncoder(w)
	if err := enc.Encode(registerLine{Opening: opening}); err != nil {
		return fault.Wrap(fault.Unavailable, "audit.WriteRegister", "the register cannot be written", err)
	}
	for use, err := range uses {
		if err != nil {
			return err
		}
		use.Checkpoint = ""
		if err := enc.Encode(registerLine{Use: &use}); err != nil {
			return fault.Wrap(fault.Unavailable, "audit.WriteRegister", "the register cannot be written", err)
		}
	}
	return nil
}

// RegisterReport is what VerifyRegister found.
type RegisterReport struct {
	Provider string `json:"provider"`
	// Size is the size of the published tree, and Uses how many of the
	// provider's entries it holds, by the opening.
	Size int64 `json:"size"`
	Uses int64 `json:"uses"`
	// Later counts the entries behind the opening: logged, but not published
	// when the register was fetched.
	Later int64 `json:"later"`
	// Counts are the uses by dataset, purpose and month, in that order.
	Counts []UseCount `json:"counts"`
	OK     bool       `json:"ok"`
	// Problems are at most 100.
	Problems []Problem `json:"problems,omitempty"`
}

// UseCount counts the entries of one dataset, purpose and month.
type UseCount struct {
	Dataset string `json:"dataset"`
	Purpose string `json:"purpose"`
	// Month is "2006-01" by the entry's time.
	Month string `json:"month"`
	// Disclosed counts entries in which something of the dataset was released,
	// and Records the records in them; Denied those in which nothing was.
	Disclosed int64 `json:"disclosed"`
	Records   int64 `json:"records"`
	Denied    int64 `json:"denied"`
}

// VerifyRegister checks a partner's register: the checkpoint is signed by the log
// key and cosigned as opts asks; the heads entry is the last one under it and
// commits to the end of the provider's chain; the entries form that chain from its
// first to its last, without a gap; and each is in the log at its place. So no
// use that the published log holds was left out.
//
// It cannot see whether the log holds entries about the provider that are not in
// its chain, or that a release was never logged: a full Verify finds the first,
// the second nobody finds from the log alone.
//
// An error means that it could not be verified: Invalid for options and for a file
// that is no register, Unavailable where it cannot be read.
func VerifyRegister(r io.Reader, opts VerifyOptions) (RegisterReport, error) {
	const op = "audit.VerifyRegister"
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	var first registerLine
	if err := dec.Decode(&first); err != nil || first.Opening == nil {
		return RegisterReport{}, fault.Wrap(fault.Invalid, op, "the file does not begin with the opening of a heads entry", err)
	}
	p, err := newProver(opts, first.Opening.Checkpoint)
	if err != nil {
		return RegisterReport{}, err
	}
	v := &registerCheck{prover: p, opening: first.Opening, counts: map[useKey]*UseCount{}}
	v.report = RegisterReport{Provider: v.opening.Provider, Size: p.tree.size, Uses: v.opening.Seq, Counts: []UseCount{}}
	if p.problem != nil {
		v.report.Problems = append(v.report.Problems, *p.problem)
		return v.report, nil
	}
	v.heads()
	for {
		var line registerLine
		err := dec.Decode(&line)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || line.Use == nil {
			return RegisterReport{}, fault.Wrap(fault.Invalid, op, "the register is cut off or holds something else", err)
		}
		v.use(line.Use)
	}
	return v.finish(), nil
}

// registerCheck is a VerifyRegister under way.
type registerCheck struct {
	prover  *prover
	opening *Opening
	report  RegisterReport
	// last is the end of the chain so far, and index the place of its entry.
	last   Tip
	index  int64
	counts map[useKey]*UseCount
}

type useKey struct{ dataset, purpose, month string }

func (v *registerCheck) found(p Problem) {
	if len(v.report.Problems) < problemsAtMost {
		v.report.Problems = append(v.report.Problems, p)
	}
}

func (v *registerCheck) foundf(index int64, code, format string, args ...any) {
	v.found(Problem{Index: index, Batch: -1, Code: code, Message: fmt.Sprintf(format, args...)})
}

// heads checks the opening.
func (v *registerCheck) heads() {
	o := v.opening
	raw, err := Canonical(o.Entry)
	if err != nil {
		v.foundf(o.Index, CodeEntryForm, "the heads entry has no canonical form")
		return
	}
	e, problem := v.prover.entry(o.Index, raw, o.Proof)
	if problem != nil {
		v.found(*problem)
		return
	}
	if e.Action != Heads || o.Index != v.prover.tree.size-1 {
		v.foundf(o.Index, CodeHeads, "the checkpoint does not end with the heads entry")
		return
	}
	commitment, committed := e.Heads[HeadsLabel(o.Provider)]
	if o.Seq == 0 && !committed {
		return // no entry concerns the provider, and the log says so
	}
	salt, err := hex.DecodeString(o.Salt)
	if err == nil && len(salt) == sha256.Size {
		want, err := headsCommitment(salt, o.Provider, Tip{Seq: o.Seq, Hash: o.Hash})
		if err == nil && committed && want == commitment {
			return
		}
	}
	v.foundf(o.Index, CodeHeads, "the log commits to another end of the chain of %s than number %d", o.Provider, o.Seq)
}

// use checks the next entry of the chain.
func (v *registerCheck) use(u *Evidence) {
	text, err := Canonical(u.Entry)
	var e Entry
	if err == nil {
		err = json.Unmarshal(text, &e)
	}
	if err != nil {
		v.foundf(u.Index, CodeEntryForm, "entry %d is not an entry", u.Index)
		return
	}
	if e.Provider != v.opening.Provider {
		v.foundf(u.Index, CodeChain, "entry %d concerns another provider", u.Index)
		return
	}
	if e.ProviderSeq != v.last.Seq+1 || e.ProviderPrev != v.last.Hash {
		v.foundf(u.Index, CodeChain, "entry %d, number %d of the chain, does not follow number %d", u.Index, e.ProviderSeq, v.last.Seq)
	}
	if v.last.Seq > 0 && u.Index <= v.index {
		v.foundf(u.Index, CodeChain, "entry %d stands before the one that it follows", u.Index)
	}
	sum := sha256.Sum256(text)
	v.last, v.index = Tip{Seq: e.ProviderSeq, Hash: hex.EncodeToString(sum[:])}, u.Index
	if e.ProviderSeq > v.opening.Seq {
		v.report.Later++
	} else if _, problem := v.prover.entry(u.Index, text, u.Proof); problem != nil {
		v.found(*problem)
	}
	if e.ProviderSeq == v.opening.Seq && v.last.Hash != v.opening.Hash {
		v.foundf(u.Index, CodeHeads, "number %d of the chain is not the entry that the log commits to", e.ProviderSeq)
	}
	v.count(&e)
}

// count counts an entry for each dataset that it is about.
func (v *registerCheck) count(e *Entry) {
	month := e.Time[:min(len(e.Time), len("2006-01"))]
	at := func(dataset string) *UseCount {
		k := useKey{dataset, e.Purpose, month}
		if v.counts[k] == nil {
			v.counts[k] = &UseCount{Dataset: dataset, Purpose: e.Purpose, Month: month}
		}
		return v.counts[k]
	}
	released := map[string]bool{}
	for _, r := range e.Released {
		if !released[r.Dataset] {
			at(r.Dataset).Disclosed++
		}
		released[r.Dataset] = true
		at(r.Dataset).Records += int64(r.Records)
	}
	denied := map[string]bool{}
	for _, w := range e.Withheld {
		if !released[w.Dataset] && !denied[w.Dataset] {
			denied[w.Dataset] = true
			at(w.Dataset).Denied++
		}
	}
}

func (v *registerCheck) finish() RegisterReport {
	if v.last.Seq < v.opening.Seq {
		v.foundf(v.opening.Index, CodeTruncated, "the register ends at number %d, and the log commits to %d", v.last.Seq, v.opening.Seq)
	}
	for _, c := range v.counts {
		v.report.Counts = append(v.report.Counts, *c)
	}
	slices.SortFunc(v.report.Counts, func(a, b UseCount) int {
		return cmp.Or(cmp.Compare(a.Dataset, b.Dataset), cmp.Compare(a.Purpose, b.Purpose), cmp.Compare(a.Month, b.Month))
	})
	v.report.OK = len(v.report.Problems) == 0
	return v.report
}
