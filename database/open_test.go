package database_test

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/util/dbutil"

	"causeway/database"
	"causeway/database/databasetest"
)

func TestAddressErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "text")
	require.NoError(t, os.WriteFile(file, []byte(strings.Repeat("this is no database. ", 500)), 0o600))
	for _, c := range []struct{ uri, want string }{
		{"", "must start with"},
		{"causeway.db", "must start with"},
		{"mysql://root:hunter2@localhost/db", "must start with"},
		{"sqlite:", "names no file"},
		{"sqlite:" + dir + "/missing/causeway.db", "folder " + dir + "/missing does not exist"},
		{"sqlite:" + dir, "is a folder"},
		{"sqlite:" + file, "not a database"},
		{"sqlite:" + file + "/causeway.db", "does not exist"},
		{"sqlite:" + dir + "/a.db?_pragma=%zz", "read the SQLite address"},
		{"postgres://u:hunter2@local host/db", "not a URL"},
		{"postgres://u:hunter2@localhost:port/db", "not a URL"},
		{"postgres://u:hunter2@localhost/db?sslmode=perhaps", "sslmode"},
		{"postgres://u:hunter2@127.0.0.1:1/db?sslmode=disable", "refused"},
		{"postgres://127.0.0.1:1/db?sslmode=disable&user=u&password=hunter2", "refused"},
	} {
		t.Run(c.uri, func(t *testing.T) {
			t.Parallel()
			db, err := database.Open(t.Context(), c.uri)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "hunter2")
			require.Nil(t, db)
		})
	}
}

// A server that answers every password with an error that repeats it must not bring it into the log.
func TestPasswordIsNotRepeated(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{
		"plain":   "postgres://u:hunter2@HOST/db?sslmode=disable",
		"escaped": "postgres://u:hunt%40er%202@HOST/db?sslmode=disable",
		"query":   "postgres://u@HOST/db?sslmode=disable&password=hunt%40er2",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer func() { _ = listener.Close() }()
			go refusePasswords(listener)
			_, err = database.Open(t.Context(), strings.Replace(address, "HOST", listener.Addr().String(), 1))
			require.ErrorContains(t, err, "wrong: ***")
			require.NotContains(t, err.Error(), "hunt")
		})
	}
}

// refusePasswords is as much of a Postgres server as that takes: it asks for the password and refuses it.
func refusePasswords(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		r := bufio.NewReader(conn)
		read := func() []byte {
			var size [4]byte
			_, _ = io.ReadFull(r, size[:])
			body := make([]byte, min(max(int(binary.BigEndian.Uint32(size[:]))-4, 0), 1<<16))
			_, _ = io.ReadFull(r, body)
			return body
		}
		read()
		_, _ = conn.Write([]byte{'R', 0, 0, 0, 8, 0, 0, 0, 3}) // send the password as it is
		_, _ = r.ReadByte()
		text := "SFATAL\x00C28P01\x00Mwrong: " + strings.TrimRight(string(read()), "\x00") + "\x00\x00"
		_, _ = conn.Write(append(binary.BigEndian.AppendUint32([]byte{'E'}, uint32(len(text)+4)), text...))
		_ = conn.Close()
	}
}

func TestSQLiteFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "with space % and #.db")
	db := databasetest.Open(t, "sqlite:"+path)
	require.NoError(t, insert(t.Context(), db, "a"))
	files, err := filepath.Glob(filepath.Dir(path) + "/*")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files { // they hold the keys of WhatsApp sessions
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), file)
		require.True(t, strings.HasPrefix(file, path), "%s is not what was asked for", file)
	}
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "10000"} {
		var got string
		require.NoError(t, db.QueryRow(t.Context(), "PRAGMA "+pragma).Scan(&got))
		require.Equal(t, want, got, pragma)
	}
}

func TestOpenAgain(t *testing.T) {
	t.Parallel()
	databasetest.EachURI(t, func(t *testing.T, uri string) {
		for i := range 3 {
			db := databasetest.Open(t, uri)
			require.NoError(t, db.Ping(t.Context()))
			require.NoError(t, insert(t.Context(), db, string(rune('a'+i))))
			require.Len(t, settings(t, db), i+1)
			require.NoError(t, db.Close())
			require.Error(t, db.Ping(t.Context()))
		}
	})
}

func TestReplicasOpenTogether(t *testing.T) {
	t.Parallel()
	uri := databasetest.Postgres(t)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			db, err := database.Open(t.Context(), uri)
			if err != nil {
				t.Error(err)
				return
			}
			_ = db.Close()
		})
	}
	wg.Wait()
}

func TestNewerSchema(t *testing.T) {
	t.Parallel()
	databasetest.EachURI(t, func(t *testing.T, uri string) {
		db := databasetest.Open(t, uri)
		before := schema(t, db)
		_, err := db.Exec(t.Context(), `UPDATE version SET version=99, compat=98`)
		require.NoError(t, err)
		require.NoError(t, db.Close())
		_, err = database.Open(t.Context(), uri)
		require.ErrorIs(t, err, database.ErrNewerSchema)
		require.ErrorContains(t, err, "v99")

		// A newer version that this one is compatible with is none.
		raw, err := database.Connect(t.Context(), uri)
		require.NoError(t, err)
		defer func() { _ = raw.Close() }()
		require.Equal(t, before, schema(t, raw))
		_, err = raw.Exec(t.Context(), `UPDATE version SET compat=1`)
		require.NoError(t, err)
		require.NoError(t, databasetest.Open(t, uri).Ping(t.Context()))
	})
}

// schema describes all columns, indexes and constraints of a database.
func schema(t *testing.T, db *database.DB) []string {
	t.Helper()
	query := `SELECT 'column '||m.name||'.'||c.name||' '||c.type||' '||c."notnull"||' '||COALESCE(c.dflt_value, '-')||' '||c.pk
			FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type='table' AND m.name NOT LIKE 'sqlite_%'
		UNION ALL SELECT 'reference '||m.name||'.'||f."from"||' '||f."table"||'.'||f."to"||' '||f.on_delete
			FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f WHERE m.type='table'
		UNION ALL SELECT 'index '||tbl_name||' '||COALESCE(sql, '-') FROM sqlite_master WHERE type='index' ORDER BY 1`
	if db.Dialect == dbutil.Postgres {
		query = `SELECT 'column '||table_name||'.'||column_name||' '||data_type||' '||is_nullable||' '||COALESCE(column_default, '-')||' '||is_identity AS line
				FROM information_schema.columns WHERE table_schema='public'
			UNION ALL SELECT 'constraint '||conrelid::regclass||' '||pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace='public'::regnamespace
			UNION ALL SELECT 'index '||indexdef FROM pg_indexes WHERE schemaname='public' ORDER BY 1`
	}
	rows, err := db.RawDB.QueryContext(t.Context(), query)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	var lines []string
	for rows.Next() {
		var line string
		require.NoError(t, rows.Scan(&line))
		lines = append(lines, line)
	}
	require.NoError(t, rows.Err())
	require.NotEmpty(t, lines)
	return lines
}
