package homeserver

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// send accepts a message event.
func (h *Homeserver) send(c *call) (any, error) {
	r, err := h.room(c.path("room"))
	if err != nil {
		return nil, err
	}
	if err := r.maySend(c.user, c.path("type"), false); err != nil {
		return nil, err
	}
	if text, err := json.Marshal(c.body); err != nil || len(text) > maxEvent {
		return nil, &apiError{http.StatusRequestEntityTooLarge, "M_TOO_LARGE", "event too large"}
	}
	e := h.put(r, draft{kind: c.path("type"), sender: c.user, content: c.body, at: c.timestamp()})
	return map[string]any{"event_id": e.ID}, nil
}

// timestamp reads the time that an application service gives its event (Application Service API, "Timestamp
// massaging").
func (c *call) timestamp() time.Time {
	ms, err := strconv.ParseInt(c.request.URL.Query().Get("ts"), 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

func (h *Homeserver) redact(c *call) (any, error) {
	r, err := h.room(c.path("room"))
	if err != nil {
		return nil, err
	}
	if err := r.maySend(c.user, "m.room.redaction", false); err != nil {
		return nil, err
	}
	target, known := r.event(c.path("event"))
	if !known {
		return nil, &apiError{http.StatusNotFound, "M_NOT_FOUND", "Unknown event"}
	} else if target.Sender != c.user && r.power(c.user) < r.needed("redact", powerAdmin) {
		return nil, forbidden("You cannot redact this event")
	}
	e := h.redactEvent(r, target.ID, draft{sender: c.user, content: c.body})
	return map[string]any{"event_id": e.ID}, nil
}

// redactEvent takes the content from an event. The lock is held.
func (h *Homeserver) redactEvent(r *room, target string, d draft) Event {
	d.kind, d.redacts = "m.room.redaction", target
	for i := range r.events {
		if r.events[i].ID == target {
			r.events[i].Content = map[string]any{}
		}
	}
	e := h.put(r, d)
	r.redacted[target] = e
	return e
}

// getEvent returns an event, with what redacted it.
func (h *Homeserver) getEvent(c *call) (any, error) {
	r, err := h.room(c.path("room"))
	if err != nil {
		return nil, err
	}
	if err := r.mayVisit(c.user); err != nil {
		return nil, err
	}
	e, known := r.event(c.path("event"))
	if !known {
		return nil, &apiError{http.StatusNotFound, "M_NOT_FOUND", "Unknown event"}
	}
	type unsigned struct {
		RedactedBecause *Event `json:"redacted_because,omitempty"`
	}
	answer := struct {
		Event
		Unsigned unsigned `json:"unsigned"`
	}{Event: e}
	if by, redacted := r.redacted[e.ID]; redacted {
		answer.Unsigned.RedactedBecause = &by
	}
	return answer, nil
}

// receipt takes a read receipt of an event that is there.
func (h *Homeserver) receipt(c *call) (any, error) {
	r, err := h.room(c.path("room"))
	if err != nil {
		return nil, err
	}
	if err := r.mayVisit(c.user); err != nil {
		return nil, err
	}
	if _, known := r.event(c.path("event")); known {
		r.read[c.user] = c.path("event")
	}
	return map[string]any{}, nil
}

func (h *Homeserver) getState(c *call) (any, error) {
	r, err := h.room(c.path("room"))
	if err != nil {
		return nil, err
	}
	if err := r.mayVisit(c.user); err != nil {
		return nil, err
	}
	e, known := r.state[stateKey{c.path("type"), c.path("key")}]
	if !known {
		return nil, &apiError{http.StatusNotFound, "M_NOT_FOUND", "Event not found."}
	}
	return e.Content, nil
}

func (h *Homeserver) putState(c *call) (any, error) {
	r, err := h.room(c.path("room"))
	if err != nil {
		return nil, err
	}
	kind, key := c.path("type"), c.path("key")
	if kind == "m.room.member" {
		e, err := h.move(r, c.user, key, c.text("membership"), c.body)
		return map[string]any{"event_id": e.ID}, err
	}
	if err := r.maySend(c.user, kind, true); err != nil {
		return nil, err
	}
	e := h.put(r, draft{kind: kind, sender: c.user, key: &key, content: c.body})
	return map[string]any{"event_id": e.ID}, nil
}

// messages pages backwards from the newest event; there is only one page.
func (h *Homeserver) messages(c *call) (any, error) {
	r, err := h.room(c.path("room"))
	if err != nil {
		return nil, err
	}
	if err := r.mayVisit(c.user); err != nil {
		return nil, err
	}
	var filter struct {
		Types   []string `json:"types"`
		Senders []string `json:"senders"`
	}
	query := c.request.URL.Query()
	if text := query.Get("filter"); text != "" && json.Unmarshal([]byte(text), &filter) != nil {
		return nil, &apiError{http.StatusBadRequest, "M_BAD_JSON", "The filter is not JSON"}
	}
	limit, err := strconv.Atoi(query.Get("limit"))
	if err != nil || query.Get("dir") != "b" {
		return nil, &apiError{http.StatusBadRequest, "M_INVALID_PARAM", "limit and dir=b are required here"}
	}
	chunk := []Event{}
	for _, e := range slices.Backward(r.events) {
		fits := (filter.Types == nil || slices.Contains(filter.Types, e.Type)) && (filter.Senders == nil || slices.Contains(filter.Senders, e.Sender))
		if len(chunk) >= limit {
			break
		} else if fits {
			chunk = append(chunk, e)
		}
	}
	return map[string]any{"chunk": chunk, "start": "start"}, nil
}

func (h *Homeserver) join(c *call) (any, error)  { return h.moved(c, c.user, "join") }
func (h *Homeserver) leave(c *call) (any, error) { return h.moved(c, c.user, "leave") }
func (h *Homeserver) kick(c *call) (any, error)  { return h.moved(c, c.text("user_id"), "leave") }

func (h *Homeserver) invite(c *call) (any, error) { return h.moved(c, c.text("user_id"), "invite") }

func (h *Homeserver) moved(c *call, who, to string) (any, error) {
	r, err := h.room(c.path("room"))
	if err != nil {
		return nil, err
	}
	extra := map[string]any{}
	if reason := c.text("reason"); reason != "" {
		extra["reason"] = reason
	}
	if _, err := h.move(r, c.user, who, to, extra); err != nil {
		return nil, err
	}
	return map[string]any{"room_id": r.id}, nil
}
