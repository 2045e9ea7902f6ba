package config

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"maunium.net/go/mautrix/id"
)

// report notes what is wrong with a setting and what to do about it.
type report func(setting, what, fix string)

var (
	// Server names: Matrix specification, appendices, "Server Name".
	domainPattern = regexp.MustCompile(`^(?:\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z.-]{1,255})(?::[0-9]{1,5})?$`)
	// Localparts: appendices, "User Identifiers". Synapse refuses a
	// sender_localpart that changes when it is URL-encoded, so = and + are out.
	botPattern    = regexp.MustCompile(`^[a-z0-9._/-]+$`)
	prefixPattern = regexp.MustCompile(`^[a-z0-9._=/+-]+$`)
	idPattern     = regexp.MustCompile(`^[A-Za-z0-9._=/+-]+$`)
	tokenPattern  = regexp.MustCompile(`^[\x21-\x7e]+$`)
	// Values that stand in samples and guides where a token should be.
	placeholderPattern = regexp.MustCompile(`(?i)placeholder|change.?me|generate|<.*>|your.?token`)
)

const (
	// minToken is the least length of a token that is not a plain mistake.
	minToken = 16
	// maxPrefix leaves room for the contact's identifier in a user ID of 255.
	maxPrefix = 32

	initFix = "run 'causeway init' to make tokens"
)

// check reports everything that is wrong with the values of a configuration.
func check(c *Config, report report) {
	checkHomeserver(c.Homeserver, report)
	checkAppservice(c.Appservice, report)
	checkTokens(c.Appservice, report)
	checkDatabase(c.Database.URI, report)
	checkWhatsApp(c.WhatsApp, report)
	checkOutbox(c.Outbox, report)
	checkTestNetwork(c.WhatsApp.TestNetwork, report)
	checkBridge(c.Bridge, report)
	checkMedia(c.Media, report)
	checkLogging(c.Logging, report)
}

func checkHomeserver(h Homeserver, report report) {
	switch what := urlFault(h.Address, "http", "https"); {
	case h.Address == "":
		report("homeserver.address", "is missing", "write the URL of your homeserver, like http://localhost:8008")
	case what != "":
		report("homeserver.address", what, "write only scheme, host and port, like http://localhost:8008")
	}
	switch {
	case h.Domain == "":
		report("homeserver.domain", "is missing", "write the part of your user IDs after the colon, like example.com")
	case !validDomain(h.Domain):
		report("homeserver.domain", "is "+quote(h.Domain)+", which is not a server name",
			"write the part of your user IDs after the colon, like example.com")
	}
}

func checkAppservice(a Appservice, report report) {
	if !idPattern.MatchString(a.ID) {
		report("appservice.id", "is "+quote(a.ID)+", which is not a name", "use letters, digits and . _ = / + -, like whatsapp")
	}
	if path, ok := strings.CutPrefix(a.Address, "unix://"); ok && filepath.IsAbs(path) {
		// Dendrite's way to name a socket.
	} else if what := urlFault(a.Address, "http", "https"); what != "" {
		report("appservice.address", what, "write the URL at which the homeserver reaches the bridge, like http://localhost:29318")
	}
	if what := listenFault(a.Listen); what != "" {
		report("appservice.listen", what, "write host:port like 127.0.0.1:29318, or unix:/path/to/socket")
	}
	switch {
	case a.GhostPrefix == "":
		report("appservice.ghost_prefix", "is empty, which would claim every user of the homeserver", "write one like whatsapp_")
	case !prefixPattern.MatchString(a.GhostPrefix) || len(a.GhostPrefix) > maxPrefix:
		report("appservice.ghost_prefix", "is "+quote(a.GhostPrefix)+", which cannot start a Matrix user name",
			fmt.Sprintf("use at most %d of a-z, 0-9 and . _ = / + -", maxPrefix))
	}
	switch bot := a.Bot.Username; {
	case !botPattern.MatchString(bot):
		report("appservice.bot.username", "is "+quote(bot)+", which is not a Matrix user name",
			"write it without @ and domain, of a-z, 0-9 and . _ / -")
	case a.GhostPrefix != "" && strings.HasPrefix(bot, a.GhostPrefix):
		report("appservice.bot.username", "is "+quote(bot)+", which is among the names of contacts",
			"choose one that does not start with "+a.GhostPrefix)
	}
	if strings.TrimSpace(a.Bot.Displayname) == "" {
		report("appservice.bot.displayname", "is empty", "write a name like WhatsApp bridge")
	}
}

func checkTokens(a Appservice, report report) {
	for _, setting := range []string{"appservice.as_token", "appservice.hs_token"} {
		text := a.ASToken.Reveal()
		if setting == "appservice.hs_token" {
			text = a.HSToken.Reveal()
		}
		switch {
		case text == "":
			report(setting, "is missing", initFix+", or set "+variablePrefix+strings.ToUpper(strings.ReplaceAll(setting, ".", "_")))
		case placeholderPattern.MatchString(text):
			report(setting, "is the placeholder of a sample file", initFix)
		case !tokenPattern.MatchString(text):
			report(setting, "contains spaces or characters other than ASCII", initFix)
		case len(text) < minToken:
			report(setting, fmt.Sprintf("has %d characters and could be guessed", len(text)),
				fmt.Sprintf("use at least %d random ones, or %s", minToken, initFix))
		}
	}
	if a.ASToken != "" && a.ASToken == a.HSToken {
		report("appservice.hs_token", "is the same as as_token", initFix+", which differ")
	}
}

func checkDatabase(uri DatabaseURI, report report) {
	const setting, fix = "database.uri", "write sqlite:causeway.db or postgres://user:password@host/database"
	switch kind, source := uri.Split(); {
	case uri == "":
		report(setting, "is missing", fix)
	case kind == SQLite && (source == "" || strings.HasSuffix(source, "/")):
		report(setting, "names no file", fix)
	case kind == SQLite && strings.Contains(source, ":memory:"):
		report(setting, "is in memory, so that everything would be lost at the end", fix)
	case kind == SQLite && strings.ContainsAny(source, "?#"):
		report(setting, "has options after the file name, which are not supported", fix)
	case kind == SQLite:
	case kind == Postgres:
		// The error of url.Parse repeats the address with its password.
		parsed, err := url.Parse(source)
		if err != nil {
			report(setting, "is not a valid postgres:// address", "check it, and write special characters of the password as %XX")
		} else if strings.Trim(parsed.Path, "/") == "" && parsed.Query().Get("dbname") == "" {
			report(setting, "names no database", fix)
		}
	default:
		report(setting, "is neither an sqlite: nor a postgres:// address", fix)
	}
}

func checkWhatsApp(w WhatsApp, report report) {
	if strings.TrimSpace(w.OSName) == "" {
		report("whatsapp.os_name", "is empty", "write a name like Causeway")
	}
	if d := w.ReconnectMaxBackoff; d < time.Second || d > time.Hour {
		report("whatsapp.reconnect_max_backoff", "is "+d.String(), "write a duration between 1s and 1h")
	}
	if _, err := w.ContactName(); err != nil {
		report("whatsapp.displayname", "is not a good template: "+err.Error(),
			"write one like {{or .PushName .Phone}} (WA)")
	}
}

// maxAge is how long the outbox remembers what it has sent: older messages could be sent twice.
const maxAge = 30 * 24 * time.Hour

func checkOutbox(o Outbox, report report) {
	if o.MaxAge < time.Minute || o.MaxAge > maxAge {
		report("outbox.max_age", "is "+o.MaxAge.String(), "write a duration between 1m and 720h")
	}
}

// maxMedia is the largest file that WhatsApp takes, in MiB.
const maxMedia = 2048

func checkMedia(m Media, report report) {
	if m.MaxSize < 1 || m.MaxSize > maxMedia {
		report("media.max_size", fmt.Sprintf("is %d", m.MaxSize), fmt.Sprintf("write a number of MiB from 1 to %d", maxMedia))
	}
	if m.TranscodeTime < time.Second || m.TranscodeTime > time.Hour {
		report("media.transcode_time", "is "+m.TranscodeTime.String(), "write a duration between 1s and 1h")
	}
	oneOf(report, "media.retry", m.Retry, Automatic, OnRequest, Never)
}

// oneOf reports a setting that has none of the values it may have.
func oneOf(report report, setting, value string, values ...string) {
	if !slices.Contains(values, value) {
		report(setting, "is "+quote(value)+", which it cannot be", "write one of "+strings.Join(values, ", "))
	}
}

func checkTestNetwork(t TestNetwork, report report) {
	if !t.Enabled() {
		return
	}
	if _, _, err := net.SplitHostPort(t.Address); err != nil {
		report("whatsapp.test_network.address", "is "+quote(t.Address)+", which is not host:port", "write the simulator's address")
	}
	if key, err := hex.DecodeString(t.RootKey); err != nil || len(key) != 32 {
		report("whatsapp.test_network.root_key", "is not 64 hexadecimal digits", "write the simulator's root key")
	}
	if t.CAFile == "" {
		report("whatsapp.test_network.ca_file", "is missing", "write the path of the simulator's certificate")
	}
}

func checkBridge(b Bridge, report report) {
	if p := b.CommandPrefix; p == "" || strings.ContainsAny(p, " \t\r\n") {
		report("bridge.command_prefix", "is "+quote(p)+", which is not one word", "write one like !wa")
	} else if strings.HasPrefix(p, "/") {
		report("bridge.command_prefix", "starts with /, which Matrix clients keep for themselves", "write one like !wa")
	}
	oneOf(report, "bridge.view_once", b.ViewOnce, Placeholder, ShowMedia)
	oneOf(report, "bridge.disappearing", b.Disappearing, Follow, Keep)
	oneOf(report, "bridge.keep_deleted", b.KeepDeleted, Redact, Mark, Keep)
	if len(b.Permissions) == 0 {
		report("bridge.permissions", "is missing, so that nobody may use the bridge", `write "@you:example.com": admin below it`)
		return
	}
	usable := false
	for _, who := range sortedKeys(b.Permissions) {
		usable = usable || b.Permissions[who] >= User
		if strings.HasPrefix(who, "@") && !validUser(who) {
			report(permissionPath(who), "is not a user ID", `write one like "@you:example.com"`)
		} else if !strings.HasPrefix(who, "@") && who != everyone && !validDomain(who) {
			report(permissionPath(who), `is not a user ID, a server name or "*"`, `write one like "@you:example.com" or "example.com"`)
		}
	}
	if !usable {
		report("bridge.permissions", "lets nobody link an account", "give somebody the level user or admin")
	}
}

func checkLogging(l Logging, report report) {
	levels := []string{"trace", "debug", "info", "warn", "error"}
	if !slices.Contains(levels, l.Level) {
		report("logging.level", "is "+quote(l.Level)+", which is not a level", "write one of "+strings.Join(levels, ", "))
	}
	if l.Format != "pretty" && l.Format != "json" {
		report("logging.format", "is "+quote(l.Format)+", which is not a format", "write pretty or json")
	}
}

// urlFault says what is wrong with a URL that may have a scheme, a host and a
// port and nothing else; "" if nothing is.
func urlFault(text string, schemes ...string) string {
	parsed, err := url.Parse(text)
	switch {
	case err != nil || parsed.Host == "" || parsed.Hostname() == "":
		return "is " + quote(text) + ", which is not a URL"
	case !slices.Contains(schemes, parsed.Scheme):
		return fmt.Sprintf("is %s, which is not an %s URL", quote(text), strings.Join(schemes, " or "))
	case parsed.User != nil:
		return "contains a user name or password"
	case strings.Trim(parsed.Path, "/") != "" || parsed.RawQuery != "" || parsed.Fragment != "":
		return "is " + quote(text) + ", which has something after the host"
	case parsed.Port() != "" && !validPort(parsed.Port()):
		return "is " + quote(text) + ", which has a bad port"
	}
	return ""
}

// listenFault says what is wrong with an address to listen on; "" if nothing.
func listenFault(text string) string {
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		if !filepath.IsAbs(path) {
			return "is " + quote(text) + ", which is not an absolute path"
		}
		return ""
	}
	if _, port, err := net.SplitHostPort(text); err != nil {
		return "is " + quote(text) + ", which is not host:port"
	} else if !validPort(port) {
		return "is " + quote(text) + ", which has a bad port"
	}
	return ""
}

func validPort(text string) bool {
	_, err := strconv.ParseUint(text, 10, 16)
	return err == nil
}

func validDomain(text string) bool { return domainPattern.MatchString(text) }

func validUser(text string) bool {
	localpart, domain, err := id.UserID(text).Parse()
	return err == nil && localpart != "" && len(text) <= id.UserIDMaxLength && validDomain(domain)
}

func sortedKeys(p Permissions) []string {
	keys := make([]string, 0, len(p))
	for key := range p {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
