package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"causeway/config"
)

const (
	asToken = "as-0123456789abcdef"
	hsToken = "hs-0123456789abcdef"
)

// good is the least that a configuration needs; line numbers of the tests
// below count from its first line.
const good = `homeserver:
  address: http://localhost:8008
  domain: example.com
appservice:
  as_token: as-0123456789abcdef
  hs_token: hs-0123456789abcdef
bridge:
  permissions:
    "*": relay
    "example.com": user
    "@you:example.com": admin
`

func parse(text string, environ ...string) (config.Config, error) {
	return config.Parse("config.yaml", []byte(text), environ)
}

func TestShortFileHasDefaults(t *testing.T) {
	t.Parallel()
	c, err := parse(good)
	require.NoError(t, err)
	want := config.Default()
	want.Homeserver = config.Homeserver{Address: "http://localhost:8008", Domain: "example.com"}
	want.Appservice.ASToken, want.Appservice.HSToken = asToken, hsToken
	want.Bridge.Permissions = config.Permissions{
		"*": config.Relay, "example.com": config.User, "@you:example.com": config.Admin,
	}
	require.Equal(t, want, c)
}

func TestEverySettingIsRead(t *testing.T) {
	t.Parallel()
	c, err := parse(`
homeserver: {address: "https://matrix.example.org:8448/", domain: "example.org:8448"}
appservice:
  id: wa2
  address: unix:///run/causeway/socket
  listen: unix:/run/causeway/socket
  as_token: as-0123456789abcdef
  hs_token: hs-0123456789abcdef
  bot:
    username: wa.bot
    displayname: Bot
  ghost_prefix: _wa_
database:
  uri: postgres://u:p@db/causeway?sslmode=disable
whatsapp:
  os_name: Mine
  reconnect_max_backoff: 90s
  displayname: "{{.PushName}} {{.Phone}}"
  test_network:
    address: 127.0.0.1:4430
    root_key: 000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f
    ca_file: ca.pem
outbox:
  max_age: 2h
bridge:
  command_prefix: "!w"
  message_status_events: true
  message_error_notices: false
  delivery_receipts: true
  read_receipts: false
  typing: false
  notices: false
  url_previews: true
  view_once: media
  disappearing: keep
  keep_deleted: mark
  permissions:
    "@a:b": user
    "Example.Com": blocked
media: {max_size: 20, retry: never, directory: /var/tmp, ffmpeg: /opt/ffmpeg, transcode_time: 90s}
logging: {level: debug, format: json}
`)
	require.NoError(t, err)
	require.Equal(t, config.Config{
		Homeserver: config.Homeserver{Address: "https://matrix.example.org:8448", Domain: "example.org:8448"},
		Appservice: config.Appservice{
			ID: "wa2", Address: "unix:///run/causeway/socket", Listen: "unix:/run/causeway/socket",
			ASToken: asToken, HSToken: hsToken,
			Bot: config.Bot{Username: "wa.bot", Displayname: "Bot"}, GhostPrefix: "_wa_",
		},
		Database: config.Database{URI: "postgres://u:p@db/causeway?sslmode=disable"},
		WhatsApp: config.WhatsApp{
			OSName: "Mine", ReconnectMaxBackoff: 90 * time.Second, Displayname: "{{.PushName}} {{.Phone}}",
			TestNetwork: config.TestNetwork{
				Address: "127.0.0.1:4430", CAFile: "ca.pem",
				RootKey: strings.Repeat("000102030405060708090a0b0c0d0e0f", 2),
			},
		},
		Outbox: config.Outbox{MaxAge: 2 * time.Hour},
		Bridge: config.Bridge{
			CommandPrefix: "!w", MessageStatusEvents: true, DeliveryReceipts: true, URLPreviews: true,
			ViewOnce: config.ShowMedia, Disappearing: config.Keep, KeepDeleted: config.Mark,
			Permissions: config.Permissions{"@a:b": config.User, "example.com": config.Blocked},
		},
		Media:   config.Media{MaxSize: 20, Retry: config.Never, Directory: "/var/tmp", FFmpeg: "/opt/ffmpeg", TranscodeTime: 90 * time.Second},
		Logging: config.Logging{Level: "debug", Format: "json"},
	}, c)
	require.True(t, c.WhatsApp.TestNetwork.Enabled())
}

// The example is the documentation: it must be right but for its tokens.
func TestExampleIsGoodButForItsTokens(t *testing.T) {
	t.Parallel()
	_, err := parse(string(config.Example()))
	var problems config.Problems
	require.ErrorAs(t, err, &problems)
	require.Len(t, problems, 2)
	require.Contains(t, problems[0].Error(), "appservice.as_token is the placeholder of a sample file")
	require.Contains(t, problems[1].Error(), "appservice.hs_token is the placeholder of a sample file")

	c, err := parse(string(config.Example()), "CAUSEWAY_APPSERVICE_AS_TOKEN="+asToken, "CAUSEWAY_APPSERVICE_HS_TOKEN="+hsToken)
	require.NoError(t, err)
	short, err := parse(good)
	require.NoError(t, err)
	require.Equal(t, short, c, "the example must show the defaults")
}

func TestPathsAreRelativeToTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "config.yaml")
	for uri, want := range map[string]string{
		"sqlite:causeway.db":         filepath.Join(dir, "causeway.db"),
		"sqlite:/var/lib/c.db":       "/var/lib/c.db",
		"sqlite:///var/lib/c.db":     "/var/lib/c.db",
		"postgres://u:p@h/causeway":  "postgres://u:p@h/causeway",
		"postgresql:///c?host=/run/": "postgresql:///c?host=/run/",
	} {
		require.NoError(t, os.WriteFile(path, []byte(good+"database:\n  uri: "+uri+"\n"), 0o600))
		c, err := config.Load(path, nil)
		require.NoError(t, err, uri)
		_, source := c.Database.URI.Split()
		require.Equal(t, want, source)
	}
}

func TestEnvironmentOverridesTheFile(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(secret, []byte("\n  from-a-file-0123456789  \n"), 0o600))
	c, err := parse(strings.Replace(good, "http://localhost:8008", "nonsense", 1),
		"CAUSEWAY_HOMESERVER_ADDRESS=http://hs:8008",
		"CAUSEWAY_APPSERVICE_BOT_DISPLAYNAME=Bot",
		"CAUSEWAY_APPSERVICE_AS_TOKEN_FILE="+secret,
		"CAUSEWAY_WHATSAPP_RECONNECT_MAX_BACKOFF=1m",
		"CAUSEWAY_WHATSAPP_TEST_NETWORK_ADDRESS=127.0.0.1:1",
		"CAUSEWAY_WHATSAPP_TEST_NETWORK_ROOT_KEY="+strings.Repeat("ab", 32),
		"CAUSEWAY_WHATSAPP_TEST_NETWORK_CA_FILE=/ca.pem",
		"CAUSEWAY_LOGGING_LEVEL=", // empty is not set
		"CAUSEWAY_DATABASE_SERVICE_HOST=10.0.0.1",
		"CAUSEWAY_DATABASE_PORT_5432_TCP_ADDR=10.0.0.1",
		"CAUSEWAY_VERSION=somebody else's",
	)
	require.NoError(t, err)
	require.Equal(t, "http://hs:8008", c.Homeserver.Address)
	require.Equal(t, "Bot", c.Appservice.Bot.Displayname)
	require.Equal(t, "from-a-file-0123456789", c.Appservice.ASToken.Reveal())
	require.Equal(t, time.Minute, c.WhatsApp.ReconnectMaxBackoff)
	require.Equal(t, "127.0.0.1:1", c.WhatsApp.TestNetwork.Address)
	require.Equal(t, "/ca.pem", c.WhatsApp.TestNetwork.CAFile)
	require.Equal(t, "info", c.Logging.Level)
}

func TestLoadSaysWhatIsWrongWithTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	missing := filepath.Join(dir, "none.yaml")
	_, err := config.Load(missing, nil)
	require.EqualError(t, err, missing+": does not exist; run 'causeway init' to make one, or name another file with -c")

	_, err = config.Load(dir, nil)
	require.EqualError(t, err, dir+": cannot be read: is a directory; check the path and its permissions")

	large := filepath.Join(dir, "large.yaml")
	require.NoError(t, os.WriteFile(large, make([]byte, 1<<20+1), 0o600))
	_, err = config.Load(large, nil)
	require.EqualError(t, err, large+": cannot be read: is larger than 1048576 bytes; check the path and its permissions")
}

func TestProblemsAreInTheOrderOfTheFile(t *testing.T) {
	t.Parallel()
	_, err := parse("bridge:\n  comand_prefix: x\nhomeserver:\n  address: x\n  domain: example.com\nnonsense: 1\n")
	var problems config.Problems
	require.True(t, errors.As(err, &problems))
	var lines []int
	for _, p := range problems {
		lines = append(lines, p.Line)
	}
	require.Equal(t, []int{0, 0, 1, 2, 4, 6}, lines)
}

func TestPermissionLevel(t *testing.T) {
	t.Parallel()
	p := config.Permissions{
		"*": config.Relay, "example.com": config.User, "example.com:8448": config.Blocked,
		"@admin:example.com": config.Admin, "@bad:example.com": config.Blocked, "friend.org": config.Admin,
	}
	for user, want := range map[id.UserID]config.Level{
		"@admin:example.com":    config.Admin,
		"@bad:example.com":      config.Blocked,
		"@other:example.com":    config.User,
		"@other:EXAMPLE.com":    config.User,
		"@o:example.com:8448":   config.Blocked,
		"@x:friend.org":         config.Admin,
		"@x:notfriend.org":      config.Relay,
		"@x:sub.example.com":    config.Relay,
		"@example.com:evil.org": config.Relay,
		"example.com":           config.Blocked,
		"*":                     config.Blocked,
		"":                      config.Blocked,
	} {
		require.Equal(t, want, p.Level(user), "%s", user)
	}
	require.Equal(t, config.Blocked, config.Permissions{"a.org": config.User}.Level("@x:b.org"))
	require.Equal(t, config.Blocked, config.Permissions(nil).Level("@x:b.org"))
	require.Greater(t, config.Admin, config.User)
	require.Equal(t, "admin", config.Admin.String())
}

func TestContactName(t *testing.T) {
	t.Parallel()
	name, err := config.Default().WhatsApp.ContactName()
	require.NoError(t, err)
	require.Equal(t, "Ada (WA)", name("Ada", "+15550100"))
	require.Equal(t, "+15550100 (WA)", name("", "+15550100"))
	require.Equal(t, "{{.Phone}} (WA)", name("{{.Phone}}", ""), "a name is not a template")
}
