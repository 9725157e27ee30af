package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
)

// sliceSource is a log that was read already.
type sliceSource []*audit.Batch

func (s sliceSource) Batches(context.Context) iter.Seq2[*audit.Batch, error] {
	return func(yield func(*audit.Batch, error) bool) {
		for _, b := range s {
			if !yield(b, nil) {
				return
			}
		}
	}
}

func (sliceSource) Checkpoints(context.Context) ([][]byte, error) { return nil, nil }

func TestVerifyEmpty(t *testing.T) {
	h := newHouse(t)
	report := h.verify(nil)
	wantOK(t, report)
	// The root of no leaves is SHA-256 of nothing (RFC 6962 section 2.1).
	if report.Root != "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" {
		t.Errorf("root %s", report.Root)
	}
}

func TestVerifyProgress(t *testing.T) {
	h, _, _ := victim(t)
	var seen []string
	_, err := audit.Verify(t.Context(), audit.StoreSource(h.db.Log()), audit.VerifyOptions{
		Keys: []string{h.vkey()}, Progress: func(done, total int64) { seen = append(seen, fmt.Sprint(done, "/", total)) },
	})
	if want := []string{"4/20", "7/20", "10/20", "13/20", "16/20", "19/20", "20/20"}; err != nil || !slices.Equal(seen, want) {
		t.Errorf("%v %v", seen, err)
	}
}

func TestVerifyOptions(t *testing.T) {
	h := newHouse(t)
	other := strings.Replace(h.vkey(), origin, "elsewhere.example/log", 1)
	for name, keys := range map[string][]string{
		"none": nil, "garbage": {"x"}, "another name": {other}, "spoilt": {h.vkey() + "A"},
	} {
		_, err := audit.Verify(t.Context(), audit.StoreSource(h.db.Log()), audit.VerifyOptions{Keys: keys})
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The key of another log finds nothing signed by it.
	foreign := newHouse(t)
	mustAppend(t, h.open(), request(0))
	report := verify(t, audit.StoreSource(h.db.Log()), foreign.vkey(), nil)
	wantProblem(t, report, audit.CodeSession, 0)
	// A key that is trusted has to have come into force.
	report, err := audit.Verify(t.Context(), audit.StoreSource(h.db.Log()),
		audit.VerifyOptions{Keys: []string{foreign.vkey(), h.vkey()}})
	if err != nil {
		t.Fatal(err)
	}
	wantProblem(t, report, audit.CodeKey, 2)
}

// brokenSource fails after its first batch.
type brokenSource struct {
	sliceSource

	err error
}

func (s brokenSource) Batches(ctx context.Context) iter.Seq2[*audit.Batch, error] {
	return func(yield func(*audit.Batch, error) bool) {
		for b := range s.sliceSource.Batches(ctx) {
			if !yield(b, nil) || !yield(nil, s.err) {
				return
			}
		}
	}
}

func TestVerifyBrokenSource(t *testing.T) {
	h, _, batches := victim(t)
	opts := audit.VerifyOptions{Keys: []string{h.vkey()}}
	_, err := audit.Verify(t.Context(), brokenSource{batches, fault.New(fault.Unavailable, "t", "gone")}, opts)
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("a source that cannot be read: %v", err)
	}
	report, err := audit.Verify(t.Context(), brokenSource{batches, errors.New("damaged")}, opts)
	if err != nil {
		t.Fatal(err)
	}
	wantProblem(t, report, audit.CodeUnreadable, 4)
}

func export(t *testing.T, h *house) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := audit.WriteExport(t.Context(), &out, h.db.Log()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestExport: an export verifies like the store it came from, and holds no
// private part.
func TestExport(t *testing.T) {
	h, _, batches := victim(t)
	out := export(t, h)
	if lines := bytes.Count(out, []byte("\n")); lines != 8 {
		t.Errorf("%d lines", lines)
	}
	if bytes.Contains(out, []byte(`"private"`)) {
		t.Error("the export holds private parts")
	}
	want := h.verify(nil)
	got := verify(t, audit.ReadExport(bytes.NewReader(out)), h.vkey(), nil)
	if diff := cmp.Diff(want, got); diff != "" || !got.OK || got.Checkpoint != 20 {
		t.Errorf("report (-store +export):\n%s", diff)
	}
	i := 0
	for b, err := range audit.ReadExport(bytes.NewReader(out)).Batches(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		batches[i].Private = nil
		if diff := cmp.Diff(batches[i], b); diff != "" {
			t.Errorf("batch %d:\n%s", i, diff)
		}
		i++
	}
}

// TestExportDamaged cuts the export after every line and in the middle of one,
// and adds lines that do not belong there.
func TestExportDamaged(t *testing.T) {
	h, _, _ := victim(t)
	out := export(t, h)
	lines := bytes.SplitAfter(out, []byte("\n"))
	kept := lines[7]
	whole := audit.ReadExport(bytes.NewReader(out))
	for _, err := range whole.Batches(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
	}
	since, err := whole.Checkpoints(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for n := range 7 {
		cut := bytes.Join(lines[:n], nil)
		report := verify(t, audit.ReadExport(bytes.NewReader(cut)), h.vkey(), since[0])
		wantProblem(t, report, audit.CodeTruncated, report.Size)
	}
	for name, damaged := range map[string][]byte{
		"cut in a line":      out[:len(out)/2],
		"unknown member":     append([]byte(`{"entry":1}`+"\n"), out...),
		"empty line object":  append([]byte("{}\n"), out...),
		"not JSON":           []byte("-----"),
		"batch after ending": slices.Concat(kept, lines[0]),
	} {
		report := verify(t, audit.ReadExport(bytes.NewReader(damaged)), h.vkey(), nil)
		if report.OK || report.Problems[0].Code != audit.CodeUnreadable {
			t.Errorf("%s: %+v", name, report)
		}
	}
}

// FuzzVerifyExport: no export makes the verifier panic, and none that differs
// from the real one in what is signed verifies.
func FuzzVerifyExport(f *testing.F) {
	h := newHouse(f)
	l := h.open()
	mustAppend(f, l, request(1, "telford-housing"))
	if err := l.Publish(context.Background()); err != nil {
		f.Fatal(err)
	}
	var out bytes.Buffer
	if err := audit.WriteExport(context.Background(), &out, h.db.Log()); err != nil {
		f.Fatal(err)
	}
	vkey := h.vkey()
	want := verify(f, audit.ReadExport(bytes.NewReader(out.Bytes())), vkey, nil)
	f.Add(out.Bytes())
	f.Add([]byte(`{"batch":{"n":0,"first":0,"entries":["e30="],"leaves":["AA=="],"size":1,"root":"AA==","tips":null,"writer":"","head":""}}`))
	f.Add([]byte(`{"checkpoint":"x"}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		report := verify(t, audit.ReadExport(bytes.NewReader(in)), vkey, nil)
		if report.OK && report.Entries != 0 && report.Root != want.Root {
			t.Errorf("another log verifies: %+v", report)
		}
	})
}

// growingStore appends, publishes and so outruns whoever reads it.
type growingStore struct {
	audit.Store

	grow func()
}

func (s growingStore) LastBatch(ctx context.Context) (*audit.Batch, error) {
	s.grow()
	return s.Store.LastBatch(ctx)
}

func (s growingStore) Batch(ctx context.Context, n int64) (*audit.Batch, error) {
	b, err := s.Store.Batch(ctx, n)
	if fault.Is(err, fault.NotFound) {
		s.grow() // the reader takes this for the end
	}
	return b, err
}

// TestVerifyWhileAppending: a log that grows and is published while it is read
// verifies as far as it was read.
func TestVerifyWhileAppending(t *testing.T) {
	h := newHouse(t)
	l := h.open()
	n := 0
	grow := func() {
		n++
		mustAppend(t, l, request(n))
		if err := l.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	grow()
	report := verify(t, audit.StoreSource(growingStore{h.db.Log(), grow}), h.vkey(), nil)
	wantOK(t, report)
	if report.Checkpoint == 0 || report.Checkpoint > report.Size {
		t.Errorf("%+v", report)
	}
}
