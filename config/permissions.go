package config

import (
	"strings"

	"maunium.net/go/mautrix/id"
)

// Level is what a person may do with the bridge; a higher one includes the
// lower ones.
type Level int

// The levels, lowest first.
const (
	// Blocked may do nothing.
	Blocked Level = iota
	// Relay may write through somebody else's login where that is set up.
	Relay
	// User may link WhatsApp accounts.
	User
	// Admin may also look after the bridge.
	Admin
)

func levelNames() []string { return []string{"blocked", "relay", "user", "admin"} }

// String returns the name used in the configuration.
func (l Level) String() string {
	names := levelNames()
	if l < 0 || int(l) >= len(names) {
		return "unknown"
	}
	return names[l]
}

// MarshalText returns the name used in the configuration.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// parseLevel finds the level of a name.
func parseLevel(name string) (Level, bool) {
	for i, known := range levelNames() {
		if name == known {
			return Level(i), true
		}
	}
	return Blocked, false
}

// everyone is the key that matches every user.
const everyone = "*"

// Permissions maps a user ID, a server name in lower case, or "*" to a level.
type Permissions map[string]Level

// Level returns what a user may do. The most specific key counts: the user ID,
// then the server name, then "*". Who matches none is [Blocked].
func (p Permissions) Level(user id.UserID) Level {
	if level, ok := p[string(user)]; ok && strings.HasPrefix(string(user), "@") {
		return level
	}
	if _, domain, err := user.Parse(); err == nil {
		if level, ok := p[strings.ToLower(domain)]; ok {
			return level
		}
		return p[everyone]
	}
	return Blocked
}
