package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"causeway/config"
)

// edit is a good configuration with one piece replaced.
func edit(old, replacement string) string {
	if !strings.Contains(good, old) {
		panic("nothing to replace: " + old)
	}
	return strings.Replace(good, old, replacement, 1)
}

const more = "appservice:\n"

func TestEachMistakeIsOneClearLine(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, want string }{
		"unknown key": {edit("  domain:", "  domian:"),
			`config.yaml:3: homeserver.domian is not a setting; did you mean "domain"?`},
		"unknown section": {edit("homeserver:", "homserver:"),
			`config.yaml:1: homserver is not a setting; did you mean "homeserver"?`},
		"key of another section": {good + "as_token: x\n",
			`config.yaml:12: as_token is not a setting; did you mean "appservice.as_token"?`},
		"key like nothing": {good + "xyzzy: 1\n",
			`config.yaml:12: xyzzy is not a setting; remove it, or see example-config.yaml for the names`},
		"key twice": {edit("  domain: example.com\n", "  domain: example.com\n  domain: example.org\n"),
			`config.yaml:4: homeserver.domain is set twice, first on line 3; remove one`},
		"section twice": {good + "homeserver: {}\n",
			`config.yaml:12: homeserver is set twice, first on line 1; remove one`},
		"not YAML": {edit("  domain: example.com", "  domain: example: com"),
			`config.yaml:3: is not valid YAML: mapping values are not allowed in this context; check indentation (spaces, no tabs) and quotes on and around this line`},
		"tab": {edit("  domain", "\tdomain"),
			`config.yaml:3: is not valid YAML: a tab is not indentation; use spaces`},
		"not settings": {"just words\n",
			`config.yaml:1: the file is not a list of settings; write 'name: value' lines as in example-config.yaml`},
		"two documents": {good + "---\na: 1\n",
			`config.yaml:12: a second YAML document starts here; remove the line of dashes`},
		"section is a value": {edit("  permissions:\n    \"*\": relay\n    \"example.com\": user\n    \"@you:example.com\": admin\n", "  permissions: all\n"),
			`config.yaml:8: bridge.permissions is a single value; write a line like "@you:example.com": admin below it for each rule`},
		"list in place of a section": {good + "logging: [info]\n",
			`config.yaml:12: logging is a section, but has a list; indent its settings below it, one 'name: value' a line`},
		"list in place of a value": {edit("domain: example.com", "domain: [example.com]"),
			`config.yaml:3: homeserver.domain is a list; write a single value`},
		"section in place of a value": {edit("domain: example.com", "domain: {a: b}"),
			`config.yaml:3: homeserver.domain is a section; write a single value`},
		"duration": {good + "whatsapp:\n  reconnect_max_backoff: 5 minutes\n",
			`config.yaml:13: whatsapp.reconnect_max_backoff is not a duration; write it like 30s, 5m or 1h30m`},
		"no time": {good + "media:\n  transcode_time: 2h\n",
			`config.yaml:13: media.transcode_time is 2h0m0s; write a duration between 1s and 1h`},
		"no size": {good + "media:\n  max_size: 0\n",
			`config.yaml:13: media.max_size is 0; write a number of MiB from 1 to 2048`},
		"duration out of range": {good + "whatsapp:\n  reconnect_max_backoff: 2h\n",
			`config.yaml:13: whatsapp.reconnect_max_backoff is 2h0m0s; write a duration between 1s and 1h`},
		"outbox age out of range": {good + "outbox:\n  max_age: 10s\n",
			`config.yaml:13: outbox.max_age is 10s; write a duration between 1m and 720h`},

		"homeserver address missing": {edit("  address: http://localhost:8008\n", ""),
			`config.yaml:1: homeserver.address is missing; write the URL of your homeserver, like http://localhost:8008`},
		"homeserver address without scheme": {edit("http://localhost:8008", "localhost:8008"),
			`config.yaml:2: homeserver.address is "localhost:8008", which is not a URL; write only scheme, host and port, like http://localhost:8008`},
		"homeserver address of another scheme": {edit("http://localhost:8008", "ftp://localhost"),
			`config.yaml:2: homeserver.address is "ftp://localhost", which is not an http or https URL; write only scheme, host and port, like http://localhost:8008`},
		"homeserver address with a path": {edit("http://localhost:8008", "http://localhost:8008/_matrix"),
			`config.yaml:2: homeserver.address is "http://localhost:8008/_matrix", which has something after the host; write only scheme, host and port, like http://localhost:8008`},
		"homeserver address with a password": {edit("http://localhost:8008", "http://u:hunter2@localhost:8008"),
			`config.yaml:2: homeserver.address contains a user name or password; write only scheme, host and port, like http://localhost:8008`},
		"homeserver address with a bad port": {edit("http://localhost:8008", "http://localhost:80080"),
			`config.yaml:2: homeserver.address is "http://localhost:80080", which has a bad port; write only scheme, host and port, like http://localhost:8008`},
		"domain missing": {edit("  domain: example.com", "  domain:"),
			`config.yaml:3: homeserver.domain is missing; write the part of your user IDs after the colon, like example.com`},
		"domain is a URL": {edit("domain: example.com", "domain: https://example.com"),
			`config.yaml:3: homeserver.domain is "https://example.com", which is not a server name; write the part of your user IDs after the colon, like example.com`},

		"token missing": {edit("  as_token: "+asToken+"\n", ""),
			`config.yaml:4: appservice.as_token is missing; run 'causeway init' to make tokens, or set CAUSEWAY_APPSERVICE_AS_TOKEN`},
		"token is the placeholder": {edit(hsToken, "PLACEHOLDER-hs-token-made-by-causeway-init"),
			`config.yaml:6: appservice.hs_token is the placeholder of a sample file; run 'causeway init' to make tokens`},
		"token is another placeholder": {edit(hsToken, "CHANGE_ME_PLEASE_12345"),
			`config.yaml:6: appservice.hs_token is the placeholder of a sample file; run 'causeway init' to make tokens`},
		"token too short": {edit(asToken, "secret"),
			`config.yaml:5: appservice.as_token has 6 characters and could be guessed; use at least 16 random ones, or run 'causeway init' to make tokens`},
		"token with spaces": {edit(asToken, "my secret token 0123456789"),
			`config.yaml:5: appservice.as_token contains spaces or characters other than ASCII; run 'causeway init' to make tokens`},
		"tokens alike": {edit(hsToken, asToken),
			`config.yaml:6: appservice.hs_token is the same as as_token; run 'causeway init' to make tokens, which differ`},
		"appservice id": {edit(more, more+"  id: my bridge\n"),
			`config.yaml:5: appservice.id is "my bridge", which is not a name; use letters, digits and . _ = / + -, like whatsapp`},
		"appservice address": {edit(more, more+"  address: localhost:29318\n"),
			`config.yaml:5: appservice.address is "localhost:29318", which is not a URL; write the URL at which the homeserver reaches the bridge, like http://localhost:29318`},
		"listen without port": {edit(more, more+"  listen: localhost\n"),
			`config.yaml:5: appservice.listen is "localhost", which is not host:port; write host:port like 127.0.0.1:29318, or unix:/path/to/socket`},
		"listen with a bad port": {edit(more, more+"  listen: localhost:http\n"),
			`config.yaml:5: appservice.listen is "localhost:http", which has a bad port; write host:port like 127.0.0.1:29318, or unix:/path/to/socket`},
		"listen on a relative path": {edit(more, more+"  listen: unix:socket\n"),
			`config.yaml:5: appservice.listen is "unix:socket", which is not an absolute path; write host:port like 127.0.0.1:29318, or unix:/path/to/socket`},
		"ghost prefix empty": {edit(more, more+"  ghost_prefix: ''\n"),
			`config.yaml:5: appservice.ghost_prefix is empty, which would claim every user of the homeserver; write one like whatsapp_`},
		"ghost prefix": {edit(more, more+"  ghost_prefix: WhatsApp_\n"),
			`config.yaml:5: appservice.ghost_prefix is "WhatsApp_", which cannot start a Matrix user name; use at most 32 of a-z, 0-9 and . _ = / + -`},
		"bot as a user ID": {edit(more, more+"  bot: {username: '@bot:example.com'}\n"),
			`config.yaml:5: appservice.bot.username is "@bot:example.com", which is not a Matrix user name; write it without @ and domain, of a-z, 0-9 and . _ / -`},
		"bot among contacts": {edit(more, more+"  bot: {username: whatsapp_bot}\n"),
			`config.yaml:5: appservice.bot.username is "whatsapp_bot", which is among the names of contacts; choose one that does not start with whatsapp_`},
		"bot without a name": {edit(more, more+"  bot: {displayname: ' '}\n"),
			`config.yaml:5: appservice.bot.displayname is empty; write a name like WhatsApp bridge`},

		"database missing": {good + "database: {uri: ''}\n",
			`config.yaml:12: database.uri is missing; write sqlite:causeway.db or postgres://user:password@host/database`},
		"database of another kind": {good + "database: {uri: 'mysql://u:hunter2@h/db'}\n",
			`config.yaml:12: database.uri is neither an sqlite: nor a postgres:// address; write sqlite:causeway.db or postgres://user:password@host/database`},
		"database as words": {good + "database: {uri: 'host=h password=hunter2'}\n",
			`config.yaml:12: database.uri is neither an sqlite: nor a postgres:// address; write sqlite:causeway.db or postgres://user:password@host/database`},
		"database not a URL": {good + "database: {uri: 'postgres://u:hunter2%@h/db'}\n",
			`config.yaml:12: database.uri is not a valid postgres:// address; check it, and write special characters of the password as %XX`},
		"database without a name": {good + "database: {uri: 'postgres://u:hunter2@h'}\n",
			`config.yaml:12: database.uri names no database; write sqlite:causeway.db or postgres://user:password@host/database`},
		"database without a file": {good + "database: {uri: 'sqlite:'}\n",
			`config.yaml:12: database.uri names no file; write sqlite:causeway.db or postgres://user:password@host/database`},
		"database in memory": {good + "database: {uri: 'sqlite::memory:'}\n",
			`config.yaml:12: database.uri is in memory, so that everything would be lost at the end; write sqlite:causeway.db or postgres://user:password@host/database`},
		"database with options": {good + "database: {uri: 'sqlite:c.db?mode=ro'}\n",
			`config.yaml:12: database.uri has options after the file name, which are not supported; write sqlite:causeway.db or postgres://user:password@host/database`},

		"template unfinished": {good + "whatsapp: {displayname: '{{.PushName'}\n",
			`config.yaml:12: whatsapp.displayname is not a good template: unclosed action; write one like {{or .PushName .Phone}} (WA)`},
		"template of another field": {good + "whatsapp: {displayname: '{{.Name}}'}\n",
			`config.yaml:12: whatsapp.displayname is not a good template: <.Name>: can't evaluate field Name in type config.contact; write one like {{or .PushName .Phone}} (WA)`},
		"template that may be empty": {good + "whatsapp: {displayname: '{{.PushName}}'}\n",
			`config.yaml:12: whatsapp.displayname is not a good template: it gives an empty name for push name "" and phone "+15550100"; write one like {{or .PushName .Phone}} (WA)`},
		"os name": {good + "whatsapp: {os_name: ''}\n",
			`config.yaml:12: whatsapp.os_name is empty; write a name like Causeway`},
		"test network by half": {good + "whatsapp:\n  test_network:\n    root_key: ab\n    address: 127.0.0.1:1\n    ca_file: x\n",
			`config.yaml:14: whatsapp.test_network.root_key is not 64 hexadecimal digits; write the simulator's root key`},

		"prefix of two words": {edit("bridge:\n", "bridge:\n  command_prefix: '! wa'\n"),
			`config.yaml:8: bridge.command_prefix is "! wa", which is not one word; write one like !wa`},
		"prefix of clients": {edit("bridge:\n", "bridge:\n  command_prefix: /wa\n"),
			`config.yaml:8: bridge.command_prefix starts with /, which Matrix clients keep for themselves; write one like !wa`},
		"permission of a bad user": {edit(`"@you:example.com"`, `"@you"`),
			`config.yaml:11: bridge.permissions["@you"] is not a user ID; write one like "@you:example.com"`},
		"permission of a bad domain": {edit(`"example.com"`, `"https://example.com"`),
			`config.yaml:10: bridge.permissions["https://example.com"] is not a user ID, a server name or "*"; write one like "@you:example.com" or "example.com"`},
		"permission twice": {edit(`    "example.com": user`, "    \"example.com\": user\n    EXAMPLE.com: admin"),
			`config.yaml:11: bridge.permissions["example.com"] is set twice, first on line 10; remove one`},
		"level": {edit("user\n", "users\n"),
			`config.yaml:10: bridge.permissions["example.com"] is "users", which is not a level; write blocked, relay, user or admin`},
		"level is a list": {edit("user\n", "[user]\n"),
			`config.yaml:10: bridge.permissions["example.com"] is a list; write blocked, relay, user or admin`},
		"level is empty": {edit("user\n", "\n"),
			`config.yaml:10: bridge.permissions["example.com"] is empty; write blocked, relay, user or admin`},
		"nobody": {strings.SplitN(good, "bridge:", 2)[0],
			`config.yaml: bridge.permissions is missing, so that nobody may use the bridge; write "@you:example.com": admin below it`},
		"nobody links": {edit("    \"example.com\": user\n    \"@you:example.com\": admin\n", ""),
			`config.yaml:8: bridge.permissions lets nobody link an account; give somebody the level user or admin`},

		"log level": {good + "logging: {level: verbose}\n",
			`config.yaml:12: logging.level is "verbose", which is not a level; write one of trace, debug, info, warn, error`},
		"log format": {good + "logging: {format: xml}\n",
			`config.yaml:12: logging.format is "xml", which is not a format; write pretty or json`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := parse(test.text)
			require.Error(t, err)
			require.Equal(t, test.want, err.Error())
			require.NotContains(t, err.Error(), "hunter2")
			require.Equal(t, config.Config{}, c, "nothing usable may come with an error")
		})
	}
}

func TestEachMistakeOfTheEnvironmentIsOneClearLine(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		environ []string
		want    string
	}{
		"bad value": {[]string{"CAUSEWAY_HOMESERVER_ADDRESS=x"},
			`CAUSEWAY_HOMESERVER_ADDRESS: homeserver.address is "x", which is not a URL; write only scheme, host and port, like http://localhost:8008`},
		"wrong type": {[]string{"CAUSEWAY_WHATSAPP_RECONNECT_MAX_BACKOFF=soon"},
			`CAUSEWAY_WHATSAPP_RECONNECT_MAX_BACKOFF: whatsapp.reconnect_max_backoff is not a duration; write it like 30s, 5m or 1h30m`},
		"mistyped": {[]string{"CAUSEWAY_APPSERVICE_AS_TOKN=x"},
			`CAUSEWAY_APPSERVICE_AS_TOKN: this environment variable names no setting; did you mean CAUSEWAY_APPSERVICE_AS_TOKEN?`},
		"mistyped file": {[]string{"CAUSEWAY_APPSERVICE_HS_TOKN_FILE=x"},
			`CAUSEWAY_APPSERVICE_HS_TOKN_FILE: this environment variable names no setting; did you mean CAUSEWAY_APPSERVICE_HS_TOKEN_FILE?`},
		"like nothing": {[]string{"CAUSEWAY_LOGGING_XYZZY_AND_MORE=x"},
			`CAUSEWAY_LOGGING_XYZZY_AND_MORE: this environment variable names no setting; unset it`},
		"permissions": {[]string{"CAUSEWAY_BRIDGE_PERMISSIONS=x"},
			`CAUSEWAY_BRIDGE_PERMISSIONS: permissions cannot be set by an environment variable; write them in config.yaml`},
		"file and value": {[]string{"CAUSEWAY_APPSERVICE_AS_TOKEN=x", "CAUSEWAY_APPSERVICE_AS_TOKEN_FILE=y"},
			`CAUSEWAY_APPSERVICE_AS_TOKEN: appservice.as_token is set twice, by this variable and by CAUSEWAY_APPSERVICE_AS_TOKEN_FILE; unset one`},
		"file missing": {[]string{"CAUSEWAY_APPSERVICE_AS_TOKEN_FILE=/nonexistent/token"},
			`CAUSEWAY_APPSERVICE_AS_TOKEN_FILE: appservice.as_token cannot be read from /nonexistent/token: no such file or directory; check the path and its permissions`},
		"file empty": {[]string{"CAUSEWAY_APPSERVICE_AS_TOKEN_FILE=/dev/null"},
			`CAUSEWAY_APPSERVICE_AS_TOKEN_FILE: appservice.as_token is missing; run 'causeway init' to make tokens, or set CAUSEWAY_APPSERVICE_AS_TOKEN`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parse(good, test.environ...)
			require.EqualError(t, err, test.want)
		})
	}
}
