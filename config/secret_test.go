package config_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"causeway/config"
)

func TestSecretsDoNotLeak(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Appservice.ASToken = "hunter2-as"
	c.Appservice.HSToken = "hunter2-hs"
	c.Database.URI = "postgres://bridge:hunter2@db/causeway?sslmode=disable"
	for _, format := range []string{"%s", "%v", "%+v", "%#v", "%q"} {
		require.NotContains(t, fmt.Sprintf(format, c), "hunter2", format)
		require.NotContains(t, fmt.Sprintf(format, &c), "hunter2", format)
		require.NotContains(t, fmt.Sprintf(format, c.Appservice.ASToken), "hunter2", format)
	}
	asJSON, err := json.Marshal(c)
	require.NoError(t, err)
	require.NotContains(t, string(asJSON), "hunter2")
	asYAML, err := yaml.Marshal(c)
	require.NoError(t, err)
	require.NotContains(t, string(asYAML), "hunter2")
	require.Contains(t, string(asYAML), "postgres://[redacted]@db/causeway?sslmode=disable")
}

func TestDatabasePasswordIsHidden(t *testing.T) {
	t.Parallel()
	for uri, want := range map[config.DatabaseURI]string{
		"postgres://u:pa/s@s@h/db":                  "postgres://[redacted]@h/db",
		"postgres://h/db?user=u&password=x&a=b":     "postgres://h/db?user=u&password=[redacted]&a=b",
		"postgres://h/db?sslpassword=x":             "postgres://h/db?sslpassword=[redacted]",
		"host=h password=x dbname=d":                "host=h password=[redacted] dbname=d",
		"sqlite:/var/lib/causeway.db":               "sqlite:/var/lib/causeway.db",
		"postgres://localhost/causeway?sslmode=off": "postgres://localhost/causeway?sslmode=off",
	} {
		require.Equal(t, want, uri.String())
		require.Equal(t, string(uri), uri.Reveal())
	}
}

func TestSecretEqual(t *testing.T) {
	t.Parallel()
	require.True(t, config.Secret("abc").Equal("abc"))
	require.False(t, config.Secret("abc").Equal("abd"))
	require.False(t, config.Secret("abc").Equal("ab"))
	require.False(t, config.Secret("").Equal(""), "a bridge without a token lets nobody in")
}
