package local

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/primitive"
)

const (
	folderMode = 0o700
	fileMode   = 0o600

	keySuffix       = ".json"
	tombstoneSuffix = ".destroyed"

	// largest is the most bytes of a key file; a keyset has a few hundred.
	largest = 64 << 10
)

var (
	// errDestroyed says that a scope has a tombstone.
	errDestroyed = errors.New("the scope was destroyed")
	// errAbsent says that a key was never made, and is not to be made now.
	errAbsent = fmt.Errorf("%w in the folder", keyring.ErrAbsent)
)

// folder is a folder of keys.
type folder struct {
	path  string
	index index
}

// openFolder refuses a folder that lets others in. It makes one that is not there, if
// it may.
func openFolder(dir string, mayMake bool) (*folder, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if mayMake {
		if err := os.MkdirAll(dir, folderMode); err != nil {
			return nil, err
		}
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is not a folder: name the folder itself, not a link to it", dir)
	}
	if err := private(dir, info, folderMode); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	used := false
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), keySuffix) && !strings.HasSuffix(e.Name(), tombstoneSuffix) {
			continue
		}
		used = true
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		if err := regular(filepath.Join(dir, e.Name()), info); err != nil {
			return nil, err
		}
	}
	f := &folder{path: dir, index: index{path: filepath.Join(dir, indexName), names: map[string]bool{}}}
	return f, f.openIndex(used || !mayMake)
}

// regular refuses what is not a file of the owner alone.
func regular(path string, info os.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file: put the key itself there, not a link to it", path)
	}
	return private(path, info, fileMode)
}

// private refuses a mode wider than allowed.
func private(path string, info os.FileInfo, allowed os.FileMode) error {
	if mode := info.Mode().Perm(); mode&^allowed != 0 {
		return fmt.Errorf("%s has mode %04o, which lets others than its owner in: run chmod %04o %s",
			path, mode, allowed, path)
	}
	return nil
}

func (f *folder) keyPath(s slot) string {
	return filepath.Join(f.path, fileName(s.scope)+"."+string(s.use)+keySuffix)
}

func (f *folder) tombstonePath(scope string) string {
	return filepath.Join(f.path, fileName(scope)+tombstoneSuffix)
}

// obtain returns the content of a slot's key file. Where there never was one it makes
// the file, if it may, and answers errAbsent if not. It answers errDestroyed for a
// destroyed scope. A key is in the index before it is handed out, and in its file
// before it is in the index.
func (f *folder) obtain(s slot, mayMake bool) ([]byte, error) {
	if err := f.alive(s); err != nil {
		return nil, err
	}
	path := f.keyPath(s)
	raw, err := f.read(s, path)
	switch {
	case err == nil && !mayMake:
		return raw, nil // whoever may write enters it
	case err == nil:
		return raw, f.index.add(filepath.Base(path))
	case !errors.Is(err, os.ErrNotExist):
		return nil, err
	}
	if err := f.checkLost(s); err != nil {
		return nil, err
	}
	if !mayMake {
		return nil, errAbsent
	}
	return f.create(s, path)
}

// create makes the key file of a slot, unless somebody else does.
func (f *folder) create(s slot, path string) ([]byte, error) {
	raw, err := primitive.New(s.use)
	if err != nil {
		return nil, err
	}
	if err := f.publish(path, raw); err != nil {
		return nil, err
	}
	// The scope may have been destroyed since the first look: its tombstone is
	// there before any key is removed, so this look cannot miss it.
	if err := f.alive(s); err != nil {
		return nil, errors.Join(err, shred(path))
	}
	if raw, err = f.read(s, path); err != nil { // that of whoever came first
		return nil, err
	}
	return raw, f.index.add(filepath.Base(path))
}

// read returns the content of a slot's key file. What is read while the scope is
// destroyed is a key half overwritten, or none: the tombstone, which was there before,
// says so.
func (f *folder) read(s slot, path string) ([]byte, error) {
	raw, err := readKey(path)
	if dead := f.alive(s); dead != nil {
		return nil, dead
	}
	return raw, err
}

// alive answers errDestroyed when the scope has a tombstone. Signing keys have
// none.
func (f *folder) alive(s slot) error {
	if s.use == signing {
		return nil
	}
	_, err := os.Lstat(f.tombstonePath(s.scope))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	default:
		return errDestroyed
	}
}

// publish makes the file path with the content, complete and durable at once,
// unless there is one.
func (f *folder) publish(path string, content []byte) (err error) {
	temp := filepath.Join(f.path, "new-"+rand.Text())
	if err := writeNew(temp, content); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(temp)) }()
	if err := os.Link(temp, path); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return f.sync()
}

// destroy leaves a tombstone and removes the keys of a scope. Where both have been
// done it is quick: keys are removed only once the tombstone is durable.
func (f *folder) destroy(scope string) error {
	if f.destroyed(scope) {
		return nil
	}
	if err := writeNew(f.tombstonePath(scope), nil); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if err := f.sync(); err != nil {
		return err
	}
	return errors.Join(shred(f.keyPath(slot{sealing, scope})), shred(f.keyPath(slot{hashing, scope})), f.sync())
}

// destroyed reports whether a scope has a tombstone and no keys.
func (f *folder) destroyed(scope string) bool {
	_, err := os.Lstat(f.tombstonePath(scope))
	_, noSealing := os.Lstat(f.keyPath(slot{sealing, scope}))
	_, noHashing := os.Lstat(f.keyPath(slot{hashing, scope}))
	return err == nil && errors.Is(noSealing, os.ErrNotExist) && errors.Is(noHashing, os.ErrNotExist)
}

// sync makes the names in the folder durable.
func (f *folder) sync() error {
	d, err := os.Open(f.path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// writeNew makes a file that must not be there yet, durably but for its name.
func writeNew(path string, content []byte) error {
	w, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	_, err = w.Write(content)
	return errors.Join(err, w.Sync(), w.Close())
}

// readKey reads a key file that is the owner's alone.
func readKey(path string) (raw []byte, err error) {
	listed, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if err := regular(path, listed); err != nil {
		return nil, err
	}
	r, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	opened, err := r.Stat()
	if err != nil {
		return nil, err
	}
	if !os.SameFile(listed, opened) {
		return nil, fmt.Errorf("%s was exchanged while it was read", path)
	}
	return io.ReadAll(io.LimitReader(r, largest))
}

// shred overwrites a file and removes it. A file that is not there, or that
// somebody else removes meanwhile, is no error.
func shred(path string) error {
	err := overwrite(path)
	if err == nil {
		err = os.Remove(path)
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// overwrite fills a regular file with zeros; a link is left as it is.
func overwrite(path string) error {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	w, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = w.Write(make([]byte, info.Size()))
	return errors.Join(err, w.Sync(), w.Close())
}
