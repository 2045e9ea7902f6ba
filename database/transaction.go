package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// note learns from an error what became of the connection, and returns it.
func (c *cachingConn) note(err error) error {
	if err == nil {
		return nil
	}
	// Another connection may not refuse to write: SQLite opens a file only to be read when its disk is so at that moment,
	// and a Postgres that was the first may have become the second, which does not even begin a transaction.
	if pq.As(err, pqerror.ReadOnlySQLTransaction) != nil || !c.inside && pq.As(err, pqerror.FeatureNotSupported) != nil {
		c.readOnly = true
	}
	code := sqliteCode(err)
	if code == sqlite3.SQLITE_READONLY {
		c.readOnly = true
	}
	// SQLite may roll a transaction back by itself after these (https://www.sqlite.org/lang_transaction.html, "Response To
	// Errors Within A Transaction"). What is run after that would be stored at once, on its own.
	ending := []int{sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_INTERRUPT}
	if c.inside && c.ended == nil && slices.Contains(ending, code) {
		c.ended = err
	}
	return err
}

// sqliteCode returns the primary result code of SQLite's errors, and 0 for others.
func sqliteCode(err error) int {
	failed, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return 0
	}
	const primary = 0xff
	return failed.Code() & primary
}

// BeginTx implements driver.ConnBeginTx.
func (c *cachingConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	begin, ok := c.Conn.(driver.ConnBeginTx)
	if !ok {
		return c.Conn.Begin() //nolint:staticcheck // the only way for a driver without BeginTx
	}
	tx, err := begin.BeginTx(ctx, opts)
	if err != nil {
		return nil, repeatable(c.note(err))
	}
	c.inside, c.ended = true, nil
	return &cachingTx{Tx: tx, conn: c}, nil
}

// cachingTx is a transaction that cannot be committed once SQLite has ended it.
type cachingTx struct {
	driver.Tx
	conn *cachingConn
}

// Commit implements driver.Tx.
func (t *cachingTx) Commit() error {
	if t.conn.ended != nil {
		err := fmt.Errorf("commit what has ended: %w", t.conn.ended)
		_ = t.Rollback()
		return err
	}
	err := t.conn.note(t.Tx.Commit())
	t.conn.inside, t.conn.ended = false, nil
	return err
}

// Rollback implements driver.Tx. There may be nothing left to be rolled back.
func (t *cachingTx) Rollback() error {
	err := t.Tx.Rollback()
	if t.conn.ended != nil && sqliteCode(err) == sqlite3.SQLITE_ERROR {
		err = nil
	}
	t.conn.inside, t.conn.ended = false, nil
	return err
}
