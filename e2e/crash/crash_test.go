package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"causeway/e2e/provision"
	"causeway/simulator"
)

// shared is what all tests use.
var shared struct{ binary, postgres string }

func TestMain(m *testing.M) { os.Exit(runAll(m)) }

func runAll(m *testing.M) int {
	simulator.Trust()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "causeway-crash-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	stop, err := prepare(ctx, dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "prepare:", err)
		return 1
	}
	defer stop()
	return m.Run()
}

func prepare(ctx context.Context, dir string) (stop func(), err error) {
	stop = func() {}
	cache, err := provision.Open(func(line string) { fmt.Println("==", line) })
	if err != nil {
		return stop, err
	}
	shared.binary = filepath.Join(dir, "causeway")
	if err := cache.BuildGoTagged(ctx, ".", "./cmd/causeway", shared.binary, "goolm,crashpoints"); err != nil {
		return stop, err
	}
	if shared.postgres = os.Getenv("CAUSEWAY_TEST_POSTGRES"); shared.postgres == "" {
		server, err := cache.StartPostgres(ctx)
		if err != nil {
			return stop, err
		}
		shared.postgres = server.URI()
		stop = func() { _ = server.Stop() }
	}
	return stop, nil
}

// TestShort is the short form of make crash.
func TestShort(t *testing.T) {
	t.Parallel()
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
			t.Cleanup(cancel)
			dir, err := os.MkdirTemp("", "causeway-crash-run-")
			require.NoError(t, err)
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			options := Options{Binary: shared.binary, Dir: dir, Seed: seed, Rate: 20, Say: func(line string) { t.Log(line) }}
			if database == "postgres" {
				options.Database, err = provision.CreateDatabase(ctx, shared.postgres, fmt.Sprintf("causeway_crash_%d", time.Now().UnixNano()))
				require.NoError(t, err)
				t.Cleanup(func() {
					name := options.Database[strings.LastIndex(options.Database, "causeway_crash_"):]
					name, _, _ = strings.Cut(name, "?")
					require.NoError(t, provision.DropDatabase(context.Background(), shared.postgres, name))
				})
			}
			rows, err := Run(ctx, options, Short()...)
			require.NoError(t, err, "the bridge's log is kept in %s", dir)
			var table strings.Builder
			require.True(t, WriteTable(&table, rows), "the bridge's log is kept in %s\n%s", dir, &table)
			require.NoError(t, os.RemoveAll(dir))
		})
	}
}
