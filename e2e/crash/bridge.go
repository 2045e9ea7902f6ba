package crash

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"causeway/crashpoint"
	"causeway/e2e/provision"
)

// readyTime is how long the bridge may take until it answers; a busy machine with two cores needs it.
const readyTime = time.Minute

// bridge is the bridge's program, started again and again.
type bridge struct {
	binary, dir, listen string
	env                 []string
	process             *provision.Process
}

// setUp runs causeway init.
func (b *bridge) setUp(ctx context.Context, homeserver, domain, database string) error {
	port, err := provision.FreePort()
	if err != nil {
		return err
	}
	b.listen = fmt.Sprintf("127.0.0.1:%d", port)
	args := []string{"init", "--homeserver", homeserver, "--domain", domain, "--owner", "@alice:" + domain,
		"--dir", filepath.Join(b.dir, "bridge"), "--listen", b.listen, "--address", b.url()}
	if database != "" {
		args = append(args, "--database", database)
	}
	command := exec.CommandContext(ctx, b.binary, args...) //nolint:gosec // the program under test
	command.Env = b.env
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("run causeway init: %w\n%s", err, output)
	}
	return nil
}

func (b *bridge) url() string { return "http://" + b.listen }

// start starts the process without waiting for it. If crashAt is not empty it ends there by itself.
func (b *bridge) start(crashAt string) (err error) {
	env := append([]string(nil), b.env...)
	if crashAt != "" {
		env = append(env, crashpoint.Environment+"="+crashAt)
	}
	b.process, err = provision.Start(provision.Command{
		Name: "causeway", LogDir: b.dir, Dir: b.dir, Env: env, Path: b.binary,
		Args: []string{"run", "-c", filepath.Join(b.dir, "bridge", "config.yaml")},
	})
	return err
}

// running says whether the process is there.
func (b *bridge) running() bool {
	if b.process == nil {
		return false
	}
	select {
	case <-b.process.Done():
		return false
	default:
		return true
	}
}

// ensure starts the bridge if it is not running and waits until it is at work.
func (b *bridge) ensure(ctx context.Context) error {
	if !b.running() {
		if err := b.start(""); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	return b.process.WaitReady(ctx, b.ready)
}

func (b *bridge) ready(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url()+"/ready", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("ask whether it is ready: %s", answer.Status)
	}
	return nil
}

// kill ends the process as a power cut would. It reports false when the process had ended by itself before, which it never should.
func (b *bridge) kill() bool {
	alive := b.running()
	b.process.Kill()
	return alive
}

// stop asks the process to end.
func (b *bridge) stop() error {
	if !b.running() {
		return nil
	}
	return b.process.Stop()
}

func (b *bridge) tail() string {
	if b.process == nil {
		return ""
	}
	return b.process.Tail()
}

// environment is what the bridge gets of this process's, and its own settings.
func environment(settings ...string) []string {
	var env []string
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "CAUSEWAY_") {
			env = append(env, pair)
		}
	}
	return append(env, settings...)
}
