package replay_test

import (
	"context"
	"crypto/sha256"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/replay"
)

// rewritten is a store whose entries were rewritten, with leaves that fit: what
// somebody can do who writes to the store and holds no key. Verify finds it by the
// tree; Replay finds it by the decision.
type rewritten struct {
	audit.Store

	change func(entry string) []string
}

func (s rewritten) Batch(ctx context.Context, n int64) (*audit.Batch, error) {
	b, err := s.Store.Batch(ctx, n)
	if err != nil {
		return nil, err
	}
	out := *b
	out.Entries, out.Leaves, out.Private = nil, nil, nil
	for i, entry := range b.Entries {
		for _, text := range s.change(string(entry)) {
			leaf := sha256.Sum256([]byte(text))
			out.Entries = append(out.Entries, []byte(text))
			out.Leaves = append(out.Leaves, leaf[:])
			out.Private = append(out.Private, b.Private[i])
		}
	}
	return &out, nil
}

// TestReplayFindsRewrittenEntries rewrites the open entries of one answer.
func TestReplayFindsRewrittenEntries(t *testing.T) {
	h := newHouse(t)
	one := h.someone(1, false)
	h.assign(1, one, "OP-LANTERN")
	h.subject(day(), h.asking("the-one", "soc-investigation", 1), one)
	// in changes entries of the request with a mark in them.
	in := func(mark string, change func(string) []string) func(string) []string {
		return func(entry string) []string {
			if !strings.Contains(entry, `"the-one"`) || !strings.Contains(entry, mark) {
				return []string{entry}
			}
			return change(entry)
		}
	}
	swap := func(mark, old, to string) func(string) []string {
		return in(mark, func(entry string) []string {
			if !strings.Contains(entry, old) {
				t.Errorf("there is no %s in %s", old, entry)
			}
			return []string{strings.Replace(entry, old, to, 1)}
		})
	}
	const telford, consult = `"provider":"telford-housing"`, `"action":"consult"`
	response := regexp.MustCompile(`"response_sha256":"[0-9a-f]{64}",`)
	cases := map[string]struct {
		change func(string) []string
		what   []string
	}{
		"nothing":            {in(telford, func(e string) []string { return []string{e} }), nil},
		"how many records":   {swap(telford, `"records":0`, `"records":17`), nil},
		"a treatment":        {swap(telford, `"/postcode":"outward_code"`, `"/postcode":"full"`), []string{"telford-housing: released"}},
		"a field too many":   {swap(telford, `"fields":{`, `"fields":{"/aaa":"full",`), []string{"telford-housing: released"}},
		"a field too few":    {swap(telford, `"/postcode":"outward_code",`, ``), []string{"telford-housing: released"}},
		"the version":        {swap(telford, `"version":`, `"version":9`), []string{"telford-housing: released"}},
		"a code":             {swap(telford, `"withheld_by_agreement"`, `"count_only"`), []string{"telford-housing: withheld"}},
		"the action":         {swap(telford, `"disclose"`, `"deny"`), []string{"telford-housing: action"}},
		"rubbish":            {swap(telford, `"records":0`, `"records":"many"`), []string{"telford-housing: unreadable"}},
		"an entry dropped":   {in(telford, func(string) []string { return nil }), []string{"telford-housing: no entry"}},
		"an entry twice":     {in(telford, func(e string) []string { return []string{e, e} }), []string{"telford-housing: an entry too many"}},
		"for somebody else":  {swap(telford, `"provider":"telford-housing"`, `"provider":"zzz"`), []string{"zzz: an entry too many", "telford-housing: no entry"}},
		"no answer":          {in(consult, func(e string) []string { return []string{response.ReplaceAllString(e, "")} }), []string{"answer"}},
		"a refusal":          {swap(consult, consult, `"action":"deny"`), []string{"answer"}},
		"another agency":     {swap(consult, `"agency":"west-mercia-police"`, `"agency":"mercia-health"`), []string{"facts"}},
		"another revision":   {swap(consult, `"policy_revision":"`, `"policy_revision":"0`), nil},
		"the private part's": {swap(consult, `"private":"`, `"private":"0`), nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := replayed(t, replay.Source{Store: rewritten{h.db.Log(), c.change}, Keys: h.keys}, just(h.engine))
			var what []string
			for _, d := range r.Differing {
				what = d.What
			}
			if diff := cmp.Diff(c.what, what); diff != "" {
				t.Errorf("differs (-want +got):\n%s", diff)
			}
			lacks := map[string]replay.Reason{"another revision": replay.NoArchive, "the private part's": replay.Damaged}[name]
			if lacks != "" && r.NotReplayable[lacks] != 1 || r.OK() != (lacks == "" && c.what == nil) {
				t.Errorf("%+v", r)
			}
		})
	}
}

// TestReplayOfAnArea narrows what is said to be released to what the indicators
// read, and finds a field that no decision grants.
func TestReplayOfAnArea(t *testing.T) {
	h := newHouse(t)
	h.area(day(), h.asking("the-area", "soc-local-profile", 1))
	for _, c := range []struct {
		old, to string
		what    []string
	}{
		{`"/area":"count_only",`, ``, nil}, // not read, as far as a replay can tell
		{`"/area":"count_only"`, `"/area":"full"`, []string{"telford-housing: released"}},
		{`"/area":"count_only"`, `"/aaa":"full","/area":"count_only"`, []string{"telford-housing: released"}},
	} {
		changed := false
		r := replayed(t, replay.Source{Keys: h.keys, Store: rewritten{h.db.Log(), func(e string) []string {
			if strings.Contains(e, `"provider":"telford-housing"`) && strings.Contains(e, c.old) {
				e, changed = strings.Replace(e, c.old, c.to, 1), true
			}
			return []string{e}
		}}}, just(h.engine))
		var what []string
		for _, d := range r.Differing {
			what = d.What
		}
		if !changed || !slices.Equal(what, c.what) {
			t.Errorf("%s for %s (%t): %q", c.to, c.old, changed, what)
		}
	}
}
