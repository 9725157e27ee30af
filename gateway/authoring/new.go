package authoring

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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
	name := filepath.Join(d.root, policiesDir, agreementsDir, o.ID, agreementFile)
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
	if err := write(op, file{name, raw}); err != nil {
		return "", err
	}
	return name, nil
}

func (d *Desk) kindsOf(purpose string) ([]string, bool) {
	for _, p := range d.Purposes {
		if p.ID == purpose {
			return p.Kinds, true
		}
	}
	return nil, false
}

// Next writes the successor of an agreement, for now the same but for its
// number, with the conditions and their tests into the folder next/ beside it,
// and returns the name of the file.
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
	begin, end, err := versionAt(a.Source)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, op, "The version of the agreement cannot be found.", err)
	}
	raw := slices.Concat(a.Source[:begin], strconv.AppendInt(nil, int64(a.Version+1), 10), a.Source[end:])
	files := []file{{filepath.Join(d.path(a, nextDir), agreementFile), raw}}
	for _, name := range []string{conditionsFile, conditionsTest} {
		content, err := os.ReadFile(d.path(a, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", fault.Wrap(fault.Unavailable, op, "The file "+d.path(a, name)+" cannot be read.", err)
		}
		files = append(files, file{filepath.Join(d.path(a, nextDir), name), content})
	}
	if err := write(op, files...); err != nil {
		return "", err
	}
	return files[0].name, nil
}

// versionAt finds the value of the member "version" of the outermost object, not
// one of the same name within another, nor one in a comment.
func versionAt(raw []byte) (begin, end int64, err error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if _, err := dec.Token(); err != nil {
		return 0, 0, err
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return 0, 0, err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return 0, 0, err
		}
		if end := dec.InputOffset(); key == "version" {
			return end - int64(len(value)), end, nil
		}
	}
	return 0, 0, errors.New("there is no member version")
}
