package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

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

// memory is the address of a database that ends with its connection.
const memory = "sqlite::memory:"

// connectTimeout bounds an attempt to reach Postgres whose address names no connect_timeout.
const connectTimeout = 10 * time.Second

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
	var connector driver.Connector
	var patience *atomic.Int64
	var err error
	dialect, conns, batches := "postgres", postgresConns, postgresBatches
	switch {
	case strings.HasPrefix(uri, "sqlite:"):
		dialect, conns, batches = "sqlite", 1, 1
		connector, err = sqliteConnector(strings.TrimPrefix(uri, "sqlite:"))
	case strings.HasPrefix(uri, "postgres://"), strings.HasPrefix(uri, "postgresql://"):
		connector, patience, err = postgresConnector(uri)
	default:
		err = errors.New(`the database address must start with "sqlite:" or "postgres://"`)
	}
	if err != nil {
		return nil, err
	}
	raw := sql.OpenDB(cachingConnector{Connector: connector, lasting: !strings.HasPrefix(uri, memory)})
	raw.SetMaxOpenConns(conns)
	raw.SetMaxIdleConns(conns)
	wrapped, err := dbutil.NewWithDB(raw, dialect)
	if err != nil {
		return nil, err
	}
	db := &DB{Database: wrapped, silence: patience}
	db.batch.leaders = batches
	if err := raw.PingContext(ctx); err != nil {
		_ = raw.Close()
		return nil, fmt.Errorf("open the database: %w", scrub(err, uri))
	}
	return db, nil
}

// postgresConnector also returns how long its connections wait for an answer.
func postgresConnector(uri string) (driver.Connector, *atomic.Int64, error) {
	cfg, err := pq.NewConfig(uri)
	if err != nil {
		return nil, nil, fmt.Errorf("read the Postgres address: %w", scrub(err, uri))
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = connectTimeout
	}
	connector, err := pq.NewConnectorConfig(cfg)
	if err != nil {
		return nil, nil, fmt.Errorf("read the Postgres address: %w", scrub(err, uri))
	}
	dialer := newDialer()
	connector.Dialer(dialer)
	return boundConnector{connector}, dialer.silence, nil
}

func sqliteConnector(path string) (driver.Connector, error) {
	source, err := sqliteSource(path)
	if err != nil {
		return nil, err
	}
	connector, err := sqlite.NewConnector(source)
	if err != nil {
		return nil, fmt.Errorf("read the SQLite address: %w", err)
	}
	return connector, nil
}

// sqliteSource turns a path into a data source name. The folder must exist: a mistyped path must not grow a tree. A new
// file is for this user alone, and the files that SQLite puts beside it take after it: they hold WhatsApp sessions.
func sqliteSource(path string) (string, error) {
	path, query, _ := strings.Cut(path, "?")
	if path == "" {
		return "", errors.New(`the database address "sqlite:" names no file`)
	}
	if "sqlite:"+path != memory {
		dir := filepath.Dir(path)
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return "", fmt.Errorf("open the database: the folder %s does not exist", dir)
		}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return "", fmt.Errorf("open the database: %s is a folder", path)
		}
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return "", fmt.Errorf("open the database: %w", err)
		}
		_ = file.Close()
	}
	source := "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + sqlitePragmas
	if query != "" {
		source += "&" + query
	}
	return source, nil
}

// scrub keeps the password of a database address out of an error, in each form that it may have there.
func scrub(err error, uri string) error {
	u, perr := url.Parse(uri)
	if perr != nil {
		return errors.New("the address is not a URL")
	}
	secrets := []string{u.Query().Get("password")}
	if password, ok := u.User.Password(); ok {
		secrets = append(secrets, password)
	}
	text := err.Error()
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		_, escaped, _ := strings.Cut(url.UserPassword("", secret).String(), ":")
		for _, form := range []string{secret, escaped, url.QueryEscape(secret), url.PathEscape(secret)} {
			text = strings.ReplaceAll(text, form, "***")
		}
	}
	if text != err.Error() {
		return errors.New(text)
	}
	return err
}

// upgradeLock is the advisory lock of Postgres under which replicas that start together upgrade the schema in turn. The
// number is any that no other program on the database is likely to use.
const upgradeLock = 0x63617573_01

// UpgradeAlone runs a change of the schema while no other replica makes one, and lets its statements take all the time they
// need.
func (db *DB) UpgradeAlone(ctx context.Context, change func(ctx context.Context) error) error {
	if db.Dialect == dbutil.Postgres {
		patience := db.silence.Swap(0)
		defer db.silence.Store(patience)
		conn, err := db.RawDB.Conn(ctx)
		if err != nil {
			return fmt.Errorf("connect: %w", err)
		}
		defer func() { _ = conn.Close() }()
		if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, int64(upgradeLock)); err != nil {
			return fmt.Errorf("lock the schema: %w", err)
		}
		defer func() {
			_, _ = conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, int64(upgradeLock))
		}()
	}
	return change(ctx)
}

// upgrade brings the schema to this version. Each migration is one transaction, so a failed one leaves nothing behind.
func (db *DB) upgrade(ctx context.Context) error {
	db.UpgradeTable = dbutil.BuildUpgradeTable().WithFSPath(migrations, "migrations").Finish()
	err := db.UpgradeAlone(ctx, db.Upgrade)
	switch {
	case errors.Is(err, dbutil.ErrUnsupportedDatabaseVersion):
		return fmt.Errorf("%w: install that version again, or restore a backup from before the upgrade (%w)", ErrNewerSchema, err)
	case err != nil:
		return fmt.Errorf("upgrade the schema: %w", err)
	}
	return nil
}
