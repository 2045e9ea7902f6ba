package provision

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	_ "github.com/lib/pq" // the driver that the bridge uses
)

const postgresUser = "causeway"

// Postgres is a running cluster of its own, on a loopback port and a socket, that syncs to disk as a real one does.
type Postgres struct {
	// Version is what the server says of itself, like "15.18".
	Version string

	process *Process
	command Command
	dir     string
	port    int
}

// StartPostgres makes a cluster in a new temporary directory and starts it. The server's files are gone after Stop.
func (c *Cache) StartPostgres(ctx context.Context) (*Postgres, error) {
	bin, err := c.postgresBinaries(ctx)
	if err != nil {
		return nil, err
	}
	owner, err := unprivileged()
	if err != nil {
		return nil, err
	}
	// Not below the working directory: the server's user must be able to read it, and a socket's path may have 107 bytes only.
	dir, err := os.MkdirTemp("", "causeway-postgres-")
	if err != nil {
		return nil, fmt.Errorf("start postgres: %w", err)
	}
	pg := &Postgres{dir: dir}
	if err := pg.start(ctx, bin, owner); err != nil {
		_ = pg.Stop()
		return nil, fmt.Errorf("start postgres: %w", err)
	}
	return pg, nil
}

func (pg *Postgres) start(ctx context.Context, bin string, owner *syscall.Credential) (err error) {
	data := filepath.Join(pg.dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	if owner != nil {
		for _, path := range []string{pg.dir, data} {
			if err := os.Chown(path, int(owner.Uid), int(owner.Gid)); err != nil {
				return err
			}
		}
	}
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"),
		"-D", data, "-U", postgresUser, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-instructions")
	initdb.Dir = pg.dir
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: owner}
	if err := run(initdb); err != nil {
		return err
	}
	if pg.port, err = FreePort(); err != nil {
		return err
	}
	pg.command = Command{
		Name: "postgres", LogDir: pg.dir, Dir: pg.dir, User: owner,
		Path: filepath.Join(bin, "postgres"),
		Args: []string{"-D", data, "-k", pg.dir, "-p", strconv.Itoa(pg.port), "-c", "listen_addresses=127.0.0.1",
			"-c", "max_connections=400", "-c", "fsync=on"},
		Stop: syscall.SIGINT, // do not wait for clients
	}
	return pg.run(ctx)
}

// run starts the server and waits until it answers.
func (pg *Postgres) run(ctx context.Context) (err error) {
	if pg.process, err = Start(pg.command); err != nil {
		return err
	}
	return pg.process.WaitReady(ctx, func(ctx context.Context) (err error) {
		pg.Version, err = PostgresVersion(ctx, pg.URI())
		return err
	})
}

// Restart ends the server at once, as "pg_ctl restart -m immediate" does, and starts it again: it then recovers from its log.
func (pg *Postgres) Restart(ctx context.Context) error {
	if err := syscall.Kill(pg.process.PID(), syscall.SIGQUIT); err != nil {
		return fmt.Errorf("restart postgres: %w", err)
	}
	select {
	case <-pg.process.Done():
	case <-ctx.Done():
		return ctx.Err()
	}
	return pg.run(ctx)
}

// URI is the address of the cluster's own database, for a role that may do everything.
func (pg *Postgres) URI() string { return pg.DatabaseURI("postgres") }

// DatabaseURI is the address of a database in the cluster.
func (pg *Postgres) DatabaseURI(name string) string {
	return fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s?sslmode=disable", postgresUser, pg.port, name)
}

// Process is the server's process.
func (pg *Postgres) Process() *Process { return pg.process }

// Stop ends the server and removes its files.
func (pg *Postgres) Stop() error {
	err := pg.process.Stop()
	if removed := os.RemoveAll(pg.dir); err == nil {
		err = removed
	}
	return err
}

// CreateDatabase makes an empty database in the cluster that a URI names, and returns its address.
func CreateDatabase(ctx context.Context, uri, name string) (string, error) {
	address, err := url.Parse(uri)
	if err != nil {
		return "", fmt.Errorf("create database %s: the server's address is not a URL", name)
	}
	err = withDatabase(uri, func(db *sql.DB) error {
		_, err := db.ExecContext(ctx, `CREATE DATABASE "`+strings.ReplaceAll(name, `"`, "")+`"`)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("create database %s: %w", name, err)
	}
	address.Path = "/" + name
	return address.String(), nil
}

// DropDatabase removes a database and disconnects whoever uses it.
func DropDatabase(ctx context.Context, uri, name string) error {
	return withDatabase(uri, func(db *sql.DB) error {
		_, err := db.ExecContext(ctx, `DROP DATABASE IF EXISTS "`+strings.ReplaceAll(name, `"`, "")+`" WITH (FORCE)`)
		return err
	})
}

// PostgresVersion asks a server for its version, like "15.18".
func PostgresVersion(ctx context.Context, uri string) (version string, err error) {
	err = withDatabase(uri, func(db *sql.DB) error {
		return db.QueryRowContext(ctx, "SHOW server_version").Scan(&version)
	})
	version, _, _ = strings.Cut(version, " ")
	return version, err
}

func withDatabase(uri string, do func(*sql.DB) error) error {
	db, err := sql.Open("postgres", uri)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	return do(db)
}

// postgresBinaries finds the directory with initdb and postgres, and installs them where that is possible.
func (c *Cache) postgresBinaries(ctx context.Context) (string, error) {
	if dir := findPostgres(); dir != "" {
		return dir, nil
	}
	if err := c.aptInstall(ctx, "postgresql"); err != nil {
		return "", err
	}
	if dir := findPostgres(); dir != "" {
		return dir, nil
	}
	return "", fmt.Errorf("find initdb and postgres after installing them: %w", ErrUnavailable)
}

// findPostgres returns the directory of the newest installed server; Debian keeps them off the PATH.
func findPostgres() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	major := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		return n
	}
	slices.SortFunc(found, func(a, b string) int { return major(b) - major(a) })
	if path, err := exec.LookPath("initdb"); err == nil {
		found = append(found, path)
	}
	for _, path := range found {
		dir := filepath.Dir(path)
		if _, err := os.Stat(filepath.Join(dir, "postgres")); err == nil {
			return dir
		}
	}
	return ""
}

// unprivileged is whom the server runs as when this process is root, which Postgres refuses to be; nil when it is not.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		who, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(who.Uid, 10, 32)
		if err != nil {
			continue
		}
		gid, err := strconv.ParseUint(who.Gid, 10, 32)
		if err != nil {
			continue
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, fmt.Errorf("find a user to run postgres as (postgres or nobody): %w", ErrUnavailable)
}
