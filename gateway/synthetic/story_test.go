package synthetic_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/synthetic"
)

// held returns the rows that carry a person's compound, by provider and
// dataset.
func held(w *synthetic.World, p synthetic.Person) map[string][]map[string]any {
	out := map[string][]map[string]any{}
	for _, s := range w.Submissions() {
		for _, row := range s.Rows {
			if row["given_name"] == p.GivenName && row["family_name"] == p.FamilyName &&
				row["date_of_birth"] == p.DateOfBirth && row["postcode"] == p.Postcode {
				key := s.Provider + " " + s.Dataset
				out[key] = append(out[key], row)
			}
		}
	}
	return out
}

// where returns how many of the rows have all these values.
func where(rows []map[string]any, want map[string]any) int {
	n := 0
	for _, row := range rows {
		all := true
		for k, v := range want {
			all = all && cmp.Equal(row[k], v)
		}
		if all {
			n++
		}
	}
	return n
}

func TestStoryOfTheAdult(t *testing.T) {
	t.Parallel()
	for name, w := range worlds() {
		adult := w.Story().Adult
		got := held(w, adult)
		counts := map[string]int{}
		for key, rows := range got {
			counts[key] = len(rows)
		}
		want := map[string]int{
			"telford-housing housing.tenancy": 1, "telford-housing housing.concern": 1, "severn-homes housing.tenancy": 1,
			"west-mercia-police police.nominal": 1, "mercia-health health.substance_referral": 1,
		}
		if diff := cmp.Diff(want, counts); diff != "" {
			t.Fatalf("%s: records (-want +got):\n%s", name, diff)
		}
		only := func(key string) map[string]any { return got[key][0] }
		concern, nominal := only("telford-housing housing.concern"), only("west-mercia-police police.nominal")
		if concern["concern_type"] != "cuckooing" || adult.Area != "E06000020" {
			t.Errorf("%s: concern %v in %s", name, concern, adult.Area)
		}
		if nominal["soc_role"] != "facilitator" || nominal["grading"] != "2BP" || nominal["pnc_id"] != adult.PNCID {
			t.Errorf("%s: nominal %v", name, nominal)
		}
		if id := only("mercia-health health.substance_referral")["nhs_number"]; id != adult.NHSNumber {
			t.Errorf("%s: the referral is of %v", name, id)
		}
		earlier, now := only("severn-homes housing.tenancy"), only("telford-housing housing.tenancy")
		if earlier["tenancy_start"].(string) >= now["tenancy_start"].(string) || earlier["area"] == now["area"] {
			t.Errorf("%s: tenancies %v, then %v", name, earlier, now)
		}
		// Severn Homes releases no tenancy that has ended.
		if earlier["tenancy_status"] != "notice_served" {
			t.Errorf("%s: the earlier tenancy is %v", name, earlier["tenancy_status"])
		}
	}
}

func TestStoryOfTheChild(t *testing.T) {
	t.Parallel()
	for name, w := range worlds() {
		child := w.Story().Child
		got := held(w, child)
		exclusions, sessions := got["mercia-education education.exclusion"], got["mercia-education education.attendance"]
		if len(got) != 2 || where(exclusions, map[string]any{"exclusion_type": "PERM", "reasons": []string{"DA", "OW"}, "upn": child.UPN}) != 1 {
			t.Errorf("%s: %v", name, exclusions)
		}
		if where(exclusions, map[string]any{"exclusion_type": "SUSP"}) != 2 {
			t.Errorf("%s: suspensions among %v", name, exclusions)
		}
		if n := where(sessions, map[string]any{"code": "Y5", "upn": child.UPN}); n != 2 || len(sessions) != 18 {
			t.Errorf("%s: %d sessions, %d with Y5", name, len(sessions), n)
		}
	}
	child := synthetic.New(1, 2000, day()).Story().Child
	if child.DateOfBirth <= "2010-11-22" || child.DateOfBirth > "2011-11-22" {
		t.Errorf("the child was born on %s and is not 15", child.DateOfBirth)
	}
}

func TestStoryOfTheStranger(t *testing.T) {
	t.Parallel()
	for name, w := range worlds() {
		stranger := w.Story().Stranger
		if got := held(w, stranger); len(got) > 0 {
			t.Errorf("%s: somebody holds %v", name, got)
		}
		for kind, value := range stranger.Identifiers() {
			if _, err := dataset.Normalise(dataset.IdentifierType(kind), value); err != nil {
				t.Errorf("%s: %s %q: %v", name, kind, value, err)
			}
		}
	}
}

func TestIdentifiersLeaveOutWhatIsNotThere(t *testing.T) {
	t.Parallel()
	s := synthetic.New(1, 2000, day()).Story()
	compound := []string{"date_of_birth", "family_name", "given_name", "postcode"}
	for _, c := range []struct {
		who    string
		person synthetic.Person
		more   []string
	}{
		{"adult", s.Adult, []string{"nhs_number", "pnc_id"}},
		{"child", s.Child, []string{"nhs_number", "upn"}},
		{"stranger", s.Stranger, []string{"nhs_number"}},
	} {
		var got []string
		for kind := range c.person.Identifiers() {
			got = append(got, kind)
		}
		slices.Sort(got)
		want := append(slices.Clone(compound), c.more...)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.who, diff)
		}
	}
}

// TestCaseSubjects looks for the story's people and every principal among them.
func TestCaseSubjects(t *testing.T) {
	t.Parallel()
	w := synthetic.New(1, 2000, day())
	subjects := map[string]bool{}
	for _, p := range w.CaseSubjects() {
		if subjects[p.NHSNumber] {
			t.Errorf("%s is a subject twice", p.NHSNumber)
		}
		subjects[p.NHSNumber] = true
	}
	if len(subjects) < 50 || len(subjects) > 70 {
		t.Errorf("%d subjects", len(subjects))
	}
	s := w.Story()
	for _, p := range []synthetic.Person{s.Adult, s.Child, s.Stranger} {
		if !subjects[p.NHSNumber] {
			t.Errorf("%s %s is not a subject", p.GivenName, p.FamilyName)
		}
	}
	ids := map[string]bool{}
	for _, p := range w.CaseSubjects() {
		ids[p.PNCID] = true
	}
	principals := 0
	for _, sub := range w.Submissions() {
		for _, row := range sub.Rows {
			if row["soc_role"] != "principal" {
				continue
			}
			principals++
			if !ids[row["pnc_id"].(string)] {
				t.Errorf("the principal %v is not a subject", row["source_id"])
			}
		}
	}
	if principals != 24 {
		t.Errorf("%d principals of 24 groups", principals)
	}
}

// TestBadRows expects the officer's two mistakes and no others.
func TestBadRows(t *testing.T) {
	t.Parallel()
	reg := schemas(t)
	for name, w := range worlds() {
		s := w.BadRows()
		ds, _ := reg.Get(s.Dataset)
		bad := map[int]string{}
		for i, row := range s.Rows {
			_, problems := check(t, ds, row)
			for _, p := range problems {
				bad[i] += p.Pointer
			}
		}
		if diff := cmp.Diff(map[int]string{4: "/postcode", 9: "/concern_type"}, bad); diff != "" || len(s.Rows) != 12 {
			t.Errorf("%s: %d rows, problems (-want +got):\n%s", name, len(s.Rows), diff)
		}
		for _, other := range w.Submissions() {
			for _, row := range other.Rows {
				if other.Dataset == s.Dataset && where(s.Rows, map[string]any{"source_id": row["source_id"]}) > 0 {
					t.Errorf("%s: %v was sent before", name, row["source_id"])
				}
			}
		}
	}
}
