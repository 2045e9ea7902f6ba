package matrix

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"
)

// oldestSpec is the first version of the specification with the /v3 endpoints that the bridge uses.
const oldestSpec = "v1.1"

// Checker asks the homeserver, before the bridge starts to work, whether both know each other. Its errors say what to
// change.
type Checker struct {
	cfg     Config
	clients *clients
}

// NewChecker returns a checker. It does not talk to the homeserver yet.
func NewChecker(cfg Config) (*Checker, error) {
	clients, err := newClients(cfg)
	if err != nil {
		return nil, err
	}
	return &Checker{cfg: cfg, clients: clients}, nil
}

// Check finds out whether the homeserver answers and knows the bridge by the names of the configuration. It changes
// nothing, and does not need the bridge to listen.
func (c *Checker) Check(ctx context.Context) error {
	if err := c.checkVersions(ctx); err != nil {
		return err
	}
	if err := c.checkIdentity(ctx); err != nil {
		return err
	}
	return c.checkGhosts(ctx)
}

func (c *Checker) checkVersions(ctx context.Context) error {
	client := c.clients.as("")
	client.AccessToken = "" // with a token that it does not know Synapse would answer 401 even here
	versions, err := client.Versions(ctx)
	if err != nil {
		return c.unreachable(err)
	}
	oldest := mautrix.MustParseSpecVersion(oldestSpec)
	if !versions.ContainsGreaterOrEqual(oldest) {
		return fmt.Errorf("homeserver.address: %s speaks Matrix up to %s; the bridge needs %s or later (Synapse 1.48, Dendrite 0.9 or newer)",
			c.cfg.Homeserver, versions.GetLatest(), oldestSpec)
	}
	return nil
}

func (c *Checker) unreachable(err error) error {
	failed, ok := errors.AsType[mautrix.HTTPError](err)
	if !ok || failed.Response == nil {
		return fmt.Errorf("homeserver.address: no homeserver can be reached at %s: %w", c.cfg.Homeserver, err)
	}
	if location := failed.Response.Header.Get("Location"); location != "" {
		return fmt.Errorf("homeserver.address: %s redirects to %s; use the address where the homeserver itself answers", c.cfg.Homeserver, location)
	}
	return fmt.Errorf("homeserver.address: what answers at %s is not a working homeserver (HTTP %d at /_matrix/client/versions): %w",
		c.cfg.Homeserver, failed.Response.StatusCode, err)
}

// checkIdentity finds out whether the homeserver knows the token, and as whose.
func (c *Checker) checkIdentity(ctx context.Context) error {
	who, err := c.clients.as("").Whoami(ctx)
	switch {
	case errors.Is(err, mautrix.MUnknownToken), hasStatus(err, http.StatusUnauthorized):
		return errors.New("appservice.as_token: the homeserver does not know it; is registration.yaml the newest one " +
			"('causeway registration'), listed in the homeserver's configuration (Synapse: app_service_config_files; " +
			"Dendrite: app_service_api.config_files), and was the homeserver restarted since?")
	case errors.Is(err, mautrix.MForbidden):
		return nil // the bot is not a user yet; Start makes it one
	case err != nil:
		return fmt.Errorf("ask the homeserver whose appservice.as_token is: %w", err)
	case who.UserID == c.cfg.Bot:
		return nil
	}
	_, domain, err := who.UserID.Parse()
	if err == nil && domain != c.cfg.Domain {
		return fmt.Errorf("homeserver.domain: it is %q here, but the homeserver's own name is %q", c.cfg.Domain, domain)
	}
	return fmt.Errorf("appservice.bot.username: the homeserver has %s as the bot of this as_token, the configuration has %s; "+
		"make registration.yaml anew ('causeway registration'), give it to the homeserver and restart that", who.UserID, c.cfg.Bot)
}

// checkGhosts finds out whether the user names of contacts belong to the bridge, by one that no contact has. Homeservers
// differ in what they tell: Synapse refuses to act as a user outside the namespace, Dendrite says only that the name is
// free to anybody. What neither tells is let pass.
func (c *Checker) checkGhosts(ctx context.Context) error {
	localpart := c.cfg.GhostPrefix + "0"
	probe := id.NewUserID(localpart, c.cfg.Domain)
	_, err := c.clients.as(probe).Whoami(ctx)
	outside := err != nil && strings.Contains(err.Error(), "masquerade")
	if !outside {
		free, err := c.clients.as("").RegisterAvailable(ctx, localpart)
		outside = err == nil && free != nil && free.Available
	}
	if outside {
		return fmt.Errorf("appservice.ghost_prefix: the homeserver does not give user names such as %s to the bridge; make registration.yaml "+
			"anew ('causeway registration'), give it to the homeserver and restart that", probe)
	}
	return nil
}

// pingUnsupported are the errors of homeservers that cannot ping, such as Dendrite.
func pingUnsupported(err error) bool {
	return errors.Is(err, mautrix.MUnrecognized) || hasStatus(err, http.StatusNotFound) || hasStatus(err, http.StatusMethodNotAllowed)
}

// A homeserver may still hold a connection to a bridge that was killed, and fail once at finding it dead.
const (
	pingTries = 4
	pingPause = 500 * time.Millisecond
)

// ping has the homeserver reach the bridge (Application Service API, "Pinging"; MSC2659).
func (c *Checker) ping(ctx context.Context, pings Pings) error {
	bot := c.clients.as(c.cfg.Bot)
	transaction := bot.TxnID()
	_, err := bot.AppservicePing(ctx, c.cfg.AppServiceID, transaction)
	for try := 1; try < pingTries && isUnconnected(err); try++ {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pingPause):
		}
		_, err = bot.AppservicePing(ctx, c.cfg.AppServiceID, transaction)
	}
	switch {
	case err == nil && pings.Pinged(transaction):
		return nil
	case err == nil:
		return fmt.Errorf("appservice.address: the homeserver reached something else than this bridge at %s", c.cfg.Address)
	case pingUnsupported(err):
		return nil
	case errors.Is(err, mautrix.MForbidden):
		return fmt.Errorf("appservice.id: the homeserver knows the bridge by another one than %q: %w", c.cfg.AppServiceID, err)
	}
	failed, ok := errors.AsType[mautrix.HTTPError](err)
	if !ok || failed.RespError == nil {
		return fmt.Errorf("have the homeserver reach the bridge: %w", err)
	}
	if status, _ := failed.RespError.ExtraData["status"].(float64); int(status) == http.StatusForbidden || int(status) == http.StatusUnauthorized {
		return errors.New("appservice.hs_token: the homeserver has another one, or something else answers at appservice.address; " +
			"make registration.yaml anew ('causeway registration'), give it to the homeserver and restart that")
	}
	if slices.Contains([]string{"M_BAD_STATUS", "M_CONNECTION_FAILED", "M_CONNECTION_TIMEOUT", "M_URL_NOT_SET"}, failed.RespError.ErrCode) {
		return fmt.Errorf("appservice.address: the homeserver cannot reach the bridge at the url of registration.yaml, which must be %s (%s: %s); "+
			"name the bridge's own host or container there, and make appservice.listen accept what comes from the homeserver",
			c.cfg.Address, failed.RespError.ErrCode, failed.RespError.Err)
	}
	return fmt.Errorf("have the homeserver reach the bridge: %w", err)
}

// isUnconnected reports whether the homeserver had no connection to the bridge (MSC2659).
func isUnconnected(err error) bool {
	failed, ok := errors.AsType[mautrix.HTTPError](err)
	return ok && failed.RespError != nil && (failed.RespError.ErrCode == "M_CONNECTION_FAILED" || failed.RespError.ErrCode == "M_CONNECTION_TIMEOUT")
}
