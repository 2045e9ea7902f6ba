package database

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"go.mau.fi/util/dbutil"
)

// ErrOtherSchema says that the database was written by another version of the bridge, or by none yet.
var ErrOtherSchema = errors.New("the database was not written by this version of Causeway")

// OpenExisting connects to the database of a bridge, which may be running on it, and changes nothing: neither a file nor
// a schema is made. The schema must be that of this version, since a running bridge of another one would not know a
// change of it.
func OpenExisting(ctx context.Context, uri string) (*DB, error) {
	if path, ok := strings.CutPrefix(uri, "sqlite:"); ok {
		path, _, _ = strings.Cut(path, "?")
		if _, err := os.Stat(path); path != "" && err != nil {
			return nil, fmt.Errorf("open the database: there is no file %s; is this the directory in which the bridge runs?", path)
		}
	}
	db, err := connect(ctx, uri)
	if err != nil {
		return nil, err
	}
	if err := db.isCurrent(ctx); err != nil {
		_ = db.Close()
		return nil, err
	}
	return db, nil
}

// isCurrent returns nil when the schema is that of this version.
func (db *DB) isCurrent(ctx context.Context) error {
	exists, err := db.TableExists(ctx, db.VersionTable)
	if err != nil {
		return fmt.Errorf("read the version of the schema: %w", err)
	}
	version, current := 0, len(dbutil.BuildUpgradeTable().WithFSPath(migrations, "migrations").Finish())
	if exists {
		if err := db.QueryRow(ctx, `SELECT COALESCE(MAX(version), 0) FROM `+db.VersionTable).Scan(&version); err != nil {
			return fmt.Errorf("read the version of the schema: %w", err)
		}
	}
	switch {
	case version == 0:
		return fmt.Errorf("%w: it is empty; start the bridge once", ErrOtherSchema)
	case version < current:
		return fmt.Errorf("%w (schema %d of %d): start the bridge of this version first", ErrOtherSchema, version, current)
	case version > current:
		return fmt.Errorf("%w (schema %d, this one knows %d): use the program that the bridge runs with", ErrNewerSchema, version, current)
	}
	return nil
}
