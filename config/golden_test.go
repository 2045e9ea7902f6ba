package config_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"causeway/config"
)

// To rewrite the two files after a change: CAUSEWAY_UPDATE=1 go test ./config
func TestCommittedSamplesAreGenerated(t *testing.T) {
	t.Parallel()
	registration, err := config.SampleRegistration()
	require.NoError(t, err)
	for path, want := range map[string][]byte{
		"../example-config.yaml": config.Example(),
		"../registration.yaml":   registration,
	} {
		if os.Getenv("CAUSEWAY_UPDATE") != "" {
			require.NoError(t, os.WriteFile(path, want, 0o644))
		}
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), "run CAUSEWAY_UPDATE=1 go test ./config to rewrite %s", path)
	}
}
