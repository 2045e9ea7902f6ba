package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"causeway/config"
)

func TestInitGivesAGoodConfiguration(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	got := b.do(initLine + " --database postgres://u:hunter2@db/causeway --address http://bridge:1234 --listen 0.0.0.0:1234")
	require.Equal(t, exitOK, got.code, got.err)
	require.Empty(t, got.err)
	require.NotContains(t, got.out, "hunter2")
	for _, step := range []string{"app_service_config_files:\n        - DIR/registration.yaml", "config_files:\n          - DIR/registration.yaml", "causeway run -c DIR/config.yaml", "@whatsappbot:example.com"} {
		require.Contains(t, got.out, step)
	}
	c, err := config.Load(filepath.Join(b.dir, "config.yaml"), nil)
	require.NoError(t, err)
	require.Equal(t, "http://localhost:8008", c.Homeserver.Address)
	require.Equal(t, "example.com", c.Homeserver.Domain)
	require.Equal(t, "http://bridge:1234", c.Appservice.Address)
	require.Equal(t, "0.0.0.0:1234", c.Appservice.Listen)
	require.Equal(t, "postgres://u:hunter2@db/causeway", c.Database.URI.Reveal())
	require.Equal(t, config.Permissions{"*": config.Relay, "example.com": config.User, "@me:example.com": config.Admin}, c.Bridge.Permissions)
	require.GreaterOrEqual(t, len(c.Appservice.ASToken.Reveal()), 40)

	registration, err := config.ParseRegistration([]byte(b.read("registration.yaml")))
	require.NoError(t, err)
	require.Equal(t, c.Registration(), registration)
	for _, name := range b.files() {
		info, err := os.Stat(filepath.Join(b.dir, name))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), name)
	}

	other := newBench(t)
	require.Equal(t, exitOK, other.do(initLine).code)
	require.NotContains(t, other.read("config.yaml"), c.Appservice.ASToken.Reveal(), "tokens are random")
}

func TestInitAsksForWhatIsMissing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.asks = true
	b.input = "https://matrix.example.org/\n\nnobody:\nalice\n\n"
	got := b.do("init --dir DIR/new/place")
	require.Equal(t, exitOK, got.code, got.err)
	require.Contains(t, got.out, "Homeserver address, as the bridge reaches it [http://localhost:8008]: ")
	require.Contains(t, got.out, "Server name, as in @you:server.name [example.org]: ")
	require.Contains(t, got.out, "Database [sqlite:causeway.db]: ")
	require.Contains(t, got.out, "write one like", "the bad user ID is told")
	c, err := config.Load(filepath.Join(b.dir, "new/place/config.yaml"), nil)
	require.NoError(t, err)
	require.Equal(t, "https://matrix.example.org", c.Homeserver.Address)
	require.Equal(t, config.Admin, c.Bridge.Permissions.Level("@alice:example.org"))

	b.input = "https://matrix.example.org\n"
	got = b.do("init --dir DIR/other")
	require.Equal(t, exitFailure, got.code)
	require.Equal(t, "causeway: the answers ended early; nothing was written\n", got.err)
	require.Equal(t, []string{"new"}, b.files())

	b.input = ""
	require.Equal(t, exitOK, b.do(initLine+" --domain example.com --database sqlite:c.db").code, "nothing is left to ask")
}

func TestInitRefusesBadAnswers(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"init --dir DIR --homeserver localhost --owner @me:example.com": `causeway: --homeserver is "localhost", which is not a URL; write only scheme, host and port, like http://localhost:8008`,
		"init --dir DIR --homeserver http://localhost --owner @me:a/b":  `causeway: --domain is "a/b", which is not a server name; write the part of your user IDs after the colon, like example.com`,
		"init --dir DIR --homeserver http://localhost --owner me":       `causeway: --domain is missing; write the part of your user IDs after the colon, like example.com`,
		initLine + " --database mysql://u:hunter2@h/d":                  `causeway: --database is neither an sqlite: nor a postgres:// address; write sqlite:causeway.db or postgres://user:password@host/database`,
		initLine + " --listen 29318":                                    `causeway: --listen is "29318", which is not host:port; write host:port like 127.0.0.1:29318, or unix:/path/to/socket`,
		initLine + " --address bridge":                                  `causeway: --address is "bridge", which is not a URL; write the URL at which the homeserver reaches the bridge, like http://localhost:29318`,
	} {
		b := newBench(t)
		got := b.do(line)
		require.Equal(t, exitUsage, got.code, line)
		require.Equal(t, want, strings.Split(got.err, "\n")[0])
		require.Empty(t, b.files(), "nothing half-written")
	}
}

func TestInitDoesNotOverwrite(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"config.yaml", "registration.yaml"} {
		b := newBench(t)
		b.write(name, "mine")
		got := b.do(initLine)
		require.Equal(t, outcome{exitFailure, "", "causeway: DIR/" + name + " exists already; add --force to replace it with new tokens, or name another directory with --dir\n"}, got)
		require.Equal(t, []string{name}, b.files())
		require.Equal(t, "mine", b.read(name))

		require.Equal(t, exitOK, b.do(initLine+" --force").code)
		require.Equal(t, []string{"config.yaml", "registration.yaml"}, b.files())
		require.NotEqual(t, "mine", b.read(name))
	}
}

// With a directory in the way of the second file, the first must not stay, and
// what was there before must be back.
func TestInitWritesBothOrNeither(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write("registration.yaml", "mine")
	require.NoError(t, os.Mkdir(filepath.Join(b.dir, "config.yaml"), 0o700))
	got := b.do(initLine + " --force")
	require.Equal(t, outcome{exitFailure, "", "causeway: write DIR/config.yaml: it is a directory\n"}, got)
	require.Equal(t, []string{"config.yaml", "registration.yaml"}, b.files())
	require.Equal(t, "mine", b.read("registration.yaml"))

	require.NoError(t, os.Remove(filepath.Join(b.dir, "registration.yaml")))
	require.Equal(t, exitFailure, b.do(initLine+" --force").code)
	require.Equal(t, []string{"config.yaml"}, b.files())
}
