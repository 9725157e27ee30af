package authoring

import (
	"fmt"
	"strings"
	"time"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/approval"
)

// Status is how far one agreement version has come.
type Status struct {
	approval.Standing

	Title  string           `json:"title"`
	State  approval.State   `json:"state"`
	Status agreement.Status `json:"status"`
	Folder string           `json:"folder"`
}

// Status says of every version in the folder who has signed it, as a gateway
// with these approvers will see it at a time.
func (d *Desk) Status(approvers *approval.Approvers, at time.Time) []Status {
	out := make([]Status, len(d.Versions))
	for i, st := range d.Standings(approvers) {
		a := d.Versions[i]
		out[i] = Status{Standing: st, Title: a.Title, State: st.State(at), Status: a.Status(at), Folder: a.Folder()}
	}
	return out
}

// Line is one line for people.
func (s Status) Line() string {
	switch s.State {
	case approval.Void:
		return "void: " + s.Void
	case approval.Draft:
		return "draft: nobody has signed; needs " + strings.Join(s.Missing, " and ")
	case approval.Awaiting:
		return "awaiting the signature of " + strings.Join(s.Missing, " and ")
	case approval.Approved:
		return "approved by all parties, live from " + s.LiveFrom.Format(time.RFC3339)
	case approval.Live:
	}
	return fmt.Sprintf("live since %s, %s", s.LiveFrom.Format(time.RFC3339), s.Status)
}
