// Command wasim runs the simulated WhatsApp network as a program, with its control API, until it is told to stop.
package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"causeway/simulator"
	"causeway/simulator/control"
)

const headerTimeout = 10 * time.Second

// settings are the flags.
type settings struct {
	listen, control, dir string
	seed                 uint64
}

// ready is what the program writes when it is: DIR/wasim.json.
type ready struct {
	Control string `json:"control"`
	Address string `json:"address"`
	RootKey string `json:"root_key"`
	CAFile  string `json:"ca_file"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "wasim:", err)
		stop()
		os.Exit(1) //nolint:gocritic // nothing else is deferred
	}
}

func parse(args []string) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("wasim", flag.ContinueOnError)
	flags.StringVar(&s.listen, "listen", "127.0.0.1:0", "address for WhatsApp clients")
	flags.StringVar(&s.control, "control", "127.0.0.1:0", "address of the control API")
	flags.StringVar(&s.dir, "dir", "", "directory for wasim.json and ca.pem (required)")
	flags.Uint64Var(&s.seed, "seed", 1, "decides the LIDs of the accounts")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if s.dir == "" || flags.NArg() > 0 {
		return s, errors.New("usage: wasim --dir DIR [--listen ADDRESS] [--control ADDRESS] [--seed N]")
	}
	return s, nil
}

// run serves until the context ends.
func run(ctx context.Context, args []string) error {
	s, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	simulator.Trust()
	network, err := simulator.Start(simulator.Options{Listen: s.listen, Seed: s.seed})
	if err != nil {
		return err
	}
	defer func() { _ = network.Close() }()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.control)
	if err != nil {
		return fmt.Errorf("listen for control: %w", err)
	}
	// The calls' contexts end with the program, so that a long poll does not hold it up.
	server := &http.Server{Handler: control.Handler(network), ReadHeaderTimeout: headerTimeout, BaseContext: func(net.Listener) context.Context { return ctx }}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	if err = announce(s.dir, network, listener.Addr().String()); err != nil {
		_ = server.Close()
		return err
	}
	select {
	case err = <-served:
		return fmt.Errorf("serve control: %w", err)
	case <-ctx.Done():
		return server.Close()
	}
}

// announce writes ca.pem and then wasim.json, each in one step, so that whoever sees the file can use what it says.
func announce(dir string, network *simulator.Network, controlAddress string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err = os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	key := network.RootKey()
	out := ready{Control: "http://" + controlAddress, Address: network.Address(), RootKey: hex.EncodeToString(key[:]), CAFile: filepath.Join(dir, "ca.pem")}
	raw, err := json.Marshal(out)
	if err != nil {
		return err
	}
	if err = replace(out.CAFile, network.CAPEM()); err != nil {
		return err
	}
	return replace(filepath.Join(dir, "wasim.json"), append(raw, '\n'))
}

func replace(path string, content []byte) error {
	temporary := path + ".tmp"
	if err := os.WriteFile(temporary, content, 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
