// Command provision gets what the tests need, and runs a command with it.
//
//	provision lint -- run ./...                 the pinned golangci-lint
//	provision postgres -- go test ./database    a Postgres of its own, in CAUSEWAY_TEST_POSTGRES
//	provision racefree -- go test -race ./whatsapp
//	                                            a library without the race with itself, by GOFLAGS
//	provision synapse | dendrite                fetch or build the homeserver into .cache
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"causeway/e2e/provision"
)

func main() {
	err := run(os.Args[1:])
	var failed *exec.ExitError
	if errors.As(err, &failed) && failed.ExitCode() > 0 {
		os.Exit(failed.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "provision:", err)
		os.Exit(1)
	}
}

func run(args []string) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	what, command := "", []string(nil)
	if len(args) > 0 {
		what = args[0]
	}
	if at := slices.Index(args, "--"); at >= 0 {
		command = args[at+1:]
	}
	cache, err := provision.Open(func(line string) { fmt.Fprintln(os.Stderr, line) })
	if err != nil {
		return err
	}
	switch what {
	case "lint":
		program, err := cache.Linter(ctx)
		if err != nil || len(command) == 0 {
			return err
		}
		return pass(ctx, append([]string{program}, command...), lintCache(cache.Dir)...)
	case provision.Synapse, provision.Dendrite:
		_, err := cache.Install(ctx, what)
		return err
	case "racefree":
		modfile, err := cache.RaceFree(ctx)
		if err != nil || len(command) == 0 {
			return err
		}
		return pass(ctx, command, "CGO_ENABLED=1", "GOFLAGS="+os.Getenv("GOFLAGS")+" -modfile="+modfile)
	case "postgres":
		pg, err := cache.StartPostgres(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, pg.Stop()) }()
		if len(command) == 0 {
			fmt.Println(pg.URI())
			<-ctx.Done()
			return nil
		}
		return pass(ctx, command, "CAUSEWAY_TEST_POSTGRES="+pg.URI())
	}
	return fmt.Errorf("say what to provide: lint, postgres, racefree, %s or %s", provision.Synapse, provision.Dendrite)
}

// lintCache gives the linter a cache of this checkout's own, unless the caller named one. The linter keeps findings with the paths
// of files: from a cache that checkouts share it reports findings in files of another one, which no comment can excuse.
func lintCache(dir string) []string {
	const name = "GOLANGCI_LINT_CACHE"
	if os.Getenv(name) != "" {
		return nil
	}
	return []string{name + "=" + filepath.Join(dir, "golangci-lint")}
}

// pass runs a command with this one's input and output.
func pass(ctx context.Context, command []string, env ...string) error {
	child := exec.CommandContext(ctx, command[0], command[1:]...)
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	child.Env = append(os.Environ(), env...)
	child.Cancel = func() error { return child.Process.Signal(syscall.SIGTERM) }
	return child.Run()
}
