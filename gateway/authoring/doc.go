// Package authoring is the desk of those who write and approve agreements: a
// folder with policies/ and schemas/ in it, and what is done there before a
// gateway sees any of it.
//
//	new ──▶ edit ──▶ check, test ──▶ impact ──▶ sign (each party) ──▶ build ──▶ gateway
//
// It needs no gateway and no network, so that a partner can read, check and sign
// an agreement on a machine of its own. It makes nothing live: a gateway judges
// every signature again, by the keys that it has registered (package
// activation). Nothing is written where anything is wrong.
package authoring

import (
	"os"
	"path/filepath"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/policy/bundle"
	"github.com/concord-gateway/concord/gateway/rulebook"
)

// The folders below the root of a desk.
const (
	policiesDir   = "policies"
	schemasDir    = "schemas"
	agreementsDir = "agreements" // below policies
	nextDir       = "next"       // below an agreement
)

// The files of an agreement that an author writes.
const (
	agreementFile  = "agreement.json"
	conditionsFile = "conditions.rego"
	conditionsTest = "conditions_test.rego"
)

// Desk is a folder that reads well.
type Desk struct {
	*rulebook.Draft

	root string
}

// Open reads the folder. Whatever is wrong in it is a fault of kind Invalid
// whose cause names file, line, place, rule and remedy.
func Open(root string) (*Desk, error) {
	files, err := bundle.Gather(os.DirFS(filepath.Join(root, policiesDir)), os.DirFS(filepath.Join(root, schemasDir)))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "authoring.Open",
			"There are no folders policies and schemas to work on in "+root+". Name the folder that holds them with --root.", err)
	}
	draft, err := rulebook.Read(files)
	if err != nil {
		return nil, err
	}
	return &Desk{Draft: draft, root: root}, nil
}

// find returns a version of an agreement, the highest where version is zero.
func (d *Desk) find(op, id string, version int) (*agreement.Agreement, error) {
	var found *agreement.Agreement
	for _, a := range d.Versions { // ordered by id and version
		if a.ID == id && (version == 0 || a.Version == version) {
			found = a
		}
	}
	if found == nil {
		return nil, fault.New(fault.NotFound, op,
			"There is no such agreement, or not this version of it, in "+filepath.Join(d.root, policiesDir, agreementsDir)+".")
	}
	return found, nil
}

// path is where a file of an agreement version stands.
func (d *Desk) path(a *agreement.Agreement, name string) string {
	return filepath.Join(d.root, policiesDir, agreementsDir, filepath.FromSlash(a.Folder()), name)
}
