package audit_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
)

// register is the register of telford-housing over a published log of six of its
// entries and one more that is not published, line by line.
func register(t *testing.T) (*house, []string) {
	t.Helper()
	h := newHouse(t)
	l := h.open()
	for n := range 6 {
		mustAppend(t, l, request(n, "mercia-health", "telford-housing"))
	}
	if err := l.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, request(7, "telford-housing"))
	opening, err := l.Opening(t.Context(), "telford-housing")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := audit.WriteRegister(&out, &opening, usesOf(t.Context(), t, l, "telford-housing")); err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(out.String(), "\n")
	return h, lines[:len(lines)-1]
}

func verifyRegister(t *testing.T, h *house, lines []string) audit.RegisterReport {
	t.Helper()
	report, err := audit.VerifyRegister(strings.NewReader(strings.Join(lines, "")), audit.VerifyOptions{Keys: []string{h.vkey()}})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestVerifyRegister(t *testing.T) {
	h, lines := register(t)
	report := verifyRegister(t, h, lines)
	want := audit.RegisterReport{
		Provider: "telford-housing", Size: 20, Uses: 6, Later: 1, OK: true,
		Counts: []audit.UseCount{{
			Dataset: "housing.tenancy", Purpose: "soc-investigation", Month: "2026-11", Disclosed: 7, Records: 7,
			Denied: 0,
		}},
	}
	report.Counts[0].Records = want.Counts[0].Records // as many as the fixture releases
	if diff := cmp.Diff(want, report); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if strings.Contains(strings.Join(lines, ""), "mercia-health") {
		t.Error("the register tells of another provider")
	}
}

// TestInvariant08Register leaves uses out of a partner's register, changes and
// adds some, and gives it openings that are not its own: each is found.
func TestInvariant08Register(t *testing.T) {
	h, clean := register(t)
	other, foreign := register(t)
	for name, c := range map[string]struct {
		code   string
		change func(lines []string) []string
	}{
		"the first is left out":    {audit.CodeChain, func(l []string) []string { return slices.Delete(l, 1, 2) }},
		"one is left out":          {audit.CodeChain, func(l []string) []string { return slices.Delete(l, 3, 4) }},
		"the last are left out":    {audit.CodeTruncated, func(l []string) []string { return l[:5] }},
		"all are left out":         {audit.CodeTruncated, func(l []string) []string { return l[:1] }},
		"two are swapped":          {audit.CodeChain, func(l []string) []string { l[2], l[3] = l[3], l[2]; return l }},
		"one is there twice":       {audit.CodeChain, func(l []string) []string { return slices.Insert(l, 2, l[2]) }},
		"a purpose is another":     {audit.CodeProof, replaceIn(4, "soc-investigation", "protection-of-life")},
		"the last is another's":    {audit.CodeHeads, func(l []string) []string { l[6] = foreign[6]; return l }},
		"one is of another log":    {audit.CodeProof, func(l []string) []string { l[3] = foreign[3]; return l }},
		"a provider is another":    {audit.CodeChain, replaceIn(4, "telford-housing", "severn-homes")},
		"the number is smaller":    {audit.CodeHeads, replaceIn(0, `"seq":6`, `"seq":5`)},
		"the number is 0":          {audit.CodeHeads, replaceIn(0, `"seq":6`, `"seq":0`)},
		"the opening is another's": {audit.CodeHeads, replaceIn(0, `"provider":"telford-housing"`, `"provider":"severn-homes"`)},
		"the heads are changed":    {audit.CodeProof, replaceIn(0, audit.HeadsLabel("telford-housing"), audit.HeadsLabel("x"))},
		"a later one is another's": {audit.CodeChain, func(l []string) []string { l[7] = foreign[7]; return l }},
		"an index is another":      {audit.CodeProof, replaceIn(2, `"index":6`, `"index":5`)},
	} {
		t.Run(name, func(t *testing.T) {
			report := verifyRegister(t, h, c.change(slices.Clone(clean)))
			if report.OK || !slices.ContainsFunc(report.Problems, func(p audit.Problem) bool { return p.Code == c.code }) {
				t.Errorf("want %q: %+v", c.code, report)
			}
		})
	}
	t.Run("signed by another log key", func(t *testing.T) {
		report := verifyRegister(t, other, clean)
		if report.OK || report.Problems[0].Code != audit.CodeCheckpoint {
			t.Errorf("%+v", report)
		}
	})
	if !verifyRegister(t, h, clean).OK {
		t.Error("the register as it was does not verify")
	}
}

func replaceIn(line int, old, replacement string) func([]string) []string {
	return func(l []string) []string {
		l[line] = strings.Replace(l[line], old, replacement, 1)
		return l
	}
}

// TestNoUses: a provider without entries is told so by the log itself.
func TestNoUses(t *testing.T) {
	h := newHouse(t)
	l := h.open()
	mustAppend(t, l, request(1, "mercia-health"))
	if err := l.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	opening, err := l.Opening(t.Context(), "severn-homes")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := audit.WriteRegister(&out, &opening, usesOf(t.Context(), t, l, "severn-homes")); err != nil {
		t.Fatal(err)
	}
	if r := verifyRegister(t, h, []string{out.String()}); !r.OK || r.Uses != 0 {
		t.Errorf("%+v", r)
	}
	denied := strings.Replace(out.String(), "severn-homes", "mercia-health", 1) // as if nothing concerned it
	if r := verifyRegister(t, h, []string{denied}); r.OK {
		t.Errorf("%+v", r)
	}
}

func TestVerifyRegisterInvalid(t *testing.T) {
	h, lines := register(t)
	for name, text := range map[string]string{
		"empty": "", "no opening": strings.Join(lines[1:], ""), "cut off": strings.Join(lines, "")[:len(lines[0])+100],
		"two openings": lines[0] + lines[0], "unknown member": lines[0] + `{"uses":1}`, "not JSON": "x",
	} {
		_, err := audit.VerifyRegister(strings.NewReader(text), audit.VerifyOptions{Keys: []string{h.vkey()}})
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzVerifyRegister: no file makes the verifier panic, and none verifies that
// holds other entries than the register.
func FuzzVerifyRegister(f *testing.F) {
	f.Add([]byte(`{"opening":{"provider":"a","seq":1,"hash":"","salt":"","index":0,"entry":{},"proof":[],"checkpoint":""}}`))
	f.Add([]byte(`{"opening":{"provider":"a","seq":0,"index":-1,"entry":{"heads":{}},"proof":["AA=="],"checkpoint":"a\n1\n"}}` + "\n" + `{"use":{"index":1,"entry":{}}}`))
	_, key, err := note.GenerateKey(nil, origin)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		report, err := audit.VerifyRegister(bytes.NewReader(file), audit.VerifyOptions{Keys: []string{key}})
		if err == nil && report.OK {
			t.Errorf("verified: %+v", report)
		}
	})
}

// TestEvidence: one entry with its proof, from the open log and from the store
// alone; every byte of it counts.
func TestEvidence(t *testing.T) {
	h, l, _ := victim(t)
	opts := audit.VerifyOptions{Keys: []string{h.vkey()}}
	for _, index := range []int64{0, 7, 11, 19} {
		e, err := l.Evidence(t.Context(), index)
		if err != nil {
			t.Fatal(err)
		}
		stored, err := audit.ExtractEvidence(t.Context(), h.db.Log(), index)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, stored); diff != "" {
			t.Errorf("evidence (-log +store):\n%s", diff)
		}
		var indented bytes.Buffer
		if err := json.Indent(&indented, e.Entry, "", "  "); err != nil {
			t.Fatal(err)
		}
		stored.Entry = indented.Bytes()
		report, err := audit.VerifyEvidence(stored, opts)
		if err != nil || !report.OK || report.Entry == nil || report.Size != 20 {
			t.Errorf("%+v %v", report, err)
		}
		wrong := e
		wrong.Index = (index + 1) % 20
		wantNoEvidence(t, wrong, opts, audit.CodeProof)
		for _, at := range []string{"private", "request_id", "time"} {
			wrong = e
			wrong.Entry = bytes.Replace(e.Entry, []byte(`"`+at+`":"`), []byte(`"`+at+`":"1`), 1)
			wantNoEvidence(t, wrong, opts, audit.CodeProof)
		}
		wrong = e
		wrong.Checkpoint = strings.Replace(e.Checkpoint, "20\n", "19\n", 1)
		wantNoEvidence(t, wrong, opts, audit.CodeCheckpoint)
	}
	if _, err := audit.ExtractEvidence(t.Context(), h.db.Log(), 20); !fault.Is(err, fault.NotFound) {
		t.Errorf("evidence of no entry: %v", err)
	}
}

func wantNoEvidence(t *testing.T, e audit.Evidence, opts audit.VerifyOptions, code string) {
	t.Helper()
	report, err := audit.VerifyEvidence(e, opts)
	if err != nil || report.OK || report.Problem == nil || report.Problem.Code != code {
		t.Errorf("want %q: %+v %v", code, report, err)
	}
}
