// Package control is the control API of the simulated network: HTTP and JSON by which test programs in any language use its
// phones, groups and faults. Every call is synchronous. What is not built yet answers 501.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"causeway/simulator"
	"causeway/simulator/control/api"
)

const (
	// maxBody bounds a request, maxWait the long poll.
	maxBody = 64 << 20
	maxWait = 60 * time.Second
	// maxList bounds lists of IDs and participants.
	maxList = 1024
)

var errNotBuilt = errors.New("not built yet in this simulator")

// control answers the calls for one network.
type control struct {
	network *simulator.Network
}

// Handler serves the control API of a network.
func Handler(network *simulator.Network) http.Handler {
	c := &control{network: network}
	mux := http.NewServeMux()
	for pattern, handle := range c.routes() {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			answer, err := handle(r)
			reply(w, answer, err)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		reply(w, nil, fmt.Errorf("%w call %s %s", simulator.ErrUnknown, r.Method, r.URL.Path))
	})
	return mux
}

type call func(*http.Request) (any, error)

func (c *control) routes() map[string]call {
	const phone, group = api.Prefix + "/phones/{phone}", api.Prefix + "/groups/{jid}"
	out := map[string]call{
		"POST " + api.Prefix + "/phones":        c.addPhone,
		"PATCH " + phone:                        c.patchPhone,
		"POST " + phone + "/link":               c.link,
		"DELETE " + phone + "/devices/{device}": c.unlink,
		"POST " + phone + "/messages":           c.send,
		"GET " + phone + "/messages":            c.messages,
		"DELETE " + phone + "/messages/{id}":    c.forget,
		"POST " + phone + "/receipts":           c.receipts,
		"POST " + phone + "/typing":             c.typing,
		"PUT " + phone + "/contacts/{other}":    c.contact,
		"PATCH " + phone + "/chats/{chat}":      c.chat,
		"POST " + phone + "/presence":           c.presence,
		"POST " + api.Prefix + "/groups":        c.addGroup,
		"GET " + group:                          c.group,
		"PATCH " + group:                        c.patchGroup,
		"POST " + group + "/participants":       c.participants,
		"POST " + group + "/invites":            c.invite,
		"GET " + api.Prefix + "/events":         c.events,
		"POST " + api.Prefix + "/faults":        c.fault,
		"GET " + api.Prefix + "/stats":          c.stats,
		"GET " + api.Prefix + "/media/{sha256}": c.file,
	}
	for _, pattern := range []string{"POST " + phone + "/history",
		"POST " + phone + "/calls", "DELETE " + api.Prefix + "/calls/{id}"} {
		out[pattern] = func(r *http.Request) (any, error) { return nil, fmt.Errorf("%s: %w", r.URL.Path, errNotBuilt) }
	}
	return out
}

// reply writes the answer, or the error with the status that says what kind of error it is.
func reply(w http.ResponseWriter, answer any, err error) {
	status := http.StatusOK
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
	case errors.As(err, &tooLarge):
		status = http.StatusRequestEntityTooLarge
	case errors.Is(err, errNotBuilt):
		status = http.StatusNotImplemented
	case errors.Is(err, simulator.ErrUnknown):
		status = http.StatusNotFound
	case errors.Is(err, simulator.ErrRefused):
		status = http.StatusConflict
	case errors.Is(err, simulator.ErrInvalid):
		status = http.StatusBadRequest
	default:
		status = http.StatusInternalServerError
	}
	if err != nil {
		answer = api.Problem{Error: err.Error()}
	}
	if answer == nil {
		answer = struct{}{}
	}
	if raw, ok := answer.([]byte); ok && err == nil {
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(raw)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

// read decodes a body strictly: unknown fields and anything after the object are errors.
func read[T any](r *http.Request) (T, error) {
	var out T
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&out); err != nil {
		return out, fmt.Errorf("%w body: %w", simulator.ErrInvalid, err)
	}
	if decoder.More() {
		return out, fmt.Errorf("%w body: more than one value", simulator.ErrInvalid)
	}
	return out, nil
}

// poll reads after and wait. Without wait the context is over already, so that nobody waits.
func poll(r *http.Request) (ctx context.Context, after uint64, cancel context.CancelFunc, err error) {
	query := r.URL.Query()
	for key := range query {
		if key != "after" && key != "wait" && key != "chat" {
			return nil, 0, nil, fmt.Errorf("%w parameter %q", simulator.ErrInvalid, key)
		}
	}
	if v := query.Get("after"); v != "" {
		if after, err = strconv.ParseUint(v, 10, 64); err != nil {
			return nil, 0, nil, fmt.Errorf("%w after: %w", simulator.ErrInvalid, err)
		}
	}
	var seconds float64
	if v := query.Get("wait"); v != "" {
		if seconds, err = strconv.ParseFloat(v, 64); err != nil || !(seconds >= 0 && seconds <= maxWait.Seconds()) {
			return nil, 0, nil, fmt.Errorf("%w wait: 0 to %g seconds", simulator.ErrInvalid, maxWait.Seconds())
		}
	}
	ctx, cancel = context.WithTimeout(r.Context(), time.Duration(seconds*float64(time.Second)))
	return ctx, after, cancel, nil
}

func (c *control) events(r *http.Request) (any, error) {
	ctx, after, cancel, err := poll(r)
	if err != nil {
		return nil, err
	}
	defer cancel()
	events := c.network.Events(ctx, after)
	if events == nil {
		events = []simulator.Event{}
	}
	return events, nil
}

func (c *control) stats(*http.Request) (any, error) {
	violations := c.network.Violations()
	if violations == nil {
		violations = []simulator.Event{}
	}
	return api.Stats[simulator.Counters, simulator.Event]{Devices: c.network.Stats(), Violations: violations}, nil
}

func (c *control) fault(r *http.Request) (any, error) {
	in, err := read[api.Fault](r)
	if err != nil {
		return nil, err
	}
	const limit = int64(24 * time.Hour / time.Millisecond)
	if in.Count < 0 || in.ForMS < 0 || in.DelayMS < 0 || in.ForMS > limit || in.DelayMS > limit {
		return nil, fmt.Errorf("%w fault: count, for_ms and delay_ms may not be negative or above a day", simulator.ErrInvalid)
	}
	switch in.Kind {
	case "reorder", "bad_mac":
		return nil, fmt.Errorf("fault %s: %w", in.Kind, errNotBuilt)
	case string(simulator.Nack), string(simulator.StreamError), string(simulator.MediaStatus):
		if in.Code < 100 || in.Code > 999 {
			return nil, fmt.Errorf("%w fault: %s needs a code of three digits", simulator.ErrInvalid, in.Kind)
		}
	}
	return nil, c.network.Fault(simulator.Fault{Kind: simulator.FaultKind(in.Kind), Device: in.Device, Count: in.Count,
		For: time.Duration(in.ForMS) * time.Millisecond, Delay: time.Duration(in.DelayMS) * time.Millisecond, Code: in.Code})
}
