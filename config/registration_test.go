package config_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
	"maunium.net/go/mautrix/appservice"

	"causeway/config"
)

func TestRegistrationHasWhatHomeserversRead(t *testing.T) {
	t.Parallel()
	c, err := parse(good)
	require.NoError(t, err)
	text, err := c.Registration().YAML()
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, yaml.Unmarshal(text, &got))
	require.Equal(t, map[string]any{
		"id":               "whatsapp",
		"url":              "http://localhost:29318",
		"as_token":         asToken,
		"hs_token":         hsToken,
		"sender_localpart": "whatsappbot",
		"rate_limited":     false,
		"namespaces": map[string]any{
			"users": []any{
				map[string]any{"exclusive": true, "regex": `^@whatsapp_.*:example\.com$`},
				map[string]any{"exclusive": true, "regex": `^@whatsappbot:example\.com$`},
			},
			"aliases": []any{map[string]any{"exclusive": true, "regex": `^#whatsapp_portal_.*:example\.com$`}},
		},
		"receive_ephemeral":                  true,
		"de.sorunome.msc2409.push_ephemeral": true,
		"org.matrix.msc3202":                 true,
		"io.element.msc4190":                 true,
	}, got)

	// The library reads it too.
	var theirs appservice.Registration
	require.NoError(t, yaml.Unmarshal(text, &theirs))
	require.True(t, theirs.EphemeralEvents)

	back, err := config.ParseRegistration(text)
	require.NoError(t, err)
	require.Equal(t, c.Registration(), back)
	require.Empty(t, back.Differences(c.Registration()))
	back.URL, back.ASToken = "http://elsewhere", "other"
	require.Equal(t, []string{"url", "as_token"}, back.Differences(c.Registration()))
}

func TestNamespacesMatchOnlyOurNames(t *testing.T) {
	t.Parallel()
	c, err := parse(strings.Replace(good, "domain: example.com", `domain: "[::1]:8448"`, 1))
	require.NoError(t, err)
	c.Appservice.GhostPrefix = "wa+."
	names := c.Registration().Namespaces
	users, aliases := regexp.MustCompile(names.Users[0].Regex), regexp.MustCompile(names.Aliases[0].Regex)
	for name, want := range map[string]bool{
		"@wa+.15550100:[::1]:8448":     true,
		"@wa+.lid-123:[::1]:8448":      true,
		"@wa+.15550100:example.com":    false,
		"@waa.15550100:[::1]:8448":     false,
		"@xwa+.15550100:[::1]:8448":    false,
		"@wa+.15550100:[::1]:8448.org": false,
	} {
		require.Equal(t, want, users.MatchString(name), name)
	}
	require.True(t, aliases.MatchString("#wa+.portal_12:[::1]:8448"))
	require.False(t, aliases.MatchString("#wa+.other:[::1]:8448"))
}

func TestSampleRegistrationIsRefused(t *testing.T) {
	t.Parallel()
	text, err := config.SampleRegistration()
	require.NoError(t, err)
	sample, err := config.ParseRegistration(text)
	require.NoError(t, err)
	_, err = parse(strings.NewReplacer(asToken, sample.ASToken, hsToken, sample.HSToken).Replace(good))
	require.EqualError(t, err, "config.yaml:5: appservice.as_token is the placeholder of a sample file; run 'causeway init' to make tokens\n"+
		"config.yaml:6: appservice.hs_token is the placeholder of a sample file; run 'causeway init' to make tokens")
}

func TestShortReadsBackAsWritten(t *testing.T) {
	t.Parallel()
	c, err := parse(good)
	require.NoError(t, err)
	text := string(config.Short(c))
	back, err := parse(text)
	require.NoError(t, err, text)
	require.Equal(t, c, back)

	c.Database.URI = `postgres://u:p%20#"w@h/db`
	c.Bridge.CommandPrefix = "#wa: 'x'"
	c.Appservice.Bot.Displayname = "true"
	text = string(config.Short(c))
	var tree map[string]map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text), &tree), text)
	require.Equal(t, `postgres://u:p%20#"w@h/db`, tree["database"]["uri"])
	require.Equal(t, "#wa: 'x'", tree["bridge"]["command_prefix"])
	require.NotContains(t, text, "ghost_prefix", "defaults are left out")
}

func TestCheckNamesTheSetting(t *testing.T) {
	t.Parallel()
	c, err := parse(good)
	require.NoError(t, err)
	require.Empty(t, config.Check(c))
	c.Homeserver.Domain = "no domain"
	problems := config.Check(c)
	require.Len(t, problems, 1)
	require.Len(t, problems.About("homeserver.domain"), 1)
	require.Empty(t, problems.About("homeserver.address"))
}
