package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"causeway/config"
)

// playBridge makes the test binary behave as the program, with a bridge that
// stops well ("gentle") or never ("deaf").
const playBridge = "PLAY_BRIDGE"

func TestMain(m *testing.M) {
	kind := os.Getenv(playBridge)
	if kind == "" {
		os.Exit(m.Run())
	}
	os.Exit(execute(os.Args[1:], bridge{run: func(ctx context.Context, _ config.Config, log zerolog.Logger) error {
		log.Info().Msg("running")
		<-ctx.Done()
		if kind == "deaf" {
			select {}
		}
		return ctx.Err()
	}}, terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr, environment: os.Environ()}))
}

// process starts the program and returns the lines of its log.
func process(t *testing.T, kind string) (*os.Process, *bufio.Scanner) {
	t.Helper()
	b := newBench(t)
	require.Equal(t, exitOK, b.do(initLine).code)
	self, err := os.Executable()
	require.NoError(t, err)
	log, write, err := os.Pipe()
	require.NoError(t, err)
	started, err := os.StartProcess(self, []string{self, "run", "-c", filepath.Join(b.dir, "config.yaml")}, &os.ProcAttr{
		Env:   append(os.Environ(), playBridge+"="+kind),
		Files: []*os.File{nil, nil, write},
	})
	require.NoError(t, write.Close())
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = started.Kill()
		_ = log.Close()
	})
	require.NoError(t, log.SetReadDeadline(time.Now().Add(time.Minute)))
	return started, bufio.NewScanner(log)
}

// await reads the log up to a line that contains the text.
func await(t *testing.T, log *bufio.Scanner, text string) {
	t.Helper()
	var seen []string
	for log.Scan() {
		seen = append(seen, log.Text())
		if strings.Contains(log.Text(), text) {
			return
		}
	}
	require.Fail(t, "the log ended without "+text, strings.Join(seen, "\n"))
}

func TestSignalStopsGently(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		program, log := process(t, "gentle")
		await(t, log, "running")
		require.NoError(t, program.Signal(signal))
		await(t, log, "stopping; a second signal ends it at once")
		await(t, log, "stopped")
		state, err := program.Wait()
		require.NoError(t, err)
		require.Equal(t, exitOK, state.ExitCode())
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	program, log := process(t, "deaf")
	await(t, log, "running")
	require.NoError(t, program.Signal(syscall.SIGTERM))
	await(t, log, "stopping")
	require.NoError(t, program.Signal(syscall.SIGINT))
	await(t, log, "ending at once")
	state, err := program.Wait()
	require.NoError(t, err)
	require.Equal(t, exitFailure, state.ExitCode())
}

func TestRunPassesConfigurationAndError(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	require.Equal(t, exitOK, b.do(initLine).code)
	var given config.Config
	b.bridge.run = func(_ context.Context, cfg config.Config, log zerolog.Logger) error {
		given = cfg
		log.Info().Interface("config", cfg).Msg("configuration")
		return fmt.Errorf("listen on %s: %w", cfg.Appservice.Listen, errors.New("address already in use"))
	}
	b.environ = []string{"CAUSEWAY_LOGGING_FORMAT=json", "CAUSEWAY_DATABASE_URI=postgres://u:hunter2@db/c"}
	got := b.do("run -c DIR/config.yaml")
	require.Equal(t, exitFailure, got.code)
	require.Equal(t, "example.com", given.Homeserver.Domain)
	require.True(t, strings.HasSuffix(got.err, "\ncauseway: listen on 127.0.0.1:29318: address already in use\n"), got.err)
	require.Contains(t, got.err, `"postgres://[redacted]@db/c"`)
	require.NotContains(t, got.err, "hunter2")
	require.NotContains(t, got.err, given.Appservice.ASToken.Reveal())
	require.NotContains(t, got.err, given.Appservice.HSToken.Reveal())
	require.NotContains(t, got.err, "TEST NETWORK")
}

func TestTestNetworkIsWarnedOf(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	require.Equal(t, exitOK, b.do(initLine).code)
	b.bridge.run = func(context.Context, config.Config, zerolog.Logger) error { return errors.New("stop here") }
	b.environ = []string{
		"CAUSEWAY_WHATSAPP_TEST_NETWORK_ADDRESS=127.0.0.1:4430",
		"CAUSEWAY_WHATSAPP_TEST_NETWORK_ROOT_KEY=" + strings.Repeat("ab", 32),
		"CAUSEWAY_WHATSAPP_TEST_NETWORK_CA_FILE=ca.pem",
	}
	got := b.do("run -c DIR/config.yaml")
	require.Contains(t, got.err, "WRN TEST NETWORK: the bridge connects to a simulator and NOT to WhatsApp")
	require.Contains(t, got.err, "address=127.0.0.1:4430")
}

func TestLogLevelAndFormat(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log, err := newLogger(config.Logging{Level: "warn", Format: "json"}, &out, false)
	require.NoError(t, err)
	log.Info().Msg("quiet")
	log.Warn().Msg("loud")
	require.NotContains(t, out.String(), "quiet")
	require.Contains(t, out.String(), `"message":"loud"`)

	out.Reset()
	log, err = newLogger(config.Logging{Level: "trace", Format: "pretty"}, &out, false)
	require.NoError(t, err)
	log.Trace().Msg("detail")
	require.Contains(t, out.String(), "TRC detail")
	require.NotContains(t, out.String(), "\x1b", "no colours where none are shown")
}
