package homeserver

import (
	"fmt"
	"maps"
	"strconv"
	"time"
)

// Event is an event of a room, as the homeserver sends it.
type Event struct {
	ID        string         `json:"event_id"`
	Room      string         `json:"room_id"`
	Type      string         `json:"type"`
	Sender    string         `json:"sender"`
	StateKey  *string        `json:"state_key,omitempty"`
	Content   map[string]any `json:"content"`
	Timestamp int64          `json:"origin_server_ts"` // milliseconds since 1970
	Redacts   string         `json:"redacts,omitempty"`
}

// Levels of power (Client-Server API, "m.room.power_levels").
const (
	powerAdmin = 50
	powerOwner = 100
)

type stateKey struct{ kind, key string }

type room struct {
	id     string
	owner  string
	events []Event
	// said are the events as they were sent, whatever was redacted later.
	said  []Event
	state map[stateKey]Event
	// redacted events have lost their content: the redaction of each.
	redacted map[string]Event
	// read is the last event that each user has shown as read.
	read map[string]string
}

// member returns somebody's membership: "join", "invite", "leave", "ban" or "".
func (r *room) member(user string) string {
	membership, _ := r.state[stateKey{"m.room.member", user}].Content["membership"].(string)
	return membership
}

// power returns somebody's level.
func (r *room) power(user string) int {
	if user == r.owner {
		return powerOwner
	}
	levels := r.levels()
	users, _ := levels["users"].(map[string]any)
	if level, ok := number(users[user]); ok {
		return level
	}
	level, _ := number(levels["users_default"])
	return level
}

func (r *room) levels() map[string]any { return r.state[stateKey{"m.room.power_levels", ""}].Content }

// needed returns the level that it takes to do something that power_levels has a field for.
func (r *room) needed(field string, standard int) int {
	if level, ok := number(r.levels()[field]); ok {
		return level
	}
	return standard
}

// neededFor returns the level that it takes to send an event.
func (r *room) neededFor(kind string, isState bool) int {
	events, _ := r.levels()["events"].(map[string]any)
	if level, ok := number(events[kind]); ok {
		return level
	}
	if isState {
		return r.needed("state_default", powerAdmin)
	}
	return r.needed("events_default", 0)
}

// mayVisit says whether somebody may read the room's state.
func (r *room) mayVisit(user string) error {
	if membership := r.member(user); membership != "join" {
		return forbidden("User %s not in room %s", user, r.id)
	}
	return nil
}

// maySend says whether somebody may send an event.
func (r *room) maySend(user, kind string, isState bool) error {
	if r.member(user) != "join" {
		return forbidden("User %s not in room %s", user, r.id)
	}
	if needed := r.neededFor(kind, isState); r.power(user) < needed {
		return forbidden("You don't have permission to post that to the room. user_level (%d) < send_level (%d)", r.power(user), needed)
	}
	return nil
}

// mayMove says whether a user may give a membership to another, or to themselves (room authorization rules,
// "m.room.member").
func (r *room) mayMove(by, who, to string) error {
	now := r.member(who)
	switch to {
	case "invite":
		switch {
		case r.member(by) != "join":
			return forbidden("%s not in room %s.", by, r.id)
		case now == "join":
			return forbidden("%s is already in the room.", who)
		case now == "ban":
			return forbidden("%s is banned from the room", who)
		case r.power(by) < r.needed("invite", 0):
			return forbidden("You don't have permission to invite users")
		}
	case "join":
		if by != who || now == "ban" || (now != "invite" && now != "join" && !r.public()) {
			return forbidden("You are not invited to this room.")
		}
	case "leave":
		switch {
		case by == who && now != "join" && now != "invite":
			return forbidden("%s not in room %s.", who, r.id)
		case by != who && r.member(by) != "join":
			return forbidden("%s not in room %s.", by, r.id)
		case by != who && now != "join" && now != "invite":
			return forbidden("The target user is not in the room")
		case by != who && (r.power(by) < r.needed("kick", powerAdmin) || r.power(by) <= r.power(who)):
			return forbidden("You cannot kick user %s.", who)
		}
	default:
		return forbidden("Unknown membership %q", to)
	}
	return nil
}

func (r *room) public() bool {
	return r.state[stateKey{"m.room.join_rules", ""}].Content["join_rule"] == "public"
}

func (r *room) event(id string) (Event, bool) {
	for _, e := range r.events {
		if e.ID == id {
			return e, true
		}
	}
	return Event{}, false
}

// draft is an event before the homeserver has accepted it.
type draft struct {
	kind    string
	sender  string
	key     *string
	content map[string]any
	redacts string
	at      time.Time // zero is now
}

// put adds an event to a room and to what is pushed. The lock is held; what it takes to be allowed was checked.
func (h *Homeserver) put(r *room, d draft) Event {
	at := d.at
	if at.IsZero() {
		at = time.Now()
	}
	if d.content == nil {
		d.content = map[string]any{}
	}
	e := Event{
		ID: "$event" + h.next(), Room: r.id, Type: d.kind, Sender: d.sender, StateKey: d.key,
		Content: d.content, Timestamp: at.UnixMilli(), Redacts: d.redacts,
	}
	watched := h.watches(r, e)
	r.events, r.said = append(r.events, e), append(r.said, e)
	if d.key != nil {
		r.state[stateKey{d.kind, *d.key}] = e
	}
	if watched || h.watches(r, e) {
		h.pusher.add(e)
	}
	h.change()
	return e
}

// watches reports whether the application service is told of an event: it is about one of its users, or one of them is
// in the room.
func (h *Homeserver) watches(r *room, e Event) bool {
	if h.ours(e.Sender) || (e.StateKey != nil && h.ours(*e.StateKey)) {
		return true
	}
	for key := range r.state {
		if key.kind == "m.room.member" && h.ours(key.key) && r.member(key.key) == "join" {
			return true
		}
	}
	return false
}

// move changes a membership, with the member's name as their profile has it now.
func (h *Homeserver) move(r *room, by, who, to string, extra map[string]any) (Event, error) {
	if err := r.mayMove(by, who, to); err != nil {
		return Event{}, err
	}
	content := maps.Clone(extra)
	if content == nil {
		content = map[string]any{}
	}
	content["membership"] = to
	if u := h.world.users[who]; u != nil && to != "leave" && u.name != "" {
		content["displayname"] = u.name
	}
	if now, known := r.state[stateKey{"m.room.member", who}]; known && now.Sender == by && sameMember(now.Content, content) {
		return now, nil // homeservers do not repeat a membership that nothing has changed about
	}
	return h.put(r, draft{kind: "m.room.member", sender: by, key: &who, content: content}), nil
}

func sameMember(a, b map[string]any) bool {
	return a["membership"] == b["membership"] && a["displayname"] == b["displayname"] && a["is_direct"] == b["is_direct"]
}

func (h *Homeserver) next() string {
	h.world.serial++
	return strconv.Itoa(h.world.serial)
}

func (h *Homeserver) room(id string) (*room, error) {
	r := h.world.rooms[id]
	if r == nil {
		return nil, forbidden("Unknown room %s", id)
	}
	return r, nil
}

func number(v any) (int, bool) {
	switch n := v.(type) {
	case float64:
		return int(n), true
	case int:
		return n, true
	}
	return 0, false
}

func forbidden(format string, args ...any) error {
	return &apiError{status: 403, Code: "M_FORBIDDEN", Text: fmt.Sprintf(format, args...)}
}
