package matrix_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/outbox"
	"causeway/simulator/homeserver"
)

// directRoom is a direct chat with its room.
func (b *bench) directRoom() (database.Portal, database.Puppet) {
	b.t.Helper()
	p, contact := b.direct()
	require.NoError(b.t, b.do(outbox.KindCreateRoom, outbox.CreateRoom{Portal: p.ID}))
	return b.portal(p.ID), contact
}

// groupRoom is a group with its room.
func (b *bench) groupRoom() database.Portal {
	b.t.Helper()
	p := b.group()
	require.NoError(b.t, b.do(outbox.KindCreateRoom, outbox.CreateRoom{Portal: p.ID}))
	return b.portal(p.ID)
}

func TestSendEventSettles(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p, contact := b.directRoom()
	key := b.message(p.ID, contact.ID, "3EB0/A")
	action := text(p.ID, carol, "txn-1", "hello", &key)
	action.Sent = time.UnixMilli(1_700_000_000_123)
	requests := b.hs.Requests("")
	require.NoError(t, b.do(outbox.KindSendEvent, action))
	require.Equal(t, requests+1, b.hs.Requests(""), "whoever is in the room needs one request")

	events := b.hs.Events(p.RoomID.String())
	last := events[len(events)-1]
	require.Equal(t, last.ID, b.eventOf(key).String())
	require.Equal(t, carol.String(), last.Sender)
	require.EqualValues(t, 1_700_000_000_123, last.Timestamp)
	found, ok := outbox.ParseKey(last.Content[outbox.KeyField].(string))
	require.True(t, ok)
	require.Equal(t, key, found)
}

// A ghost that was never heard of comes into the room on the way, with its name.
func TestSendEventBringsTheGhostIn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.groupRoom()
	b.puppet(dave, "Dave", "")
	require.NoError(t, b.do(outbox.KindSendEvent, text(p.ID, dave, "1", "hello", nil)))
	room := p.RoomID.String()
	require.Equal(t, []string{dave.String() + ": hello"}, b.hs.Messages(room))
	require.Equal(t, "Dave", b.hs.State(room, "m.room.member", dave.String())["displayname"])

	// Somebody removes it; the next message brings it back.
	require.NoError(t, b.hs.Move(bot.String(), room, dave.String(), "leave"))
	require.NoError(t, b.do(outbox.KindSendEvent, text(p.ID, dave, "2", "again", nil)))
	require.Len(t, b.hs.Messages(room), 2)
}

// The answer to the send is lost. Whatever the homeserver has forgotten since, the message is there once.
func TestSendEventOnceThoughTheAnswerIsLost(t *testing.T) {
	t.Parallel()
	for name, forget := range map[string]func(b *bench){
		"the homeserver knows the transaction":       func(*bench) {},
		"the homeserver has restarted":               func(b *bench) { b.hs.ForgetTransactions() },
		"the event has come back":                    func(b *bench) { b.hs.ForgetTransactions() },
		"the bridge was killed, both have restarted": func(b *bench) { b.hs.ForgetTransactions(); b.sender = b.newSender() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			p, contact := b.directRoom()
			key := b.message(p.ID, contact.ID, "3EB0A")
			e := b.entry(outbox.KindSendEvent, text(p.ID, carol, "1", "hello", &key))
			b.hs.Inject(homeserver.Fault{Match: "/send/", LoseAnswer: true})
			require.Error(t, b.doEntry(e))
			forget(b)
			if name == "the event has come back" {
				events := b.hs.Events(p.RoomID.String())
				require.NoError(t, b.db.SettleMessage(t.Context(), key, id.EventID(events[len(events)-1].ID)))
				b.hs.Inject(homeserver.Fault{Match: "/messages", Status: 500})
			}
			e.Attempts = 1
			if name == "the bridge was killed, both have restarted" {
				e.Attempts, e.Added = 0, time.Now().Add(-time.Second)
			}
			require.NoError(t, b.doEntry(e))
			require.Equal(t, []string{carol.String() + ": hello"}, b.hs.Messages(p.RoomID.String()))
			require.NotEmpty(t, b.eventOf(key))
		})
	}
}

// A redaction has nothing in it that a client keeps; what it has redacted says so.
func TestRedactionOnceThoughTheAnswerIsLost(t *testing.T) {
	t.Parallel()
	for name, message := range map[string]types.MessageID{"a removal": "3EB0B", "the end of a reaction that gave way": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			p, contact := b.directRoom()
			about := b.message(p.ID, contact.ID, "3EB0A")
			require.NoError(t, b.do(outbox.KindSendEvent, text(p.ID, carol, "1", "hello", &about)))
			a := outbox.SendEvent{Portal: p.ID, As: carol, Type: "m.room.redaction", Txn: "2", Content: []byte(`{}`), About: &about}
			if message != "" {
				key := b.message(p.ID, contact.ID, message)
				a.Message = &key
			}
			e := b.entry(outbox.KindSendEvent, a)
			b.hs.Inject(homeserver.Fault{Match: "/redact/", LoseAnswer: true})
			require.Error(t, b.doEntry(e))
			b.hs.ForgetTransactions()
			e.Attempts = 1
			require.NoError(t, b.doEntry(e))
			redactions := slices.DeleteFunc(b.hs.History(p.RoomID.String()), func(e homeserver.Event) bool { return e.Type != "m.room.redaction" })
			require.Len(t, redactions, 1)
			if a.Message != nil {
				require.EqualValues(t, redactions[0].ID, b.eventOf(*a.Message))
			}
			// What somebody else has redacted is redacted by the ghost too: that is what WhatsApp says.
			other := b.message(p.ID, contact.ID, "3EB0C")
			require.NoError(t, b.do(outbox.KindSendEvent, text(p.ID, carol, "3", "again", &other)))
			_, err := b.hs.Redact(bot.String(), p.RoomID.String(), b.eventOf(other).String())
			require.NoError(t, err)
			a.About, a.Txn, a.Message = &other, "4", nil
			e = b.entry(outbox.KindSendEvent, a)
			e.Attempts = 1
			require.NoError(t, b.doEntry(e))
			require.Equal(t, carol.String(), b.last(p.RoomID).Sender)
		})
	}
}

// An event that shows no message has only its transaction ID to be recognised by.
func TestSendEventWithoutMessageOnceThoughTheAnswerIsLost(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p, _ := b.directRoom()
	e := b.entry(outbox.KindSendEvent, text(p.ID, carol, "1", "hello", nil))
	b.hs.Inject(homeserver.Fault{Match: "/send/", LoseAnswer: true})
	require.Error(t, b.doEntry(e))
	e.Attempts = 1
	require.NoError(t, b.doEntry(e))
	require.Equal(t, []string{carol.String() + ": hello"}, b.hs.Messages(p.RoomID.String()))
}

func TestSendEventThatIsTooLarge(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p, contact := b.directRoom()
	key := b.message(p.ID, contact.ID, "3EB0A")
	long := make([]byte, 70_000)
	for i := range long {
		long[i] = 'x'
	}
	require.True(t, final(b.do(outbox.KindSendEvent, text(p.ID, carol, "1", string(long), &key))))
}

func TestSendRedaction(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p, contact := b.directRoom()
	key := b.message(p.ID, contact.ID, "3EB0A")
	require.NoError(t, b.do(outbox.KindSendEvent, text(p.ID, carol, "1", "oops", &key)))
	content, err := json.Marshal(map[string]any{"redacts": b.eventOf(key)})
	require.NoError(t, err)
	require.NoError(t, b.do(outbox.KindSendEvent, outbox.SendEvent{Portal: p.ID, As: carol, Type: "m.room.redaction", Txn: "2", Content: content}))
	require.Empty(t, b.hs.Messages(p.RoomID.String()))
}

func TestSendEventForNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p, _ := b.directRoom()
	require.ErrorIs(t, b.do(outbox.KindSendEvent, text(p.ID+1, carol, "1", "hello", nil)), database.ErrNotFound)
	bad := text(p.ID, carol, "1", "hello", nil)
	bad.Content = []byte(`[1]`)
	require.Error(t, b.do(outbox.KindSendEvent, bad))
	require.Error(t, b.do("no_such_action", bad))
	require.Empty(t, b.hs.Messages(p.RoomID.String()))
}

// What shows no message is known to the homeserver by its transaction ID alone.
func TestRepeatsHaveTheSameTransactionID(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p, _ := b.directRoom()
	for kind, action := range map[string]any{
		outbox.KindSendEvent:  text(p.ID, carol, "1", "event", nil),
		outbox.KindSendNotice: outbox.SendNotice{Room: p.RoomID, Txn: "1", Text: "notice", Name: "n"},
	} {
		b.hs.Inject(homeserver.Fault{Match: "/send/", LoseAnswer: true})
		require.Error(t, b.do(kind, action))
		require.NoError(t, b.do(kind, action))
	}
	require.ElementsMatch(t, []string{carol.String() + ": event", bot.String() + ": notice"}, b.hs.Messages(p.RoomID.String()))
	b.hs.Inject(homeserver.Fault{Match: "/redact/", LoseAnswer: true})
	require.Error(t, b.do(outbox.KindRemoveNotice, outbox.RemoveNotice{Name: "n"}))
	require.NoError(t, b.do(outbox.KindRemoveNotice, outbox.RemoveNotice{Name: "n"}))
	redactions := 0
	for _, e := range b.hs.Events(p.RoomID.String()) {
		if e.Type == "m.room.redaction" {
			redactions++
		}
	}
	require.Equal(t, 1, redactions)
}
