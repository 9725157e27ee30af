package erasure_test

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/erasure"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
)

func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

func key(n byte) record.Key {
	return record.Key{Provider: "homes", Dataset: "housing.tenancy", Source: record.Ref{n}}
}

// TestReaches decides by the order of the log, and by the times only where the
// log has none.
func TestReaches(t *testing.T) {
	t.Parallel()
	e := erasure.Erasure{Index: 10, Time: noon()}
	for _, c := range []struct {
		name     string
		received time.Time
		in       erasure.Collected
		want     bool
	}{
		{"logged before", noon().Add(-time.Hour), erasure.Collected{Known: true, Index: 9}, true},
		{"logged before, by a clock that is ahead", noon().Add(time.Hour), erasure.Collected{Known: true, Index: 9}, true},
		{"sent again", noon().Add(time.Hour), erasure.Collected{Known: true, Index: 11}, false},
		{"sent again, by a clock that is behind", noon().Add(-time.Hour), erasure.Collected{Known: true, Index: 11}, false},
		{"cut off before", noon().Add(-time.Microsecond), erasure.Collected{}, true},
		{"cut off in the same instant", noon(), erasure.Collected{}, true},
		{"cut off after", noon().Add(time.Microsecond), erasure.Collected{}, false},
	} {
		if got := e.Reaches(c.received, c.in); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestDraftsReadBack reads what a withdrawal writes.
func TestDraftsReadBack(t *testing.T) {
	t.Parallel()
	w := erasure.Withdrawal{
		ID: "W-1", Provider: "homes", Dataset: "housing.tenancy", Absent: 3, Reason: "secret", Client: "c",
		Keys: map[string][]record.Key{"ISA-B": {key(1)}, "ISA-A": {key(2), key(3)}},
	}
	var got []erasure.Erasure
	for i, d := range w.Drafts() {
		e := audit.Entry{Action: d.Action, Admin: d.Admin, Provider: d.Provider, Time: audit.FormatTime(noon())}
		open, err := json.Marshal(e)
		if err != nil || cmp.Diff(d.Private.Justification, "secret") != "" || len(d.Private.Erased) == 0 {
			t.Fatalf("%s %+v %v", open, d.Private, err)
		}
		read, err := erasure.Of(int64(i), &e, &d.Private)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, read)
	}
	want := []erasure.Erasure{
		{Index: 0, Time: noon(), Withdrawal: "W-1", Keys: []record.Key{key(2), key(3)}},
		{Index: 1, Time: noon(), Withdrawal: "W-1", Keys: []record.Key{key(1)}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if d := (&erasure.Withdrawal{ID: "W-2", Absent: 1}).Drafts(); len(d) != 1 || d[0].Admin["absent"] != "1" {
		t.Errorf("of nothing: %+v", d)
	}
}

func TestOfRefuses(t *testing.T) {
	t.Parallel()
	good := audit.Entry{Action: audit.Erase, Provider: "homes", Time: audit.FormatTime(noon())}
	for name, change := range map[string]func(*audit.Entry, *audit.Private){
		"another action": func(e *audit.Entry, _ *audit.Private) { e.Action = audit.Collect },
		"no provider":    func(e *audit.Entry, _ *audit.Private) { e.Provider = "" },
		"no time":        func(e *audit.Entry, _ *audit.Private) { e.Time = "" },
		"no hex":         func(_ *audit.Entry, p *audit.Private) { p.Erased[0].Source = "x" },
		"short":          func(_ *audit.Entry, p *audit.Private) { p.Erased[0].Source = "00" },
		"no dataset":     func(_ *audit.Entry, p *audit.Private) { p.Erased[0].Dataset = "" },
	} {
		e, p := good, audit.Private{Erased: []audit.Erased{{Dataset: "d", Source: "aa"}}}
		p.Erased[0].Source = audit.HeadsLabel(strconv.Itoa(1))
		change(&e, &p)
		if _, err := erasure.Of(4, &e, &p); !fault.Is(err, fault.Internal) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
