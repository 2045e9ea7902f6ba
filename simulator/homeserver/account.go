package homeserver

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

func (h *Homeserver) whoami(c *call) (any, error) { return map[string]any{"user_id": c.user}, nil }

// register makes a user of the application service. Like Synapse with MSC4190 it refuses to log it in.
func (h *Homeserver) register(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Type         string `json:"type"`
		Username     string `json:"username"`
		InhibitLogin bool   `json:"inhibit_login"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&body); err != nil {
		write(w, failure(&apiError{http.StatusBadRequest, "M_NOT_JSON", "Content not JSON."}))
		return
	}
	user := h.userID(body.Username)
	switch {
	case body.Type != "m.login.application_service":
		write(w, failure(forbidden("Registration has been disabled")))
	case !body.InhibitLogin:
		write(w, failure(&apiError{http.StatusBadRequest, "M_APPSERVICE_LOGIN_UNSUPPORTED", "The inhibit_login parameter must be set to true."}))
	case !h.ours(user):
		write(w, failure(&apiError{http.StatusBadRequest, "M_EXCLUSIVE", "Invalid user localpart for this application service."}))
	case !h.addUser(user, body.Username):
		write(w, failure(&apiError{http.StatusBadRequest, "M_USER_IN_USE", "User ID already taken."}))
	default:
		write(w, response{http.StatusOK, map[string]any{"user_id": user}})
	}
}

// addUser reports false when the user is there already. A new user's name is their localpart.
func (h *Homeserver) addUser(id, name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.world.users[id] != nil {
		return false
	}
	h.world.users[id] = &user{id: id, name: name}
	h.change()
	return true
}

// available tells whether anybody could register a name.
func (h *Homeserver) available(w http.ResponseWriter, r *http.Request) {
	user := h.userID(r.URL.Query().Get("username"))
	if h.ours(user) {
		write(w, failure(&apiError{http.StatusBadRequest, "M_EXCLUSIVE", "This user ID is reserved by an application service."}))
		return
	}
	write(w, response{http.StatusOK, map[string]any{"available": true}})
}

func (h *Homeserver) getName(c *call) (any, error) {
	u := h.world.users[c.path("user")]
	if u == nil {
		return nil, &apiError{http.StatusNotFound, "M_NOT_FOUND", "Profile was not found"}
	}
	return map[string]any{"displayname": u.name}, nil
}

// setName changes a name, in every room that the user is in.
func (h *Homeserver) setName(c *call) (any, error) {
	if c.path("user") != c.user {
		return nil, forbidden("Cannot set another user's displayname")
	}
	h.world.users[c.user].name = c.text("displayname")
	for _, r := range h.world.rooms {
		if r.member(c.user) == "join" {
			if _, err := h.move(r, c.user, c.user, "join", nil); err != nil {
				return nil, err
			}
		}
	}
	h.change()
	return map[string]any{}, nil
}

func (h *Homeserver) upload(w http.ResponseWriter, r *http.Request) {
	body := http.MaxBytesReader(w, r.Body, h.opts.MediaLimit)
	if r.ContentLength > maxKept && r.ContentLength <= h.opts.MediaLimit {
		h.takeHuge(w, body)
		return
	}
	data, err := io.ReadAll(body)
	if err != nil {
		write(w, failure(&apiError{http.StatusRequestEntityTooLarge, "M_TOO_LARGE", "Upload request body is too large"}))
		return
	}
	write(w, response{http.StatusOK, map[string]any{"content_uri": h.PutMedia(data)}})
}

// ping calls the application service, as it was asked to (MSC2659).
func (h *Homeserver) ping(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("id") != h.opts.AppServiceID {
		write(w, failure(forbidden("Mismatching application service ID in path")))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		write(w, failure(&apiError{http.StatusBadRequest, "M_NOT_JSON", "Content not JSON."}))
		return
	}
	address := h.pusher.address()
	if address == "" {
		write(w, failure(&apiError{http.StatusBadRequest, "M_URL_NOT_SET", "The application service does not have a URL set"}))
		return
	}
	request, err := http.NewRequestWithContext(r.Context(), http.MethodPost, strings.TrimSuffix(address, "/")+"/_matrix/app/v1/ping", bytes.NewReader(body))
	if err != nil {
		write(w, failure(err))
		return
	}
	request.Header.Set("Authorization", "Bearer "+h.opts.HSToken)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		write(w, failure(&apiError{http.StatusBadGateway, "M_CONNECTION_FAILED", err.Error()}))
		return
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		write(w, response{http.StatusBadGateway, map[string]any{
			"errcode": "M_BAD_STATUS", "error": "HTTP " + answer.Status, "status": answer.StatusCode,
		}})
		return
	}
	write(w, response{http.StatusOK, map[string]any{"duration_ms": 1}})
}
