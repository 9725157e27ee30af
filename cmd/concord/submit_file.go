package main

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// steadyFile is a file that must stay as it was when it was opened.
type steadyFile struct {
	*os.File

	size    int64
	changed time.Time
}

func openSteady(name string) (*steadyFile, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("the file cannot be read: %w", err)
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(errors.New("what is submitted is an ordinary file, which can be sent again where it breaks off"), err, f.Close())
	}
	return &steadyFile{File: f, size: info.Size(), changed: info.ModTime()}, nil
}

// ReadAt fails once the file was changed: what is sent is what its key was made of.
func (s *steadyFile) ReadAt(p []byte, at int64) (int, error) {
	info, err := s.Stat()
	if err != nil {
		return 0, err
	}
	if info.Size() != s.size || !info.ModTime().Equal(s.changed) {
		return 0, errors.New("the file was changed meanwhile: run the command again when it is finished")
	}
	return s.File.ReadAt(p, at)
}
