package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/audit"
)

type auditCmd struct {
	Verify verifyCmd `cmd:"" help:"Recompute the log and compare. Exit code 0: it verifies; 1: it does not; 2: it could not be read."`
}

// verifyCmd verifies a log that it reads from a data folder or a server. It
// trusts nothing but the key, and an old checkpoint where one is given.
type verifyCmd struct {
	Dir    string `xor:"source" required:"" help:"Verify the log in this data folder, offline." placeholder:"DIR"`
	Server string `xor:"source" required:"" help:"Verify this server's log, with an information governance lead's token in CONCORD_TOKEN." placeholder:"URL"`
	Key    string `required:"" help:"The public key of the log (a verifier key), or a file that holds it." placeholder:"VKEY"`
	Since  string `help:"An older checkpoint, in a file, that the log must continue." type:"existingfile" placeholder:"CHECKPOINT"`
	JSON   bool   `help:"Print the report as JSON."`
}

// Run verifies and prints entries, size, root and result, or the first bad
// index.
func (v *verifyCmd) Run(c *console) error {
	opt := audit.VerifyOptions{}
	key, err := v.key()
	if err != nil {
		return err
	}
	opt.Keys = []string{key}
	if v.Since != "" {
		if opt.Since, err = os.ReadFile(v.Since); err != nil {
			return fmt.Errorf("the checkpoint cannot be read: %w", err)
		}
	}
	report, err := v.verify(c, opt)
	if err != nil {
		return err
	}
	if err := v.print(c.out, report); err != nil {
		return err
	}
	if !report.OK {
		return errDamaged
	}
	return nil
}

// key is the verifier key itself or the content of the file it names.
func (v *verifyCmd) key() (string, error) {
	if strings.Count(v.Key, "+") >= 2 {
		return v.Key, nil
	}
	raw, err := os.ReadFile(v.Key)
	if err != nil {
		return "", fmt.Errorf("the key is neither a verifier key nor a file that can be read: %w", err)
	}
	return strings.TrimSpace(string(raw)), nil
}

// verify reads the log where it is.
func (v *verifyCmd) verify(c *console, opt audit.VerifyOptions) (audit.Report, error) {
	if v.Server == "" {
		return gateway.VerifyFolder(c.ctx, v.Dir, opt)
	}
	src, done, err := v.download(c)
	if err != nil {
		return audit.Report{}, err
	}
	defer done()
	return audit.Verify(c.ctx, src, opt)
}

// download streams the export of a server, with an information governance lead's
// token.
func (v *verifyCmd) download(c *console) (audit.Source, func(), error) {
	const query = "log_purpose=data-integrity"
	res, err := request(c, http.MethodGet, v.Server, "/v1/audit/export", query, "", http.NoBody) //nolint:bodyclose // by what is returned
	if err != nil {
		return nil, nil, err
	}
	return audit.ReadExport(res.Body), func() { _ = res.Body.Close() }, nil
}

func (v *verifyCmd) print(w io.Writer, r audit.Report) error {
	if v.JSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	}
	return printReport(w, r)
}

// printReport writes a report for a person.
func printReport(w io.Writer, r audit.Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "entries     %d in %d batches\n", r.Entries, r.Batches)
	fmt.Fprintf(&b, "tree size   %d\n", r.Size)
	fmt.Fprintf(&b, "root        %s\n", r.Root)
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "problem     %s [%s]\n", p.Message, p.Code)
	}
	switch {
	case r.OK:
		b.WriteString("result      VERIFIED: nothing was changed, removed, inserted or reordered\n")
	case r.FirstBad != nil:
		fmt.Fprintf(&b, "result      DAMAGED: first bad entry is %d\n", *r.FirstBad)
	default:
		b.WriteString("result      DAMAGED\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
