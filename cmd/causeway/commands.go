package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"causeway/config"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// bridge is what the commands start.
type bridge struct {
	// run is the bridge itself: it ends with its context, or with an error
	// that fits on a line.
	run func(ctx context.Context, cfg config.Config, log zerolog.Logger) error
	// check asks the homeserver and the database and changes nothing.
	check func(ctx context.Context, cfg config.Config) error
}

// terminal is where the commands are typed.
type terminal struct {
	in       io.Reader
	out, err io.Writer
	// asks tells whether somebody is there to answer questions.
	asks bool
	// colours tells whether err shows colours.
	colours bool
	// environment is as of os.Environ.
	environment []string
}

// usageError is a mistake in the command line.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// execute runs one command line and returns its exit code.
func execute(args []string, b bridge, t terminal) int {
	root := commands(b, t)
	root.SetArgs(args)
	err := root.ExecuteContext(context.Background())
	if err == nil {
		return exitOK
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			fmt.Fprintln(t.err, "causeway: "+line)
		}
	}
	if errors.As(err, new(usageError)) {
		return exitUsage
	}
	return exitFailure
}

// commands builds the command tree.
func commands(b bridge, t terminal) *cobra.Command {
	root := &cobra.Command{
		Use:   "causeway",
		Short: "Causeway connects Matrix and WhatsApp",
		Long: `Causeway connects Matrix and WhatsApp.

To set it up, run 'causeway init', give the homeserver the registration.yaml
that it writes, restart the homeserver, and run 'causeway run'.`,
		Args:          knownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SuggestionsMinimumDistance = 2
	root.SetIn(t.in)
	root.SetOut(t.out)
	root.SetErr(t.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see '%s --help'", err, cmd.CommandPath())}
	})
	root.AddCommand(
		initCommand(t),
		runCommand(b, t),
		checkCommand(b, t),
		queueCommand(t),
		registrationCommand(t),
		versionCommand(t),
	)
	return root
}

// knownCommand refuses a word that is not a command.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	fix := "see 'causeway --help'"
	if meant := cmd.SuggestionsFor(args[0]); len(meant) > 0 {
		fix = fmt.Sprintf("did you mean %q?", meant[0])
	}
	return usageError{fmt.Errorf("%q is not a command; %s", args[0], fix)}
}

// noArguments refuses words after a command that takes flags only.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usageError{fmt.Errorf("%q is one word too many; see '%s --help'", args[0], cmd.CommandPath())}
}

// configFlag adds the flag that names the configuration file.
func configFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVarP(path, "config", "c", "config.yaml", "configuration file")
}
