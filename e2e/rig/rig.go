// Package rig sets up one bridge with all that is around it: a homeserver, a database, a simulated WhatsApp network, each a process of
// its own, and the bridge as the ordinary program, set up with the commands that a self-hoster would type.
package rig

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"causeway/e2e/person"
	"causeway/e2e/provision"
)

// Domain is the server name of every rig's homeserver; Owner administers its bridge; Bot is the bridge's own account.
const (
	Domain = "localhost"
	Owner  = "alice"
	Bot    = "@whatsappbot:" + Domain
)

// Databases that a bridge can run on.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

// readyTime is how long each process may take until it answers; a busy machine with two cores needs it.
const readyTime = 2 * time.Minute

// Binaries are the programs under test.
type Binaries struct{ Causeway, Wasim string }

// Build builds the programs under test from the tree into a directory, as they are released: without a C compiler.
func Build(ctx context.Context, cache *provision.Cache, dir string) (Binaries, error) {
	b := Binaries{Causeway: filepath.Join(dir, "causeway"), Wasim: filepath.Join(dir, "wasim")}
	if err := cache.BuildGo(ctx, ".", "./cmd/causeway", b.Causeway); err != nil {
		return b, fmt.Errorf("build causeway: %w", err)
	}
	if err := cache.BuildGo(ctx, ".", "./cmd/wasim", b.Wasim); err != nil {
		return b, fmt.Errorf("build wasim: %w", err)
	}
	return b, nil
}

// Options say what a rig is made of.
type Options struct {
	Binaries   Binaries
	Homeserver *provision.Installed
	// Database is the bridge's database address, or empty for SQLite in Dir.
	Database string
	// Settings are those that differ from what causeway init writes, as variables of the environment: "NAME=value".
	Settings []string
	// Dir takes all files; it must be empty.
	Dir string
	// Say takes progress lines; nil for silence.
	Say provision.Say
}

// Rig is a running bridge and its surroundings.
type Rig struct {
	Homeserver *provision.Homeserver
	Network    *Network
	// Config is the path of the bridge's configuration.
	Config string

	options Options
	listen  string
	wasim   *provision.Process
	bridge  *provision.Process
	people  []*person.Person
}

// Start sets everything up in the order in which a self-hoster would, and waits until all of it answers.
func Start(ctx context.Context, options Options) (*Rig, error) {
	r := &Rig{options: options}
	if options.Say == nil {
		r.options.Say = func(string) {}
	}
	if err := r.start(ctx); err != nil {
		return nil, errors.Join(err, r.Stop())
	}
	return r, nil
}

func (r *Rig) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*readyTime)
	defer cancel()
	r.options.Say("Start the simulated WhatsApp network")
	if err := r.startNetwork(ctx); err != nil {
		return err
	}
	port, err := provision.FreePort()
	if err != nil {
		return err
	}
	site := provision.Site{Domain: Domain, Port: port, Dir: filepath.Join(r.options.Dir, "homeserver")}
	if err := r.setUpBridge(ctx, site.URL()); err != nil {
		return err
	}
	site.Registrations = []string{filepath.Join(filepath.Dir(r.Config), "registration.yaml")}
	r.options.Say("Start the homeserver (" + r.options.Homeserver.Kind + " " + r.options.Homeserver.Version + ")")
	if r.Homeserver, err = r.options.Homeserver.Start(ctx, site); err != nil {
		return err
	}
	r.options.Say("Start the bridge")
	return r.StartBridge(ctx)
}

// setUpBridge runs causeway init.
func (r *Rig) setUpBridge(ctx context.Context, homeserver string) error {
	port, err := provision.FreePort()
	if err != nil {
		return err
	}
	r.listen = fmt.Sprintf("127.0.0.1:%d", port)
	dir := filepath.Join(r.options.Dir, "bridge")
	r.Config = filepath.Join(dir, "config.yaml")
	args := []string{"init", "--homeserver", homeserver, "--domain", Domain, "--owner", "@" + Owner + ":" + Domain,
		"--dir", dir, "--listen", r.listen, "--address", "http://" + r.listen}
	if r.options.Database != "" {
		args = append(args, "--database", r.options.Database)
	}
	_, err = r.Causeway(ctx, args...)
	return err
}

// Causeway runs a short command of the bridge's program and returns what it wrote, both streams together.
func (r *Rig) Causeway(ctx context.Context, args ...string) (string, error) {
	return runProgram(ctx, r.options.Binaries.Causeway, r.environment(), args...)
}

// environment is that of the bridge: nothing of this process's settings, and the simulated network in place of the real one.
func (r *Rig) environment(extra ...string) []string {
	env := append(bareEnvironment(),
		"CAUSEWAY_WHATSAPP_TEST_NETWORK_ADDRESS="+r.Network.Address,
		"CAUSEWAY_WHATSAPP_TEST_NETWORK_ROOT_KEY="+r.Network.RootKey,
		"CAUSEWAY_WHATSAPP_TEST_NETWORK_CA_FILE="+r.Network.CAFile,
		"CAUSEWAY_LOGGING_LEVEL=debug", "CAUSEWAY_LOGGING_FORMAT=json", "NO_COLOR=1",
	)
	return slices.Concat(env, r.options.Settings, extra)
}

// bareEnvironment is what any program needs, without the settings of a bridge.
func bareEnvironment() []string {
	var env []string
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "CAUSEWAY_") {
			env = append(env, pair)
		}
	}
	return env
}

// StartBridge starts the bridge and waits until it is at work.
func (r *Rig) StartBridge(ctx context.Context) error {
	if err := r.LaunchBridge(); err != nil {
		return err
	}
	return r.WaitBridge(ctx)
}

// LaunchBridge starts the bridge and waits for nothing.
func (r *Rig) LaunchBridge() (err error) {
	r.bridge, err = provision.Start(provision.Command{
		Name: "causeway", LogDir: r.options.Dir, Dir: r.options.Dir, Env: r.environment(),
		Path: r.options.Binaries.Causeway, Args: []string{"run", "-c", r.Config},
	})
	return err
}

// WaitBridge waits until the bridge is at work.
func (r *Rig) WaitBridge(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	return r.bridge.WaitReady(ctx, r.Ready)
}

// Ready asks the bridge whether it is at work.
func (r *Rig) Ready(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.AppserviceURL()+"/ready", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		err = fmt.Errorf("ask whether it is ready: %s", response.Status)
	}
	return errors.Join(err, response.Body.Close())
}

// StopBridge asks the bridge to end and waits until it has.
func (r *Rig) StopBridge() error {
	if err := r.bridge.Stop(); err != nil {
		return err
	}
	if err := r.bridge.Err(); err != nil {
		return fmt.Errorf("stop causeway: %w; its log ends with:\n%s", err, r.bridge.Tail())
	}
	return nil
}

// KillBridge ends the bridge as a power cut would.
func (r *Rig) KillBridge() { r.bridge.Kill() }

// Bridge is the bridge's process.
func (r *Rig) Bridge() *provision.Process { return r.bridge }

// AppserviceURL is where the bridge takes the homeserver's transactions.
func (r *Rig) AppserviceURL() string { return "http://" + r.listen }

// Person registers an account and signs it in until the rig stops.
func (r *Rig) Person(ctx context.Context, name string) (*person.Person, error) {
	account, err := r.Homeserver.Register(ctx, name, Password(name))
	if err != nil {
		return nil, err
	}
	p, err := person.SignIn(r.Homeserver, account)
	if err == nil {
		r.people = append(r.people, p)
	}
	return p, err
}

// Password is that of a person's account.
func Password(name string) string { return name + "-on-the-causeway" }

// Stop ends everything, in the reverse order.
func (r *Rig) Stop() error {
	for _, p := range r.people {
		p.SignOut()
	}
	var errs []error
	if r.bridge != nil {
		errs = append(errs, r.bridge.Stop())
	}
	if r.Homeserver != nil {
		errs = append(errs, r.Homeserver.Stop())
	}
	errs = append(errs, r.wasim.Stop())
	return errors.Join(errs...)
}

// Logs shows the end of every process's output, for a failure message.
func (r *Rig) Logs() string {
	var text strings.Builder
	processes := []*provision.Process{r.bridge, r.wasim}
	if r.Homeserver != nil {
		processes = append(processes, r.Homeserver.Process())
	}
	for _, p := range processes {
		if p != nil {
			fmt.Fprintf(&text, "--- end of %s\n%s\n", p.Log, p.Tail())
		}
	}
	return text.String()
}
