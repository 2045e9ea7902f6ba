package provision

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" // what the registration API of both homeservers asks for
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// Kinds of homeserver that can be provisioned.
const (
	Synapse  = "synapse"
	Dendrite = "dendrite"
)

// Site is where a homeserver will run. It is chosen before the homeserver starts, because the bridge's registration, which the
// homeserver reads at its start, is made for this address.
type Site struct {
	// Domain is the server name in user IDs.
	Domain string
	// Port is a free port of the loopback interface.
	Port int
	// Dir takes the configuration, the database and the log.
	Dir string
	// Registrations are the paths of the application services' registration files.
	Registrations []string
}

// URL is the address of the homeserver.
func (s Site) URL() string { return fmt.Sprintf("http://127.0.0.1:%d", s.Port) }

// Homeserver is a running homeserver with nobody else on it.
type Homeserver struct {
	Site

	// Kind is Synapse or Dendrite; Version is what it was installed as.
	Kind    string
	Version string

	secret  string
	process *Process
}

// Account is somebody who can sign in.
type Account struct {
	UserID      string `json:"user_id"`
	AccessToken string `json:"access_token"`
	DeviceID    string `json:"device_id"`
	Password    string `json:"-"`
}

// Installed is a homeserver that is ready to be started.
type Installed struct {
	Kind    string
	Version string

	program string
}

// Install gets a homeserver of a kind ready. With an empty kind it is Synapse or, where that cannot be had, Dendrite, and says so.
func (c *Cache) Install(ctx context.Context, kind string) (*Installed, error) {
	switch kind {
	case Synapse:
		python, err := c.installSynapse(ctx)
		return &Installed{Kind: Synapse, Version: SynapseVersion, program: python}, err
	case Dendrite:
		program, err := c.built(ctx, "dendrite-"+DendriteVersion, "e2e/dendrite", "github.com/element-hq/dendrite/cmd/dendrite")
		return &Installed{Kind: Dendrite, Version: DendriteVersion, program: program}, err
	case "":
		installed, err := c.Install(ctx, Synapse)
		if err == nil {
			return installed, nil
		}
		c.say("Synapse cannot be had, so Dendrite takes its place: " + firstLine(err.Error()))
		installed, second := c.Install(ctx, Dendrite)
		if second != nil {
			return nil, errors.Join(err, second)
		}
		return installed, nil
	}
	return nil, fmt.Errorf("install homeserver %q: the kinds are %s and %s", kind, Synapse, Dendrite)
}

// Start starts the homeserver at a site and waits until it answers.
func (i *Installed) Start(ctx context.Context, site Site) (*Homeserver, error) {
	if err := os.MkdirAll(site.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("start %s: %w", i.Kind, err)
	}
	hs := &Homeserver{Site: site, Kind: i.Kind, Version: i.Version, secret: token()}
	if err := hs.configure(); err != nil {
		return nil, fmt.Errorf("configure %s: %w", i.Kind, err)
	}
	return hs, hs.run(ctx, i.program)
}

func (hs *Homeserver) configure() error {
	if hs.Kind == Dendrite {
		return hs.configureDendrite()
	}
	return hs.configureSynapse()
}

func (hs *Homeserver) run(ctx context.Context, program string) (err error) {
	command := Command{Name: hs.Kind, LogDir: hs.Dir, Dir: hs.Dir, Path: program}
	if hs.Kind == Dendrite {
		command.Args = []string{"-config", "dendrite.yaml", "-http-bind-address", fmt.Sprintf("127.0.0.1:%d", hs.Port)}
	} else {
		command.Args = []string{"-m", "synapse.app.homeserver", "-c", "homeserver.yaml"}
		command.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=")
	}
	if hs.process, err = Start(command); err != nil {
		return err
	}
	err = hs.process.WaitReady(ctx, func(ctx context.Context) error {
		return hs.call(ctx, http.MethodGet, "/_matrix/client/versions", nil, nil)
	})
	if err != nil {
		hs.process.Kill()
	}
	return err
}

// Restart starts a homeserver again that was stopped, and waits until it answers.
func (i *Installed) Restart(ctx context.Context, hs *Homeserver) error { return hs.run(ctx, i.program) }

// Process is the homeserver's process.
func (hs *Homeserver) Process() *Process { return hs.process }

// Stop ends the homeserver.
func (hs *Homeserver) Stop() error { return hs.process.Stop() }

// Register makes an account through the shared-secret API, which Dendrite has taken over from Synapse, and signs it in.
func (hs *Homeserver) Register(ctx context.Context, username, password string) (Account, error) {
	const path = "/_synapse/admin/v1/register"
	var nonce struct{ Nonce string }
	if err := hs.call(ctx, http.MethodGet, path, nil, &nonce); err != nil {
		return Account{}, fmt.Errorf("register %s: %w", username, err)
	}
	mac := hmac.New(sha1.New, []byte(hs.secret))
	mac.Write([]byte(strings.Join([]string{nonce.Nonce, username, password, "notadmin"}, "\x00")))
	request := map[string]any{
		"nonce": nonce.Nonce, "username": username, "password": password, "admin": false,
		"mac": hex.EncodeToString(mac.Sum(nil)),
	}
	account := Account{Password: password}
	if err := hs.call(ctx, http.MethodPost, path, request, &account); err != nil {
		return Account{}, fmt.Errorf("register %s: %w", username, err)
	}
	return account, nil
}

func (hs *Homeserver) call(ctx context.Context, method, path string, request, answer any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	call, err := http.NewRequestWithContext(ctx, method, hs.URL()+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(call)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s answered %s: %.300s", method, path, response.Status, text)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}

// write writes a file of the homeserver's and returns its path.
func (hs *Homeserver) write(name, text string) error {
	return os.WriteFile(filepath.Join(hs.Dir, name), []byte(text), 0o600)
}

// token is a new secret for this run only.
func token() string { return rand.Text() }

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
