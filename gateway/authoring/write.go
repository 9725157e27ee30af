package authoring

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/concord-gateway/concord/gateway/fault"
)

// file is a file to be written.
type file struct {
	name    string
	content []byte
}

// write puts files in their places, each whole or not at all, and none where one
// of them cannot be staged beside its place.
func write(op string, files ...file) error {
	var staged []string
	defer func() {
		for _, tmp := range staged {
			_ = os.Remove(tmp) // what has been renamed is not there any more
		}
	}()
	for _, f := range files {
		tmp, err := stage(f)
		if err != nil {
			return unwritten(op, f, err)
		}
		staged = append(staged, tmp)
	}
	for i, f := range files {
		if err := os.Rename(staged[i], f.name); err != nil {
			return unwritten(op, f, err)
		}
	}
	return nil
}

var errFolder = errors.New("a folder has its name")

// stage writes a file beside its place, to the disk.
func stage(f file) (name string, err error) {
	if info, err := os.Stat(f.name); err == nil && info.IsDir() {
		return "", errFolder
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	dir := filepath.Dir(f.name)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", err
	}
	tmp, err := os.CreateTemp(dir, filepath.Base(f.name)+".*.new")
	if err != nil {
		return "", err
	}
	_, err = tmp.Write(f.content)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return "", errors.Join(err, os.Remove(tmp.Name()))
	}
	return tmp.Name(), nil
}

func unwritten(op string, f file, cause error) error {
	return fault.Wrap(fault.Unavailable, op, "The file "+f.name+" cannot be written.", cause)
}
