package demo

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// database is the file that the log is in.
const database = "concord.db"

// mark is text of an entry, and of nothing else in the database.
const mark = `"actor":{"agency":"west-mercia-police"`

// tamper copies the database and changes one byte of one log entry in the
// file, underneath the store: what somebody with access to the disk could do.
func tamper(from, to string) error {
	raw, err := os.ReadFile(filepath.Join(from, database))
	if err != nil {
		return fmt.Errorf("the database: %w", err)
	}
	at := bytes.LastIndex(raw, []byte(mark))
	if at < 0 {
		return errors.New("the database holds no entry by the police")
	}
	raw[at+len(mark)-2] ^= 1
	if err := os.Chmod(to, 0o700); err != nil { //nolint:gosec // a folder needs its x
		return fmt.Errorf("the copy: %w", err)
	}
	if err := os.WriteFile(filepath.Join(to, database), raw, 0o600); err != nil { //nolint:gosec // the folder is one that this process made
		return fmt.Errorf("the copy: %w", err)
	}
	return nil
}
