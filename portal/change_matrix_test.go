package portal

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/convert"
	"causeway/dispatch/dispatchtest"
	"causeway/outbox"
)

func edited(t *testing.T, sender id.UserID, evt, target id.EventID, text string) *event.Event {
	t.Helper()
	return dispatchtest.Event(t, room, sender, evt, event.EventMessage, fmt.Sprintf(
		`{"msgtype":"m.text","body":"* x","m.relates_to":{"rel_type":"m.replace","event_id":%q},"m.new_content":{"msgtype":"m.text","body":%q}}`, target, text))
}

func reacted(t *testing.T, sender id.UserID, evt, target id.EventID, emoji string) *event.Event {
	t.Helper()
	return dispatchtest.Event(t, room, sender, evt, event.EventReaction, fmt.Sprintf(
		`{"m.relates_to":{"rel_type":"m.annotation","event_id":%q,"key":%q}}`, target, emoji))
}

func redaction(t *testing.T, sender id.UserID, evt, target id.EventID) *event.Event {
	t.Helper()
	made := dispatchtest.Event(t, room, sender, evt, event.EventRedaction, `{}`)
	made.Redacts = target
	return made
}

func after(evt *event.Event, by time.Duration) *event.Event {
	evt.Timestamp += by.Milliseconds()
	return evt
}

func TestEditFromMatrix(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.annFirst(b.direct())
	row := b.said("$1", "helo")
	edit := after(edited(t, dispatchtest.Alice, "$2", "$1", "hello"), convert.EditWindow)
	a := sent(t, b.say(edit))
	got, ok := convert.EditFromWhatsApp(protobuf(t, a))
	if !ok || got.Target != row.ID || got.Message.GetConversation() != "hello" || a.Message.ID != messageID(aliceLogin, "$2") || a.Chat != lid("100") {
		t.Errorf("got %+v, %+v", a, got)
	}
	if row := b.shownAs("$1"); row.Quote != "hello" {
		t.Errorf("the row is %+v", row)
	}
	b.say(edit).Expect(t, "")
	b.refuse("edit_too_late", after(edited(t, dispatchtest.Alice, "$3", "$1", "x"), convert.EditWindow+time.Second))
	b.refuse("edit_of_other", edited(t, dispatchtest.Alice, "$4", "$first", "x"))
	b.refuse("edit_of_other", edited(t, dispatchtest.Alice, "$5", "$2", "x"))
	b.refuse("unknown_message", edited(t, dispatchtest.Alice, "$6", "$nowhere", "x"))
	b.refuse("empty", edited(t, dispatchtest.Alice, "$7", "$1", " "))
	b.refuse("not_logged_in", edited(t, dispatchtest.Bob, "$8", "$1", "x"))
	b.arrive(arrival(aliceLogin, "X", onPhone(), revokeOf(keyOf(row.ID, types.EmptyJID)))).Expect(t, "send_event")
	b.refuse("edit_of_removed", edited(t, dispatchtest.Alice, "$9", "$1", "x"))
}

func TestReactionFromMatrix(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.annFirst(b.direct())
	react := reacted(t, dispatchtest.Alice, "$1", "$first", "👍\ufe0f")
	a := sent(t, b.say(react))
	r, ok := convert.ReactionFromWhatsApp(protobuf(t, a))
	if !ok || r.Emoji != "👍" || r.Target.ID != "FIRST" || r.Target.FromMe || a.Message.ID != messageID(aliceLogin, "$1") {
		t.Errorf("got %+v, %+v", a, r)
	}
	b.say(react).Expect(t, "")
	// Another takes its place, and the bot removes the first.
	list := b.say(after(reacted(t, dispatchtest.Alice, "$2", "$first", "😀"), time.Second)).Expect(t, "send_event send_whatsapp")
	if a := shown(t, list); a.Type != "m.room.redaction" || a.As != dispatchtest.Bot || a.About.ID != messageID(aliceLogin, "$1") {
		t.Errorf("got %+v", a)
	}
	b.say(redaction(t, dispatchtest.Bot, "$r1", "$1")).Expect(t, "")
	b.say(redaction(t, dispatchtest.Alice, "$r2", "$1")).Expect(t, "") // it is no more
	// On the phone it is replaced once more.
	list = b.arrive(later(arrival(aliceLogin, "P", onPhone(), reactionTo(keyOf("FIRST", lid("100")), "❤")), time.Minute)).Expect(t, "send_event send_event")
	if a := dispatchtest.All[outbox.SendEvent](t, list, outbox.KindSendEvent)[0]; a.As != dispatchtest.Bot || a.About.ID != messageID(aliceLogin, "$2") {
		t.Errorf("got %+v", a)
	}
	b.say(after(reacted(t, dispatchtest.Alice, "$3", "$first", "x"), time.Hour)).Expect(t, "send_event send_whatsapp")
	r, _ = convert.ReactionFromWhatsApp(protobuf(t, sent(t, b.say(after(redaction(t, dispatchtest.Alice, "$r3", "$3"), time.Hour)))))
	if r.Emoji != "" || r.Target.ID != "FIRST" {
		t.Errorf("got %+v", r)
	}
	b.refuse("unknown_message", reacted(t, dispatchtest.Alice, "$4", "$nowhere", "x"))
	b.refuse("unknown_message", reacted(t, dispatchtest.Alice, "$5", "$3", "x"))
	b.say(reacted(t, dispatchtest.Alice, "$6", "$first", "")).Expect(t, "")
}

func TestRedactionFromMatrix(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.annFirst(b.direct())
	row := b.said("$1", "oops")
	redact := after(redaction(t, dispatchtest.Alice, "$r1", "$1"), convert.RevokeWindow)
	a := sent(t, b.say(redact))
	target, ok := convert.RedactionFromWhatsApp(protobuf(t, a))
	if !ok || target != (convert.Target{ID: row.ID, FromMe: true}) || a.Message.ID != messageID(aliceLogin, "$r1") {
		t.Errorf("got %+v, %+v", a, target)
	}
	b.say(redact).Expect(t, "")
	b.say(redaction(t, dispatchtest.Alice, "$r2", "$1")).Expect(t, "")
	b.say(redaction(t, dispatchtest.Alice, "$r3", "$nowhere")).Expect(t, "")
	b.refuse("message_of_other", redaction(t, dispatchtest.Alice, "$r4", "$first"))
	b.said("$2", "old")
	b.refuse("removed_too_late", after(redaction(t, dispatchtest.Alice, "$r5", "$2"), convert.RevokeWindow+time.Second))
	sent(t, b.say(edited(t, dispatchtest.Alice, "$3", "$2", "new")))
	b.refuse("cannot_undo", redaction(t, dispatchtest.Alice, "$r6", "$3"))
	sent(t, b.say(reacted(t, dispatchtest.Alice, "$4", "$2", "x")))
	b.refuse("not_logged_in", redaction(t, dispatchtest.Bob, "$r7", "$4"))

	moved := dispatchtest.Event(t, room, dispatchtest.Alice, "$r8", event.EventRedaction, `{"redacts":"$2"}`) // room version 11
	sent(t, b.say(moved))
}

func TestRepliesFromMatrix(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.annFirst(b.direct())
	say := func(evt id.EventID, relation string) *convert.Reply {
		t.Helper()
		msg := protobuf(t, sent(t, b.say(dispatchtest.Event(t, room, dispatchtest.Alice, evt, event.EventMessage,
			`{"msgtype":"m.text","body":"> <@a:b> quoted\n\nyes","m.relates_to":`+relation+`}`))))
		reply, ok := convert.ReplyFromWhatsApp(msg)
		if !ok {
			return nil
		}
		if msg.GetExtendedTextMessage().GetText() != "yes" && !strings.Contains(relation, "thread") {
			t.Errorf("got %s", msg)
		}
		return &reply
	}
	want := convert.Reply{ID: "FIRST", Participant: lid("100"), Quote: "first"}
	if got := say("$1", `{"m.in_reply_to":{"event_id":"$first"}}`); got == nil || *got != want {
		t.Errorf("got %+v", got)
	}
	unknown := dispatchtest.Event(t, room, dispatchtest.Alice, "$2", event.EventMessage,
		`{"msgtype":"m.text","body":"> <@a:b> quoted\n> twice\n\nyes","m.relates_to":{"m.in_reply_to":{"event_id":"$nowhere"}}}`)
	if got := protobuf(t, sent(t, b.say(unknown))).GetConversation(); got != "> @a:b: quoted\n> twice\nyes" {
		t.Errorf("what is not there is quoted as %q", got)
	}
	for evt, relation := range map[id.EventID]string{
		"$4": `{"rel_type":"m.thread","event_id":"$first"}`,
		"$5": `{"rel_type":"m.thread","event_id":"$first","is_falling_back":true,"m.in_reply_to":{"event_id":"$nowhere"}}`,
		"$6": `{"rel_type":"m.thread","event_id":"$nowhere","is_falling_back":true,"m.in_reply_to":{"event_id":"$first"}}`,
	} {
		if got := say(evt, relation); got == nil || got.ID != want.ID {
			t.Errorf("%s: got %+v", relation, got)
		}
	}
	if got := say("$3", `{"m.in_reply_to":{"event_id":"$1"}}`); got == nil || got.Quote != "yes" || got.Participant != lid("91555") {
		t.Errorf("got %+v", got)
	}
}

// Two users' accounts have lanes of their own: what one does to the other's message goes after it.
func TestReactionToTheMessageOfAnotherLogin(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.group()
	b.arrive(message(bobLogin, "SECOND", inGroup(lid("100")), "second")) // Bob is in the group too
	first := sent(t, b.say(dispatchtest.Text(t, room, dispatchtest.Alice, "$1", "hi")))
	a := sent(t, b.say(reacted(t, dispatchtest.Bob, "$2", "$1", "x")))
	r, _ := convert.ReactionFromWhatsApp(protobuf(t, a))
	if a.Login != bobLogin || a.After != first.Key() || r.Target.FromMe || r.Target.Participant != lid("91555") {
		t.Errorf("got %+v, %+v", a, r)
	}
	if a := sent(t, b.say(reacted(t, dispatchtest.Alice, "$3", "$1", "x"))); a.After != "" || a.Login != aliceLogin {
		t.Errorf("got %+v", a)
	}
}
