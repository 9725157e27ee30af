package approval

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/gowebpki/jcs"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
)

// Core is what every agreement rests on, as far as a signature depends on it: the
// files of concord/ but tests and editor schemas, the purposes, and the places,
// by which row conditions and treatments tell one area from another.
type Core map[string][]byte

// ReadCore reads the core policy from the files of a bundle.
func ReadCore(files fs.FS) (Core, error) {
	const op = "approval.ReadCore"
	core := Core{}
	err := fs.WalkDir(files, "concord", func(name string, d fs.DirEntry, err error) error {
		rule := path.Ext(name) == ".rego" && !strings.HasSuffix(name, "_test.rego")
		if err != nil || d.IsDir() || (!rule && name != "concord/agencies.json") {
			return err
		}
		core[name], err = fs.ReadFile(files, name)
		return err
	})
	for _, name := range []string{"purposes.json", "places.json"} {
		if err == nil {
			core[name], err = fs.ReadFile(files, name)
		}
	}
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "The core policy cannot be read.", err)
	}
	return core, nil
}

// Digest is the SHA-256, in hexadecimal, over what an agreement means: its
// agreement.json as canonical JSON (RFC 8785), its conditions, the schema of
// each dataset that it shares, likewise, and the core policy to the byte.
func Digest(a *agreement.Agreement, ds *dataset.Registry, core Core) (string, error) {
	const op = "approval.Digest"
	if len(core) == 0 {
		return "", fault.New(fault.Invalid, op, "There is no core policy.")
	}
	parts := maps.Clone(map[string][]byte(core))
	var err error
	if parts["agreement.json"], err = jcs.Transform(a.Source); err != nil {
		return "", fault.Wrap(fault.Invalid, op, "The agreement has no canonical form.", err)
	}
	if len(a.Conditions) > 0 {
		parts["conditions.rego"] = a.Conditions
	}
	for _, share := range a.Datasets {
		d, ok := ds.Get(share.Dataset)
		if !ok {
			return "", fault.New(fault.Invalid, op, "The agreement shares a dataset that is not there.")
		}
		if parts["datasets/"+d.Name], err = jcs.Transform(d.Schema); err != nil {
			return "", fault.Wrap(fault.Invalid, op, "The schema of a dataset has no canonical form.", err)
		}
	}
	h := sha256.New()
	_, _ = h.Write([]byte("concord agreement digest v1\n"))
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		sum := sha256.Sum256(parts[name])
		_, _ = fmt.Fprintf(h, "%q %x\n", name, sum)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
