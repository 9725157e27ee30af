package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// statements are the prepared statements of a pool, each prepared when it is
// first used and kept. There are few texts: lists are padded to few sizes.
type statements struct {
	pool *sql.DB

	mu   sync.RWMutex
	held map[string]held
}

// held is a prepared statement that its pool closes.
type held struct{ *sql.Stmt }

func newStatements(pool *sql.DB) *statements {
	return &statements{pool: pool, held: make(map[string]held)}
}

// QueryContext runs a query as a prepared statement.
func (s *statements) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := s.get(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

// get returns the prepared statement of a text. It needs a connection of the
// pool unless the text is held.
func (s *statements) get(ctx context.Context, query string) (held, error) {
	s.mu.RLock()
	stmt, ok := s.held[query]
	s.mu.RUnlock()
	if ok {
		return stmt, nil
	}
	made, err := s.pool.PrepareContext(ctx, query)
	if err != nil {
		return held{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if stmt, ok := s.held[query]; ok { // another caller was faster
		return stmt, made.Close() //nolint:sqlclosecheck // the one of two that is not kept
	}
	s.held[query] = held{made}
	return s.held[query], nil
}

// exec runs a statement in a transaction of the pool, prepared if it is held
// and as it is if not: the transaction has the only connection.
func (s *statements) exec(ctx context.Context, tx *sql.Tx, query string, args ...any) (sql.Result, error) {
	s.mu.RLock()
	stmt, ok := s.held[query]
	s.mu.RUnlock()
	if !ok {
		return tx.ExecContext(ctx, query, args...)
	}
	return tx.StmtContext(ctx, stmt.Stmt).ExecContext(ctx, args...)
}

func (s *statements) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := make([]error, 0, len(s.held))
	for _, stmt := range s.held {
		errs = append(errs, stmt.Close())
	}
	clear(s.held)
	return errors.Join(errs...)
}
