package provision

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func testCache(t *testing.T) *Cache {
	cache, err := Open(func(line string) { t.Log(line) })
	require.NoError(t, err)
	return cache
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	pg, err := testCache(t).StartPostgres(ctx)
	require.NoError(t, err)
	t.Log("postgres", pg.Version)

	uri, err := CreateDatabase(ctx, pg.URI(), "one")
	require.NoError(t, err)
	_, err = CreateDatabase(ctx, pg.URI(), "one")
	require.Error(t, err, "a database is made once")
	require.NoError(t, withDatabase(uri, func(db *sql.DB) error {
		var fsync string
		if err := db.QueryRowContext(ctx, "SHOW fsync").Scan(&fsync); err != nil || fsync != "on" {
			return errors.Join(err, errors.New("fsync is "+fsync))
		}
		_, err := db.ExecContext(ctx, "CREATE TABLE t (a INT)")
		return err
	}))
	require.NoError(t, DropDatabase(ctx, pg.URI(), "one"))

	pid := pg.Process().PID()
	require.NoError(t, pg.Stop())
	require.NoDirExists(t, pg.dir)
	require.Positive(t, pid)
	require.NotNil(t, pg.Process().command.ProcessState, "the server has ended")
}

// TestHomeserver starts the homeserver that CAUSEWAY_TEST_HOMESERVER names, or else the first that can be had, with an application
// service, and sees a message of a new account arrive there.
func TestHomeserver(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	arrived := make(chan string, 1)
	service := appservice(t, func(body string) {
		if strings.Contains(body, "good morning") {
			select {
			case arrived <- body:
			default:
			}
		}
	})
	port, err := FreePort()
	require.NoError(t, err)
	installed, err := testCache(t).Install(ctx, os.Getenv("CAUSEWAY_TEST_HOMESERVER"))
	require.NoError(t, err)
	hs, err := installed.Start(ctx, Site{Domain: "localhost", Port: port, Dir: t.TempDir(), Registrations: []string{service}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, hs.Stop()) })
	t.Log(hs.Kind, hs.Version)

	account, err := hs.Register(ctx, "alice", "correct horse")
	require.NoError(t, err)
	require.Equal(t, "@alice:localhost", account.UserID)
	client, err := mautrix.NewClient(hs.URL(), id.UserID(account.UserID), account.AccessToken)
	require.NoError(t, err)
	room, err := client.CreateRoom(ctx, &mautrix.ReqCreateRoom{Preset: "private_chat", Invite: []id.UserID{"@robot:localhost"}})
	require.NoError(t, err)
	_, err = client.SendText(ctx, room.RoomID, "good morning")
	require.NoError(t, err)
	robot, err := mautrix.NewClient(hs.URL(), "@robot:localhost", "as-token-of-the-test")
	require.NoError(t, err)
	robot.SetAppServiceUserID = true
	_, err = robot.JoinRoomByID(ctx, room.RoomID)
	require.NoError(t, err)
	_, err = client.SendMessageEvent(ctx, room.RoomID, event.EventMessage, map[string]any{"msgtype": "m.text", "body": "good morning again"})
	require.NoError(t, err)

	select {
	case body := <-arrived:
		require.True(t, json.Valid([]byte(body)))
	case <-ctx.Done():
		t.Fatalf("nothing was pushed to the application service; log:\n%s", hs.Process().Tail())
	}
}

// appservice serves an application service that hands each transaction on, and returns the path of its registration.
func appservice(t *testing.T, take func(body string)) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		take(string(body))
		_, _ = w.Write([]byte("{}"))
	}))
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "registration.yaml")
	text := `id: robot
url: ` + server.URL + `
as_token: as-token-of-the-test
hs_token: hs-token-of-the-test
sender_localpart: robot
rate_limited: false
namespaces: {users: [{regex: '@robot_.*:localhost', exclusive: true}, {regex: '@robot:localhost', exclusive: true}]}
`
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

func TestProcessThatEnds(t *testing.T) {
	t.Parallel()
	p, err := Start(Command{Name: "false", LogDir: t.TempDir(), Path: "/bin/sh", Args: []string{"-c", "echo oh dear; exit 3"}})
	require.NoError(t, err)
	err = p.WaitReady(testContext(t), func(context.Context) error { return errors.New("not yet") })
	require.ErrorContains(t, err, "oh dear")
	require.ErrorContains(t, err, "exit status 3")
	require.Error(t, p.Err())
}

func TestProcessIsStopped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p, err := Start(Command{Name: "sleep", LogDir: dir, Path: "/bin/sleep", Args: []string{"600"}})
	require.NoError(t, err)
	require.NoError(t, p.Stop())
	p.Kill() // again, which must not reach a stranger
	select {
	case <-p.Done():
	default:
		t.Fatal("still running")
	}
}

func TestLockIsExclusive(t *testing.T) {
	t.Parallel()
	cache := &Cache{Dir: t.TempDir(), say: func(string) {}}
	unlock, err := cache.lock(context.Background(), "thing")
	require.NoError(t, err)
	short, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err = cache.lock(short, "thing")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	unlock()
	unlock, err = cache.lock(context.Background(), "thing")
	require.NoError(t, err)
	unlock()
}

// TestVersions keeps the constants and the nested modules from drifting apart.
func TestVersions(t *testing.T) {
	t.Parallel()
	for module, pin := range map[string]string{
		"lint":     "github.com/golangci/golangci-lint/v2 " + LinterVersion,
		"dendrite": "github.com/element-hq/dendrite " + DendriteVersion,
	} {
		text, err := os.ReadFile(filepath.Join("..", module, "go.mod"))
		require.NoError(t, err)
		require.Contains(t, string(text), pin)
	}
	require.Contains(t, synapseConstraints, "matrix-synapse=="+SynapseVersion)
}
