package matrix

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/id"

	"causeway/database"
)

// Timeouts of the HTTP server. A transaction is at most some megabytes, from a homeserver that is near.
const (
	headerTimeout   = 10 * time.Second
	readTimeout     = time.Minute
	writeTimeout    = 2 * time.Minute
	idleTimeout     = 2 * time.Minute
	shutdownTimeout = 10 * time.Second
	pingTimeout     = 5 * time.Second // of the database, for /ready
	maxHeader       = 64 << 10        // bytes
)

// Arrivals journals what the homeserver pushes. inbox.Inbox is one.
type Arrivals interface {
	// AddMatrix returns nil when the room events, and the receipts among the ephemeral ones, are durable.
	AddMatrix(ctx context.Context, events, ephemeral []json.RawMessage) error
}

// Signs takes what is worth something only now. live.Signs is one.
type Signs interface {
	// FromMatrix takes the list of those who are typing in a room. It does not wait.
	FromMatrix(room id.RoomID, users []id.UserID)
}

// Server answers the homeserver (Application Service API) and whoever asks whether the bridge is well.
type Server struct {
	cfg      Config
	arrivals Arrivals
	db       *database.DB
	log      zerolog.Logger
	signs    Signs // nil: nobody looks at them
	mux      *http.ServeMux
	state    serverState
}

// serverState is what changes while the server runs.
type serverState struct {
	ready  atomic.Bool
	failed atomic.Int64 // transactions in a row that could not be stored

	mu     sync.Mutex
	pinged string // the transaction ID of the last ping
}

// NewServer returns the server. It listens to nothing yet: see Listen and Serve.
func NewServer(cfg Config, arrivals Arrivals, db *database.DB, log zerolog.Logger) *Server {
	s := &Server{cfg: cfg, arrivals: arrivals, db: db, log: log, mux: http.NewServeMux()}
	s.mux.Handle("PUT /_matrix/app/v1/transactions/{txnId}", s.authorized(s.putTransaction))
	s.mux.Handle("GET /_matrix/app/v1/users/{userId}", s.authorized(s.getUser))
	s.mux.Handle("GET /_matrix/app/v1/rooms/{roomAlias}", s.authorized(s.getRoom))
	s.mux.Handle("POST /_matrix/app/v1/ping", s.authorized(s.postPing))
	// "Legacy routes" of the Application Service API.
	s.mux.Handle("PUT /transactions/{txnId}", s.authorized(s.putTransaction))
	s.mux.Handle("GET /users/{userId}", s.authorized(s.getUser))
	s.mux.Handle("GET /rooms/{roomAlias}", s.authorized(s.getRoom))
	for _, prefix := range []string{"", "/_matrix/mau"} { // the second is what tools for other bridges ask
		s.mux.HandleFunc("GET "+prefix+"/live", s.getLive)
		s.mux.HandleFunc("GET "+prefix+"/ready", s.getReady)
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, "M_UNRECOGNIZED", "The bridge has no such endpoint")
	})
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Serve answers on a listener until ctx ends, then lets the requests in hand finish.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(s.log, "", 0),
	}
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		if server.Shutdown(shutdown) != nil {
			_ = server.Close()
		}
	})
	err := server.Serve(listener)
	if !stop() {
		<-done
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// SetSigns says who takes signs. It must be called before Serve.
func (s *Server) SetSigns(signs Signs) { s.signs = signs }

// SetReady says whether the bridge is at work, for /ready.
func (s *Server) SetReady(ready bool) { s.state.ready.Store(ready) }

// authorized lets only the homeserver in (Application Service API, "Authorization"). The query parameter is the older
// form.
func (s *Server) authorized(next http.HandlerFunc) http.Handler {
	want := sha256.Sum256([]byte(s.cfg.HSToken))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given := bearer(r.Header.Get("Authorization"))
		if given == "" {
			given = r.URL.Query().Get("access_token")
		}
		// Digests are compared, so that the time taken tells nothing of the token, its length included.
		digest := sha256.Sum256([]byte(given))
		switch {
		case given == "":
			refuse(w, http.StatusUnauthorized, "M_MISSING_TOKEN", "The request has no token")
		case subtle.ConstantTimeCompare(digest[:], want[:]) != 1:
			refuse(w, http.StatusForbidden, "M_FORBIDDEN", "The token is not the hs_token of the bridge's registration")
		default:
			next(w, r)
		}
	})
}

func bearer(header string) string {
	scheme, token, found := strings.Cut(header, " ")
	if !found || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// getLive says that the process answers.
func (s *Server) getLive(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "{}") }

// getReady says whether the bridge can do its work: it has started and its database answers.
func (s *Server) getReady(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), pingTimeout)
	defer cancel()
	switch {
	case !s.state.ready.Load():
		refuse(w, http.StatusServiceUnavailable, "M_UNKNOWN", "The bridge is starting or stopping")
	case s.db.Ping(ctx) != nil:
		refuse(w, http.StatusServiceUnavailable, "M_UNKNOWN", "The bridge cannot reach its database")
	default:
		answer(w, http.StatusOK, "{}")
	}
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // whoever has gone away asks again
}

// refuse answers with an error in the form of the specification (Client-Server API, "Standard error response").
func refuse(w http.ResponseWriter, status int, code, text string) {
	body, err := json.Marshal(map[string]string{"errcode": code, "error": text})
	if err != nil {
		body = []byte(`{"errcode":"M_UNKNOWN"}`)
	}
	answer(w, status, string(body))
}
