package database_test

import (
	"database/sql"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/util/dbutil"
	"go.mau.fi/whatsmeow/types"

	"causeway/database"
	"causeway/database/databasetest"
)

var dump = flag.Bool("dump", false, "write testdata/v*.sql for the newest schema: before a release, for both databases")

// Each schema that was ever released is kept as a dump with a few rows, is upgraded here, and must end as a new one.
func TestUpgradeFromEveryRelease(t *testing.T) {
	t.Parallel()
	databasetest.EachURI(t, func(t *testing.T, uri string) {
		kind, _, _ := strings.Cut(uri, ":")
		fresh := databasetest.Open(t, uri)
		want := schema(t, fresh)
		newest := len(fresh.UpgradeTable)
		if *dump {
			fill(t, fresh)
			writeDump(t, fresh, uri, fmt.Sprintf("testdata/v%d.%s.sql", newest, kind))
		}
		for version := 1; version <= newest; version++ {
			t.Run(fmt.Sprintf("v%d", version), func(t *testing.T) {
				script, err := os.ReadFile(fmt.Sprintf("testdata/v%d.%s.sql", version, kind))
				require.NoError(t, err, "each version of the schema needs a dump: go test ./database -run Release -dump")
				uri := databasetest.SQLite(t)
				if kind == "postgres" {
					uri = databasetest.Postgres(t)
				}
				load(t, uri, string(script))
				db := databasetest.Open(t, uri)
				require.Equal(t, want, schema(t, db))
				checkFilled(t, db)
			})
		}
	})
}

// fill adds rows to every table, for a dump. Later versions may add more but must keep these.
func fill(t *testing.T, db *database.DB) {
	t.Helper()
	ctx := t.Context()
	login := putLogin(t, db, 1, "@alice:localhost")
	group, err := db.EnsurePortal(ctx, "", types.NewJID("123-456", types.GroupServer))
	require.NoError(t, err)
	_, err = db.SetPortalRoom(ctx, group.ID, "!group:localhost")
	require.NoError(t, err)
	require.NoError(t, db.SetPortalDetails(ctx, group.ID, "Group", "It's; fine"))
	direct, err := db.EnsurePortal(ctx, login.ID, lid(2), pn(2))
	require.NoError(t, err)
	require.NoError(t, db.SetPortalOther(ctx, direct.ID, addPuppet(t, db, 2).ID))
	_, err = db.AddPortalLogin(ctx, group.ID, login.ID)
	require.NoError(t, err)
	_, err = db.PutMember(ctx, database.Member{Portal: group.ID, Puppet: login.Puppet, Role: "admin"})
	require.NoError(t, err)
	_, err = db.AddMessage(ctx, database.Message{Event: "$1", Sent: day,
		MessageKey: database.MessageKey{Portal: group.ID, ID: "3EB0", Sender: login.Puppet}})
	require.NoError(t, err)
	target := database.MessageKey{Portal: group.ID, ID: "3EB0", Sender: login.Puppet}
	require.NoError(t, db.PutReaction(ctx, database.Reaction{Target: target, Sender: login.Puppet, Message: "3EB1", Emoji: "👍", Sent: day}))
	_, err = db.AddAwaited(ctx, database.Awaited{Placeholder: true, Since: day,
		MessageKey: database.MessageKey{Portal: group.ID, ID: "3EB1", Sender: login.Puppet}})
	require.NoError(t, err)
	require.NoError(t, db.SetPortalTimer(ctx, group.ID, 24*time.Hour, day))
	require.NoError(t, db.PutTimer(ctx, database.Timer{Kind: database.TimerVanish, Message: target, Due: day}))
	require.NoError(t, db.PutPin(ctx, database.Pin{Message: target, Pinned: true, Set: day}))
	require.NoError(t, db.PutLostFile(ctx, database.LostFile{MessageKey: target, Login: login.ID, State: database.LostAsked, Plan: []byte(`{}`), Lost: day}))
	require.NoError(t, db.PutQuestion(ctx, database.Question{MessageKey: target, Kind: database.QuestionPoll, Author: lid(1), Secret: []byte{1}, Shown: "3EB0", Content: `{"question":"?"}`}))
	require.NoError(t, db.PutAnswer(ctx, database.Answer{Question: target, Sender: login.Puppet, Message: "3EB2", Content: `["a"]`, Sent: day}))
	require.NoError(t, db.PutManagementRoom(ctx, database.User{ID: "@alice:localhost", ManagementRoom: "!m:localhost"}))
	require.NoError(t, db.PutLoginFlow(ctx, database.LoginFlow{User: "@alice:localhost", ID: "1", Method: "qr", Room: "!m:localhost", Started: day}))
	require.NoError(t, db.PutSetting(ctx, "a", "1"))
	require.NoError(t, db.PutBotEvent(ctx, database.BotEvent{Name: "qr", Room: "!m:localhost", Event: "$2"}))
	for state, payload := range []any{[]byte(`{"a":1}`), nil, []byte(`{}`)} {
		_, err = db.Exec(ctx, `INSERT INTO queue_entry (queue, lane, dedup_key, kind, payload, state, added_at) VALUES ('inbox', 'chat/1', $1, 'k', $2, $3, 1)`,
			fmt.Sprint(state), payload, state)
		require.NoError(t, err)
	}
}

func checkFilled(t *testing.T, db *database.DB) {
	t.Helper()
	ctx := t.Context()
	login, err := db.LoginByID(ctx, "49001")
	require.NoError(t, err)
	require.Equal(t, database.StateConnected, login.State)
	direct, err := db.PortalByChat(ctx, login.ID, pn(2))
	require.NoError(t, err)
	other, err := db.PuppetByID(ctx, direct.Other)
	require.NoError(t, err)
	require.Equal(t, lid(2), other.LID)
	group, err := db.PortalByRoom(ctx, "!group:localhost")
	require.NoError(t, err)
	require.Equal(t, "It's; fine", group.Topic)
	members, err := db.Members(ctx, group.ID)
	require.NoError(t, err)
	require.Len(t, members, 1)
	_, err = db.MessageByEvent(ctx, "$1")
	require.NoError(t, err)
	_, err = db.ReactionsTo(ctx, database.MessageKey{Portal: group.ID, ID: "3EB0", Sender: login.Puppet})
	require.NoError(t, err)
	_, err = db.BotEventByName(ctx, "qr")
	require.NoError(t, err)
	var open int
	require.NoError(t, db.QueryRow(ctx, `SELECT COUNT(*) FROM queue_entry WHERE state=0 AND payload IS NOT NULL`).Scan(&open))
	require.Equal(t, 1, open)
	_, err = db.EnsurePortal(ctx, login.ID, lid(9)) // the next number is not taken
	require.NoError(t, err)
}

func load(t *testing.T, uri, script string) {
	t.Helper()
	db, err := database.Connect(t.Context(), uri)
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	_, err = db.RawDB.ExecContext(t.Context(), script)
	require.NoError(t, err)
}

var dumpNoise = regexp.MustCompile(`(?m)^(--.*|COMMENT ON SCHEMA .*|\\.*|SET .*|SELECT pg_catalog.set_config.*)?\n`)

func writeDump(t *testing.T, db *database.DB, uri, path string) {
	t.Helper()
	var out string
	if db.Dialect == dbutil.Postgres {
		// The same release of pg_dump as of the server is needed: set PATH.
		text, err := exec.CommandContext(t.Context(), "pg_dump", "--inserts", "--no-owner", "--no-privileges", "--schema=public", uri).Output()
		require.NoError(t, err)
		out = dumpNoise.ReplaceAllString(strings.ReplaceAll(string(text), "CREATE SCHEMA public;\n", ""), "")
	} else {
		out = dumpSQLite(t, db)
	}
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(out), 0o644))
}

// dumpSQLite writes tables in the order they were made, so that references find their rows, then their rows and indexes.
func dumpSQLite(t *testing.T, db *database.DB) string {
	t.Helper()
	var out, indexes strings.Builder
	var tables []string
	each(t, db, `SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid`, func(row []sql.NullString) {
		if row[0].String == "table" {
			tables = append(tables, row[1].String)
			fmt.Fprintf(&out, "%s;\n", row[2].String)
		} else {
			fmt.Fprintf(&indexes, "%s;\n", row[2].String)
		}
	})
	for _, table := range tables {
		var columns []string
		each(t, db, `SELECT name FROM pragma_table_info('`+table+`')`, func(row []sql.NullString) {
			columns = append(columns, "quote("+row[0].String+")")
		})
		each(t, db, `SELECT `+strings.Join(columns, "||', '||")+` FROM `+table, func(row []sql.NullString) {
			fmt.Fprintf(&out, "INSERT INTO %s VALUES (%s);\n", table, row[0].String)
		})
	}
	return out.String() + indexes.String()
}

func each(t *testing.T, db *database.DB, query string, do func(row []sql.NullString)) {
	t.Helper()
	rows, err := db.RawDB.QueryContext(t.Context(), query)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	require.NoError(t, err)
	for rows.Next() {
		row, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		require.NoError(t, rows.Scan(into...))
		do(row)
	}
	require.NoError(t, rows.Err())
}
