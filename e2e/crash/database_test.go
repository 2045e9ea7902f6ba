package crash

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"causeway/e2e/provision"
)

// TestDatabaseTrouble takes the database away under load, on both: nothing that was not stored is acknowledged, and the bridge goes on
// without a restart of its own.
func TestDatabaseTrouble(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	cache, err := provision.Open(func(line string) { t.Log(line) })
	require.NoError(t, err)
	options := Options{Binary: shared.binary, Seed: 1, Rate: 10, Say: func(line string) { t.Log(line) }}
	play := func(t *testing.T, scenario Scenario, noticed string) {
		options.Dir, err = os.MkdirTemp("", "causeway-crash-")
		require.NoError(t, err)
		rows, err := Run(ctx, options, scenario)
		require.NoError(t, err)
		require.True(t, WriteTable(os.Stderr, rows), options.Dir)
		log, err := os.ReadFile(filepath.Join(options.Dir, "causeway.log"))
		require.NoError(t, err)
		require.True(t, strings.Contains(string(log), noticed), "the bridge has noticed nothing")
		require.NoError(t, os.RemoveAll(options.Dir))
	}
	// Its log is one of the files that cannot grow.
	t.Run("sqlite", func(t *testing.T) { play(t, DiskFull(4*time.Second), "") })
	t.Run("postgres", func(t *testing.T) {
		server, err := cache.StartPostgres(ctx)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, server.Stop()) })
		options.Database, err = provision.CreateDatabase(ctx, server.URI(), "causeway")
		require.NoError(t, err)
		play(t, DatabaseRestarts(3, server.Restart), "database system is")
	})
}
