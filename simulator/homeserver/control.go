package homeserver

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// AddUser makes a person with an account here and returns the user ID.
func (h *Homeserver) AddUser(localpart string) string {
	id := h.userID(localpart)
	h.addUser(id, localpart)
	return id
}

// MakeRoom makes a private room of a user, who invites others, and returns its ID.
func (h *Homeserver) MakeRoom(owner string, direct bool, invite ...string) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.world.users[owner] == nil {
		return "", fmt.Errorf("make a room of %s: no such user", owner)
	}
	r := h.newRoom(owner, map[string]any{"preset": "private_chat"})
	for _, who := range invite {
		if _, err := h.move(r, owner, who, "invite", map[string]any{"is_direct": direct}); err != nil {
			return "", err
		}
	}
	return r.id, nil
}

// Send sends an event as a user and returns its ID.
func (h *Homeserver) Send(user, roomID, kind string, content map[string]any) (string, error) {
	return h.accept(roomID, draft{kind: kind, sender: user, content: content})
}

// SendText sends a text message as a user and returns its ID.
func (h *Homeserver) SendText(user, roomID, text string) (string, error) {
	return h.Send(user, roomID, "m.room.message", map[string]any{"msgtype": "m.text", "body": text})
}

// SetState sets a state event as a user.
func (h *Homeserver) SetState(user, roomID, kind, key string, content map[string]any) error {
	_, err := h.accept(roomID, draft{kind: kind, sender: user, key: &key, content: content})
	return err
}

// accept puts an event that its sender may send.
func (h *Homeserver) accept(roomID string, d draft) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r, err := h.room(roomID)
	if err != nil {
		return "", err
	}
	if err := r.maySend(d.sender, d.kind, d.key != nil); err != nil {
		return "", err
	}
	return h.put(r, d).ID, nil
}

// Redact removes an event as a user.
func (h *Homeserver) Redact(user, roomID, event string) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r, err := h.room(roomID)
	if err != nil {
		return "", err
	}
	if err := r.maySend(user, "m.room.redaction", false); err != nil {
		return "", err
	}
	return h.redactEvent(r, event, draft{sender: user}).ID, nil
}

// Move gives somebody a membership, "invite", "join" or "leave", as a user.
func (h *Homeserver) Move(by, roomID, who, to string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	r, err := h.room(roomID)
	if err != nil {
		return err
	}
	_, err = h.move(r, by, who, to, nil)
	return err
}

// Join lets a user accept an invitation.
func (h *Homeserver) Join(user, roomID string) error { return h.Move(user, roomID, user, "join") }

// Leave lets a user leave a room.
func (h *Homeserver) Leave(user, roomID string) error { return h.Move(user, roomID, user, "leave") }

// Rooms lists the room IDs, in no order.
func (h *Homeserver) Rooms() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.world.rooms))
}

// RoomByAlias returns the room of an alias, or "".
func (h *Homeserver) RoomByAlias(alias string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.world.aliases[alias]
}

// Events returns the events of a room so far. What was redacted has no content.
func (h *Homeserver) Events(roomID string) []Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r := h.world.rooms[roomID]; r != nil {
		return slices.Clone(r.events)
	}
	return nil
}

// History returns the events of a room so far as they were sent: with what was redacted later.
func (h *Homeserver) History(roomID string) []Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r := h.world.rooms[roomID]; r != nil {
		return slices.Clone(r.said)
	}
	return nil
}

// ReadBy returns the last event that a user has shown as read in a room, or "".
func (h *Homeserver) ReadBy(user, roomID string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r := h.world.rooms[roomID]; r != nil {
		return r.read[user]
	}
	return ""
}

// Messages returns the bodies of a room's m.room.message events that are no edits, with their senders: "sender: body".
func (h *Homeserver) Messages(roomID string) []string {
	var list []string
	for _, e := range h.Events(roomID) {
		relation, _ := e.Content["m.relates_to"].(map[string]any)
		body, ok := e.Content["body"].(string)
		if e.Type == "m.room.message" && ok && relation["rel_type"] != "m.replace" {
			list = append(list, e.Sender+": "+body)
		}
	}
	return list
}

// State returns the content of a state event, or nil.
func (h *Homeserver) State(roomID, kind, key string) map[string]any {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r := h.world.rooms[roomID]; r != nil {
		return r.state[stateKey{kind, key}].Content
	}
	return nil
}

// Membership returns somebody's membership in a room, or "".
func (h *Homeserver) Membership(roomID, user string) string {
	membership, _ := h.State(roomID, "m.room.member", user)["membership"].(string)
	return membership
}

// Name returns a user's display name, and whether there is such a user.
func (h *Homeserver) Name(id string) (string, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if u := h.world.users[id]; u != nil {
		return u.name, true
	}
	return "", false
}

// PutMedia stores a file as if a user had uploaded it, and returns its content URI.
func (h *Homeserver) PutMedia(data []byte) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	uri := "mxc://" + h.opts.Domain + "/media" + h.next()
	h.world.media[uri] = data
	return uri
}

// Media returns an uploaded file, or nil.
func (h *Homeserver) Media(uri string) []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.world.media[uri]
}

// Requests counts the requests so far whose "METHOD path" has a part.
func (h *Homeserver) Requests(match string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, request := range h.world.requests {
		if strings.Contains(request, match) {
			n++
		}
	}
	return n
}

// WaitEvent waits for an event in a room, among those that are there and those to come.
func (h *Homeserver) WaitEvent(ctx context.Context, roomID string, wanted func(e Event) bool) (Event, error) {
	var found Event
	err := h.Wait(ctx, func() bool {
		for _, e := range h.Events(roomID) {
			if wanted(e) {
				found = e
				return true
			}
		}
		return false
	})
	return found, err
}

// ForgetTransactions makes the homeserver forget which transaction IDs it has seen, as a restart does.
func (h *Homeserver) ForgetTransactions() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.world.transactions = make(map[string]response)
}

// Transactions returns what was pushed and accepted, in order.
func (h *Homeserver) Transactions() []Transaction {
	h.pusher.mu.Lock()
	defer h.pusher.mu.Unlock()
	return slices.Clone(h.pusher.queue.sent)
}

// PushTries counts the attempts to push a transaction.
func (h *Homeserver) PushTries() int {
	h.pusher.mu.Lock()
	defer h.pusher.mu.Unlock()
	return h.pusher.queue.tries
}

// Push pushes a transaction before whatever waits: one that was sent before, or one that a test made up.
func (h *Homeserver) Push(t ...Transaction) {
	h.pusher.mu.Lock()
	defer h.pusher.mu.Unlock()
	h.pusher.queue.again = append(h.pusher.queue.again, t...)
	h.pusher.signal()
}

// LosePushAnswers makes the homeserver not hear that its next transactions were taken: it pushes them again.
func (h *Homeserver) LosePushAnswers(n int) {
	h.pusher.mu.Lock()
	defer h.pusher.mu.Unlock()
	h.pusher.queue.lose += n
}

// ResetTransactionIDs lets the IDs of pushed transactions begin at 1 again, as after the loss of the homeserver's
// database.
func (h *Homeserver) ResetTransactionIDs() {
	h.pusher.mu.Lock()
	defer h.pusher.mu.Unlock()
	h.pusher.queue.serial = 0
}

// WaitPushed waits until everything so far has been pushed and accepted.
func (h *Homeserver) WaitPushed(ctx context.Context) error {
	return h.Wait(ctx, func() bool {
		h.pusher.mu.Lock()
		defer h.pusher.mu.Unlock()
		q := &h.pusher.queue
		return len(q.waiting) == 0 && len(q.again) == 0 && !q.pushing
	})
}
