package crash

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"causeway/e2e/provision"
	"causeway/simulator"
	"causeway/simulator/homeserver"
)

// domain is the null homeserver's; the tokens are those of its application service.
const (
	domain  = "test.local"
	bot     = "@whatsappbot:" + domain
	asToken = "as-token-of-the-crash-tests"
	hsToken = "hs-token-of-the-crash-tests"
)

// mediaLimit is how large a file may be on either side, in bytes.
const mediaLimit = 600 << 20

// code is a pairing code as the bot shows it.
var code = regexp.MustCompile(`\b[0-9A-Z]{4}-[0-9A-Z]{4}\b`)

// person uses the bridge.
type person struct {
	user  string // Matrix user ID
	phone *simulator.Phone
}

// world is a bridge and all that is around it.
type world struct {
	options Options
	network *simulator.Network
	matrix  matrix
	bridge  *bridge
	store   *store
	people  []*person
}

// open starts everything and links an account for each of two people.
func open(ctx context.Context, options Options) (w *world, err error) {
	w = &world{options: options}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if w.network, err = simulator.Start(simulator.Options{Seed: options.Seed, MediaLimit: mediaLimit}); err != nil {
		return w, err
	}
	if err := w.setUpBridge(ctx); err != nil {
		return w, err
	}
	for i, name := range []string{"alice", "bob"} {
		phone, err := w.network.AddPhone(fmt.Sprintf("4917139200%02d", i), name)
		if err != nil {
			return w, err
		}
		user, err := w.matrix.addUser(ctx, name)
		if err != nil {
			return w, err
		}
		p := &person{user: user, phone: phone}
		if err := w.logIn(ctx, p); err != nil {
			return w, fmt.Errorf("log in %s: %w; the bridge's log ends with:\n%s", name, err, w.bridge.tail())
		}
		w.people = append(w.people, p)
	}
	return w, nil
}

func (w *world) setUpBridge(ctx context.Context) error {
	authority := filepath.Join(w.options.Dir, "ca.pem")
	if err := os.WriteFile(authority, w.network.CAPEM(), 0o600); err != nil {
		return err
	}
	key := w.network.RootKey()
	w.bridge = &bridge{binary: w.options.Binary, dir: w.options.Dir, env: environment(
		"CAUSEWAY_WHATSAPP_TEST_NETWORK_ADDRESS="+w.network.Address(),
		"CAUSEWAY_WHATSAPP_TEST_NETWORK_ROOT_KEY="+hex.EncodeToString(key[:]),
		"CAUSEWAY_WHATSAPP_TEST_NETWORK_CA_FILE="+authority,
		"CAUSEWAY_WHATSAPP_RECONNECT_MAX_BACKOFF=2s", "CAUSEWAY_LOGGING_FORMAT=json", "CAUSEWAY_LOGGING_LEVEL=debug", "NO_COLOR=1",
	)}
	start := w.startNull
	if w.options.Synapse != nil {
		start = w.startSynapse
	}
	if err := start(ctx); err != nil {
		return err
	}
	if err := w.bridge.ensure(ctx); err != nil {
		return err
	}
	var err error
	w.store, err = openStore(w.options.Database, filepath.Join(w.options.Dir, "bridge", "causeway.db"))
	return err
}

// startNull starts the null homeserver and sets the bridge up for it.
func (w *world) startNull(ctx context.Context) error {
	null, err := homeserver.Start(homeserver.Options{Domain: domain, ASToken: asToken, HSToken: hsToken, MediaLimit: mediaLimit})
	if err != nil {
		return err
	}
	w.matrix = matrix{rooms: null, lobby: null, files: nullFiles{null}, null: null}
	w.bridge.env = append(w.bridge.env, "CAUSEWAY_APPSERVICE_AS_TOKEN="+asToken, "CAUSEWAY_APPSERVICE_HS_TOKEN="+hsToken)
	if err := w.bridge.setUp(ctx, null.URL(), domain, w.options.Database); err != nil {
		return err
	}
	null.PushTo(w.bridge.url())
	return nil
}

// startSynapse sets the bridge up for a Synapse and starts that.
func (w *world) startSynapse(ctx context.Context) error {
	port, err := provision.FreePort()
	if err != nil {
		return err
	}
	site := provision.Site{Domain: domain, Port: port, Dir: filepath.Join(w.options.Dir, "homeserver"),
		Registrations: []string{filepath.Join(w.options.Dir, "bridge", "registration.yaml")}}
	if err := w.bridge.setUp(ctx, site.URL(), domain, w.options.Database); err != nil {
		return err
	}
	s, err := startSynapse(ctx, w.options.Synapse, site)
	if err != nil {
		return err
	}
	w.matrix = matrix{rooms: s, lobby: s, files: s, synapse: s}
	return nil
}

func (w *world) databaseName() string {
	if w.options.Database == "" {
		return "sqlite"
	}
	return "postgres"
}

// loginTime bounds the login of one person.
const loginTime = time.Minute

// logIn links a person's account by pairing code, through the bot.
func (w *world) logIn(ctx context.Context, p *person) error {
	ctx, cancel := context.WithTimeout(ctx, loginTime)
	defer cancel()
	room, err := w.matrix.lobby.MakeRoom(p.user, true, bot)
	if err != nil {
		return err
	}
	hear := func(wanted func(text string) bool) (string, error) { return w.matrix.hear(ctx, room, wanted) }
	if _, err := hear(func(text string) bool { return strings.Contains(text, "Hello!") }); err != nil {
		return fmt.Errorf("wait for the bot's greeting: %w", err)
	}
	command := map[string]any{"msgtype": "m.text", "body": "login phone +" + p.phone.Number()}
	if _, err := w.matrix.rooms.Send(p.user, room, "m.room.message", command); err != nil {
		return err
	}
	shown, err := hear(code.MatchString)
	if err != nil {
		return fmt.Errorf("wait for the pairing code: %w", err)
	}
	if _, err := p.phone.EnterCode(ctx, code.FindString(shown)); err != nil {
		return err
	}
	if _, err := hear(func(text string) bool { return strings.Contains(text, "is linked") }); err != nil {
		return fmt.Errorf("wait until the account is linked: %w", err)
	}
	return nil
}

// keepEvents writes down what the simulated network saw, for whoever looks for the cause.
func (w *world) keepEvents() error {
	gone, cancel := context.WithCancel(context.Background())
	cancel() // nothing is waited for
	var text strings.Builder
	for _, e := range w.network.Events(gone, 0) {
		fmt.Fprintf(&text, "%s %s %s %s %s %s %s\n", e.Time.Format("15:04:05.000"), e.Kind, e.Device, e.Class, e.ID, e.Chat, e.Detail)
	}
	return os.WriteFile(filepath.Join(w.options.Dir, "events.log"), []byte(text.String()), 0o600)
}

// close ends everything.
func (w *world) close() error {
	var errs []error
	if w.bridge != nil {
		errs = append(errs, w.bridge.stop())
	}
	if w.store != nil {
		errs = append(errs, w.store.close())
	}
	errs = append(errs, w.matrix.close())
	if w.network != nil {
		errs = append(errs, w.network.Close())
	}
	return errors.Join(errs...)
}

// left is what the bridge itself says that it has still to do.
func (w *world) left(ctx context.Context) (leftovers, error) { return w.store.count(ctx) }
