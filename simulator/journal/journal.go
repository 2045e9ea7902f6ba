// Package journal records what the simulated network saw: events with sequence numbers that can be waited for, counters per
// device, and violations, which are everything a client did that the network does not understand or allow.
package journal

import (
	"context"
	"slices"
	"sync"
	"time"
)

// keep is how many events a journal holds; older ones are forgotten. Violations are events of their own list and kept to a limit too.
const (
	keep           = 200_000
	keepViolations = 1_000
)

// Kinds of events.
const (
	Connected    = "connect"
	LoggedIn     = "login"
	Disconnected = "disconnect"
	Linked       = "link"
	Unlinked     = "unlink"
	Stanza       = "stanza"
	Message      = "message"
	Duplicate    = "duplicate"
	Receipt      = "receipt"
	Retry        = "retry"
	Typing       = "typing"
	Presence     = "presence"
	Group        = "group"
	Media        = "media"
	Fault        = "fault"
	Violation    = "violation"
)

// Event is one thing that happened.
type Event struct {
	// Seq counts from 1.
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"time"`
	Kind string    `json:"kind"`
	// Device is digits:number of the device that acted; empty before a connection has logged in.
	Device string `json:"device,omitempty"`
	// Class is the stanza's tag, with namespace, type and first child for an IQ.
	Class string `json:"class,omitempty"`
	ID    string `json:"id,omitempty"`
	Chat  string `json:"chat,omitempty"`
	// Detail says more: the type of a receipt, the action on a group, what a violation is.
	Detail string `json:"detail,omitempty"`
}

// Counters are the figures of one device.
type Counters struct {
	// StanzasIn came from the device, StanzasOut went to it.
	StanzasIn  uint64 `json:"stanzas_in"`
	StanzasOut uint64 `json:"stanzas_out"`
	// MessagesIn are messages that the device sent, repeats left out.
	MessagesIn uint64 `json:"messages_in"`
	// Delivered are messages sent to the device for the first time.
	Delivered uint64 `json:"messages_delivered"`
	// Redelivered are stanzas sent again because they were not acknowledged on an earlier connection.
	Redelivered uint64 `json:"redelivered"`
	// Duplicates are messages of the device that were dropped because it had sent the same ID to the same chat before.
	Duplicates     uint64 `json:"duplicates_dropped"`
	Unacknowledged int    `json:"unacknowledged"`
	Queued         int    `json:"queued"`
	Logins         uint64 `json:"logins"`
	Violations     uint64 `json:"violations"`
	Online         bool   `json:"online"`
}

// Journal is safe for concurrent use.
type Journal struct {
	mu         sync.Mutex
	events     List[Event]
	violations []Event
	counters   map[string]*Counters
}

// New makes an empty journal.
func New() *Journal {
	return &Journal{counters: map[string]*Counters{}, events: List[Event]{limit: keep}}
}

// Add records an event and numbers it.
func (j *Journal) Add(e Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e.Seq, e.Time = j.events.Last()+1, time.Now()
	j.events.Add(e)
	if e.Kind == Violation {
		j.device(e.Device).Violations++
		if len(j.violations) < keepViolations {
			j.violations = append(j.violations, e)
		}
	}
}

func (j *Journal) device(name string) *Counters {
	if j.counters[name] == nil {
		j.counters[name] = &Counters{}
	}
	return j.counters[name]
}

// Count changes the counters of a device.
func (j *Journal) Count(device string, change func(*Counters)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	change(j.device(device))
}

// Counters are a copy of all counters, by device name. What violated before any login is counted under "".
func (j *Journal) Counters() map[string]Counters {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := make(map[string]Counters, len(j.counters))
	for name, c := range j.counters {
		out[name] = *c
	}
	return out
}

// Violations are a copy of the first 1,000 violations.
func (j *Journal) Violations() []Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.violations)
}

// After returns the events with a sequence number above after. If there are none it waits for one until the context ends, and
// then returns nothing.
func (j *Journal) After(ctx context.Context, after uint64) []Event {
	return After(ctx, &j.mu, &j.events, after)
}

// Find returns the first event, old or new, that matches, and waits for one until the context ends.
func (j *Journal) Find(ctx context.Context, match func(Event) bool) (Event, error) {
	return Find(ctx, &j.mu, &j.events, match)
}
