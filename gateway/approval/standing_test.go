package approval_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/approval"
	"github.com/concord-gateway/concord/gateway/fault"
)

type key struct{ name, private, public string }

func newKey(tb testing.TB, name string) key {
	tb.Helper()
	private, public, err := approval.NewKey(name)
	if err != nil {
		tb.Fatal(err)
	}
	return key{name, private, public}
}

// sample is a statement about the agreement of these tests.
func sample() approval.Statement {
	return approval.Statement{
		Agreement: "ISA-A-B-1", Version: 2, Digest: strings.Repeat("ab", 32),
		LiveFrom: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), Impact: approval.NoImpact,
	}
}

func signed(tb testing.TB, s approval.Statement, before []byte, by ...key) []byte {
	tb.Helper()
	for _, k := range by {
		var err error
		if before, err = approval.Sign(s, before, k.private); err != nil {
			tb.Fatal(err)
		}
	}
	return before
}

// between is an agreement of two agencies, as far as approval looks at it.
func between(provider, recipient, author string) *agreement.Agreement {
	return &agreement.Agreement{
		ID: "ISA-A-B-1", Version: 2, Author: author,
		Provider: agreement.Party{Agency: provider}, Recipient: agreement.Party{Agency: recipient},
	}
}

// people are the approvers of these tests.
type people struct {
	*approval.Approvers

	dpo, deputy, siro, health, stranger key
}

func register(tb testing.TB) people {
	tb.Helper()
	p := people{
		dpo: newKey(tb, "telford-housing/dpo"), deputy: newKey(tb, "telford-housing/deputy"), siro: newKey(tb, "west-mercia-police/siro"),
		health: newKey(tb, "mercia-health/caldicott"), stranger: newKey(tb, "west-mercia-police/stranger"),
	}
	var err error
	p.Approvers, err = approval.NewApprovers([]approval.Approver{
		{Agency: "telford-housing", Subject: "dpo@housing.example", Key: p.dpo.public},
		{Agency: "telford-housing", Subject: "deputy@housing.example", Key: p.deputy.public},
		{Agency: "west-mercia-police", Subject: "siro@police.example", Key: p.siro.public},
		{Agency: "mercia-health", Subject: "caldicott@health.example", Key: p.health.public},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func TestCheck(t *testing.T) {
	t.Parallel()
	p := register(t)
	s := sample()
	other := func(change func(*approval.Statement)) []byte {
		o := s
		change(&o)
		return signed(t, o, nil, p.dpo, p.siro)
	}
	both := signed(t, s, nil, p.dpo, p.siro)
	lines := bytes.SplitAfter(both, []byte("\n"))
	last := lines[len(lines)-2]
	flipped := bytes.Clone(both)
	flipped[len(flipped)-20] ^= 1
	// The line of one key under the name of another.
	forged := bytes.Replace(signed(t, s, nil, p.dpo, p.stranger), []byte("police/stranger"), []byte("police/siro"), 1)
	const before, after = "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"
	cases := []struct {
		name   string
		note   []byte
		author string
		at     string
		state  approval.State
		signed []string
	}{
		{"nobody", nil, "", after, approval.Draft, nil},
		{"one party", signed(t, s, nil, p.dpo), "", after, approval.Awaiting, []string{"telford-housing"}},
		{"other party", signed(t, s, nil, p.siro), "", after, approval.Awaiting, []string{"west-mercia-police"}},
		{"both, before its day", both, "", before, approval.Approved, []string{"telford-housing", "west-mercia-police"}},
		{"both, on its day", both, "", after, approval.Live, []string{"telford-housing", "west-mercia-police"}},
		{"both, the other way round", signed(t, s, nil, p.siro, p.dpo), "", after, approval.Live, []string{"telford-housing", "west-mercia-police"}},
		{"two of one agency", signed(t, s, nil, p.dpo, p.deputy), "", after, approval.Awaiting, []string{"telford-housing"}},
		{"two of one and one of the other", signed(t, s, nil, p.dpo, p.deputy, p.siro), "", after, approval.Live, []string{"telford-housing", "west-mercia-police"}},
		{"one line twice", slices.Concat(signed(t, s, nil, p.siro), last), "", after, approval.Awaiting, []string{"west-mercia-police"}},
		{"a third agency", signed(t, s, nil, p.dpo, p.health), "", after, approval.Awaiting, []string{"telford-housing"}},
		{"third agencies only", signed(t, s, nil, p.health), "", after, approval.Draft, nil},
		{"an unknown key only", signed(t, s, nil, p.stranger), "", after, approval.Draft, nil},
		{"an unknown key beside one", signed(t, s, nil, p.dpo, p.stranger), "", after, approval.Awaiting, []string{"telford-housing"}},
		{"an unknown key beside both", signed(t, s, nil, p.stranger, p.dpo, p.siro), "", after, approval.Live, []string{"telford-housing", "west-mercia-police"}},
		{"an unknown key under a known name", forged, "", after, approval.Awaiting, []string{"telford-housing"}},
		{"the author approves", both, "siro@police.example", after, approval.Awaiting, []string{"telford-housing"}},
		{"the author approves, in another case", both, "Siro@Police.example", after, approval.Awaiting, []string{"telford-housing"}},
		{"the author's deputy approves", signed(t, s, nil, p.dpo, p.deputy, p.siro), "dpo@housing.example", after, approval.Live, []string{"telford-housing", "west-mercia-police"}},
		{"another version", other(func(s *approval.Statement) { s.Version = 1 }), "", after, approval.Void, nil},
		{"another agreement", other(func(s *approval.Statement) { s.Agreement = "ISA-A-B-2" }), "", after, approval.Void, nil},
		{"another digest", other(func(s *approval.Statement) { s.Digest = strings.Repeat("ac", 32) }), "", after, approval.Void, nil},
		{"a flipped signature", flipped, "", after, approval.Void, nil},
		{"a text put under a signature", bytes.Replace(both, []byte("2027"), []byte("2026"), 1), "", after, approval.Void, nil},
		{"no note", []byte("approved, trust me\n"), "", after, approval.Void, nil},
		{"no statement", slices.Concat([]byte("hello\n\n"), bytes.Replace(last, []byte("siro"), []byte("nobody"), 1)), "", after, approval.Void, nil},
		{"CRLF", bytes.ReplaceAll(both, []byte("\n"), []byte("\r\n")), "", after, approval.Void, nil},
		{"BOM", slices.Concat([]byte("\ufeff"), both), "", after, approval.Void, nil},
		{"trailing space", slices.Concat(both[:len(both)-1], []byte(" \n")), "", after, approval.Void, nil},
		{"a line behind", slices.Concat(both, []byte("\n")), "", after, approval.Void, nil},
		{"101 lines", slices.Concat(both, many(last, 99)), "", after, approval.Void, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := between("telford-housing", "west-mercia-police", c.author)
			got := p.Check(a, s.Digest, c.note)
			at, err := time.Parse(time.RFC3339, c.at)
			if err != nil {
				t.Fatal(err)
			}
			if state := got.State(at); state != c.state {
				t.Errorf("%s, want %s: %+v", state, c.state, got)
			}
			whole(t, a, got)
			if diff := cmp.Diff(c.signed, agencies(got)); diff != "" {
				t.Errorf("signed (-want +got):\n%s", diff)
			}
		})
	}
}

func many(line []byte, n int) (out []byte) {
	for i := range n {
		out = append(out, bytes.Replace(line, []byte("siro"), []byte("x"+strings.Repeat("x", i)), 1)...)
	}
	return out
}

func agencies(s approval.Standing) (out []string) {
	for _, sig := range s.Signed {
		out = append(out, sig.Agency)
	}
	return out
}

// whole fails unless each party has either signed or is missing.
func whole(tb testing.TB, a *agreement.Agreement, s approval.Standing) {
	tb.Helper()
	got := append(agencies(s), s.Missing...)
	slices.Sort(got)
	if diff := cmp.Diff(approval.Parties(a), got); diff != "" {
		tb.Errorf("parties (-want +got):\n%s", diff)
	}
	if s.Void != "" && len(s.Signed) > 0 {
		tb.Errorf("void, and yet signed: %+v", s)
	}
}

// TestCheckOneAgency is about a force that uses its own data through the
// gateway: one party, and still two people.
func TestCheckOneAgency(t *testing.T) {
	t.Parallel()
	p := register(t)
	a := between("west-mercia-police", "west-mercia-police", "author@police.example")
	if diff := cmp.Diff([]string{"west-mercia-police"}, approval.Parties(a)); diff != "" {
		t.Errorf("parties (-want +got):\n%s", diff)
	}
	s := sample()
	note := signed(t, s, nil, p.siro)
	if got := p.Check(a, s.Digest, note).State(s.LiveFrom); got != approval.Live {
		t.Errorf("signed by it: %s", got)
	}
	a.Author = "siro@police.example"
	if got := p.Check(a, s.Digest, note).State(s.LiveFrom); got != approval.Draft {
		t.Errorf("signed by its author: %s", got)
	}
	if got := p.Check(a, s.Digest, signed(t, s, nil, p.dpo)).State(s.LiveFrom); got != approval.Draft {
		t.Errorf("signed by another agency: %s", got)
	}
}

func FuzzCheck(f *testing.F) {
	p := register(f)
	s := sample()
	f.Add([]byte(nil))
	f.Add(signed(f, s, nil, p.dpo))
	f.Add(signed(f, s, nil, p.dpo, p.siro, p.health, p.stranger))
	a := between("telford-housing", "west-mercia-police", "")
	f.Fuzz(func(t *testing.T, note []byte) {
		got := p.Check(a, s.Digest, note)
		whole(t, a, got)
		if len(got.Signed) == 0 {
			return
		}
		if said, err := approval.Said(note); err != nil || said != s {
			t.Fatalf("somebody signed what nobody signed: %+v, %v", said, err)
		}
	})
}

func TestNewApprovers(t *testing.T) {
	t.Parallel()
	one, two := newKey(t, "a/dpo"), newKey(t, "b/siro")
	twin := newKey(t, "a/dpo")
	// One key under two names.
	renamed, err := approval.VerifierKey(rename(t, one.private, "b/siro"))
	if err != nil {
		t.Fatal(err)
	}
	good := []approval.Approver{{Agency: "a", Subject: "x@a", Key: one.public}, {Agency: "b", Subject: "y@b", Key: two.public + "\n"}}
	if _, err := approval.NewApprovers(good); err != nil {
		t.Fatal(err)
	}
	if _, err := approval.NewApprovers(nil); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name, pointer string
		second        approval.Approver
	}{
		{"no agency", "/approvers/1", approval.Approver{Subject: "y@b", Key: two.public}},
		{"no subject", "/approvers/1", approval.Approver{Agency: "b", Key: two.public}},
		{"a blank subject", "/approvers/1", approval.Approver{Agency: "b", Subject: " ", Key: two.public}},
		{"no key", "/approvers/1/key", approval.Approver{Agency: "b", Subject: "y@b"}},
		{"a private key", "/approvers/1/key", approval.Approver{Agency: "b", Subject: "y@b", Key: two.private}},
		{"a key under another name", "/approvers/1/key", approval.Approver{Agency: "b", Subject: "y@b", Key: strings.Replace(two.public, "siro", "dpo", 1)}},
		{"one key", "/approvers/1/key", approval.Approver{Agency: "b", Subject: "y@b", Key: one.public}},
		{"one key under two names", "/approvers/1/key", approval.Approver{Agency: "b", Subject: "y@b", Key: renamed}},
		{"one name for two keys", "/approvers/1/key", approval.Approver{Agency: "b", Subject: "y@b", Key: twin.public}},
		{"one person of two agencies", "/approvers/1/subject", approval.Approver{Agency: "b", Subject: "x@a", Key: two.public}},
		{"one person in another case", "/approvers/1/subject", approval.Approver{Agency: "b", Subject: "X@A ", Key: two.public}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, err := approval.NewApprovers([]approval.Approver{good[0], c.second})
			if r != nil || !fault.Is(err, fault.Invalid) {
				t.Fatalf("got %v", err)
			}
			if got := pointer(err); got != c.pointer {
				t.Errorf("at %q, want %q", got, c.pointer)
			}
		})
	}
	// Two keys of one person for one agency are how a key is exchanged.
	if _, err := approval.NewApprovers([]approval.Approver{good[0], {Agency: "a", Subject: "x@a", Key: two.public}}); err != nil {
		t.Error(err)
	}
}
