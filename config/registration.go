package config

import (
	"bytes"
	"fmt"
	"regexp"

	"gopkg.in/yaml.v3"
)

const registrationHead = `This file makes the bridge known to the homeserver. It holds the same secrets as config.yaml, from which 'causeway registration' makes it.

Synapse: add its path to app_service_config_files in homeserver.yaml. Dendrite: add its path to app_service_api.config_files in dendrite.yaml. Then restart the homeserver.`

const sampleHead = `SAMPLE, not for use: the tokens are placeholders, with which the bridge does not start. 'causeway init' makes a real one.

`

// Registration is what the homeserver is told about the bridge: Matrix
// application service API, section "Registration".
type Registration struct {
	ID              string `yaml:"id"`
	URL             string `yaml:"url"`
	ASToken         string `yaml:"as_token"`
	HSToken         string `yaml:"hs_token"`
	SenderLocalpart string `yaml:"sender_localpart"`
	RateLimited     bool   `yaml:"rate_limited"`

	Namespaces Namespaces `yaml:"namespaces"`

	// Typing, receipts and presence, by the name of the specification and by
	// that of MSC2409, which older homeservers read.
	ReceiveEphemeral bool `yaml:"receive_ephemeral"`
	PushEphemeral    bool `yaml:"de.sorunome.msc2409.push_ephemeral"`
	// Device lists and key counts in transactions (MSC3202), for encryption.
	DeviceUpdates bool `yaml:"org.matrix.msc3202"`
	// The bot's device for encryption is made without a login (MSC4190), the
	// only way where the homeserver has handed logins to an authentication
	// service. With it Synapse refuses the login of application services, and
	// /register must be called with inhibit_login.
	DeviceManagement bool `yaml:"io.element.msc4190"`
}

// Namespaces are the names that belong to the bridge.
type Namespaces struct {
	Users   []Namespace `yaml:"users"`
	Aliases []Namespace `yaml:"aliases"`
}

// Namespace is a set of names; an exclusive one is closed to everybody else.
type Namespace struct {
	Exclusive bool   `yaml:"exclusive"`
	Regex     string `yaml:"regex"`
}

// PortalAliasPrefix is what the localparts of portal aliases start with; the
// number of the portal follows.
func (a Appservice) PortalAliasPrefix() string { return a.GhostPrefix + "portal_" }

// Registration returns what the homeserver is to be told. Its tokens are in
// plain text.
func (c Config) Registration() Registration {
	a := c.Appservice
	domain := regexp.QuoteMeta(c.Homeserver.Domain)
	name := func(sigil, localpart string) Namespace {
		return Namespace{Exclusive: true, Regex: fmt.Sprintf("^%s%s:%s$", sigil, localpart, domain)}
	}
	return Registration{
		ID:              a.ID,
		URL:             a.Address,
		ASToken:         a.ASToken.Reveal(),
		HSToken:         a.HSToken.Reveal(),
		SenderLocalpart: a.Bot.Username,
		Namespaces: Namespaces{
			Users: []Namespace{
				name("@", regexp.QuoteMeta(a.GhostPrefix)+".*"),
				name("@", regexp.QuoteMeta(a.Bot.Username)),
			},
			Aliases: []Namespace{name("#", regexp.QuoteMeta(a.PortalAliasPrefix())+".*")},
		},
		ReceiveEphemeral: true,
		PushEphemeral:    true,
		DeviceUpdates:    true,
		DeviceManagement: true,
	}
}

// YAML returns the file for the homeserver.
func (r Registration) YAML() ([]byte, error) { return r.write(registrationHead) }

func (r Registration) write(head string) ([]byte, error) {
	w := writer{}
	w.comment("", head)
	w.WriteByte('\n')
	var body bytes.Buffer
	encoder := yaml.NewEncoder(&body)
	encoder.SetIndent(2)
	if err := encoder.Encode(r); err != nil {
		return nil, fmt.Errorf("write registration: %w", err)
	}
	w.Write(body.Bytes())
	return w.Bytes(), nil
}

// SampleRegistration returns the registration.yaml that shows what one looks
// like. It belongs to [Example] and has its placeholders.
func SampleRegistration() ([]byte, error) {
	c := Default()
	for _, s := range allLeaves(&c) {
		if text, ok := s.field.Tag.Lookup("example"); ok {
			s.value.SetString(text)
		}
	}
	return c.Registration().write(sampleHead + registrationHead)
}

// ParseRegistration reads a registration file, ignoring what it does not know.
func ParseRegistration(text []byte) (Registration, error) {
	var r Registration
	if err := yaml.Unmarshal(text, &r); err != nil {
		return Registration{}, fmt.Errorf("read registration: %w", err)
	}
	return r, nil
}

// Differences names the keys in which another registration differs, in the
// order of the file.
func (r Registration) Differences(other Registration) []string {
	var differ []string
	for _, field := range []struct {
		name string
		same bool
	}{
		{"id", r.ID == other.ID},
		{"url", r.URL == other.URL},
		{"as_token", r.ASToken == other.ASToken},
		{"hs_token", r.HSToken == other.HSToken},
		{"sender_localpart", r.SenderLocalpart == other.SenderLocalpart},
		{"rate_limited", r.RateLimited == other.RateLimited},
		{"namespaces", fmt.Sprint(r.Namespaces) == fmt.Sprint(other.Namespaces)},
		{"receive_ephemeral", r.ReceiveEphemeral == other.ReceiveEphemeral},
		{"org.matrix.msc3202", r.DeviceUpdates == other.DeviceUpdates},
		{"io.element.msc4190", r.DeviceManagement == other.DeviceManagement},
	} {
		if !field.same {
			differ = append(differ, field.name)
		}
	}
	return differ
}
