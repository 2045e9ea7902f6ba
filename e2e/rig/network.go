package rig

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"causeway/e2e/provision"
	"causeway/simulator/control/client"
)

// Network is the simulated WhatsApp network, seen through its control API.
type Network struct {
	client.Ready
	*client.Client
}

func (r *Rig) startNetwork(ctx context.Context) (err error) {
	dir := filepath.Join(r.options.Dir, "network")
	r.wasim, err = provision.Start(provision.Command{
		Name: "wasim", LogDir: r.options.Dir, Dir: r.options.Dir, Env: bareEnvironment(), Path: r.options.Binaries.Wasim,
		Args: []string{"--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--dir", dir},
	})
	if err != nil {
		return err
	}
	r.Network = &Network{}
	err = r.wasim.WaitReady(ctx, func(context.Context) (err error) {
		r.Network.Ready, err = client.ReadReady(dir)
		return err
	})
	r.Network.Client = client.New(r.Network.Control)
	return err
}

// Faultless says what the network found wrong with its clients: anything it could not understand, and messages that it had to drop
// because it had seen them before.
func (n *Network) Faultless(ctx context.Context) error {
	stats, err := n.Stats(ctx)
	if err != nil {
		return fmt.Errorf("read the network's counters: %w", err)
	}
	var faults []error
	for _, violation := range stats.Violations {
		faults = append(faults, fmt.Errorf("violation: %+v", violation))
	}
	for device, counters := range stats.Devices {
		if counters.Duplicates > 0 {
			faults = append(faults, fmt.Errorf("device %s: sent %d messages more than once", device, counters.Duplicates))
		}
	}
	return errors.Join(faults...)
}
