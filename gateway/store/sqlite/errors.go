package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/concord-gateway/concord/gateway/fault"
)

// failure maps an error of the database to a fault, and nil to nil: a taken
// key or a refusing trigger is Conflict, a missing row NotFound, a mistake in
// our own SQL Internal. Everything else (full, read-only, locked, failing or
// damaged disk, interrupted, closed) is Unavailable, which includes "the outcome
// is unknown". A fault passes through unchanged.
func failure(op string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	if errors.Is(err, sql.ErrNoRows) {
		return fault.Wrap(fault.NotFound, op, "there is no such row", err)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fault.Wrap(fault.Unavailable, op, "the store did not answer in time", err)
	}
	var e *driver.Error
	if !errors.As(err, &e) {
		return fault.Wrap(fault.Unavailable, op, "the store cannot answer", err)
	}
	switch kind := kindOf(e.Code()); kind {
	case fault.Conflict:
		return fault.Wrap(kind, op, "the row is there already or may not be changed", err)
	case fault.TooLarge:
		return fault.Wrap(kind, op, "the value is too large to store", err)
	case fault.Unavailable:
		return fault.Wrap(kind, op, "the store cannot answer", err)
	default:
		return fault.Wrap(kind, op, "the store was asked wrongly", err)
	}
}

// primaryCode masks an extended code, which holds its primary code in its low
// byte.
const primaryCode = 0xff

// kindOf maps an extended SQLite result code to a kind.
func kindOf(code int) fault.Kind {
	switch code {
	case lib.SQLITE_CONSTRAINT_PRIMARYKEY, lib.SQLITE_CONSTRAINT_UNIQUE,
		lib.SQLITE_CONSTRAINT_ROWID, lib.SQLITE_CONSTRAINT_TRIGGER:
		return fault.Conflict
	}
	switch code & primaryCode {
	case lib.SQLITE_CONSTRAINT, lib.SQLITE_ERROR, lib.SQLITE_MISUSE, lib.SQLITE_RANGE, lib.SQLITE_MISMATCH:
		return fault.Internal
	case lib.SQLITE_TOOBIG:
		return fault.TooLarge
	default:
		return fault.Unavailable
	}
}

// busyAgain is how long it takes until a file that was locked is tried again.
const busyAgain = 5 * time.Millisecond

// patiently tries again, until patience is over, what another process's lock
// stood in the way of and SQLite itself does not wait for.
func patiently(ctx context.Context, patience time.Duration, try func() error) error {
	over := time.NewTimer(patience)
	defer over.Stop()
	again := time.NewTicker(busyAgain)
	defer again.Stop()
	for {
		err := try()
		var e *driver.Error
		if !errors.As(err, &e) || e.Code()&primaryCode != lib.SQLITE_BUSY {
			return err
		}
		select {
		case <-again.C:
		case <-over.C:
			return err
		case <-ctx.Done():
			return err
		}
	}
}
