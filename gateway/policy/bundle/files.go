package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing/fstest"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Files are the files of a bundle by their slash-separated path, without the
// manifest and the signature.
type Files map[string][]byte

// layout is every path that a bundle may hold.
var layout = regexp.MustCompile(`^(` + strings.Join([]string{
	`concord/([a-z0-9_]+/)*[a-z0-9_]+\.rego`,
	`concord/agencies\.json`,
	`purposes\.json`,
	`agreements/[A-Z0-9-]+/(next/)?(agreement\.json|conditions\.rego|approval\.note|impact\.json)`,
	`datasets/[a-z0-9_.]+\.schema\.json`,
	`places\.json`,
}, "|") + `)$`)

// Gather takes what belongs into a bundle from a folder of policies
// (concord/, agreements/, purposes.json) and one of schemas (datasets/,
// places.json). Tests and whatever else lies there stay behind.
func Gather(policies, schemas fs.FS) (Files, error) {
	const op = "bundle.Gather"
	files := Files{}
	for _, from := range []struct {
		fsys  fs.FS
		roots []string
	}{{policies, []string{"concord", "agreements", "purposes.json"}}, {schemas, []string{"datasets", "places.json"}}} {
		for _, root := range from.roots {
			if err := files.gather(from.fsys, root); err != nil {
				return nil, fault.Wrap(fault.Invalid, op, "The folder of policies or schemas cannot be read.", err)
			}
		}
	}
	return files, nil
}

func (f Files) gather(fsys fs.FS, root string) error {
	return fs.WalkDir(fsys, root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !layout.MatchString(name) || strings.HasSuffix(name, "_test.rego") {
			return err
		}
		raw, err := fs.ReadFile(fsys, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		f[name] = raw
		return nil
	})
}

// FS is a view of the files as a file system.
func (f Files) FS() fs.FS {
	out := make(fstest.MapFS, len(f))
	for name, raw := range f {
		out[name] = &fstest.MapFile{Data: raw, Mode: 0o444}
	}
	return out
}

// Names returns the paths in order.
func (f Files) Names() []string { return slices.Sorted(maps.Keys(f)) }

// Revision is the SHA-256, in hexadecimal, over the path and the exact bytes of
// every file.
func (f Files) Revision() string {
	h := sha256.New()
	for _, name := range f.Names() {
		sum := sha256.Sum256(f[name])
		_, _ = fmt.Fprintf(h, "%q %x\n", name, sum)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// check refuses a path that the layout does not know.
func (f Files) check() error {
	for _, name := range f.Names() {
		if !layout.MatchString(name) || strings.HasSuffix(name, "_test.rego") {
			return fault.New(fault.Invalid, "bundle.Read", "The bundle holds a file that does not belong into one: "+path.Base(name)+".").
				WithCode(CodeFile)
		}
	}
	return nil
}
