package backup

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/concord-gateway/concord/gateway/fault"
)

// WriteFile makes a copy at path, which only its owner may read. Nothing stands
// there before the copy is whole and on the disk. It answers Conflict when there is
// something already, and the faults of Write.
func WriteFile(ctx context.Context, path string, c Copy) (made Summary, err error) {
	const op = "backup.Write"
	if err := vacant(path); err != nil {
		return made, err
	}
	dir, name := filepath.Split(path)
	f, err := os.CreateTemp(dir, "."+name+".*") // 0600
	if err != nil {
		return made, fault.Wrap(fault.Unavailable, op, "The copy cannot be written.", err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already where all went well
	made, err = Write(ctx, f, c)
	if err == nil {
		err = onDisk(f.Sync())
	}
	if err = errors.Join(err, onDisk(f.Close())); err != nil {
		return made, err
	}
	if err := vacant(path); err != nil {
		return made, err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return made, onDisk(err)
	}
	return made, syncFolder(dir)
}

func onDisk(err error) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(fault.Unavailable, "backup.Write", "The copy cannot be made durable.", err)
}

// vacant refuses to write over anything.
func vacant(path string) error {
	const op = "backup.Write"
	_, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fault.Wrap(fault.Unavailable, op, "The place of the copy cannot be looked at.", err)
	}
	return fault.New(fault.Conflict, op, "There is a file "+path+" already. A copy is never written over another file.")
}

// syncFolder makes a rename durable.
func syncFolder(dir string) error {
	if dir == "" {
		dir = "."
	}
	d, err := os.Open(dir)
	if err != nil {
		return onDisk(err)
	}
	return onDisk(errors.Join(d.Sync(), d.Close()))
}
