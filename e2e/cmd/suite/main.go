// Command suite runs all tests the way CI does: those of every package, then the real binaries against a real homeserver on both
// databases. It gets what it needs by itself and ends with a summary of what it ran on and what it could not run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"causeway/e2e/provision"
	"causeway/e2e/render"
)

func main() {
	homeserver := flag.String("homeserver", "", "synapse or dendrite; empty for Synapse, or Dendrite where Synapse cannot be had")
	only := flag.String("run", "", "run only the tests that match this regular expression")
	flag.Parse()
	s := &suite{homeserver: *homeserver, only: *only}
	err := s.run()
	s.summarize(err)
	if err != nil {
		os.Exit(1)
	}
}

// suite is one run.
type suite struct {
	homeserver, only string

	cache    *provision.Cache
	ranOn    []string
	couldNot []string
}

func say(line string) { fmt.Println("==", line) }

func (s *suite) run() (err error) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if s.cache, err = provision.Open(say); err != nil {
		return err
	}
	s.ranOn = append(s.ranOn, provision.Machine())
	race, err := s.race(ctx)
	if err != nil {
		return err
	}
	postgres, stop, err := s.postgres(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	installed, err := s.cache.Install(ctx, s.homeserver)
	if err != nil {
		return err
	}
	s.ranOn = append(s.ranOn, "homeserver: "+installed.Kind+" "+installed.Version)
	if err := s.client(ctx); err != nil {
		return err
	}

	if err := s.ffmpeg(ctx); err != nil {
		return err
	}
	env := append(os.Environ(), "CAUSEWAY_TEST_POSTGRES="+postgres, "CAUSEWAY_TEST_HOMESERVER="+installed.Kind)
	cgo := "CGO_ENABLED=0"
	flags := []string{"test", "-tags", "goolm", "-shuffle=on"}
	if race {
		cgo, flags = "CGO_ENABLED=1", append(flags, "-race")
	}
	if s.only != "" {
		flags = append(flags, "-run", s.only)
	}
	packages, err := s.packages(ctx)
	if err != nil {
		return err
	}
	say(fmt.Sprintf("Test %d packages", len(packages)))
	units := s.timed("packages", func() error {
		mended, err := s.mended(ctx, race)
		if err != nil {
			return err
		}
		flags := append(slices.Clone(flags), "-timeout=15m")
		return errors.Join(
			s.goTool(ctx, append(env, cgo), slices.Concat(flags, packages)),
			s.goTool(ctx, append(env, cgo), slices.Concat(flags, mended, []string{racing})))
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	say("Test the real binaries with " + installed.Kind)
	whole := s.timed("real binaries", func() error {
		return s.goTool(ctx, append(env, cgo), append(flags, "-timeout=15m", "-count=1", "./e2e"))
	})
	return errors.Join(units, whole)
}

// racing is the package in whose tests a library would race with itself (provision.Cache.RaceFree).
const racing = "causeway/whatsapp"

// mended are the flags with which that package is tested.
func (s *suite) mended(ctx context.Context, race bool) ([]string, error) {
	if !race {
		return nil, nil
	}
	modfile, err := s.cache.RaceFree(ctx)
	return []string{"-modfile=" + modfile}, err
}

// race says whether the race detector can be used; it needs a C compiler.
func (s *suite) race(ctx context.Context) (bool, error) {
	err := s.cache.CCompiler(ctx)
	switch {
	case err == nil:
		s.ranOn = append(s.ranOn, "race detector: yes; for "+racing+" with a lock of go.mau.fi/util mended")
		return true, nil
	case provision.OnCI():
		return false, fmt.Errorf("get a C compiler for the race detector: %w", err)
	}
	s.couldNot = append(s.couldNot, "race detector: no C compiler ("+err.Error()+")")
	return false, nil
}

// client makes sure of the library that reads all events as a client does.
func (s *suite) client(ctx context.Context) error {
	sdk, err := render.Install(ctx, s.cache)
	switch {
	case err == nil:
		s.ranOn = append(s.ranOn, "client: matrix-js-sdk "+sdk.Version)
		return sdk.Close()
	case provision.OnCI():
		return err
	}
	s.couldNot = append(s.couldNot, "whether a client can show the events of the bridge: "+err.Error())
	return nil
}

// ffmpeg makes sure that it is there, and tells the tests that they must find it.
func (s *suite) ffmpeg(ctx context.Context) error {
	version, err := s.cache.FFmpeg(ctx)
	switch {
	case err == nil:
		s.ranOn = append(s.ranOn, "files: "+version)
		return os.Setenv("CAUSEWAY_TEST_FFMPEG", "required")
	case provision.OnCI() || !errors.Is(err, provision.ErrUnavailable):
		return fmt.Errorf("get ffmpeg: %w", err)
	}
	s.couldNot = append(s.couldNot, "what needs ffmpeg: "+err.Error())
	return nil
}

// postgres returns the address of a server: the one in the environment, or one started for this run.
func (s *suite) postgres(ctx context.Context) (uri string, stop func() error, err error) {
	none := func() error { return nil }
	if uri = os.Getenv("CAUSEWAY_TEST_POSTGRES"); uri != "" {
		version, err := provision.PostgresVersion(ctx, uri)
		s.ranOn = append(s.ranOn, "databases: SQLite and Postgres "+version+" (the one in CAUSEWAY_TEST_POSTGRES)")
		return uri, none, err
	}
	say("Start a Postgres of its own")
	pg, err := s.cache.StartPostgres(ctx)
	switch {
	case err == nil:
		s.ranOn = append(s.ranOn, "databases: SQLite and Postgres "+pg.Version)
		return pg.URI(), pg.Stop, nil
	case provision.OnCI() || !errors.Is(err, provision.ErrUnavailable):
		return "", none, err
	}
	s.ranOn = append(s.ranOn, "databases: SQLite")
	s.couldNot = append(s.couldNot, "everything on Postgres: "+err.Error())
	return "", none, nil
}

// packages lists all packages but the one that runs the real binaries and the one that needs flags of its own.
func (s *suite) packages(ctx context.Context) ([]string, error) {
	list := exec.CommandContext(ctx, "go", "list", "-tags", "goolm", "./...")
	list.Dir = s.cache.Root
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("list the packages: %w", err)
	}
	var found []string
	for name := range strings.FieldsSeq(string(out)) {
		if name != "causeway/e2e" && name != racing {
			found = append(found, name)
		}
	}
	return found, nil
}

func (s *suite) goTool(ctx context.Context, env, args []string) error {
	test := exec.CommandContext(ctx, "go", args...)
	test.Dir, test.Env = s.cache.Root, env
	test.Stdout, test.Stderr = os.Stdout, os.Stderr
	test.Cancel = func() error { return test.Process.Signal(os.Interrupt) }
	test.WaitDelay = time.Minute
	if err := test.Run(); err != nil {
		return fmt.Errorf("run go %s: %w", strings.Join(args[:2], " "), err)
	}
	return nil
}

func (s *suite) timed(what string, do func() error) error {
	start := time.Now()
	err := do()
	result := "passed"
	if err != nil {
		result = "FAILED"
	}
	s.ranOn = append(s.ranOn, fmt.Sprintf("%s: %s in %s", what, result, time.Since(start).Round(time.Second)))
	return err
}

func (s *suite) summarize(err error) {
	fmt.Printf("\nRan on\n")
	for _, line := range s.ranOn {
		fmt.Println("  " + line)
	}
	if s.only != "" {
		s.couldNot = append(s.couldNot, "tests that do not match "+s.only)
	}
	if len(s.couldNot) > 0 {
		fmt.Println("Not run")
		for _, line := range s.couldNot {
			fmt.Println("  " + line)
		}
	}
	if err != nil {
		fmt.Printf("\nFAILED: %v\n", err)
		return
	}
	fmt.Printf("\nAll tests passed.\n")
}
