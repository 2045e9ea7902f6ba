package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"causeway/config"
)

// outcome is what one command line did.
type outcome struct {
	code     int
	out, err string
}

// bench runs command lines in a directory of their own.
type bench struct {
	t       *testing.T
	dir     string
	bridge  bridge
	input   string
	asks    bool
	environ []string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	return &bench{t: t, dir: t.TempDir(), bridge: bridge{
		run:   func(context.Context, config.Config, zerolog.Logger) error { return errors.New("run is not expected") },
		check: func(context.Context, config.Config) error { return errors.New("check is not expected") },
	}}
}

// do runs one command line; DIR in it is the directory of the bench, as it is
// in what comes back.
func (b *bench) do(line string) outcome {
	b.t.Helper()
	var out, errors bytes.Buffer
	code := execute(strings.Fields(strings.ReplaceAll(line, "DIR", b.dir)), b.bridge, terminal{
		in: strings.NewReader(b.input), out: &out, err: &errors, asks: b.asks, environment: b.environ,
	})
	clean := func(text string) string { return strings.ReplaceAll(text, b.dir, "DIR") }
	return outcome{code: code, out: clean(out.String()), err: clean(errors.String())}
}

// files lists what is in the directory, hidden files too.
func (b *bench) files() []string {
	b.t.Helper()
	entries, err := os.ReadDir(b.dir)
	require.NoError(b.t, err)
	names := []string{}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func (b *bench) read(name string) string {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, name))
	require.NoError(b.t, err)
	return string(text)
}

func (b *bench) write(name, text string) {
	b.t.Helper()
	require.NoError(b.t, os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600))
}

const initLine = "init --dir DIR --homeserver http://localhost:8008 --owner @me:example.com"

func TestMistakesInTheCommandLine(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"frobnicate":         `causeway: "frobnicate" is not a command; see 'causeway --help'`,
		"rnu":                `causeway: "rnu" is not a command; did you mean "run"?`,
		"run now":            `causeway: "now" is one word too many; see 'causeway run --help'`,
		"run --fast":         `causeway: unknown flag: --fast; see 'causeway run --help'`,
		"check-config -c":    `causeway: flag needs an argument: 'c' in -c; see 'causeway check-config --help'`,
		"init --dir DIR":     "causeway: --homeserver is missing; give the URL of your homeserver, like http://localhost:8008\ncauseway: --owner is missing; give your Matrix user ID, like @you:example.com",
		"queue lits":         `causeway: "lits" is not something to do with the queue; see 'causeway queue --help'`,
		"queue list 1":       `causeway: "1" is one word too many; see 'causeway queue list --help'`,
		"queue show":         `causeway: give the number of one dead letter; see 'causeway queue list' for them`,
		"queue show x":       `causeway: "x" is not the number of a dead letter; see 'causeway queue list' for them`,
		"queue retry":        `causeway: give the numbers of dead letters, or --all; see 'causeway queue list' for them`,
		"queue drop 1 --all": `causeway: give the numbers of dead letters, or --all; see 'causeway queue list' for them`,
		"queue drop 1 x":     `causeway: "x" is not the number of a dead letter; see 'causeway queue list' for them`,
		"registration --out": `causeway: unknown flag: --out; see 'causeway registration --help'`,
	} {
		b := newBench(t)
		got := b.do(line)
		require.Equal(t, exitUsage, got.code, line)
		require.Empty(t, got.out, line)
		require.Equal(t, want+"\n", got.err, line)
		require.Empty(t, b.files(), line)
	}
}

func TestHelpIsThere(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	require.Contains(t, b.do("").out, "To set it up, run 'causeway init'")
	for _, command := range []string{"init", "run", "check-config", "queue", "queue list", "queue show", "queue retry", "queue drop", "registration", "version"} {
		got := b.do(command + " --help")
		require.Equal(t, exitOK, got.code)
		require.Contains(t, got.out, "Usage:\n  causeway "+command)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	got := newBench(t).do("version")
	require.Equal(t, exitOK, got.code)
	for _, part := range []string{"causeway  ", "commit    ", "go        go1.", "whatsmeow "} {
		require.Contains(t, got.out, part)
	}
}

func TestEveryCommandSaysWhatIsWrongWithTheConfiguration(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	require.Equal(t, exitOK, b.do(initLine).code)
	b.write("config.yaml", strings.Replace(b.read("config.yaml"), "  domain:", "  domian:", 1))
	for _, line := range []string{"run", "check-config", "check-config --online", "registration", "registration -o DIR/new.yaml",
		"queue list", "queue show 1", "queue retry 1", "queue drop --all"} {
		got := b.do(line + " -c DIR/config.yaml")
		require.Equal(t, outcome{exitFailure, "", "causeway: DIR/config.yaml:10: homeserver.domian is not a setting; did you mean \"domain\"?\n"}, got, line)
		got = b.do(line + " -c DIR/none.yaml")
		require.Equal(t, outcome{exitFailure, "", "causeway: DIR/none.yaml: does not exist; run 'causeway init' to make one, or name another file with -c\n"}, got, line)
	}
	require.Equal(t, []string{"config.yaml", "registration.yaml"}, b.files())
}

func TestCheckConfigOnlineAsksTheBridge(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	require.Equal(t, exitOK, b.do(initLine).code)
	require.Equal(t, outcome{exitOK, "DIR/config.yaml: ok\n", ""}, b.do("check-config -c DIR/config.yaml"))

	var asked config.Config
	b.bridge.check = func(ctx context.Context, cfg config.Config) error {
		_, limited := ctx.Deadline()
		require.True(t, limited)
		asked = cfg
		return nil
	}
	require.Equal(t, outcome{exitOK, "DIR/config.yaml: ok\n", ""}, b.do("check-config --online -c DIR/config.yaml"))
	require.Equal(t, "example.com", asked.Homeserver.Domain)

	b.bridge.check = func(context.Context, config.Config) error {
		return errors.Join(errors.New("reach homeserver: refused"), errors.New("open database: refused"))
	}
	require.Equal(t, outcome{exitFailure, "", "causeway: reach homeserver: refused\ncauseway: open database: refused\n"},
		b.do("check-config --online -c DIR/config.yaml"))
}

func TestRegistration(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	require.Equal(t, exitOK, b.do(initLine).code)
	written := b.read("registration.yaml")
	require.Equal(t, outcome{exitOK, written, ""}, b.do("registration -c DIR/config.yaml"))

	b.write("config.yaml", strings.Replace(b.read("config.yaml"), "http://localhost:29318", "http://bridge:29318", 1))
	require.Equal(t, "causeway: warning: DIR/registration.yaml does not belong to DIR/config.yaml (url); "+
		"run 'causeway registration -c DIR/config.yaml -o DIR/registration.yaml', give the homeserver the new file and restart it\n",
		b.do("check-config -c DIR/config.yaml").err)
	require.Equal(t, outcome{exitOK, "", ""}, b.do("registration -c DIR/config.yaml -o DIR/registration.yaml"))
	require.Contains(t, b.read("registration.yaml"), "http://bridge:29318")
	require.Equal(t, outcome{exitOK, "DIR/config.yaml: ok\n", ""}, b.do("check-config -c DIR/config.yaml"))

	before := b.read("config.yaml")
	require.Equal(t, outcome{exitUsage, "", "causeway: -o DIR/config.yaml is the configuration file; name another one\n"},
		b.do("registration -c DIR/config.yaml -o DIR/config.yaml"))
	require.Equal(t, before, b.read("config.yaml"))
	require.Equal(t, outcome{exitFailure, "", "causeway: write DIR/none/r.yaml: no such file or directory\n"},
		b.do("registration -c DIR/config.yaml -o DIR/none/r.yaml"))
	require.Equal(t, []string{"config.yaml", "registration.yaml"}, b.files())
}
