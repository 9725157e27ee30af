package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver, registered as "sqlite"

	"github.com/concord-gateway/concord/gateway/fault"
)

// FileName is the name of the database file in its folder.
const FileName = "concord.db"

const (
	// busyTimeout is how long a statement waits for the lock of another
	// process before it answers Unavailable.
	busyTimeout = 5 * time.Second
	// readers is how many connections the read pool holds at most.
	readers = 8
	// The page caches of the writer and of each reader, in KiB. A page takes twice its
	// size in memory; what they do not hold the system's own cache of the file does.
	writeCache = "cache_size(-6144)"
	readCache  = "cache_size(-1024)"
)

// DB is an open database. All its methods are safe for concurrent use.
type DB struct {
	// write is the single connection through which everything is written; its
	// transactions begin immediate. It is nil when the database was opened
	// read-only.
	write *sql.DB
	// read is the pool of connections that cannot write.
	read *sql.DB
	// reads and writes are the prepared statements of read and write.
	reads, writes *statements
}

// Options says how a database is opened.
type Options struct {
	// ReadOnly opens an existing database without writing to it, whatever its
	// permissions: for verification of a folder that a server may be using, or
	// that lies on read-only media.
	ReadOnly bool

	// patience replaces busyTimeout where it is not zero.
	patience time.Duration
}

// Open opens the database in the folder dir, and makes both when they are not
// there. It answers a fault of kind Forbidden when the folder or the file is
// open to others than its owner, NotFound when there is nothing to open
// read-only, Conflict when the file belongs to a newer release or to another
// program, and Unavailable for everything else.
func Open(ctx context.Context, dir string, opts Options) (*DB, error) {
	path, err := filepath.Abs(filepath.Join(dir, FileName))
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, "sqlite.Open", "the data folder has no absolute path", err)
	}
	db := new(DB)
	if opts.ReadOnly {
		err = db.openReadOnly(ctx, path)
	} else {
		err = db.openReadWrite(ctx, path, cmp.Or(opts.patience, busyTimeout))
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (db *DB) openReadWrite(ctx context.Context, path string, patience time.Duration) error {
	if err := prepareFolder(path); err != nil {
		return err
	}
	var err error
	if db.write, err = openPool(path, 1, url.Values{
		"mode":    {"rw"},
		"_txlock": {"immediate"},
		"_pragma": pragmas(patience, "journal_mode(WAL)", "synchronous(FULL)", "secure_delete(1)",
			"wal_autocheckpoint(16000)", writeCache),
	}); err != nil {
		return err
	}
	// The switch to the write-ahead log, which the first connection makes, does
	// not wait for others who are opening or closing the file.
	if err = patiently(ctx, patience, func() error { return db.migrate(ctx) }); err != nil {
		return err
	}
	if db.read, err = openPool(path, readers, url.Values{
		"mode":    {"rw"},
		"_pragma": pragmas(patience, "query_only(1)", readCache),
	}); err != nil {
		return err
	}
	db.reads, db.writes = newStatements(db.read), newStatements(db.write)
	for _, query := range []string{insertRecord, insertReferences(), insertEvent, insertPiece, deleteRecord, deleteReference} {
		if _, err := db.writes.get(ctx, query); err != nil {
			return failure("sqlite.Open", err)
		}
	}
	return nil
}

// openReadOnly opens the file without writing. A database that was closed in
// order has no write-ahead log: it is opened as immutable, which needs neither
// locks nor side files. Otherwise a server is using it, or one crashed, and its
// log is read along.
func (db *DB) openReadOnly(ctx context.Context, path string) error {
	const op = "sqlite.Open"
	if _, err := os.Stat(path); err != nil {
		return fault.Wrap(fault.NotFound, op, "the folder holds no database "+FileName, err)
	}
	query := url.Values{"mode": {"ro"}, "_pragma": pragmas(busyTimeout, "query_only(1)", "cache_size(-8192)")}
	if _, err := os.Stat(path + "-wal"); errors.Is(err, os.ErrNotExist) {
		query.Set("immutable", "1")
	}
	var err error
	if db.read, err = openPool(path, readers, query); err != nil {
		return err
	}
	version, err := userVersion(ctx, db.read)
	if err != nil {
		return err
	}
	if version != len(migrations) {
		return versionRefused(version)
	}
	db.reads = newStatements(db.read)
	return nil
}

// pragmas returns the settings common to all connections, then more.
func pragmas(patience time.Duration, more ...string) []string {
	return append([]string{
		fmt.Sprintf("busy_timeout(%d)", patience.Milliseconds()),
		"foreign_keys(1)", "recursive_triggers(1)", "trusted_schema(0)", "temp_store(MEMORY)",
	}, more...)
}

// openPool returns a pool of at most size connections, none of which is made
// yet.
func openPool(path string, size int, query url.Values) (*sql.DB, error) {
	uri := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: query.Encode()}
	pool, err := sql.Open("sqlite", uri.String())
	if err != nil {
		return nil, failure("sqlite.Open", err)
	}
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	return pool, nil
}

// Ping reports whether the store can write now: it takes the write lock and
// lets it go. A database that is open read-only is asked to read.
func (db *DB) Ping(ctx context.Context) error {
	if db.write == nil {
		_, err := userVersion(ctx, db.read)
		return err
	}
	return db.update(ctx, "sqlite.Ping", func(context.Context, *sql.Tx) error { return nil })
}

// Close closes every connection. What was acknowledged is durable before it.
func (db *DB) Close() error {
	var errs []error
	for _, s := range []*statements{db.reads, db.writes} {
		if s != nil {
			errs = append(errs, s.close())
		}
	}
	if db.read != nil {
		errs = append(errs, db.read.Close())
	}
	if db.write != nil {
		errs = append(errs, db.write.Close())
	}
	return errors.Join(errs...)
}

// update runs f in one immediate transaction on the write connection and makes
// it durable. A caller that gives up while it waits for the connection is let
// go; a transaction that has begun is not interrupted, so that its outcome is
// known: f gets a context that is never cancelled. Errors are mapped to faults
// of operation op.
func (db *DB) update(ctx context.Context, op string, f func(context.Context, *sql.Tx) error) (err error) {
	if db.write == nil {
		return fault.New(fault.Unavailable, op, "the store is open read-only")
	}
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return failure(op, err)
	}
	defer func() { err = failure(op, errors.Join(err, conn.Close())) }()
	ctx = context.WithoutCancel(ctx)
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(ctx, tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
