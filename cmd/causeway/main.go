// Command causeway is the bridge: it sets itself up, checks its configuration
// and runs. All it does itself is flags, files and signals.
package main

import (
	"context"
	"os"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"causeway/app"
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
func wiring() bridge {
	return bridge{
		run: func(ctx context.Context, cfg config.Config, log zerolog.Logger) error {
			return app.Run(ctx, cfg, log, readVersion().version)
		},
		check: app.Check,
	}
}

func isTerminal(file *os.File) bool { return isatty.IsTerminal(file.Fd()) }
