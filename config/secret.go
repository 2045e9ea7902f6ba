package config

import (
	"crypto/subtle"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

const redacted = "[redacted]"

// Secret is a token. Printing, logging or marshalling it shows that it is set
// and nothing more; the token itself is got by Reveal only.
type Secret string

// Reveal returns the token itself.
func (s Secret) Reveal() string { return string(s) }

// Equal compares with what somebody presented, in constant time. An empty
// secret equals nothing.
func (s Secret) Equal(presented string) bool {
	return s != "" && subtle.ConstantTimeCompare([]byte(s), []byte(presented)) == 1
}

// String hides the token.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString hides the token from %#v.
func (s Secret) GoString() string { return fmt.Sprintf("%q", s.String()) }

// MarshalText hides the token from encoders: JSON, YAML, loggers.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// DatabaseURI says which database to open. It may hold a password, which
// printing, logging and marshalling leave out; Reveal returns all of it.
type DatabaseURI string

// Database kinds, as returned by [DatabaseURI.Split].
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

var (
	// Up to the last @, since a password that was not escaped may hold / or @.
	uriUser = regexp.MustCompile(`^([A-Za-z0-9+.-]+:/*).*@`)
	// A password may also be a parameter; lib/pq reads it there as libpq does.
	uriPassword = regexp.MustCompile(`(?i)(password=)[^&\s]*`)
)

// Reveal returns the address with its password.
func (u DatabaseURI) Reveal() string { return string(u) }

// Split returns the kind of database and where it is: for [SQLite] the path of
// the file, for [Postgres] the whole address, password included, as its driver
// wants it. Both are empty for any other address.
func (u DatabaseURI) Split() (kind, source string) {
	text := string(u)
	if rest, ok := strings.CutPrefix(text, "sqlite:"); ok {
		return SQLite, strings.TrimPrefix(rest, "//")
	}
	if strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://") {
		return Postgres, text
	}
	return "", ""
}

// String is the address without user, password and parameters that hold one.
func (u DatabaseURI) String() string {
	text := uriUser.ReplaceAllString(string(u), "${1}"+redacted+"@")
	return uriPassword.ReplaceAllString(text, "${1}"+redacted)
}

// GoString hides the password from %#v.
func (u DatabaseURI) GoString() string { return fmt.Sprintf("%q", u.String()) }

// MarshalText hides the password from encoders: JSON, YAML, loggers.
func (u DatabaseURI) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// relativeTo makes the path of an SQLite file relative to a directory rather
// than to wherever the process happened to be started: a second, empty
// database must not appear because of that.
func (u DatabaseURI) relativeTo(dir string) DatabaseURI {
	kind, source := u.Split()
	if kind != SQLite || source == "" || filepath.IsAbs(source) {
		return u
	}
	return DatabaseURI("sqlite:" + filepath.Join(dir, source))
}
