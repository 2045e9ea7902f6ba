// Package provision gets and runs what an end-to-end run needs on a fresh machine: a homeserver (Synapse from Python's package
// index, or Dendrite built by Go), a Postgres cluster of its own, and child processes that end with the program that started them.
//
// What is fetched or built is kept under .cache in the project and is used again. What runs keeps its files in a directory that the
// caller gives, listens on loopback only, and has nothing in it that outlives the run.
package provision

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// ErrUnavailable says that something cannot be had on this machine; the text around it says what and what to do about it.
var ErrUnavailable = errors.New("not available on this machine")

// Say takes one line of progress, for a person to read.
type Say func(line string)

// Cache is the directory in which fetched and built things are kept between runs.
type Cache struct {
	// Root is the project's directory, the one with go.mod.
	Root string
	// Dir is where things are kept: Root/.cache.
	Dir string

	say Say
}

// Open finds the project around the working directory and makes its cache directory. Progress lines go to say.
func Open(say Say) (*Cache, error) {
	root, err := projectRoot()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(root, ".cache")
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o755); err != nil {
		return nil, fmt.Errorf("make the cache: %w", err)
	}
	if say == nil {
		say = func(string) {}
	}
	return &Cache{Root: root, Dir: dir, say: say}, nil
}

// projectRoot walks up from the working directory to the go.mod of the project itself, past those of nested modules.
func projectRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the project: %w", err)
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module causeway\n") {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("find the project: no go.mod of causeway in the working directory or above it")
		}
		dir = parent
	}
}

// step says what is being done and, once it took longer than a moment, how long it took.
func (c *Cache) step(what string, do func() error) error {
	c.say(what)
	start := time.Now()
	if err := do(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if took := time.Since(start); took > 5*time.Second {
		c.say(fmt.Sprintf("%s: done in %.0f s", what, took.Seconds()))
	}
	return nil
}

// BuildGo builds a package of the project or of a nested module in dir (relative to the project) into file, without a C compiler.
func (c *Cache) BuildGo(ctx context.Context, dir, pkg, file string) error {
	return c.BuildGoTagged(ctx, dir, pkg, file, "goolm")
}

// BuildGoTagged is BuildGo with these build tags, separated by commas.
func (c *Cache) BuildGoTagged(ctx context.Context, dir, pkg, file, tags string) error {
	args := []string{"build", "-tags", tags, "-o", file, pkg}
	env := append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOTOOLCHAIN=local")
	return runIn(ctx, filepath.Join(c.Root, dir), env, "go", args...)
}

// built returns the path of a tool in the cache, building it under a lock when it is not there.
func (c *Cache) built(ctx context.Context, name, dir, pkg string) (string, error) {
	file := filepath.Join(c.Dir, "bin", name)
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	unlock, err := c.lock(ctx, name)
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	// Built aside and renamed, so that a build that was cut short is never taken for a whole one.
	partial := file + ".partial"
	err = c.step("Build "+name+" (once, about two minutes)", func() error { return c.BuildGo(ctx, dir, pkg, partial) })
	if err != nil {
		return "", err
	}
	return file, os.Rename(partial, file)
}

// Linter returns the pinned golangci-lint, built from e2e/lint when it is not in the cache.
func (c *Cache) Linter(ctx context.Context) (string, error) {
	return c.built(ctx, "golangci-lint-"+LinterVersion, "e2e/lint", "github.com/golangci/golangci-lint/v2/cmd/golangci-lint")
}

// Versions of what is fetched. Those of Go modules are pinned in e2e/lint/go.mod and e2e/dendrite/go.mod too; a test compares them.
const (
	LinterVersion   = "v2.12.2"
	SynapseVersion  = "1.163.2"
	DendriteVersion = "v0.15.2"
	NodeVersion     = "24.19.0"
)

// FreePort returns a TCP port of the loopback interface that nobody listens on.
func FreePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// ReadTail returns the last lines of a file, at most max bytes of it.
func ReadTail(file string, max int64) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	from := info.Size() - max
	if from < 0 {
		from = 0
	}
	text, err := io.ReadAll(io.NewSectionReader(f, from, max))
	if err != nil {
		return ""
	}
	if _, rest, ok := strings.Cut(string(text), "\n"); ok && from > 0 {
		return rest
	}
	return string(text)
}

// OnCI says whether this is a run on CI, where nothing may be left out.
func OnCI() bool { return os.Getenv("CI") == "true" || os.Getenv("CI") == "1" }

// Machine is one line on the machine: system, processors, Go.
func Machine() string {
	return fmt.Sprintf("%s/%s, %d cores, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
}
