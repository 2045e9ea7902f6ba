package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"causeway/e2e/provision"
	"causeway/e2e/render"
	"causeway/e2e/rig"
)

// bench is what all tests share: the programs under test, the homeserver, the Postgres server.
type bench struct {
	binaries   rig.Binaries
	homeserver *provision.Installed
	postgres   string
	sdk        *render.SDK // nil where it cannot be had
	ffmpeg     bool
}

var shared bench

func TestMain(m *testing.M) { os.Exit(runAll(m)) }

func runAll(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "causeway-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	stop, err := shared.prepare(ctx, dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "prepare:", err)
		return 1
	}
	defer stop()
	return m.Run()
}

func (b *bench) prepare(ctx context.Context, dir string) (stop func(), err error) {
	stop = func() {}
	cache, err := provision.Open(func(line string) { fmt.Println("==", line) })
	if err != nil {
		return stop, err
	}
	if b.binaries, err = rig.Build(ctx, cache, dir); err != nil {
		return stop, err
	}
	if b.homeserver, err = cache.Install(ctx, os.Getenv("CAUSEWAY_TEST_HOMESERVER")); err != nil {
		return stop, err
	}
	if b.sdk, err = render.Install(ctx, cache); err != nil {
		if provision.OnCI() {
			return stop, err
		}
		fmt.Println("== NOT RUN: whether a client can show the events of the bridge; there is no matrix-js-sdk:", err)
	} else {
		stop = func() { _ = b.sdk.Close() }
	}
	if _, err := cache.FFmpeg(ctx); errors.Is(err, provision.ErrUnavailable) && !provision.OnCI() {
		fmt.Println("== The tests that need ffmpeg are not run:", err)
	} else if err != nil {
		return stop, err
	} else {
		b.ffmpeg = true
	}
	if b.postgres = os.Getenv("CAUSEWAY_TEST_POSTGRES"); b.postgres == "" {
		pg, err := cache.StartPostgres(ctx)
		if err != nil {
			return stop, err
		}
		b.postgres = pg.URI()
		before := stop
		stop = func() { before(); _ = pg.Stop() }
	}
	return stop, nil
}

// storyTime bounds one test; two of them may share two cores with two homeservers.
const storyTime = 6 * time.Minute

// newRig starts a rig on a database, with settings of the bridge as in rig.Options. When the test fails, the ends of all logs are shown.
func newRig(t *testing.T, database string, settings ...string) (context.Context, *rig.Rig) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), storyTime)
	t.Cleanup(cancel)
	dir, err := os.MkdirTemp("", "causeway-e2e-rig-")
	require.NoError(t, err)
	options := rig.Options{Binaries: shared.binaries, Homeserver: shared.homeserver, Dir: dir, Settings: settings, Say: func(line string) { t.Log(line) }}
	if database == rig.Postgres {
		name := "causeway_" + strings.ToLower(strings.NewReplacer("/", "_", " ", "_").Replace(t.Name())) + fmt.Sprint(time.Now().UnixNano())
		uri, err := provision.CreateDatabase(ctx, shared.postgres, name)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, provision.DropDatabase(context.Background(), shared.postgres, name)) })
		options.Database = uri
	}
	r, err := rig.Start(ctx, options)
	require.NoError(t, err)
	t.Cleanup(func() {
		checkRendered(t, r)
		if t.Failed() {
			keepEvents(t, r, dir)
		}
		require.NoError(t, r.Stop())
		if t.Failed() {
			t.Logf("all files of this run are kept in %s\n%s", dir, r.Logs())
			return
		}
		require.NoError(t, os.RemoveAll(dir))
	})
	return ctx, r
}

// checkRendered lets a client's library read all that people have seen of the bridge.
func checkRendered(t *testing.T, r *rig.Rig) {
	if shared.sdk == nil {
		t.Log("not run: whether a client can show these events")
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	events := r.Said()
	faults, err := shared.sdk.Faults(ctx, events)
	if err != nil {
		t.Error(err)
	}
	for _, fault := range faults {
		t.Errorf("a client cannot show %s", fault)
	}
	t.Logf("matrix-js-sdk %s has read %d events", shared.sdk.Version, len(events))
}

// keepEvents writes down what the simulated network saw.
func keepEvents(t *testing.T, r *rig.Rig, dir string) {
	events, err := r.Network.Events(context.Background(), 0, 0)
	var text strings.Builder
	for _, e := range events {
		fmt.Fprintf(&text, "%+v\n", e)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "events.log"), []byte(text.String()), 0o600)
	}
	if err != nil {
		t.Log("the network's events could not be kept:", err)
	}
}

// onBothDatabases runs a test on SQLite and on Postgres.
func onBothDatabases(t *testing.T, test func(t *testing.T, database string)) {
	for _, database := range []string{rig.SQLite, rig.Postgres} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			test(t, database)
		})
	}
}
