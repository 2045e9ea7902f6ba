package portal

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"

	"causeway/convert"
	"causeway/database"
	"causeway/dispatch/dispatchtest"
	"causeway/inbox"
	"causeway/outbox"
)

func unread(login database.LoginID, messageID string, source types.MessageSource) inbox.Undecryptable {
	return inbox.Undecryptable{Login: login, Info: message(login, messageID, source, "").Info}
}

func (b bed) unreadable(in inbox.Undecryptable) dispatchtest.Actions {
	b.t.Helper()
	return b.do(func(ctx context.Context) error { return b.p.Undecryptable(ctx, in) })
}

// replaces reports whether an event is an edit of another.
func replaces(t *testing.T, edit, of outbox.SendEvent) bool {
	t.Helper()
	var content event.MessageEventContent
	if err := json.Unmarshal(edit.Content, &content); err != nil {
		t.Fatal(err)
	}
	return edit.About != nil && *edit.About == *of.Message && edit.As == of.As && content.RelatesTo.Type == event.RelReplace && content.NewContent != nil
}

func words(t *testing.T, a outbox.SendEvent) string {
	t.Helper()
	var content event.MessageEventContent
	if err := json.Unmarshal(a.Content, &content); err != nil {
		t.Fatal(err)
	}
	return content.Body
}

// A message that cannot be decrypted has its place in the room, and becomes what it was.
func TestPlaceholderBecomesTheMessage(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	portal := b.direct()
	list := b.unreadable(unread(aliceLogin, "LOST", fromAnn())).Expect(t, "send_event request_message")
	held := shown(t, list)
	request := dispatchtest.Only[outbox.RequestMessage](t, list, outbox.KindRequestMessage)
	if held.Message == nil || held.Message.ID != "LOST" || held.As != ghost("15550100") || !held.Sent.Equal(at()) || words(t, held) != textWaiting {
		t.Errorf("got %+v", held)
	}
	if request.Message != *held.Message || request.Login != aliceLogin || request.Chat != lid("100") || request.Sender != lid("100") {
		t.Errorf("got %+v", request)
	}
	b.unreadable(unread(aliceLogin, "LOST", fromAnn())).Expect(t, "")
	b.Do(func(ctx context.Context) error { return b.DB.SettleMessage(ctx, *held.Message, "$held") })

	came := shown(t, b.arrive(message(aliceLogin, "LOST", fromAnn(), "here I am")).Expect(t, "send_event"))
	if !replaces(t, came, held) || came.Txn == held.Txn || words(t, came) != "* here I am" {
		t.Errorf("got %+v", came)
	}
	b.arrive(message(aliceLogin, "LOST", fromAnn(), "here I am")).Expect(t, "")
	b.unreadable(unread(aliceLogin, "LOST", fromAnn())).Expect(t, "")
	// What is said about it later finds it by either name.
	msg, err := b.DB.MessageByEvent(t.Context(), "$held")
	if err != nil || msg.MessageKey != *held.Message || msg.Portal != portal.ID {
		t.Errorf("got %+v, %v", msg, err)
	}
}

func TestPlaceholderOfALongMessage(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	b.unreadable(unread(aliceLogin, "LOST", fromAnn()))
	list := b.arrive(message(aliceLogin, "LOST", fromAnn(), strings.Repeat("long ", 20_000)))
	var replaced, added int
	for _, a := range list {
		e := dispatchtest.Only[outbox.SendEvent](t, dispatchtest.Actions{a}, outbox.KindSendEvent)
		if e.About != nil {
			replaced++
		} else if strings.HasPrefix(e.Message.ID, "LOST#") {
			added++
		}
	}
	if replaced != 1 || added == 0 || replaced+added != len(list) {
		t.Errorf("%d replaced, %d added of %s", replaced, added, list)
	}
}

// A room that is not there yet is made for a placeholder too.
func TestPlaceholderMakesTheRoom(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.unreadable(unread(aliceLogin, "LOST", fromAnn())).Expect(t, "create_room send_event request_message")
}

// In a group one login can read what another cannot: then there is nothing to wait for.
func TestAnotherLoginCouldRead(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.group()
	source := inGroup(lid("100"))
	b.arrive(message(aliceLogin, "READ", source, "to all"))
	for _, a := range b.unreadable(unread(bobLogin, "READ", source)) {
		if a.Kind == outbox.KindSendEvent || a.Kind == outbox.KindRequestMessage {
			t.Errorf("got %s", a.Kind)
		}
	}
	// And the other way round.
	held := shown(t, b.unreadable(unread(bobLogin, "HELD", source)))
	came := shown(t, b.arrive(message(aliceLogin, "HELD", source, "to all again")))
	if !replaces(t, came, held) {
		t.Errorf("got %+v", came)
	}
}

func TestUndecryptableKinds(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	once := unread(aliceLogin, "ONCE", fromAnn())
	once.ViewOnce = true
	if got := words(t, shown(t, b.unreadable(once).Expect(t, "send_event"))); got != textViewOnce {
		t.Errorf("got %q", got)
	}
	hidden := unread(aliceLogin, "HIDDEN", fromAnn())
	hidden.Hidden = true
	b.unreadable(hidden).Expect(t, "request_message")
	came := shown(t, b.arrive(message(aliceLogin, "HIDDEN", fromAnn(), "a message all the same")))
	if came.About != nil || came.Message.ID != "HIDDEN" {
		t.Errorf("got %+v", came)
	}
	status := unread(aliceLogin, "STATUS", types.MessageSource{Chat: types.StatusBroadcastJID, Sender: lid("100")})
	b.unreadable(status).Expect(t, "")
	odd := unread(aliceLogin, "odd#1", fromAnn())
	b.Dead(func(ctx context.Context) error { return b.p.Undecryptable(ctx, odd) })
	// Nothing for people was in it: the placeholder goes.
	held := shown(t, b.unreadable(unread(aliceLogin, "EMPTY", fromAnn())))
	empty := arrival(aliceLogin, "EMPTY", fromAnn(), &waE2E.Message{})
	empty.Recovered = true
	if gone := shown(t, b.arrive(empty)); gone.Type != event.EventRedaction.Type || *gone.About != *held.Message {
		t.Errorf("got %+v", gone)
	}
	empty.Info.ID = "UNKNOWN"
	b.arrive(empty).Expect(t, "")
}

// What is said about a message that is still awaited is about its placeholder; what came in the meantime wins.
func TestChangesOfPlaceholders(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	held := shown(t, b.unreadable(unread(aliceLogin, "EDITED", fromAnn())))
	edit := convert.EditToWhatsApp(lid("100"), "EDITED", &waE2E.Message{Conversation: proto.String("newer")}, at().Add(time.Minute))
	edited := arrival(aliceLogin, "EDIT", fromAnn(), edit)
	edited.Info.Timestamp = at().Add(time.Minute)
	if now := shown(t, b.arrive(edited)); !replaces(t, now, held) || words(t, now) != "* newer" {
		t.Errorf("got %+v", now)
	}
	b.arrive(message(aliceLogin, "EDITED", fromAnn(), "older")).Expect(t, "")

	// An edit that could not be decrypted itself, of which nobody said so: its placeholder goes.
	b.arrive(message(aliceLogin, "TARGET", fromAnn(), "first"))
	b.unreadable(unread(aliceLogin, "SECRET", fromAnn()))
	edit = convert.EditToWhatsApp(lid("100"), "TARGET", &waE2E.Message{Conversation: proto.String("second")}, at())
	list := b.arrive(arrival(aliceLogin, "SECRET", fromAnn(), edit)).Expect(t, "send_event send_event")
	gone := dispatchtest.Only[outbox.SendEvent](t, list[:1], outbox.KindSendEvent)
	now := dispatchtest.Only[outbox.SendEvent](t, list[1:], outbox.KindSendEvent)
	if gone.Type != event.EventRedaction.Type || gone.About.ID != "SECRET" || now.About.ID != "TARGET" || words(t, now) != "* second" {
		t.Errorf("got %+v and %+v", gone, now)
	}
}

func TestMessageLost(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	held := shown(t, b.unreadable(unread(aliceLogin, "LOST", fromAnn())))
	lost := func() dispatchtest.Actions {
		return b.do(func(ctx context.Context) error {
			return b.p.MessageLost(ctx, inbox.MessageLost{Message: *held.Message})
		})
	}
	got := shown(t, lost().Expect(t, "send_event"))
	if words(t, got) != "* "+textLost || !replaces(t, got, held) {
		t.Errorf("got %+v", got)
	}
	if came := shown(t, b.arrive(message(aliceLogin, "LOST", fromAnn(), "at last"))); words(t, came) != "* at last" {
		t.Errorf("got %+v", came)
	}
	lost().Expect(t, "")
}
