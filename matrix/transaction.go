package matrix

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/crashpoint"
	"causeway/database"
)

// maxTransaction bounds the body of a transaction in bytes. Homeservers put at most 100 events of 64 KiB into one.
const maxTransaction = 64 << 20

// maxPing bounds the body of a ping in bytes.
const maxPing = 64 << 10

// retryAfter is how many seconds the homeserver is asked to wait when the bridge cannot take a transaction.
const retryAfter = "5"

// putTransaction journals the events and only then says 200 (Application Service API, "Pushing events"). Whatever
// keeps them from being durable is 503: the homeserver tries again, and sends nothing else meanwhile. The elements are
// handed on as they came: what is wrong with one of them must not hold up the others.
//
// Receipts ("ephemeral", MSC2409) are journaled with them, and signs of typing are handed on. Presence, messages to devices, device lists and key counts
// (MSC3202) are accepted, and ignored for now: nothing acts on them yet.
func (s *Server) putTransaction(w http.ResponseWriter, r *http.Request) {
	var transaction struct {
		Events    []json.RawMessage `json:"events"`
		Ephemeral []json.RawMessage `json:"ephemeral"`                     // v1.13 of the specification
		MSC2409   []json.RawMessage `json:"de.sorunome.msc2409.ephemeral"` // before that
	}
	if !s.read(w, r, maxTransaction, &transaction) {
		return
	}
	ephemeral := transaction.Ephemeral
	if len(ephemeral) == 0 {
		ephemeral = transaction.MSC2409
	}
	if err := s.arrivals.AddMatrix(r.Context(), transaction.Events, ephemeral); err != nil {
		s.notStored(err, len(transaction.Events))
		w.Header().Set("Retry-After", retryAfter)
		refuse(w, http.StatusServiceUnavailable, "M_UNKNOWN", "The transaction could not be stored; send it again")
		return
	}
	crashpoint.Pass(crashpoint.MatrixJournaled)
	s.sign(ephemeral)
	if n := s.state.failed.Swap(0); n > 0 {
		s.log.Warn().Int64("refused", n).Msg("Transactions can be stored again")
	}
	answer(w, http.StatusOK, "{}")
}

// sign hands on who is typing (Client-Server API, "Typing notifications").
func (s *Server) sign(ephemeral []json.RawMessage) {
	for _, raw := range ephemeral {
		var typing struct {
			Type    string    `json:"type"`
			Room    id.RoomID `json:"room_id"`
			Content struct {
				Users []id.UserID `json:"user_ids"`
			} `json:"content"`
		}
		if s.signs != nil && json.Unmarshal(raw, &typing) == nil && typing.Type == event.EphemeralEventTyping.Type && isPlain(typing.Room) {
			s.signs.FromMatrix(typing.Room, typing.Content.Users)
		}
	}
}

// isPlain reports whether a database takes a room's ID.
func isPlain(room id.RoomID) bool { return !strings.ContainsRune(string(room), 0) }

// notStored logs the first of several failures in a row: the homeserver tries again and again.
func (s *Server) notStored(err error, events int) {
	line := s.log.Debug()
	if s.state.failed.Add(1) == 1 {
		line = s.log.Error()
	}
	line.Err(err).Int("events", events).Msg("A transaction could not be stored; the homeserver will send it again")
}

// getUser tells whether a ghost exists. It is asked for users of the bridge's namespace that were never registered.
func (s *Server) getUser(w http.ResponseWriter, r *http.Request) {
	user := id.UserID(r.PathValue("userId"))
	if !s.cfg.IsGhost(user) {
		refuse(w, http.StatusNotFound, "M_NOT_FOUND", "No such user")
		return
	}
	_, err := s.db.PuppetByUserID(r.Context(), user)
	switch {
	case errors.Is(err, database.ErrNotFound):
		refuse(w, http.StatusNotFound, "M_NOT_FOUND", "No such user")
	case err != nil:
		s.log.Error().Err(err).Stringer("user", user).Msg("A user could not be looked up for the homeserver")
		refuse(w, http.StatusServiceUnavailable, "M_UNKNOWN", "The user could not be looked up; ask again")
	default:
		answer(w, http.StatusOK, "{}")
	}
}

// getRoom makes no rooms on demand: who is in no WhatsApp group has no business in its room.
func (s *Server) getRoom(w http.ResponseWriter, _ *http.Request) {
	refuse(w, http.StatusNotFound, "M_NOT_FOUND", "No such room")
}

// postPing answers the homeserver's ping, which it makes when the bridge asks for one (MSC2659).
func (s *Server) postPing(w http.ResponseWriter, r *http.Request) {
	var ping struct {
		TransactionID string `json:"transaction_id"`
	}
	if !s.read(w, r, maxPing, &ping) {
		return
	}
	s.state.mu.Lock()
	s.state.pinged = ping.TransactionID
	s.state.mu.Unlock()
	answer(w, http.StatusOK, "{}")
}

// Pinged reports whether the homeserver's last ping had a transaction ID.
func (s *Server) Pinged(transaction string) bool {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	return transaction != "" && s.state.pinged == transaction
}

// read decodes a body, or says what is wrong with it and reports false.
func (s *Server) read(w http.ResponseWriter, r *http.Request, limit int64, into any) bool {
	var body []byte
	err := error(&http.MaxBytesError{Limit: limit})
	if r.ContentLength <= limit { // -1 is unknown
		body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		refuse(w, http.StatusRequestEntityTooLarge, "M_TOO_LARGE", "The request is too large")
		return false
	} else if err != nil {
		refuse(w, http.StatusBadRequest, "M_UNKNOWN", "The request could not be read to its end")
		return false
	}
	err = json.Unmarshal(body, into)
	if _, wrongType := errors.AsType[*json.UnmarshalTypeError](err); wrongType {
		refuse(w, http.StatusBadRequest, "M_BAD_JSON", "The request is JSON, but not of the form that is expected: "+err.Error())
		return false
	} else if err != nil {
		refuse(w, http.StatusBadRequest, "M_NOT_JSON", "The request is not JSON")
		return false
	}
	return true
}
