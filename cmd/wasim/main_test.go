package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"encoding/hex"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"causeway/simulator"
	"causeway/simulator/control/api"
	"causeway/simulator/control/client"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/store/sqlstore"
	"go.mau.fi/whatsmeow/types/events"
	waLog "go.mau.fi/whatsmeow/util/log"
	"google.golang.org/protobuf/proto"
	_ "modernc.org/sqlite"
)

// asProgram makes the test binary be wasim.
const asProgram = "CAUSEWAY_TEST_WASIM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	simulator.Trust()
	os.Exit(m.Run())
}

// start runs wasim as a process of its own and waits until it is ready.
func start(t *testing.T, args ...string) (*exec.Cmd, client.Ready) {
	t.Helper()
	dir := t.TempDir()
	command := exec.CommandContext(t.Context(), os.Args[0], append([]string{"--dir", dir}, args...)...)
	command.Env = append(os.Environ(), asProgram+"=1")
	command.Stderr = os.Stderr
	require.NoError(t, command.Start())
	t.Cleanup(func() { _ = command.Process.Kill() })
	var ready client.Ready
	require.Eventually(t, func() bool {
		var err error
		ready, err = client.ReadReady(dir)
		return err == nil
	}, 20*time.Second, 5*time.Millisecond)
	return command, ready
}

// connect makes a real client that only knows what wasim.json says.
func connect(t *testing.T, ready client.Ready) (*whatsmeow.Client, <-chan any) {
	t.Helper()
	ca, err := os.ReadFile(ready.CAFile)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(ca))
	h := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, ready.Address)
		}}}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "wa.db")+"?_pragma=foreign_keys(1)&_txlock=immediate")
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	container := sqlstore.NewWithDB(db, "sqlite3", waLog.Noop)
	require.NoError(t, container.Upgrade(t.Context()))
	c := whatsmeow.NewClient(container.NewDevice(), waLog.Noop)
	c.SetPreLoginHTTPClient(h)
	c.SetWebsocketHTTPClient(h)
	c.SetMediaHTTPClient(h)
	arrived := make(chan any, 1000)
	c.AddEventHandler(func(event any) { arrived <- event })
	t.Cleanup(func() {
		c.Disconnect()
		_ = container.Close()
	})
	require.NoError(t, c.Connect())
	return c, arrived
}

func next[T any](ctx context.Context, t *testing.T, arrived <-chan any) T {
	t.Helper()
	for {
		select {
		case event := <-arrived:
			if e, ok := event.(T); ok {
				return e
			}
		case <-ctx.Done():
			require.FailNow(t, "no event")
		}
	}
}

func TestProgram(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	command, ready := start(t, "--seed", "42")
	key := simulator.RootKey()
	require.Equal(t, hex.EncodeToString(key[:]), ready.RootKey)
	control := client.New(ready.Control)
	me, err := control.AddPhone(ctx, "491700000001", "Me")
	require.NoError(t, err)
	_, err = control.AddPhone(ctx, "491700000002", "Bob")
	require.NoError(t, err)

	c, arrived := connect(t, ready)
	device, err := control.ScanQR(ctx, "491700000001", next[*events.QR](ctx, t, arrived).Codes[0])
	require.NoError(t, err)
	require.EqualValues(t, 1, device)
	next[*events.Connected](ctx, t, arrived)
	sent, err := control.SendText(ctx, "491700000002", "491700000001", "to the companion")
	require.NoError(t, err)
	require.Equal(t, sent.ID, next[*events.Message](ctx, t, arrived).Info.ID)
	to, err := c.IsOnWhatsApp(ctx, []string{"+491700000002"})
	require.NoError(t, err)
	_, err = c.SendMessage(ctx, to[0].JID, &waE2E.Message{Conversation: proto.String("to bob")})
	require.NoError(t, err)
	m, err := control.WaitText(ctx, "491700000002", "to bob")
	require.NoError(t, err)
	require.EqualValues(t, 1, m.Device)
	require.NoError(t, control.Fault(ctx, api.Fault{Kind: "drop_connection", Device: "491700000001:1"}))
	next[*events.Connected](ctx, t, arrived)
	require.NoError(t, control.Unlink(ctx, "491700000001", 1))
	next[*events.LoggedOut](ctx, t, arrived)
	stats, err := control.Stats(ctx)
	require.NoError(t, err)
	require.Empty(t, stats.Violations)

	// A waiting call does not hold up the end.
	waiting := make(chan error, 1)
	go func() {
		_, err := control.Messages(ctx, "491700000002", "", 1000, time.Minute)
		waiting <- err
	}()
	require.NoError(t, command.Process.Signal(syscall.SIGTERM))
	require.NoError(t, command.Wait(), "exit status 0")
	<-waiting

	_, again := start(t, "--seed", "42")
	same, err := client.New(again.Control).AddPhone(ctx, "491700000001", "Me")
	require.NoError(t, err)
	require.Equal(t, me, same, "equal seeds give equal LIDs")
	_, other := start(t, "--seed", "43")
	different, err := client.New(other.Control).AddPhone(ctx, "491700000001", "Me")
	require.NoError(t, err)
	require.NotEqual(t, me.LID, different.LID)
}

func TestUsage(t *testing.T) {
	t.Parallel()
	require.Error(t, run(t.Context(), nil))
	require.Error(t, run(t.Context(), []string{"--dir", t.TempDir(), "more"}))
	require.Error(t, run(t.Context(), []string{"--dir", t.TempDir(), "--listen", "256.0.0.1:0"}))
	require.NoError(t, run(t.Context(), []string{"--help"}))
}
