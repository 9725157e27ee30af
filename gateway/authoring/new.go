package authoring

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/fault"
)

// NewOptions say what a new agreement is about.
type NewOptions struct {
	ID                  string
	Provider, Recipient string
	// ProviderSector and RecipientSector are those of an agreement's party.
	ProviderSector, RecipientSector string
	Dataset, Purpose                string
	// Author is the subject of the policy author.
	Author string
	// From is the first day on which the agreement holds.
	From time.Time
}

// New writes the commented skeleton of an agreement into a folder of its own
// and returns the name of the file. It releases nothing until somebody opens a
// field.
func (d *Desk) New(o NewOptions) (string, error) {
	const op = "authoring.New"
	name := filepath.Join(d.root, policiesDir, "agreements", o.ID, "agreement.json")
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		return "", fault.New(fault.Conflict, op, "There is an agreement "+o.ID+" already. A change of it is its next version: add --next.")
	}
	ds, ok := d.Datasets.Get(o.Dataset)
	if !ok {
		return "", fault.New(fault.Invalid, op, "There is no dataset "+o.Dataset+" in the folder schemas/datasets.")
	}
	kinds, ok := d.kindsOf(o.Purpose)
	if !ok {
		return "", fault.New(fault.Invalid, op, "There is no purpose "+o.Purpose+" in policies/purposes.json.")
	}
	raw, err := agreement.Skeleton(agreement.SkeletonOptions{
		ID: o.ID, Provider: o.Provider, Recipient: o.Recipient,
		ProviderSector: o.ProviderSector, RecipientSector: o.RecipientSector,
		Dataset: ds, Purpose: o.Purpose, Kinds: kinds, Author: o.Author, From: o.From,
	})
	if err != nil {
		return "", err
	}
	return name, write(op, name, raw)
}

func (d *Desk) kindsOf(purpose string) ([]string, bool) {
	for _, p := range d.Purposes {
		if p.ID == purpose {
			return p.Kinds, true
		}
	}
	return nil, false
}

// version matches the member that counts the versions, which the schema has at
// the top.
var version = regexp.MustCompile(`(?m)^(\s*"version"\s*:\s*)([0-9]+)`)

// Next writes the successor of an agreement, for now the same but for its
// number, into the folder next/ beside it, and returns the name of the file.
// Until all parties have signed it, the version before stays as it is.
func (d *Desk) Next(id string) (string, error) {
	const op = "authoring.Next"
	a, err := d.find(op, id, 0)
	if err != nil {
		return "", err
	}
	if a.Folder() != a.ID {
		return "", fault.New(fault.Conflict, op, "Agreement "+id+" has a next version already, in "+d.path(a, "")+".")
	}
	at := version.FindSubmatchIndex(a.Source)
	if at == nil {
		return "", fault.New(fault.Invalid, op, "The agreement does not say its version on a line of its own.")
	}
	raw := append([]byte(nil), a.Source[:at[4]]...)
	raw = strconv.AppendInt(raw, int64(a.Version+1), 10)
	raw = append(raw, a.Source[at[5]:]...)
	dir := filepath.Join(d.root, policiesDir, "agreements", id, "next")
	name := filepath.Join(dir, "agreement.json")
	err = write(op, name, raw)
	if len(a.Conditions) > 0 {
		err = cmp.Or(err, write(op, filepath.Join(dir, "conditions.rego"), a.Conditions))
	}
	return name, err
}
