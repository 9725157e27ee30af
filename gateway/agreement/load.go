package agreement

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
)

// The files of an agreement's folder.
const (
	agreementFile  = "agreement.json"
	conditionsFile = "conditions.rego"
	// nextFolder holds the version that is to follow.
	nextFolder = "next"
)

// defaultEmbargoDays is the embargo where an agreement does not give one.
const defaultEmbargoDays = 28

// Load reads every folder at the root of fsys as one agreement, without the
// versions that are to follow. It returns all of them or none: the cause of
// its fault is a Findings with everything that is wrong, each with file, line,
// JSON pointer, rule and remedy.
func Load(fsys fs.FS, ds *dataset.Registry) (*Register, error) {
	const op = "agreement.Load"
	all, found, err := readFolders(fsys, ds, false)
	if err != nil {
		return nil, err
	}
	found = append(found, together(all)...)
	if err := found.fault(op); err != nil {
		return nil, err
	}
	return newRegister(all), nil
}

// ReadAll reads every folder <ID> at the root of fsys, and where it has one the
// folder <ID>/next with the version that is to follow: the same agreement with
// a higher version. Each is checked by itself; whether they fit together is
// asked by NewRegister of those that are in force. They are sorted by id and
// version. Like Load it returns all or none.
func ReadAll(fsys fs.FS, ds *dataset.Registry) ([]*Agreement, error) {
	all, found, err := readFolders(fsys, ds, true)
	if err != nil {
		return nil, err
	}
	if err := found.fault("agreement.ReadAll"); err != nil {
		return nil, err
	}
	return all, nil
}

// readFolders reads and checks each agreement by itself.
func readFolders(fsys fs.FS, ds *dataset.Registry, successors bool) ([]*Agreement, Findings, error) {
	const op = "agreement.Load"
	schema, err := compileSchema()
	if err != nil {
		return nil, nil, fault.Wrap(fault.Internal, op, "The schema of agreements cannot be read.", err)
	}
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, nil, fault.Wrap(fault.Invalid, op, "The folder of agreements cannot be read.", err)
	}
	r := reader{fsys: fsys, schema: schema, datasets: ds}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		current := r.folder(e.Name(), e.Name())
		if successors {
			r.successor(e.Name(), current)
		}
	}
	slices.SortFunc(r.all, byIDAndVersion)
	return r.all, r.found, nil
}

func byIDAndVersion(a, b *Agreement) int {
	return cmp.Or(strings.Compare(a.ID, b.ID), cmp.Compare(a.Version, b.Version))
}

// reader gathers agreements, and what is wrong with them.
type reader struct {
	fsys     fs.FS
	schema   validator
	datasets *dataset.Registry
	all      []*Agreement
	found    Findings
}

// folder reads one folder, whose agreement has the given id. It returns nil
// when its form is wrong, since nothing can then be said of its sense.
func (r *reader) folder(folder, id string) *Agreement {
	a, wrong := read(r.fsys, folder, r.schema)
	r.found = append(r.found, wrong...)
	if a == nil {
		return nil
	}
	r.found = append(r.found, check(a, id, r.datasets.Get)...)
	r.all = append(r.all, a)
	return a
}

// successor reads the version that is to follow the current one, if there is
// any.
func (r *reader) successor(id string, current *Agreement) {
	folder := path.Join(id, nextFolder)
	if _, err := fs.Stat(r.fsys, folder); errors.Is(err, fs.ErrNotExist) {
		return
	}
	if a := r.folder(folder, id); a != nil && current != nil && a.Version <= current.Version {
		r.found = append(r.found, a.found("/version", "next-version",
			fmt.Sprintf("version %d is to follow version %d, which it does not", a.Version, current.Version),
			"give the version that is to follow a higher number"))
	}
}

// read reads one folder. The agreement is nil when its form is wrong.
func read(fsys fs.FS, folder string, schema validator) (*Agreement, []Finding) {
	file := path.Join(folder, agreementFile)
	raw, err := fs.ReadFile(fsys, file)
	if err != nil {
		return nil, []Finding{{
			File: file, Rule: "unreadable", Message: "the file cannot be read: " + err.Error(),
			Remedy: "give each agreement a folder of its own with an " + agreementFile,
		}}
	}
	a, found := parse(raw, folder, schema)
	if len(found) > 0 {
		return nil, found
	}
	a.Conditions, err = fs.ReadFile(fsys, path.Join(folder, conditionsFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, []Finding{{
			File: path.Join(folder, conditionsFile), Rule: "unreadable",
			Message: "the file cannot be read: " + err.Error(), Remedy: "make it readable, or remove it",
		}}
	}
	return a, nil
}

// parse reads agreement.json. The agreement is nil when its form is wrong.
func parse(raw []byte, folder string, schema validator) (*Agreement, []Finding) {
	file := path.Join(folder, agreementFile)
	lines, found := positions(file, raw)
	if len(found) > 0 {
		return nil, found
	}
	a := &Agreement{EmbargoDays: defaultEmbargoDays, Source: raw, folder: folder, file: file, lines: lines}
	if found := schema.check(a); len(found) > 0 {
		return nil, found
	}
	if err := json.Unmarshal(raw, a); err != nil {
		return nil, []Finding{a.found("", "malformed", err.Error(), "follow schemas/agreement.schema.json")}
	}
	return a, nil
}
