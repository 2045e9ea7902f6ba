// Package dispatchtest is what the tests of deciders share: a database with an inbox and an outbox, and what a decision
// has left in them. Nothing in it is a fake.
package dispatchtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/database/databasetest"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/queue"
)

// The Matrix users of the tests.
const (
	Domain = "example.com"
	Bot    = id.UserID("@whatsappbot:example.com")
	Alice  = id.UserID("@alice:example.com")
	Bob    = id.UserID("@bob:example.com")
)

// Bed is a database and its queues.
type Bed struct {
	DB  *database.DB
	In  *inbox.Inbox
	Out *outbox.Outbox

	t    *testing.T
	seen int64 // the last entry that Actions returned
}

// New returns a fresh bed.
func New(t *testing.T) *Bed {
	t.Helper()
	db := databasetest.Memory(t)
	return &Bed{DB: db, In: inbox.New(db, Bot), Out: outbox.New(db), t: t}
}

// Try runs a decision in a transaction, as the inbox's worker does.
func (b *Bed) Try(decide func(ctx context.Context) error) error {
	return b.DB.Write(b.t.Context(), decide)
}

// Do runs a decision that must not fail, and returns the actions that it has added.
func (b *Bed) Do(decide func(ctx context.Context) error) Actions {
	b.t.Helper()
	if err := b.Try(decide); err != nil {
		b.t.Fatalf("decide: %v", err)
	}
	return b.Actions()
}

// Rejected runs a decision that must refuse, and returns the refusal.
func (b *Bed) Rejected(code string, decide func(ctx context.Context) error) *queue.Reject {
	b.t.Helper()
	err := b.Try(decide)
	reject, ok := errors.AsType[*queue.Reject](err)
	if !ok || reject.Code != code {
		b.t.Fatalf("expected the refusal %s, got %v", code, err)
	}
	if !strings.HasSuffix(reject.Text, ".") {
		b.t.Errorf("the refusal %s is no sentence: %q", code, reject.Text)
	}
	if list := b.Actions(); len(list) > 0 {
		b.t.Errorf("a refusal left actions behind: %s", list)
	}
	return reject
}

// Parked runs a decision that must wait for something named.
func (b *Bed) Parked(name string, decide func(ctx context.Context) error) {
	b.t.Helper()
	park, ok := errors.AsType[*queue.Park](b.Try(decide))
	if !ok || park.Name != name || park.Limit <= 0 {
		b.t.Fatalf("expected to wait for %s, got %v", name, park)
	}
}

// Dead runs a decision that no repeat will mend.
func (b *Bed) Dead(decide func(ctx context.Context) error) {
	b.t.Helper()
	err := b.Try(decide)
	// The kind of the error is the queue's own business; its type is told apart by that of any such error.
	if err == nil || fmt.Sprintf("%T", err) != fmt.Sprintf("%T", queue.Dead(errors.New("any"))) {
		b.t.Fatalf("expected a dead letter, got %v", err)
	}
}

// Action is an entry of the outbox.
type Action struct {
	Kind    string
	Lane    queue.Lane
	Key     string
	Payload []byte
}

// Actions are entries of the outbox in the order of their making.
type Actions []Action

// Actions returns what was added since the last call.
func (b *Bed) Actions() Actions {
	b.t.Helper()
	rows, err := b.DB.Query(b.t.Context(), `SELECT id, kind, lane, dedup_key, payload FROM queue_entry WHERE queue='outbox' AND id>$1 ORDER BY id`, b.seen)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var list Actions
	for rows.Next() {
		var a Action
		if err := rows.Scan(&b.seen, &a.Kind, &a.Lane, &a.Key, &a.Payload); err != nil {
			b.t.Fatal(err)
		}
		list = append(list, a)
	}
	if err := rows.Err(); err != nil {
		b.t.Fatal(err)
	}
	return list
}

// String lists the kinds, such as "create_room send_event".
func (l Actions) String() string {
	kinds := make([]string, len(l))
	for i, a := range l {
		kinds[i] = a.Kind
	}
	return strings.Join(kinds, " ")
}

// Expect demands the kinds of actions, in order, separated by spaces.
func (l Actions) Expect(t *testing.T, kinds string) Actions {
	t.Helper()
	if l.String() != kinds {
		t.Fatalf("expected the actions %q, got %q", kinds, l)
	}
	return l
}

// Only returns the action of a kind, of which there must be one.
func Only[T any](t *testing.T, list Actions, kind string) T {
	t.Helper()
	all := All[T](t, list, kind)
	if len(all) != 1 {
		t.Fatalf("expected one %s among %q", kind, list)
	}
	return all[0]
}

// All returns the actions of a kind.
func All[T any](t *testing.T, list Actions, kind string) []T {
	t.Helper()
	var all []T
	for _, a := range list {
		if a.Kind != kind {
			continue
		}
		v, err := outbox.Decode[T](queue.Entry{Kind: a.Kind, Payload: a.Payload})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

// Park lets an action wait for something named, as its worker does.
func (b *Bed) Park(action Action, name string) {
	b.t.Helper()
	_, err := b.DB.Exec(b.t.Context(), `UPDATE queue_entry SET parked_for=$1, not_before=9999999999999 WHERE queue='outbox' AND dedup_key=$2`, name, action.Key)
	if err != nil {
		b.t.Fatal(err)
	}
}

// Waiting counts the actions that wait for something.
func (b *Bed) Waiting() (n int) {
	b.t.Helper()
	err := b.DB.QueryRow(b.t.Context(), `SELECT COUNT(*) FROM queue_entry WHERE queue='outbox' AND state=0 AND not_before>0`).Scan(&n)
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

// Event makes an event as the homeserver pushes it. A content that is a string is taken as JSON.
func Event(t *testing.T, room id.RoomID, sender id.UserID, evt id.EventID, kind event.Type, content any) *event.Event {
	t.Helper()
	raw, ok := content.(string)
	if !ok {
		text, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		raw = string(text)
	}
	made := &event.Event{ID: evt, RoomID: room, Sender: sender, Type: kind, Timestamp: 1_700_000_000_000}
	if err := json.Unmarshal([]byte(raw), &made.Content); err != nil {
		t.Fatal(err)
	}
	if err := made.Content.ParseRaw(kind); err != nil && !errors.Is(err, event.ErrUnsupportedContentType) {
		t.Fatal(err)
	}
	return made
}

// Text makes a text message.
func Text(t *testing.T, room id.RoomID, sender id.UserID, evt id.EventID, body string) *event.Event {
	t.Helper()
	return Event(t, room, sender, evt, event.EventMessage, &event.MessageEventContent{MsgType: event.MsgText, Body: body})
}

// Membership makes a membership event about somebody.
func Membership(t *testing.T, room id.RoomID, sender id.UserID, evt id.EventID, who id.UserID, content event.MemberEventContent) *event.Event {
	t.Helper()
	made := Event(t, room, sender, evt, event.StateMember, &content)
	key := who.String()
	made.StateKey = &key
	return made
}

// Permissions allow by level.
type Permissions struct{ Admins, Relays, Blocked []id.UserID }

// IsAdmin implements the deciders' interfaces.
func (p Permissions) IsAdmin(user id.UserID) bool { return has(p.Admins, user) }

// MayTalk implements the deciders' interfaces.
func (p Permissions) MayTalk(user id.UserID) bool { return !has(p.Blocked, user) }

// MayLogIn implements the deciders' interfaces.
func (p Permissions) MayLogIn(user id.UserID) bool {
	return !has(p.Blocked, user) && !has(p.Relays, user)
}

func has(list []id.UserID, user id.UserID) bool { return slices.Contains(list, user) }
