package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
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
	`datasets/[a-z0-9_.]+\.(schema|mapping)\.json`,
	`places\.json`,
}, "|") + `)$`)

// testSuffix ends the name of a file of Rego tests.
const testSuffix = "_test.rego"

// Gather takes what belongs into a bundle from a folder of policies
// (concord/, agreements/, purposes.json) and one of schemas (datasets/,
// places.json). Tests and whatever else lies there stay behind. A rule, a schema,
// a mapping or a part of an agreement that would stay behind because of its name or
// place is a fault of kind Invalid: nobody must believe that it is in force.
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

var errStray = errors.New("it would be left out of a bundle for its name or its place; names are as in package bundle")

func (f Files) gather(fsys fs.FS, root string) error {
	return fs.WalkDir(fsys, root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if !belongs(name) {
			if stray(name) {
				return fmt.Errorf("%s: %w", name, errStray)
			}
			return nil
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

// Check refuses a path that the layout does not know.
func (f Files) Check() error {
	for _, name := range f.Names() {
		if !belongs(name) {
			return fault.New(fault.Invalid, "bundle.Check", "The bundle holds a file that does not belong into one: "+path.Base(name)+".").
				WithCode(CodeFile)
		}
	}
	return nil
}

func belongs(name string) bool {
	return layout.MatchString(name) && !strings.HasSuffix(name, testSuffix)
}

// stray reports whether a file that does not belong into a bundle looks as if
// its author thought that it did: a rule, a schema, a mapping, or a part of an
// agreement.
func stray(name string) bool {
	lower := strings.ToLower(name)
	switch path.Base(lower) {
	case "agreement.json", "approval.note", "impact.json", "agencies.json":
		return true
	}
	return strings.HasSuffix(lower, ".schema.json") || strings.HasSuffix(lower, ".mapping.json") ||
		(path.Ext(lower) == ".rego" && !strings.HasSuffix(name, testSuffix))
}
