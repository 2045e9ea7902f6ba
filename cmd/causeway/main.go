// Command causeway is the bridge: it sets itself up, checks its configuration
// and runs. All it does itself is flags, files and signals.
package main

import (
	"context"
	"errors"
	"os"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"causeway/config"
)

func main() {
	os.Exit(execute(os.Args[1:], wiring(), terminal{
		in:          os.Stdin,
		out:         os.Stdout,
		err:         os.Stderr,
		asks:        isTerminal(os.Stdin),
		colours:     isTerminal(os.Stderr) && os.Getenv("NO_COLOR") == "",
		environment: os.Environ(),
	}))
}

// wiring is the one place that names the bridge behind the commands.
//
// TO BE WIRED: return bridge{run: app.Run, check: app.Check}.
func wiring() bridge {
	notWired := errors.New("the bridge is not wired yet")
	return bridge{
		run:   func(context.Context, config.Config, zerolog.Logger) error { return notWired },
		check: func(context.Context, config.Config) error { return notWired },
	}
}

func isTerminal(file *os.File) bool { return isatty.IsTerminal(file.Fd()) }
