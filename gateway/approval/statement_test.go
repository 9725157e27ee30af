package approval_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/concord-gateway/concord/gateway/approval"
	"github.com/concord-gateway/concord/gateway/fault"
)

func draw(t *rapid.T) approval.Statement {
	hash := rapid.StringMatching(`[0-9a-f]{64}`)
	return approval.Statement{
		Agreement: rapid.StringMatching(`[A-Z][A-Z0-9]{0,4}(-[A-Z0-9]{1,4}){1,4}`).Draw(t, "agreement"),
		Version:   rapid.IntRange(1, 999_999_999).Draw(t, "version"),
		Digest:    hash.Draw(t, "digest"),
		LiveFrom:  time.Unix(rapid.Int64Range(-60_000_000_000, 250_000_000_000).Draw(t, "live-from"), 0).UTC(),
		Impact:    rapid.OneOf(rapid.Just(approval.NoImpact), hash).Draw(t, "impact"),
	}
}

func TestStatementRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := draw(t)
		got, err := approval.ParseStatement(want.Text())
		if err != nil || got != want {
			t.Fatalf("%v\ngot  %+v\nwant %+v", err, got, want)
		}
	})
}

// TestStatementStrict alters every single character of a statement in every
// way: what is still a statement says something else.
func TestStatementStrict(t *testing.T) {
	t.Parallel()
	original := sample()
	text := original.Text()
	try := func(what, altered string) {
		got, err := approval.ParseStatement(altered)
		if err == nil && (got == original || altered == text || got.Text() != altered) {
			t.Errorf("%s is the same statement still:\n%s", what, altered)
		}
		if err != nil && got != (approval.Statement{}) {
			t.Errorf("%s: a statement beside an error", what)
		}
	}
	for i := range len(text) + 1 {
		for c := range 256 {
			if i < len(text) && text[i] != byte(c) {
				try(fmt.Sprintf("%#x at %d", c, i), text[:i]+string([]byte{byte(c)})+text[i+1:])
			}
			try(fmt.Sprintf("%#x before %d", c, i), text[:i]+string([]byte{byte(c)})+text[i:])
		}
		if i < len(text) {
			try(fmt.Sprintf("without %d", i), text[:i]+text[i+1:])
		}
	}
	for name, altered := range map[string]string{
		"CRLF":               strings.ReplaceAll(text, "\n", "\r\n"),
		"BOM":                "\ufeff" + text,
		"trailing space":     strings.Replace(text, "version 2\n", "version 2 \n", 1),
		"twice":              text + text,
		"a line more":        text + "and more\n",
		"no line end":        strings.TrimSuffix(text, "\n"),
		"another zone":       strings.Replace(text, "00:00:00Z", "01:00:00+01:00", 1),
		"no such day":        strings.Replace(text, "2027-01-01", "2027-02-30", 1),
		"leap second":        strings.Replace(text, "00:00:00Z", "23:59:60Z", 1),
		"a fraction":         strings.Replace(text, "00:00:00Z", "00:00:00.5Z", 1),
		"upper-case digest":  strings.Replace(text, "digest a", "digest A", 1),
		"leading zero":       strings.Replace(text, "version 2", "version 02", 1),
		"version zero":       strings.Replace(text, "version 2", "version 0", 1),
		"endless version":    strings.Replace(text, "version 2", "version 99999999999999999999", 1),
		"lower-case id":      strings.Replace(text, "ISA-", "isa-", 1),
		"id of another line": strings.Replace(text, "ISA-A-B-1", "ISA-A-B-1\nversion 1", 1),
	} {
		if _, err := approval.ParseStatement(altered); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestSign(t *testing.T) {
	t.Parallel()
	housing, police := newKey(t, "telford-housing/dpo"), newKey(t, "west-mercia-police/siro")
	s := sample()
	one := signed(t, s, nil, housing)
	both := signed(t, s, one, police)
	if want := s.Text() + "\n"; !strings.HasPrefix(string(both), want) {
		t.Fatalf("the note begins otherwise:\n%s", both)
	}
	if n := strings.Count(string(both), "\n— "); n != 2 {
		t.Errorf("%d signatures after two", n)
	}
	if again := signed(t, s, both, police); strings.Count(string(again), "\n— ") != 2 {
		t.Errorf("signing twice gives\n%s", again)
	}
	// Another statement drops what others signed before.
	later := s
	later.LiveFrom = s.LiveFrom.AddDate(0, 1, 0)
	if moved := signed(t, later, both, police); strings.Contains(string(moved), "telford-housing") || strings.Count(string(moved), "\n— ") != 1 {
		t.Errorf("the signature of another statement is kept:\n%s", moved)
	}
	// Another key of the same name takes the place of the first.
	renewed := newKey(t, "west-mercia-police/siro")
	if now := signed(t, s, both, renewed); strings.Count(string(now), "\n— ") != 2 {
		t.Errorf("an older key of the same name stays:\n%s", now)
	}
	// What cannot be read is as good as nothing.
	if now := signed(t, s, []byte(strings.ReplaceAll(string(both), "\n", "\r\n")), police); strings.Count(string(now), "\n— ") != 1 {
		t.Errorf("over a damaged note:\n%s", now)
	}
	said, err := approval.Said(both)
	if err != nil || said != s {
		t.Errorf("said %+v, %v", said, err)
	}
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	by := newKey(t, "telford-housing/dpo")
	for name, key := range map[string]string{"nothing": "", "a public key": by.public, "cut": by.private[:60], "two": by.private + "\n" + by.private} {
		if note, err := approval.Sign(sample(), nil, key); note != nil || !fault.Is(err, fault.Invalid) || (key != "" && strings.Contains(err.Error(), key)) {
			t.Errorf("%s: %s, %v", name, note, err)
		}
	}
	for name, change := range map[string]func(*approval.Statement){
		"no agreement":       func(s *approval.Statement) { s.Agreement = "" },
		"an id of two lines": func(s *approval.Statement) { s.Agreement = "ISA-A-B-1\nversion 1" },
		"version zero":       func(s *approval.Statement) { s.Version = 0 },
		"endless version":    func(s *approval.Statement) { s.Version = 1_000_000_000 },
		"no digest":          func(s *approval.Statement) { s.Digest = "" },
		"no impact":          func(s *approval.Statement) { s.Impact = "" },
		"a fraction":         func(s *approval.Statement) { s.LiveFrom = s.LiveFrom.Add(time.Millisecond) },
		"the year 10000":     func(s *approval.Statement) { s.LiveFrom = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		s := sample()
		change(&s)
		if note, err := approval.Sign(s, nil, by.private); note != nil || !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %s, %v", name, note, err)
		}
	}
}

func TestSaidRefuses(t *testing.T) {
	t.Parallel()
	note := string(signed(t, sample(), nil, newKey(t, "telford-housing/dpo")))
	for name, text := range map[string]string{
		"nothing": "", "no signature": sample().Text(), "no statement": "hello\n\n" + note[strings.LastIndex(note, "—"):],
		"CRLF": strings.ReplaceAll(note, "\n", "\r\n"), "BOM": "\ufeff" + note, "no line end": strings.TrimSuffix(note, "\n"),
		"trailing space": note[:len(note)-1] + " \n", "a line behind": note + "x\n",
	} {
		if s, err := approval.Said([]byte(text)); err == nil || s != (approval.Statement{}) {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}

func FuzzParseStatement(f *testing.F) {
	f.Add(sample().Text())
	f.Add("concord agreement approval v1\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := approval.ParseStatement(text)
		if err != nil {
			if s != (approval.Statement{}) {
				t.Fatalf("%+v beside %v", s, err)
			}
			return
		}
		if diff := cmp.Diff(text, s.Text()); diff != "" {
			t.Fatalf("written again (-want +got):\n%s", diff)
		}
	})
}
