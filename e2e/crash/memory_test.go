package crash

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestLongOutage is the short form of the long outage of make crash.
func TestLongOutage(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	dir, err := os.MkdirTemp("", "causeway-crash-memory-")
	require.NoError(t, err)
	options := Options{Binary: shared.binary, Dir: dir, Seed: 1, Rate: 5, Say: func(line string) { t.Log(line) }}
	rows, err := Run(ctx, options, LongOutage(400, 32))
	require.NoError(t, err, "the bridge's log is kept in %s", dir)
	var table strings.Builder
	require.True(t, WriteTable(&table, rows), "the bridge's log is kept in %s\n%s", dir, &table)
	require.NoError(t, os.RemoveAll(dir))
}
