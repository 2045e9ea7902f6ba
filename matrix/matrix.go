// Package matrix is the Matrix edge: it takes transactions from the homeserver into the inbox, carries out the Matrix
// actions of the outbox, and checks at the start that homeserver and bridge know each other.
//
// It speaks the Client-Server API and the Application Service API of the Matrix specification, v1.1 and later. Nothing
// here tries again by itself: the outbox does.
package matrix

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"
)

// Bounds of one request to the homeserver.
const (
	requestTimeout  = 60 * time.Second
	maxResponse     = 8 << 20 // bytes
	idleConnections = 64
)

// userAgent is how the bridge introduces itself to the homeserver.
const userAgent = "Causeway"

// Token is a secret of the application service. It does not show in logs.
type Token string

// String hides the token.
func (Token) String() string { return "(secret)" }

// GoString hides the token.
func (Token) GoString() string { return "(secret)" }

// Config is what the Matrix edge must know of the configuration.
type Config struct {
	Homeserver   string    // homeserver.address: the URL of its client API
	Domain       string    // homeserver.domain: the server name in user IDs
	Address      string    // appservice.address: where the homeserver reaches the bridge; only for messages
	AppServiceID string    // appservice.id
	ASToken      Token     // what the bridge shows to the homeserver
	HSToken      Token     // what the homeserver shows to the bridge
	Bot          id.UserID // the bridge's own user
	BotName      string    // its display name; empty leaves it alone
	GhostPrefix  string    // what the localparts of ghosts start with
}

// IsGhost reports whether a user ID is one of those that the bridge makes for contacts.
func (c Config) IsGhost(user id.UserID) bool {
	localpart, domain, err := user.Parse()
	return err == nil && domain == c.Domain && strings.HasPrefix(localpart, c.GhostPrefix) && user != c.Bot
}

// clients makes a client for any user of the bridge. All share the connections and the token.
type clients struct {
	homeserver *url.URL
	token      string
	http       *http.Client
	ready      *recent // users that are known to be registered and, being ghosts, to have their name
}

func newClients(cfg Config) (*clients, error) {
	base, err := mautrix.ParseAndNormalizeBaseURL(cfg.Homeserver)
	if err != nil {
		return nil, fmt.Errorf("homeserver.address: %q is not a URL: %w", cfg.Homeserver, err)
	}
	if (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, fmt.Errorf("homeserver.address: %q is not a URL such as http://localhost:8008", cfg.Homeserver)
	}
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		transport = &http.Transport{Proxy: http.ProxyFromEnvironment}
	}
	transport = transport.Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = idleConnections, idleConnections
	return &clients{homeserver: base, token: string(cfg.ASToken), ready: newRecent(maxReady), http: &http.Client{
		Transport: transport,
		Timeout:   requestTimeout,
		// A redirect means that homeserver.address is wrong. Following it would hide that and turn PUT into GET.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// as returns a client that acts as a user (Application Service API, "Identity assertion"). It is cheap: one for each
// call. The intents of mautrix/appservice are not used, because their maps of clients and members never shrink.
func (c *clients) as(user id.UserID) *mautrix.Client {
	return &mautrix.Client{
		HomeserverURL:       c.homeserver,
		UserID:              user,
		AccessToken:         c.token,
		UserAgent:           userAgent,
		Client:              c.http,
		Log:                 zerolog.Nop(),
		ResponseSizeLimit:   maxResponse,
		SetAppServiceUserID: user != "",
	}
}
