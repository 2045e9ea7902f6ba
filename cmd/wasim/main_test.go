package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"

	"causeway/simulator"
	"causeway/simulator/control/client"

	"github.com/stretchr/testify/require"
)

// asProgram makes the test binary be wasim.
const asProgram = "CAUSEWAY_TEST_WASIM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// start runs wasim as a process of its own and waits until it is ready.
func start(t *testing.T, args ...string) (*os.Process, client.Ready) {
	t.Helper()
	dir := t.TempDir()
	process, err := os.StartProcess(os.Args[0], append([]string{"wasim", "--dir", dir}, args...), &os.ProcAttr{
		Env: append(os.Environ(), asProgram+"=1"), Files: []*os.File{nil, nil, os.Stderr}})
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = process.Kill()
		_, _ = process.Wait()
	})
	var ready client.Ready
	require.Eventually(t, func() bool {
		ready, err = client.ReadReady(dir)
		return err == nil
	}, 20*time.Second, 5*time.Millisecond)
	return process, ready
}

func TestProgram(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	process, ready := start(t, "--seed", "42")
	key := simulator.RootKey()
	require.Equal(t, hex.EncodeToString(key[:]), ready.RootKey)
	control := client.New(ready.Control)
	me, err := control.AddPhone(ctx, "491700000001", "Me")
	require.NoError(t, err)
	_, err = control.AddPhone(ctx, "491700000002", "Bob")
	require.NoError(t, err)
	_, err = control.SendText(ctx, "491700000001", "491700000002", "hello")
	require.NoError(t, err)
	_, err = control.WaitText(ctx, "491700000002", "hello")
	require.NoError(t, err)

	// A waiting call does not hold up the end.
	waiting := make(chan error, 1)
	go func() {
		_, err := control.Messages(ctx, "491700000002", "", 1000, time.Minute)
		waiting <- err
	}()
	require.NoError(t, process.Signal(syscall.SIGTERM))
	state, err := process.Wait()
	require.NoError(t, err)
	require.Zero(t, state.ExitCode())
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

// TestCertificate reaches the network by a WhatsApp name with nothing but what wasim.json says.
func TestCertificate(t *testing.T) {
	t.Parallel()
	_, ready := start(t)
	ca, err := os.ReadFile(ready.CAFile)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(ca))
	h := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, ready.Address)
		}}}
	for _, host := range []string{"web.whatsapp.com", "mmg.whatsapp.net"} {
		response, err := h.Get("https://" + host + "/nowhere")
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusNotFound, response.StatusCode)
	}
	stats, err := client.New(ready.Control).Stats(t.Context())
	require.NoError(t, err)
	require.Len(t, stats.Violations, 2, "the network knows no such address")
}

func TestUsage(t *testing.T) {
	t.Parallel()
	require.Error(t, run(t.Context(), nil))
	require.Error(t, run(t.Context(), []string{"--dir", t.TempDir(), "more"}))
	require.Error(t, run(t.Context(), []string{"--dir", t.TempDir(), "--listen", "256.0.0.1:0"}))
	require.NoError(t, run(t.Context(), []string{"--help"}))
}
