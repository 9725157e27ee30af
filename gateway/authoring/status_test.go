package authoring_test

import (
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/approval"
	"github.com/concord-gateway/concord/gateway/authoring"
)

func TestStatus(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	dpo, siro := newKey(t, "telford-housing/dpo"), newKey(t, "west-mercia-police/siro")
	approvers, err := approval.NewApprovers([]approval.Approver{
		{Agency: "telford-housing", Subject: "dpo@housing.example", Key: dpo.public},
		{Agency: "west-mercia-police", Subject: "siro@police.example", Key: siro.public},
	})
	if err != nil {
		t.Fatal(err)
	}
	line := func(at time.Time) string {
		for _, st := range f.open(t).Status(approvers, at) {
			if st.Agreement == tenancy {
				return st.Line()
			}
		}
		return "not there"
	}
	step := func(want string, at time.Time) {
		t.Helper()
		if got := line(at); !strings.HasPrefix(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	step("draft: nobody has signed; needs telford-housing and west-mercia-police", now())
	sign := func(k key) {
		t.Helper()
		if _, err := f.open(t).Sign(t.Context(), authoring.SignOptions{ID: tenancy, Key: k.private, Founding: true, At: now()}); err != nil {
			t.Fatal(err)
		}
	}
	sign(dpo)
	step("awaiting the signature of west-mercia-police", now())
	sign(siro)
	step("approved by all parties, live from 2026-11-26T00:00:00Z", now())
	step("live since 2026-11-26T00:00:00Z, active", now().AddDate(0, 0, 1))
	f.replace(t, "policies/agreements/"+tenancy+"/agreement.json", `"title": "`, `"title": "Other `)
	step("void: what was signed is another version or content", now())
	if n := len(f.open(t).Status(approvers, now())); n != len(f.open(t).Versions) {
		t.Errorf("%d lines", n)
	}
}
