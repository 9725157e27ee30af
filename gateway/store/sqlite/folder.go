package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/concord-gateway/concord/gateway/fault"
)

const (
	folderMode = 0o700
	fileMode   = 0o600
)

// prepareFolder makes the folder and an empty database file where they are
// missing, and refuses them where others than the owner may read or write.
func prepareFolder(path string) error {
	const op = "sqlite.Open"
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, folderMode); err != nil {
		return fault.Wrap(fault.Unavailable, op, "the data folder cannot be made", err)
	}
	if err := private(dir, folderMode); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	if err == nil {
		err = f.Close()
	}
	if err != nil && !errors.Is(err, os.ErrExist) {
		return fault.Wrap(fault.Unavailable, op, "the database file cannot be made", err)
	}
	return private(path, fileMode)
}

// private refuses a path that anyone but its owner may use, and a file that is
// not a regular one.
func private(path string, mode os.FileMode) error {
	const op = "sqlite.Open"
	stat := os.Lstat
	if mode == folderMode {
		stat = os.Stat
	}
	info, err := stat(path)
	if err != nil {
		return fault.Wrap(fault.Unavailable, op, "the data folder cannot be read", err)
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return fault.New(fault.Forbidden, op, path+" is not a regular file")
	}
	if wide := info.Mode().Perm() &^ mode; wide != 0 {
		return fault.New(fault.Forbidden, op, fmt.Sprintf(
			"%s has mode %04o, which lets others than its owner in: run chmod %04o %s",
			path, info.Mode().Perm(), mode, path))
	}
	return nil
}
