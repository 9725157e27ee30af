package rulebook

import (
	"io/fs"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/approval"
	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/policy"
	"github.com/concord-gateway/concord/gateway/policy/bundle"
)

// The files of an agreement's folder besides those that package agreement reads.
const (
	ApprovalFile = "approval.note"
	ImpactFile   = "impact.json"
)

// placesFile is the list of places.
const placesFile = "places.json"

// Draft is a set of files that reads well, each part by itself. It does not
// change.
type Draft struct {
	Files    bundle.Files
	Datasets *dataset.Registry
	Places   *dataset.Places
	Purposes []policy.Purpose
	// Versions are all agreement versions in the files, live or not, by id and
	// version.
	Versions []*agreement.Agreement

	core    approval.Core
	digests map[Version]string
	// at is where a version stands in Versions.
	at map[Version]int
}

// Version names one version of an agreement.
type Version struct {
	Agreement string `json:"agreement"`
	Version   int    `json:"version"`
}

// VersionOf names the version that a is.
func VersionOf(a *agreement.Agreement) Version { return Version{a.ID, a.Version} }

// Read reads a set of files. Whatever is wrong with any of them, and a file that
// belongs into no bundle, is a fault of kind Invalid that names file and place.
func Read(files bundle.Files) (*Draft, error) {
	if err := files.Check(); err != nil {
		return nil, err
	}
	d, err := readParts(files)
	if err != nil && !fault.Is(err, fault.Invalid) { // the files are in memory: what is not there, is not in them
		err = fault.Wrap(fault.Invalid, "rulebook.Read", "The files are not whole.", err)
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

func readParts(files bundle.Files) (*Draft, error) {
	d := &Draft{Files: files, digests: map[Version]string{}, at: map[Version]int{}}
	fsys := files.FS()
	var err error
	if d.Datasets, err = dataset.Load(sub(fsys, "datasets")); err != nil {
		return nil, err
	}
	if d.Places, err = readWith(fsys, placesFile, dataset.LoadPlaces); err != nil {
		return nil, err
	}
	if d.Purposes, err = readWith(fsys, "purposes.json", policy.LoadPurposes); err != nil {
		return nil, err
	}
	if d.Versions, err = agreement.ReadAll(sub(fsys, "agreements"), d.Datasets); err != nil {
		return nil, err
	}
	if d.core, err = approval.ReadCore(fsys); err != nil {
		return nil, err
	}
	for i, a := range d.Versions {
		d.at[VersionOf(a)] = i
		if d.digests[VersionOf(a)], err = approval.Digest(a, d.Datasets, d.core); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Digest returns what the parties of a version sign.
func (d *Draft) Digest(v Version) string { return d.digests[v] }

// Get returns a version of an agreement.
func (d *Draft) Get(v Version) (*agreement.Agreement, bool) {
	i, ok := d.at[v]
	if !ok {
		return nil, false
	}
	return d.Versions[i], true
}

// Approval returns the approval.note of a version, or nothing.
func (d *Draft) Approval(a *agreement.Agreement) []byte {
	return d.Files["agreements/"+a.Folder()+"/"+ApprovalFile]
}

// Impact returns the impact report that lies beside a version, or nothing.
func (d *Draft) Impact(a *agreement.Agreement) []byte {
	return d.Files["agreements/"+a.Folder()+"/"+ImpactFile]
}

// Standings says of every version, in their order, who has approved it.
func (d *Draft) Standings(r *approval.Approvers) []approval.Standing {
	out := make([]approval.Standing, len(d.Versions))
	for i, a := range d.Versions {
		out[i] = r.Check(a, d.Digest(VersionOf(a)), d.Approval(a))
	}
	return out
}

// sub is a folder of fsys; a folder that is not there fails when it is read.
func sub(fsys fs.FS, dir string) fs.FS {
	s, err := fs.Sub(fsys, dir)
	if err != nil { // only for a name that is not valid
		return fsys
	}
	return s
}

func readWith[T any](fsys fs.FS, name string, parse func([]byte) (T, error)) (T, error) {
	raw, err := fs.ReadFile(fsys, name)
	if err != nil {
		var none T
		return none, fault.Wrap(fault.Invalid, "rulebook.Read", "The file "+name+" cannot be read.", err)
	}
	return parse(raw)
}
