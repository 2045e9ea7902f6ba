package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"causeway/e2e/provision"
	"causeway/e2e/rig"
)

// refusal runs the bridge with settings that cannot work, and returns what it says before it gives up.
func refusal(t *testing.T, dir string, change map[string]string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, shared.binaries.Causeway, "run", "-c", filepath.Join(dir, "config.yaml"))
	command.Dir = dir
	for name, value := range change {
		command.Env = append(command.Env, name+"="+value)
	}
	output, err := command.CombinedOutput()
	require.NoError(t, ctx.Err(), "the bridge must give up by itself; it said:\n%s", output)
	require.Error(t, err, "the bridge must fail; it said:\n%s", output)
	require.NotContains(t, string(output), "goroutine ", "no panic")
	return string(output)
}

// setUp runs causeway init for a homeserver and returns the directory.
func setUp(t *testing.T, homeserver string) string {
	t.Helper()
	dir := t.TempDir()
	port, err := provision.FreePort()
	require.NoError(t, err)
	listen := fmt.Sprintf("127.0.0.1:%d", port)
	command := exec.Command(shared.binaries.Causeway, "init", "--homeserver", homeserver, "--owner", "@alice:localhost",
		"--dir", dir, "--listen", listen, "--address", "http://"+listen)
	output, err := command.CombinedOutput()
	require.NoError(t, err, string(output))
	return dir
}

// TestStartThatCannotWork: each set-up that cannot work ends with an error that names the setting.
func TestStartThatCannotWork(t *testing.T) {
	t.Parallel()
	free, err := provision.FreePort()
	require.NoError(t, err)
	nobody := fmt.Sprintf("127.0.0.1:%d", free)

	t.Run("not a homeserver", func(t *testing.T) {
		t.Parallel()
		server := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Second}
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		go func() { _ = server.Serve(listener) }()
		t.Cleanup(func() { _ = server.Close() })
		require.Contains(t, refusal(t, setUp(t, "http://"+listener.Addr().String()), nil), "homeserver.address")
	})
	t.Run("occupied port", func(t *testing.T) {
		t.Parallel()
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		t.Cleanup(func() { _ = listener.Close() })
		said := refusal(t, setUp(t, "http://"+nobody), map[string]string{"CAUSEWAY_APPSERVICE_LISTEN": listener.Addr().String()})
		require.Contains(t, said, listener.Addr().String())
	})
	t.Run("no database server", func(t *testing.T) {
		t.Parallel()
		said := refusal(t, setUp(t, "http://"+nobody), map[string]string{
			"CAUSEWAY_DATABASE_URI": "postgres://causeway:very-secret-word@" + nobody + "/causeway?sslmode=disable"})
		require.Contains(t, said, "database.uri")
		require.NotContains(t, said, "very-secret-word")
	})
	t.Run("no such database", func(t *testing.T) {
		t.Parallel()
		address := regexp.MustCompile(`/[^/?]*(\?|$)`).ReplaceAllString(shared.postgres, "/no_such_database$1")
		said := refusal(t, setUp(t, "http://"+nobody), map[string]string{"CAUSEWAY_DATABASE_URI": address})
		require.Contains(t, said, "database.uri")
		require.Contains(t, said, "no_such_database")
	})
	t.Run("not a database", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "causeway.db")
		require.NoError(t, os.WriteFile(file, []byte(strings.Repeat("not a database ", 100)), 0o600))
		require.Contains(t, refusal(t, setUp(t, "http://"+nobody), map[string]string{"CAUSEWAY_DATABASE_URI": "sqlite:" + file}), "database.uri")
	})
}

// TestBadTransactions: whatever is put where the homeserver's transactions go is answered as the specification says, and the
// bridge goes on working.
func TestBadTransactions(t *testing.T) {
	t.Parallel()
	ctx, r := newRig(t, rig.SQLite)
	token := setting(t, r.Config, "hs_token")

	alice, err := r.Person(ctx, rig.Owner)
	require.NoError(t, err)
	chat, err := r.OpenChat(ctx, alice)
	require.NoError(t, err)

	event := func(extra string) string {
		return `{"events":[{"event_id":"$made-up-` + fmt.Sprint(len(extra)) + `","room_id":"!nowhere:localhost","sender":"@alice:localhost","origin_server_ts":1,` + extra + `}]}`
	}
	for name, c := range map[string]struct {
		token, body string
		status      []int
	}{
		"no token":             {"", `{"events":[]}`, []int{401, 403}},
		"wrong token":          {"wrong", `{"events":[]}`, []int{403}},
		"as_token":             {setting(t, r.Config, "as_token"), `{"events":[]}`, []int{403}},
		"empty":                {token, `{"events":[]}`, []int{200}},
		"no events":            {token, `{}`, []int{200}},
		"not JSON":             {token, `{"events":[`, []int{400}},
		"nothing":              {token, ``, []int{400}},
		"array":                {token, `[]`, []int{400}},
		"events no array":      {token, `{"events":{"a":1}}`, []int{400}},
		"events of numbers":    {token, `{"events":[1,null,"x",[],{}]}`, []int{200}},
		"wrong types":          {token, `{"events":[{"event_id":5,"type":[],"content":7,"sender":{}}]}`, []int{200}},
		"unknown room":         {token, event(`"type":"m.room.message","content":{"msgtype":"m.text","body":"hello"}`), []int{200}},
		"unknown type":         {token, event(`"type":"org.example.unheard.of","content":{}`), []int{200}},
		"content of bad types": {token, event(`"type":"m.room.message","content":{"msgtype":5,"body":[],"m.relates_to":"x"}`), []int{200}},
		"unknown member":       {token, event(`"type":"m.room.member","state_key":"@whatsappbot:localhost","content":{"membership":"invite"}`), []int{200}},
		"ghost without number": {token, event(`"type":"m.room.member","state_key":"@whatsapp_:localhost","content":{"membership":"invite"}`), []int{200}},
		"huge event":           {token, event(`"type":"m.room.message","content":{"msgtype":"m.text","body":"` + strings.Repeat("x", 10<<20) + `"}`), []int{200, 413}},
		"deep":                 {token, `{"events":[{"content":` + strings.Repeat(`{"a":`, 5000) + `1` + strings.Repeat(`}`, 5001) + `]}`, []int{200, 400}},
		"not UTF-8":            {token, event(`"type":"m.room.message","content":{"body":"` + "\xff\xfe" + `"}`), []int{200, 400}},
	} {
		path := "/_matrix/app/v1/transactions/bad-" + strings.ReplaceAll(name, " ", "-")
		status, body := put(ctx, t, r.AppserviceURL()+path, c.token, c.body)
		require.Contains(t, c.status, status, "%s: %s", name, body)
		if status >= 400 {
			require.Regexp(t, `"errcode":\s*"M_[A-Z_]+"`, body, name)
		}
	}
	status, _ := put(ctx, t, r.AppserviceURL()+"/_matrix/app/v1/nothing/here", token, "{}")
	require.Equal(t, 404, status)

	answer, err := chat.Ask(ctx, "version")
	require.NoError(t, err)
	require.Contains(t, answer, "Causeway")
	require.NoError(t, r.Network.Faultless(ctx))
	require.NotContains(t, provision.ReadTail(r.Bridge().Log, 64<<20), "panic")
	require.NotContains(t, provision.ReadTail(r.Bridge().Log, 64<<20), token, "secrets stay out of the log")
}

// setting reads a value from the bridge's configuration.
func setting(t *testing.T, file, name string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	match := regexp.MustCompile(`(?m)^\s*` + name + `:\s*(\S+)$`).FindSubmatch(text)
	require.NotNil(t, match, "%s has no %s", file, name)
	return string(match[1])
}

func put(ctx context.Context, t *testing.T, url, token, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, url, strings.NewReader(body))
	require.NoError(t, err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(text)
}
