package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"causeway/config"
)

// checkTimeout is how long 'check-config --online' waits for answers.
const checkTimeout = 30 * time.Second

func runCommand(b bridge, t terminal) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the bridge",
		Long: `Run the bridge until it is told to stop.

SIGINT (Ctrl-C) or SIGTERM stops it gently: it ends the work in hand and closes
its connections. A second signal ends it at once; nothing is lost then either.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(path, t.environment)
			if err != nil {
				return err
			}
			log, err := newLogger(cfg.Logging, t.err, t.colours)
			if err != nil {
				return err
			}
			return run(cmd.Context(), b, cfg, log)
		},
	}
	configFlag(cmd, &path)
	return cmd
}

// run runs the bridge until a signal comes.
func run(ctx context.Context, b bridge, cfg config.Config, log zerolog.Logger) error {
	ctx, stop := untilSignal(ctx, log)
	defer stop()
	if network := cfg.WhatsApp.TestNetwork; network.Enabled() {
		log.Warn().Str("address", network.Address).
			Msg("TEST NETWORK: the bridge connects to a simulator and NOT to WhatsApp, because whatsapp.test_network is set")
	}
	log.Info().Str("version", readVersion().version).Msg("starting")
	err := b.run(ctx, cfg, log)
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
		log.Info().Msg("stopped")
		return nil
	}
	return err
}

// untilSignal returns a context that ends at the first SIGINT or SIGTERM; at
// the second the process ends.
func untilSignal(parent context.Context, log zerolog.Logger) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for stopping := false; ; stopping = true {
			select {
			case <-done:
				return
			case s := <-signals:
				if stopping {
					log.Warn().Stringer("signal", s).Msg("ending at once")
					os.Exit(exitFailure)
				}
				log.Info().Stringer("signal", s).Msg("stopping; a second signal ends it at once")
				cancel()
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel()
	}
}

// newLogger makes the log of the program.
func newLogger(l config.Logging, out io.Writer, colours bool) (zerolog.Logger, error) {
	level, err := zerolog.ParseLevel(l.Level)
	if err != nil {
		return zerolog.Logger{}, fmt.Errorf("read logging.level: %w", err)
	}
	if l.Format == "pretty" {
		out = zerolog.ConsoleWriter{Out: out, NoColor: !colours, TimeFormat: time.DateTime}
	}
	return zerolog.New(out).Level(level).With().Timestamp().Logger(), nil
}

func checkCommand(b bridge, t terminal) *cobra.Command {
	var path string
	var online bool
	cmd := &cobra.Command{
		Use:   "check-config",
		Short: "Say what is wrong with the configuration",
		Long: `Check the configuration file, and a registration.yaml beside it.

Each mistake is told on a line of its own, with the line of the file. With
--online it also asks whether the homeserver and the database can be reached
and accept the bridge; neither is changed.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(path, t.environment)
			if err != nil {
				return err
			}
			warnStaleRegistration(cfg, path, t.err)
			if online {
				ctx, cancel := context.WithTimeout(cmd.Context(), checkTimeout)
				defer cancel()
				if err := b.check(ctx, cfg); err != nil {
					return err
				}
			}
			fmt.Fprintln(t.out, path+": ok")
			return nil
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&online, "online", false, "also ask the homeserver and the database")
	return cmd
}
