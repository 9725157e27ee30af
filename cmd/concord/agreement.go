package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"text/tabwriter"
	"time"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/approval"
	"github.com/concord-gateway/concord/gateway/authoring"
	"github.com/concord-gateway/concord/gateway/config"
)

type agreementCmd struct {
	Key     keyCmd     `cmd:"" help:"Make a key for an approver or a policy author, and print its public half."`
	New     newCmd     `cmd:"" help:"Write a commented agreement that releases nothing yet, or the next version of one."`
	Render  renderCmd  `cmd:"" help:"Print an agreement as a document to read and sign."`
	Sign    signCmd    `cmd:"" help:"Approve an agreement version for your agency."`
	Status  statusCmd  `cmd:"" help:"Say who has signed which version, and what is live."`
	Suspend suspendCmd `cmd:"" help:"Stop an agreement at once. Either party may."`
}

// desk is the folder that an author works in.
type desk struct {
	Root string `default:"." type:"existingdir" help:"The folder that holds policies/ and schemas/." placeholder:"DIR"`
}

func (d desk) open() (*authoring.Desk, error) { return authoring.Open(d.Root) }

// keyCmd makes a key pair.
type keyCmd struct {
	Name string `arg:"" help:"What the key is called: agency and post, for example telford-housing/data-protection-officer."`
	Out  string `required:"" help:"The file for the private key. Keep it yours." placeholder:"FILE"`
}

// Run writes the private key and prints the public one.
func (k *keyCmd) Run(c *console) error {
	private, public, err := approval.NewKey(k.Name)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(k.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("the key cannot be written, and an older one is never replaced: %w", err)
	}
	if _, err := f.WriteString(private + "\n"); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.out, public)
	return err
}

// newCmd writes a skeleton.
type newCmd struct {
	desk

	ID        string    `arg:"" help:"The id, for example ISA-TH-WMP-002."`
	Next      bool      `help:"Write the next version of an agreement that is there."`
	Provider  string    `help:"The agency that discloses." placeholder:"AGENCY"`
	Recipient string    `help:"The agency that receives." placeholder:"AGENCY"`
	Sector    string    `help:"The provider's sector: housing, health, social_care, education, local_authority, police or other." placeholder:"SECTOR"`
	Receiving string    `default:"police" help:"The recipient's sector." placeholder:"SECTOR"`
	Dataset   string    `help:"The dataset, for example housing.concern." placeholder:"NAME"`
	Purpose   string    `help:"The purpose, for example soc-investigation." placeholder:"ID"`
	Author    string    `help:"Who drafts it: the subject of the policy author." placeholder:"SUBJECT"`
	From      time.Time `format:"2006-01-02" help:"The first day; tomorrow if not given." placeholder:"DATE"`
}

// Run writes the file and says how to go on.
func (n *newCmd) Run(c *console) error {
	d, err := n.open()
	if err != nil {
		return err
	}
	var file string
	if n.Next {
		file, err = d.Next(n.ID)
	} else {
		if n.From.IsZero() {
			n.From = time.Now().UTC().AddDate(0, 0, 1)
		}
		file, err = d.New(authoring.NewOptions{
			ID: n.ID, Provider: n.Provider, Recipient: n.Recipient, ProviderSector: n.Sector, RecipientSector: n.Receiving,
			Dataset: n.Dataset, Purpose: n.Purpose, Author: n.Author, From: n.From,
		})
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "written   %s\nnext      edit it, then: concord policy check --root %s\n", file, n.Root)
	return err
}

// renderCmd prints an agreement.
type renderCmd struct {
	desk

	ID      string `arg:"" help:"The agreement."`
	Version int    `help:"The version; the highest if not given."`
	Format  string `default:"markdown" enum:"markdown,html" help:"markdown or html."`
}

// Run prints the document.
func (r *renderCmd) Run(c *console) error {
	d, err := r.open()
	if err != nil {
		return err
	}
	text, err := d.Render(r.ID, r.Version, authoring.Format(r.Format))
	if err != nil {
		return err
	}
	_, err = c.out.Write(text)
	return err
}

// signCmd approves a version.
type signCmd struct {
	desk

	ID       string `arg:"" help:"The agreement."`
	Version  int    `help:"The version; the highest if not given."`
	Key      string `required:"" type:"existingfile" help:"The approver's private key." placeholder:"FILE"`
	LiveFrom string `help:"From when it is live, a date or a time with zone; what was signed before, or the next day, if not given." placeholder:"WHEN"`
	Impact   string `type:"existingfile" help:"The impact report (concord policy impact) that you have read." placeholder:"FILE"`
	Lifts    int64  `help:"The log entry of the suspension that this version puts an end to." placeholder:"INDEX"`
	Founding bool   `help:"There is no impact report, since nothing is in force yet."`
}

// Run signs and prints what was signed.
func (s *signCmd) Run(c *console) error {
	d, err := s.open()
	if err != nil {
		return err
	}
	key, err := os.ReadFile(s.Key)
	if err != nil {
		return err
	}
	o := authoring.SignOptions{ID: s.ID, Version: s.Version, Key: string(key), Founding: s.Founding, Lifts: s.Lifts, At: time.Now()}
	if s.LiveFrom != "" {
		if o.LiveFrom, err = when(s.LiveFrom); err != nil {
			return err
		}
	}
	if s.Impact != "" {
		if o.Impact, err = os.ReadFile(s.Impact); err != nil {
			return err
		}
	}
	signed, err := d.Sign(c.ctx, o)
	if err != nil {
		return err
	}
	if signed.Dropped {
		_, _ = fmt.Fprintln(c.out, "note: signatures of another statement were there; they are void and have been dropped")
	}
	if signed.Report != nil {
		_, _ = fmt.Fprintln(c.out, signed.Report.Text())
	}
	_, err = fmt.Fprintf(c.out, "%s\nsigned    %s\nRead what is above, and the agreement (concord agreement render %s). If it is not what your agency means, "+
		"delete the file.\n", signed.Statement.Text(), signed.File, s.ID)
	return err
}

// when reads a date, which begins at midnight UTC, or a time.
func when(text string) (time.Time, error) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, errors.New("want a date such as 2027-01-01, or a time such as 2027-01-01T00:00:00Z")
	}
	return t, nil
}

// statusCmd shows every version.
type statusCmd struct {
	desk

	Config string `required:"" type:"existingfile" help:"The gateway's configuration, which registers the approvers." placeholder:"FILE"`
	At     string `help:"As of when, a date or a time; now if not given." placeholder:"WHEN"`
	JSON   bool   `help:"Print as JSON."`
	ID     string `arg:"" optional:"" help:"One agreement only."`
}

// Run prints a line for each version.
func (s *statusCmd) Run(c *console) error {
	cfg, err := config.Load(s.Config)
	if err != nil {
		return err
	}
	approvers, err := gateway.Approvers(cfg)
	if err != nil {
		return err
	}
	d, err := s.open()
	if err != nil {
		return err
	}
	at := time.Now()
	if s.At != "" {
		if at, err = when(s.At); err != nil {
			return err
		}
	}
	all := d.Status(approvers, at)
	shown := make([]authoring.Status, 0, len(all))
	for _, st := range all {
		if s.ID == "" || st.Agreement == s.ID {
			shown = append(shown, st)
		}
	}
	if s.JSON {
		enc := json.NewEncoder(c.out)
		enc.SetIndent("", "  ")
		return enc.Encode(shown)
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	for _, st := range shown {
		_, _ = fmt.Fprintf(w, "%s\tversion %d\t%s\n", st.Agreement, st.Version, st.Line())
	}
	return w.Flush()
}

// suspendCmd asks a gateway to stop an agreement.
type suspendCmd struct {
	ID     string `arg:"" help:"The agreement."`
	Server string `required:"" help:"The gateway; an approver's token is taken from CONCORD_TOKEN." placeholder:"URL"`
	Reason string `required:"" help:"Why. The other parties read it; name no person."`
}

// Run asks and prints the answer.
func (s *suspendCmd) Run(c *console) error {
	body, err := json.Marshal(map[string]string{"reason": s.Reason})
	if err != nil {
		return err
	}
	var done struct {
		Version    int
		Suspended  struct{ On, By string }
		AuditIndex int64 `json:"audit_index"`
	}
	asked, err := dial(s.Server)
	if err != nil {
		return err
	}
	if err := asked.Post(c.ctx, path.Join("/v1/agreements", url.PathEscape(s.ID), "suspend"), "application/json", body, &done); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "suspended %s, version %d, by %s since %s; log entry %d\n",
		s.ID, done.Version, done.Suspended.By, done.Suspended.On, done.AuditIndex)
	return err
}
