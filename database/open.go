package database

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/lib/pq"
	"go.mau.fi/util/dbutil"
	"modernc.org/sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// sqlitePragmas make an acknowledged commit survive a power cut (synchronous=FULL in WAL mode, see
// https://www.sqlite.org/pragma.html#pragma_synchronous) and let a transaction that will write take its lock at once.
const sqlitePragmas = "_pragma=foreign_keys(1)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)&_txlock=immediate"

// Connections and concurrent batches for each kind of database. SQLite has one writer, so one connection that is
// never contended beats several that wait for each other.
const (
	postgresConns   = 16
	postgresBatches = 4
)

// ErrNewerSchema says that the database was upgraded by a newer version of the bridge.
var ErrNewerSchema = errors.New("the database was written by a newer version of Causeway")

// Open connects to the database that uri names, "sqlite:PATH" or "postgres://...", and upgrades its schema.
func Open(ctx context.Context, uri string) (*DB, error) {
	db, err := connect(ctx, uri)
	if err != nil {
		return nil, err
	}
	if err := db.upgrade(ctx); err != nil {
		_ = db.Close()
		return nil, err
	}
	return db, nil
}

func connect(ctx context.Context, uri string) (*DB, error) {
	var raw *sql.DB
	dialect := "postgres"
	switch {
	case strings.HasPrefix(uri, "sqlite:"):
		dialect = "sqlite"
		source, err := sqliteSource(strings.TrimPrefix(uri, "sqlite:"))
		if err != nil {
			return nil, err
		}
		raw = sql.OpenDB(cachingConnector{driver: &sqlite.Driver{}, source: source})
		raw.SetMaxOpenConns(1)
	case strings.HasPrefix(uri, "postgres://"), strings.HasPrefix(uri, "postgresql://"):
		if _, err := pq.NewConnector(uri); err != nil {
			return nil, fmt.Errorf("read the Postgres address: %w", scrub(err, uri))
		}
		raw = sql.OpenDB(cachingConnector{driver: pq.Driver{}, source: uri})
		raw.SetMaxOpenConns(postgresConns)
		raw.SetMaxIdleConns(postgresConns)
	default:
		return nil, errors.New(`the database address must start with "sqlite:" or "postgres://"`)
	}
	wrapped, err := dbutil.NewWithDB(raw, dialect)
	if err != nil {
		return nil, err
	}
	db := &DB{Database: wrapped}
	db.batch.leaders = 1
	if wrapped.Dialect == dbutil.Postgres {
		db.batch.leaders = postgresBatches
	}
	if err := raw.PingContext(ctx); err != nil {
		_ = raw.Close()
		return nil, fmt.Errorf("open the database: %w", scrub(err, uri))
	}
	return db, nil
}

// sqliteSource turns a path into a data source name. The folder must exist: a mistyped path must not grow a tree.
func sqliteSource(path string) (string, error) {
	path, query, _ := strings.Cut(path, "?")
	if path == "" {
		return "", errors.New(`the database address "sqlite:" names no file`)
	}
	if dir := filepath.Dir(path); path != ":memory:" {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return "", fmt.Errorf("open the database: the folder %s does not exist", dir)
		}
	}
	source := "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + sqlitePragmas
	if query != "" {
		source += "&" + query
	}
	return source, nil
}

// scrub keeps the password of a database address out of an error.
func scrub(err error, uri string) error {
	u, perr := url.Parse(uri)
	if perr != nil {
		return errors.New("the address is not a URL")
	}
	if password, ok := u.User.Password(); ok && password != "" {
		if text := err.Error(); strings.Contains(text, password) {
			return errors.New(strings.ReplaceAll(text, password, "***"))
		}
	}
	return err
}

// upgrade brings the schema to this version. Each migration is one transaction, so a failed one leaves nothing behind.
func (db *DB) upgrade(ctx context.Context) error {
	db.UpgradeTable = dbutil.BuildUpgradeTable().WithFSPath(migrations, "migrations").Finish()
	err := db.Database.Upgrade(ctx)
	switch {
	case errors.Is(err, dbutil.ErrUnsupportedDatabaseVersion):
		return fmt.Errorf("%w: install that version again, or restore a backup from before the upgrade (%s)", ErrNewerSchema, err)
	case err != nil:
		return fmt.Errorf("upgrade the schema: %w", err)
	}
	return nil
}
