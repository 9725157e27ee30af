package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/intake"
	"github.com/concord-gateway/concord/gateway/policy/bundle"
	"github.com/concord-gateway/concord/gateway/rulebook"
	"github.com/concord-gateway/concord/policies"
	"github.com/concord-gateway/concord/schemas"
)

// validateCmd checks a file where it is, by the gateway's own rules.
type validateCmd struct {
	rowsFile

	Agreement string `help:"The agreement under which the rows will be shared; without it, only the rules of the dataset are checked." placeholder:"ID"`
	Provider  string `help:"Whose file it is, where its columns have names of their own; the agreement's provider if not given." placeholder:"AGENCY"`
	Errors    string `help:"Write the rejected rows here, as CSV that can be corrected and sent." placeholder:"OUT.csv"`
	Force     bool   `help:"Replace an error file that is there."`
	Root      string `type:"existingdir" help:"A folder that holds policies/ and schemas/; what is built in if not given." placeholder:"DIR"`
	JSON      bool   `help:"Print the result as JSON."`
}

// stdin is the name of the standard input.
const stdin = "-"

// Run checks every row and prints what it found.
func (v *validateCmd) Run(c *console) (err error) {
	format, encoding, err := v.form()
	if err != nil {
		return err
	}
	if v.Errors != "" && !v.Force && there(v.Errors) {
		return fmt.Errorf("%s is there already: move it away or give --force", v.Errors)
	}
	ds, terms, err := v.rules()
	if err != nil {
		return err
	}
	f, size, err := v.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	bar := c.progress("checking")
	src := intake.Source{Format: format, Encoding: encoding, Dataset: ds, Provider: v.Provider}
	k, err := newCheck(&shownReader{Reader: f, bar: bar, size: size}, src, terms, time.Now())
	if err == nil {
		err = v.check(c, k)
	}
	bar.done()
	if err != nil {
		return err
	}
	return v.report(c, k)
}

// check goes through the file. The error file is made only where there is something to
// put into it.
func (v *validateCmd) check(c *console, k *check) error {
	if v.Errors == "" {
		return k.run(c.ctx, nil)
	}
	none := errors.New("every row is good")
	err := put(v.Errors, v.Force, func(w io.Writer) error {
		if err := k.run(c.ctx, w); err != nil || k.Rejected > 0 {
			return err
		}
		return none
	})
	if errors.Is(err, none) {
		return nil
	}
	if err == nil {
		k.ErrorFile = v.Errors
	}
	return err
}

// open opens the file, or the standard input.
func (v *validateCmd) open() (io.ReadCloser, int64, error) {
	if v.File == stdin {
		return io.NopCloser(os.Stdin), 0, nil
	}
	f, err := os.Open(v.File)
	if err != nil {
		return nil, 0, fmt.Errorf("the file cannot be read: %w", err)
	}
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		return nil, 0, errors.Join(fmt.Errorf("%s is not a file", v.File), err, f.Close())
	}
	return f, info.Size(), nil
}

// rules finds the dataset, and what the agreement says of it.
func (v *validateCmd) rules() (*dataset.Dataset, *agreement.Terms, error) {
	policyFS, schemaFS := fs.FS(policies.Files), fs.FS(schemas.Files)
	if v.Root != "" {
		policyFS, schemaFS = os.DirFS(filepath.Join(v.Root, "policies")), os.DirFS(filepath.Join(v.Root, "schemas"))
	}
	files, err := bundle.Gather(policyFS, schemaFS)
	if err != nil {
		return nil, nil, err
	}
	draft, err := rulebook.Read(files)
	if err != nil {
		return nil, nil, err
	}
	ds, ok := draft.Datasets.Get(v.Dataset)
	if !ok {
		var names []string
		for _, d := range draft.Datasets.All() {
			names = append(names, d.Name)
		}
		return nil, nil, fmt.Errorf("there is no dataset %s; there are %s", v.Dataset, strings.Join(names, ", "))
	}
	if v.Agreement == "" {
		return ds, everything(ds), nil
	}
	terms, err := v.terms(draft)
	return ds, terms, err
}

// terms are those of the newest version that is in force.
func (v *validateCmd) terms(draft *rulebook.Draft) (*agreement.Terms, error) {
	var found *agreement.Agreement
	now := time.Now()
	for _, a := range draft.Versions { // in the order of their versions
		if a.ID == v.Agreement && (found == nil || a.Status(now) == agreement.Active) {
			found = a
		}
	}
	if found == nil {
		return nil, fmt.Errorf("there is no agreement %s", v.Agreement)
	}
	register, err := agreement.NewRegister([]*agreement.Agreement{found})
	if err != nil {
		return nil, err
	}
	v.Provider = orElse(v.Provider, found.Provider.Agency)
	return register.Submission(found.ID, v.Provider, v.Dataset, now)
}

// everything are terms that list each field: those of no agreement.
func everything(ds *dataset.Dataset) *agreement.Terms {
	terms := &agreement.Terms{Fields: map[string]bool{}, Unlisted: "refuse"}
	for i := range ds.Fields {
		terms.Fields[ds.Fields[i].Pointer] = true
	}
	return terms
}

// shownReader moves a bar as it is read.
type shownReader struct {
	io.Reader

	bar        *bar
	read, size int64
}

func (r *shownReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.read += int64(n)
	r.bar.at(r.read, max(r.size, r.read))
	return n, err
}
