package local

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// indexName is the file that names every key file that was ever made in the
// folder, one line each. Lines are added and never taken away, and the file is
// made with the folder and never again: so a key file that was lost is told
// from one that was not made yet, and no new key takes its place.
const indexName = "index"

// index is what was read of the index file.
type index struct {
	path string

	mu    sync.Mutex // covers names and read
	names map[string]bool
	read  int64 // bytes, up to the end of the last whole line
}

// openIndex checks the index of a folder, or makes it where there is no key
// yet; used tells whether there is any.
func (f *folder) openIndex(used bool) error {
	info, err := os.Lstat(f.index.path)
	switch {
	case err == nil:
		return regular(f.index.path, info)
	case !errors.Is(err, os.ErrNotExist):
		return err
	case used:
		return fmt.Errorf("%s is gone, and without it a lost key is not noticed: put it back from the backup of the keys", f.index.path)
	}
	if err := writeNew(f.index.path, nil); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return f.sync()
}

// has reports whether a key file was ever made.
func (x *index) has(name string) (bool, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.names[name] {
		return true, nil
	}
	if err := x.refresh(); err != nil {
		return false, err
	}
	return x.names[name], nil
}

// refresh reads the lines that were added since, by other processes too. What
// a crash left of a line names no key file.
func (x *index) refresh() (err error) {
	r, err := os.Open(x.path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if _, err := r.Seek(x.read, io.SeekStart); err != nil {
		return err
	}
	added, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	added = added[:bytes.LastIndexByte(added, '\n')+1]
	for line := range strings.Lines(string(added)) {
		x.names[strings.TrimSuffix(line, "\n")] = true
	}
	x.read += int64(len(added))
	return nil
}

// add writes a name durably, unless it is there. The line break in front ends
// what a crash may have left of a line.
func (x *index) add(name string) (err error) {
	if there, err := x.has(name); there || err != nil {
		return err
	}
	w, err := os.OpenFile(x.path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = w.WriteString("\n" + name + "\n")
	return errors.Join(err, w.Sync(), w.Close())
}

// checkLost answers an error when the key file of a slot was made and is gone.
func (f *folder) checkLost(s slot) error {
	path := f.keyPath(s)
	made, err := f.index.has(filepath.Base(path))
	if err != nil || !made {
		return err
	}
	if err := f.alive(s); err != nil { // destroyed meanwhile
		return err
	}
	if _, err := os.Lstat(path); err == nil { // made meanwhile
		return nil
	}
	return fmt.Errorf("%s was made and is gone: put it back from the backup of the keys", path)
}
