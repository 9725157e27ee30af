package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// create writes a file that is not there yet, whole or not at all, readable by
// its owner alone.
func create(path string, write func(io.Writer) error) error { return put(path, false, write) }

// put writes a file as create does. One that is there is replaced only where that is
// said.
func put(path string, replace bool, write func(io.Writer) error) (err error) {
	if !replace && there(path) {
		return fmt.Errorf("%s is there already", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".concord-*") // 0600
	if err != nil {
		return fmt.Errorf("the file cannot be made: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if err := write(f); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("the file cannot be written: %w", err)
	}
	if replace {
		return os.Rename(f.Name(), path)
	}
	if err := os.Link(f.Name(), path); err != nil { // fails where somebody else was faster
		return fmt.Errorf("the file cannot be made: %w", err)
	}
	return os.Remove(f.Name())
}

// there reports whether something has the name.
func there(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
