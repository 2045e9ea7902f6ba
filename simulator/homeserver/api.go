package homeserver

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
)

// Bounds of what is read.
const (
	maxBody  = 1 << 20  // bytes of a request
	maxMedia = 16 << 20 // bytes of a file
	maxEvent = 65_536   // bytes of an event (Client-Server API, "Size limits"), here of its content
)

// apiError is an error in the form of the specification.
type apiError struct {
	status int

	Code string `json:"errcode"`
	Text string `json:"error"`
}

func (e *apiError) Error() string { return e.Code + ": " + e.Text }

// response is an answer as it goes out.
type response struct {
	status int
	body   any
}

// call is a request of the application service.
type call struct {
	request *http.Request
	user    string // as whom it acts
	body    map[string]any
}

func (c *call) path(name string) string { return c.request.PathValue(name) }

// text returns a string of the body.
func (c *call) text(name string) string {
	s, _ := c.body[name].(string)
	return s
}

// action answers a call. The homeserver's lock is held.
type action func(c *call) (any, error)

// routes is the client API.
func (h *Homeserver) routes() http.Handler {
	const client, rooms = "/_matrix/client/v3", "/_matrix/client/v3/rooms/{room}"
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_matrix/client/versions", func(w http.ResponseWriter, r *http.Request) {
		if token := r.Header.Get("Authorization"); token != "" && token != "Bearer "+h.opts.ASToken {
			write(w, failure(&apiError{http.StatusUnauthorized, "M_UNKNOWN_TOKEN", "Invalid access token passed."}))
			return
		}
		write(w, response{http.StatusOK, map[string]any{"versions": h.opts.Versions}})
	})
	for pattern, do := range map[string]action{
		"GET " + client + "/account/whoami":             h.whoami,
		"PUT " + client + "/profile/{user}/displayname": h.setName,
		"GET " + client + "/profile/{user}/displayname": h.getName,
		"POST " + client + "/createRoom":                h.createRoom,
		"GET " + client + "/directory/room/{alias}":     h.getAlias,
		"DELETE " + client + "/directory/room/{alias}":  h.deleteAlias,
		"POST " + client + "/join/{room}":               h.join,
		"POST " + rooms + "/join":                       h.join,
		"POST " + rooms + "/leave":                      h.leave,
		"POST " + rooms + "/invite":                     h.invite,
		"POST " + rooms + "/kick":                       h.kick,
		"GET " + rooms + "/messages":                    h.messages,
		"GET " + rooms + "/event/{event}":               h.getEvent,
		"GET " + rooms + "/state/{type}":                h.getState,
		"GET " + rooms + "/state/{type}/{key...}":       h.getState,
		"PUT " + rooms + "/state/{type}":                h.putState,
		"PUT " + rooms + "/state/{type}/{key...}":       h.putState,
		"PUT " + rooms + "/send/{type}/{txn}":           h.once(h.send),
		"PUT " + rooms + "/redact/{event}/{txn}":        h.once(h.redact),
		"POST " + rooms + "/receipt/m.read/{event}":     h.receipt,
	} {
		mux.Handle(pattern, h.authorized(h.locked(do)))
	}
	mux.Handle("GET "+client+"/register/available", http.HandlerFunc(h.available))
	mux.Handle("POST "+client+"/register", h.tokened(h.register))
	mux.Handle("POST /_matrix/media/v3/upload", h.tokened(h.upload))
	mux.HandleFunc("GET /_matrix/media/v3/config", h.mediaConfig)
	mux.Handle("GET /_matrix/media/v3/preview_url", h.tokened(h.preview))
	mux.HandleFunc("GET /_matrix/media/v3/download/{server}/{media}", h.download)
	if !h.opts.OldMedia {
		mux.Handle("GET /_matrix/client/v1/media/config", h.tokened(h.mediaConfig))
		mux.Handle("GET /_matrix/client/v1/media/preview_url", h.tokened(h.preview))
		mux.Handle("GET /_matrix/client/v1/media/download/{server}/{media}", h.tokened(h.download))
	}
	if !h.opts.NoPing {
		mux.Handle("POST /_matrix/client/v1/appservice/{id}/ping", h.tokened(h.ping))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		write(w, failure(&apiError{http.StatusNotFound, "M_UNRECOGNIZED", "Unrecognized request"}))
	})
	return mux
}

// tokened lets the application service in.
func (h *Homeserver) tokened(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "); token {
		case h.opts.ASToken:
			next(w, r)
		case "":
			write(w, failure(&apiError{http.StatusUnauthorized, "M_MISSING_TOKEN", "Missing access token"}))
		default:
			write(w, failure(&apiError{http.StatusUnauthorized, "M_UNKNOWN_TOKEN", "Invalid access token passed."}))
		}
	})
}

// authorized finds out as whom a request acts (Application Service API, "Identity assertion") and reads its body.
func (h *Homeserver) authorized(do func(c *call) response) http.Handler {
	return h.tokened(func(w http.ResponseWriter, r *http.Request) {
		c := &call{request: r, user: r.URL.Query().Get("user_id")}
		if c.user == "" {
			c.user = h.Bot()
		}
		if err := h.mayAct(c.user); err != nil {
			write(w, failure(err))
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodDelete {
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
			if err == nil {
				err = json.Unmarshal(body, &c.body)
			}
			if err != nil {
				write(w, failure(&apiError{http.StatusBadRequest, "M_NOT_JSON", "Content not JSON."}))
				return
			}
		}
		write(w, do(c))
	})
}

func (h *Homeserver) mayAct(as string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.ours(as) {
		return forbidden("Application service cannot masquerade as this user (%s).", as)
	} else if h.world.users[as] == nil {
		return forbidden("Application service has not registered this user (%s)", as)
	}
	return nil
}

func (h *Homeserver) locked(do action) func(c *call) response {
	return func(c *call) response {
		h.mu.Lock()
		defer h.mu.Unlock()
		body, err := do(c)
		if err != nil {
			return failure(err)
		}
		return response{http.StatusOK, body}
	}
}

// once makes a repeat of a request with a transaction ID harmless, as long as the homeserver remembers it.
func (h *Homeserver) once(do action) action {
	return func(c *call) (any, error) {
		key := c.request.URL.Path
		if known, ok := h.world.transactions[key]; ok {
			return known.body, nil
		}
		body, err := do(c)
		if err == nil {
			h.world.transactions[key] = response{http.StatusOK, body}
		}
		return body, err
	}
}

func failure(err error) response {
	known, ok := errors.AsType[*apiError](err)
	if !ok {
		known = &apiError{http.StatusInternalServerError, "M_UNKNOWN", err.Error()}
	}
	return response{known.status, known}
}

func write(w http.ResponseWriter, r response) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(r.status)
	_ = json.NewEncoder(w).Encode(r.body)
}
