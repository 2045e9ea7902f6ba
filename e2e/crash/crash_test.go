package crash

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"causeway/e2e/provision"
	"causeway/simulator"
)

func TestMain(m *testing.M) {
	simulator.Trust()
	os.Exit(m.Run())
}

// TestShort is the short form of make crash.
func TestShort(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	cache, err := provision.Open(func(line string) { t.Log(line) })
	require.NoError(t, err)
	binary := filepath.Join(t.TempDir(), "causeway")
	require.NoError(t, cache.BuildGoTagged(ctx, ".", "./cmd/causeway", binary, "goolm,crashpoints"))
	dir, err := os.MkdirTemp("", "causeway-crash-")
	require.NoError(t, err)
	options := Options{Binary: binary, Dir: dir, Seed: 1, Rate: 20, Say: func(line string) { t.Log(line) }}
	rows, err := Run(ctx, options, RandomKills(8))
	require.NoError(t, err)
	require.True(t, WriteTable(os.Stderr, rows))
}
