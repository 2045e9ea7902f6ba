package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// Statements kept prepared per connection. The bridge and whatsmeow together use about 150; the rest are one-offs
// such as inserts of many rows, which are not worth keeping.
const (
	maxCachedStatements = 400
	maxCachedLength     = 2000
)

// cachingConnector opens connections that keep their prepared statements. dbutil and whatsmeow never prepare, and
// parsing is a fifth of a message's CPU time on SQLite and a second round trip on Postgres.
type cachingConnector struct {
	driver.Connector
	lasting bool // the database outlives its connections
}

func (c cachingConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &cachingConn{Conn: conn, lasting: c.lasting, statements: make(map[string]*cachedStmt)}, nil
}

// cachedStmt is one prepared statement. While its rows are being read it cannot be run again.
type cachedStmt struct {
	driver.Stmt
	reading bool
}

// cachingConn is a driver connection with its statements. database/sql never uses one from two goroutines at once.
type cachingConn struct {
	driver.Conn
	statements map[string]*cachedStmt
	lasting    bool
	readOnly   bool  // it refuses to write, and is of no use any more
	inside     bool  // a transaction is open
	ended      error // why SQLite has ended the open transaction by itself
}

// cached returns the prepared form of query, or nil when it must be run unprepared. An error is the query's own: to run
// it unprepared after that would only hide the error, because Postgres has aborted the transaction.
func (c *cachingConn) cached(ctx context.Context, query string) (*cachedStmt, error) {
	if c.ended != nil {
		return nil, fmt.Errorf("the transaction has ended: %w", c.ended)
	}
	if stmt := c.statements[query]; stmt != nil {
		if stmt.reading {
			return nil, nil
		}
		return stmt, nil
	}
	if len(c.statements) >= maxCachedStatements || !cacheable(query) {
		return nil, nil
	}
	preparer, ok := c.Conn.(driver.ConnPrepareContext)
	if !ok {
		return nil, nil
	}
	prepared, err := preparer.PrepareContext(ctx, query)
	if err != nil {
		return nil, repeatable(c.note(err))
	}
	stmt := &cachedStmt{Stmt: prepared}
	c.statements[query] = stmt
	return stmt, nil
}

// forget drops a statement that failed. Its plan may be the cause: Postgres refuses one from before a change of the
// schema by another replica.
func (c *cachingConn) forget(query string, stmt *cachedStmt) {
	delete(c.statements, query)
	_ = stmt.Close()
}

// cacheable reports whether query is a plain statement on rows: schema changes and scripts are never kept, so that
// no plan outlives a migration.
func cacheable(query string) bool {
	if len(query) > maxCachedLength {
		return false
	}
	query = strings.TrimSpace(query)
	if len(query) < 6 || strings.ContainsRune(query, ';') {
		return false
	}
	switch strings.ToUpper(query[:6]) {
	case "SELECT", "INSERT", "UPDATE", "DELETE":
		return true
	}
	return false
}

// ExecContext implements driver.ExecerContext.
func (c *cachingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	stmt, err := c.cached(ctx, query)
	if err != nil {
		return nil, err
	} else if stmt != nil {
		if run, ok := stmt.Stmt.(driver.StmtExecContext); ok {
			res, err := run.ExecContext(ctx, args)
			if err != nil {
				c.forget(query, stmt)
			}
			return res, c.note(err)
		}
	}
	if run, ok := c.Conn.(driver.ExecerContext); ok {
		res, err := run.ExecContext(ctx, query, args)
		return res, c.note(err)
	}
	return nil, driver.ErrSkip
}

// QueryContext implements driver.QueryerContext.
func (c *cachingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	stmt, err := c.cached(ctx, query)
	if err != nil {
		return nil, err
	} else if stmt != nil {
		if run, ok := stmt.Stmt.(driver.StmtQueryContext); ok {
			rows, err := run.QueryContext(ctx, args)
			if err != nil {
				c.forget(query, stmt)
				err = c.note(err)
				if isSelect(query) {
					err = repeatable(err)
				}
				return nil, err
			}
			stmt.reading = true
			return &cachedRows{Rows: rows, conn: c, stmt: stmt}, nil
		}
	}
	if run, ok := c.Conn.(driver.QueryerContext); ok {
		rows, err := run.QueryContext(ctx, query, args)
		return rows, c.note(err)
	}
	return nil, driver.ErrSkip
}

func isSelect(query string) bool { return strings.EqualFold(strings.TrimSpace(query)[:6], "SELECT") }

// repeatable makes database/sql try again on another connection when one was lost during what has no effect. lib/pq says
// so by itself only when the server had said goodbye; a connection that was reset looks like any other error.
func repeatable(err error) error {
	if lost, ok := errors.AsType[*net.OpError](err); ok && !lost.Timeout() { // what took too long would take as long again
		return driver.ErrBadConn
	}
	return err
}

// PrepareContext implements driver.ConnPrepareContext.
func (c *cachingConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if prepare, ok := c.Conn.(driver.ConnPrepareContext); ok {
		return prepare.PrepareContext(ctx, query)
	}
	return c.Prepare(query)
}

// Ping implements driver.Pinger.
func (c *cachingConn) Ping(ctx context.Context) error {
	if ping, ok := c.Conn.(driver.Pinger); ok {
		return ping.Ping(ctx)
	}
	return nil
}

// ResetSession implements driver.SessionResetter.
func (c *cachingConn) ResetSession(ctx context.Context) error {
	if reset, ok := c.Conn.(driver.SessionResetter); ok {
		return reset.ResetSession(ctx)
	}
	return nil
}

// IsValid implements driver.Validator.
func (c *cachingConn) IsValid() bool {
	if c.readOnly && c.lasting {
		return false
	}
	if valid, ok := c.Conn.(driver.Validator); ok {
		return valid.IsValid()
	}
	return true
}

// CheckNamedValue implements driver.NamedValueChecker.
func (c *cachingConn) CheckNamedValue(value *driver.NamedValue) error {
	if check, ok := c.Conn.(driver.NamedValueChecker); ok {
		return check.CheckNamedValue(value)
	}
	return driver.ErrSkip
}

// Close implements driver.Conn.
func (c *cachingConn) Close() error {
	for _, stmt := range c.statements {
		_ = stmt.Close()
	}
	return c.Conn.Close()
}

// cachedRows gives the statement back when the rows are closed.
type cachedRows struct {
	driver.Rows
	conn *cachingConn
	stmt *cachedStmt
}

// Next implements driver.Rows.
func (r *cachedRows) Next(into []driver.Value) error {
	err := r.Rows.Next(into)
	if err != nil && !errors.Is(err, io.EOF) {
		_ = r.conn.note(err)
	}
	return err
}

// Close implements driver.Rows.
func (r *cachedRows) Close() error {
	err := r.Rows.Close()
	r.stmt.reading = false
	return err
}
