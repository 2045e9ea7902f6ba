// Command demo shows the bridge at work on this machine: it starts a homeserver, a simulated WhatsApp network and the bridge, links an
// account with a QR code that a simulated phone scans, and sends messages each way.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"causeway/e2e/provision"
	"causeway/e2e/rig"
)

// setupTime bounds everything before the first message; on a fresh machine much of it is downloads.
const setupTime = 20 * time.Minute

func main() {
	homeserver := flag.String("homeserver", "", "synapse or dendrite; empty for Synapse, or Dendrite where Synapse cannot be had")
	database := flag.String("database", "", "sqlite or postgres; empty for sqlite")
	once := flag.String("once", "", "1 ends the demo after the messages have arrived")
	flag.Parse()
	d := &demo{screen: newScreen(os.Stdout), homeserver: *homeserver, database: *database, once: *once != "" && *once != "0"}
	os.Exit(d.run())
}

// demo is one showing.
type demo struct {
	screen               *screen
	homeserver, database string
	once                 bool

	cache *provision.Cache
	dir   string
	rig   *rig.Rig
	stops []func() error
}

// run shows everything, cleans up, and returns the exit code.
func (d *demo) run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	d.screen.title("Causeway", "a bridge between Matrix and WhatsApp")
	err := d.show(ctx)
	interrupted := ctx.Err() != nil
	if err != nil && !interrupted {
		d.screen.failed(err)
		if d.rig != nil {
			d.screen.text(d.rig.Logs())
		}
	}
	if interrupted {
		d.screen.text("\nStopping.")
	}
	for i := len(d.stops) - 1; i >= 0; i-- {
		if stopped := d.stops[i](); stopped != nil {
			d.screen.failed(stopped)
			err = errors.Join(err, stopped)
		}
	}
	if err != nil && !interrupted {
		d.screen.text("The logs are in " + d.dir)
		return 1
	}
	_ = os.RemoveAll(d.dir)
	if err != nil && d.once {
		return 1 // interrupted before the messages had arrived
	}
	return 0
}

func (d *demo) show(ctx context.Context) error {
	setup, cancel := context.WithTimeout(ctx, setupTime)
	defer cancel()
	if err := d.start(setup); err != nil {
		return err
	}
	s := &scene{screen: d.screen, rig: d.rig}
	if err := s.play(setup); err != nil {
		return err
	}
	if d.once {
		if err := d.rig.Network.Faultless(setup); err != nil {
			return err
		}
		d.screen.text("\n  Both directions work.\n")
		return nil
	}
	s.lookAround(filepath.Join(d.dir, "causeway.log"))
	select {
	case <-ctx.Done():
		return nil
	case <-d.rig.Bridge().Done():
		return fmt.Errorf("the bridge has ended: %w", errors.Join(d.rig.Bridge().Err(), errors.New("by itself")))
	}
}

// start sets everything up.
func (d *demo) start(ctx context.Context) (err error) {
	d.screen.heading("Setting up, all on this machine")
	defer func() { d.screen.done(err == nil) }()
	if d.cache, err = provision.Open(d.screen.begin); err != nil {
		return err
	}
	if d.dir, err = os.MkdirTemp(d.cache.Dir, "demo-"); err != nil {
		return err
	}
	options := rig.Options{Dir: d.dir, Say: d.screen.begin}
	d.screen.begin("Build the bridge and the simulated network")
	if options.Binaries, err = rig.Build(ctx, d.cache, d.dir); err != nil {
		return err
	}
	if options.Homeserver, err = d.cache.Install(ctx, d.homeserver); err != nil {
		return err
	}
	if options.Database, err = d.startDatabase(ctx); err != nil {
		return err
	}
	d.rig, err = rig.Start(ctx, options)
	if err == nil {
		d.stops = append(d.stops, d.rig.Stop)
	}
	return err
}

func (d *demo) startDatabase(ctx context.Context) (uri string, err error) {
	switch d.database {
	case "", rig.SQLite:
		return "", nil
	case rig.Postgres:
		d.screen.begin("Start Postgres")
		pg, err := d.cache.StartPostgres(ctx)
		if err != nil {
			return "", err
		}
		d.stops = append(d.stops, pg.Stop)
		return provision.CreateDatabase(ctx, pg.URI(), "causeway")
	}
	return "", fmt.Errorf("choose the database: DB=%q is neither %s nor %s", d.database, rig.SQLite, rig.Postgres)
}
