package portal

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/dispatch/dispatchtest"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/queue"
)

func body(t *testing.T, a outbox.SendEvent) string {
	t.Helper()
	var content event.MessageEventContent
	if err := json.Unmarshal(a.Content, &content); err != nil {
		t.Fatal(err)
	}
	return content.Body
}

func TestFirstDirectMessage(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	list := b.arrive(message(aliceLogin, "AAA", fromAnn(), "Hello")).Expect(t, "create_room send_event")
	portal := b.chat(aliceLogin, lid("100"))
	ann, err := b.DB.PuppetByJID(t.Context(), pn("15550100"))
	if err != nil || portal.Other != ann.ID || !portal.IsDirect() || !portal.HasDetails {
		t.Errorf("the portal is %+v, the contact %+v, %v", portal, ann, err)
	}
	lane := queue.Lane(fmt.Sprintf("room/%d", portal.ID))
	if list[0].Lane != lane || list[1].Lane != lane || list[0].Key != fmt.Sprintf("create/%d", portal.ID) {
		t.Errorf("got %+v", list)
	}
	a := shown(t, list)
	key := database.MessageKey{Portal: portal.ID, ID: "AAA", Sender: ann.ID}
	if a.Portal != portal.ID || a.As != ghost("15550100") || a.Type != "m.room.message" || body(t, a) != "Hello" ||
		a.Message == nil || *a.Message != key || !a.Sent.Equal(at()) || a.Txn != fmt.Sprintf("wa-%d-%d-AAA", portal.ID, ann.ID) {
		t.Errorf("got %+v", a)
	}
	if row, err := b.DB.MessageByKey(t.Context(), key); err != nil || row.Event != "" {
		t.Errorf("the message is %+v, %v", row, err)
	}
	logins, err := b.DB.PortalLogins(t.Context(), portal.ID)
	if err != nil || len(logins) != 1 || logins[0].ID != aliceLogin {
		t.Errorf("in the chat are %+v, %v", logins, err)
	}
	b.arrive(message(aliceLogin, "BBB", fromAnn(), "Still here?")).Expect(t, "send_event") // the room is on its way
	b.made(portal.ID)
	b.arrive(message(aliceLogin, "CCC", fromAnn(), "Hey")).Expect(t, "send_event")
	b.arrive(message(aliceLogin, "CCC", fromAnn(), "Hey")).Expect(t, "") // the same again
}

func TestOneChatByAnyName(t *testing.T) {
	t.Parallel()
	sources := map[string]types.MessageSource{
		"LID and number": fromAnn(),
		"number and LID": {Chat: pn("15550100"), Sender: pn("15550100"), SenderAlt: lid("100")},
		"LID":            {Chat: lid("100"), Sender: types.JID{User: "100", Device: 3, Server: types.HiddenUserServer}},
		"number":         {Chat: pn("15550100"), Sender: pn("15550100")},
	}
	for name, first := range sources {
		t.Run(name+" first", func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			b.arrive(message(aliceLogin, "FIRST", first, "x"))
			if first.SenderAlt.IsEmpty() { // each name alone is one chat only once they were told together
				b.arrive(message(aliceLogin, "SECOND", fromAnn(), "x"))
			}
			for name, source := range sources {
				list := b.arrive(message(aliceLogin, "THIRD"+name, source, "x")).Expect(t, "send_event")
				if shown(t, list).Portal != 1 {
					t.Errorf("%s: a chat of its own", name)
				}
			}
		})
	}
}

func TestOwnMessages(t *testing.T) {
	t.Parallel()
	t.Run("from the phone", func(t *testing.T) {
		t.Parallel()
		b := newBed(t)
		own := types.MessageSource{Chat: lid("100"), Sender: pn("1555"), RecipientAlt: pn("15550100"), IsFromMe: true}
		a := shown(t, b.arrive(message(aliceLogin, "AAA", own, "On my way")).Expect(t, "create_room send_event"))
		if a.As != ghost("1555") {
			t.Errorf("spoken by %s", a.As)
		}
		portal := b.chat(aliceLogin, pn("15550100"))
		if other, err := b.DB.PuppetByID(t.Context(), portal.Other); err != nil || other.UserID != ghost("15550100") {
			t.Errorf("the contact is %+v, %v", other, err)
		}
		// The contact's answer is in the same chat and does not change who it is with.
		if a := shown(t, b.arrive(message(aliceLogin, "BBB", fromAnn(), "Good"))); a.Portal != portal.ID || a.As != ghost("15550100") {
			t.Errorf("got %+v", a)
		}
	})
	t.Run("note to self", func(t *testing.T) {
		t.Parallel()
		b := newBed(t)
		own := types.MessageSource{Chat: pn("1555"), Sender: pn("1555"), RecipientAlt: lid("91555"), IsFromMe: true}
		a := shown(t, b.arrive(message(aliceLogin, "AAA", own, "Buy tea")).Expect(t, "create_room send_event"))
		if portal := b.chat(aliceLogin, lid("91555")); a.As != ghost("1555") || portal.Other != a.Message.Sender {
			t.Errorf("got %+v in %+v", a, portal)
		}
	})
	t.Run("that came from Matrix", func(t *testing.T) {
		t.Parallel()
		b := newBed(t)
		portal := b.group()
		b.arrive(message(bobLogin, "BOB", inGroup(lid("100")), "hi"))
		a := sent(t, b.say(dispatchtest.Text(t, room, dispatchtest.Alice, "$1", "Hi all")))
		// Bob's account gets it as a message of Alice's.
		b.arrive(message(bobLogin, a.Message.ID, inGroup(lid("91555")), "Hi all")).Expect(t, "")
		if a.Message.Portal != portal.ID {
			t.Errorf("got %+v", a)
		}
	})
}

func TestChatsThatAreNone(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.arrive(message(aliceLogin, "A", types.MessageSource{Chat: types.StatusBroadcastJID, Sender: lid("100"), IsGroup: true}, "my day")).Expect(t, "")
	channel := types.NewJID("55", types.NewsletterServer)
	b.arrive(message(aliceLogin, "B", types.MessageSource{Chat: channel, Sender: channel}, "news")).Expect(t, "")

	list := types.NewJID("77", types.BroadcastServer)
	a := shown(t, b.arrive(message(aliceLogin, "C", types.MessageSource{Chat: list, Sender: lid("100"), SenderAlt: pn("15550100"), IsGroup: true}, "to many")))
	if portal := b.chat(aliceLogin, lid("100")); a.Portal != portal.ID || a.As != ghost("15550100") {
		t.Errorf("a message to a list is in %+v", a)
	}
	b.Dead(func(ctx context.Context) error {
		return b.p.MessageFromWhatsApp(ctx, message(aliceLogin, "D", types.MessageSource{Chat: list, Sender: pn("1555"), IsFromMe: true, IsGroup: true}, "x"))
	})
}

func TestMessagesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	broken := message(aliceLogin, "A", fromAnn(), "x")
	broken.Message = []byte{0xff, 0xff}
	for name, in := range map[string]inbox.WhatsAppMessage{
		"protobuf": broken, "no ID": message(aliceLogin, "", fromAnn(), "x"), "NUL": message(aliceLogin, "A\x00B", fromAnn(), "x"),
		"broken ID": message(aliceLogin, "A\xff", fromAnn(), "x"), "ID of a part": message(aliceLogin, "A#2", fromAnn(), "x"),
		"long ID": message(aliceLogin, strings.Repeat("A", 300), fromAnn(), "x"),
	} {
		t.Log(name)
		b.Dead(func(ctx context.Context) error { return b.p.MessageFromWhatsApp(ctx, in) })
	}
	b.arrive(arrival(aliceLogin, "KEYS", fromAnn(), &waE2E.Message{MessageContextInfo: &waE2E.MessageContextInfo{}})).Expect(t, "")
	if _, err := b.DB.PortalByChat(t.Context(), aliceLogin, lid("100")); err == nil {
		t.Error("what nobody can see has made a chat")
	}
	a := shown(t, b.arrive(arrival(aliceLogin, "PIC", fromAnn(), &waE2E.Message{ImageMessage: &waE2E.ImageMessage{Caption: proto.String("my cat")}})))
	if text := body(t, a); !strings.HasPrefix(text, "An image arrived") || !strings.HasSuffix(text, "my cat") {
		t.Errorf("got %q", text)
	}
}

func TestLongMessageIsSeveralEvents(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	text := strings.Repeat("0123456789", 11000)
	in := message(aliceLogin, "LONG", fromAnn(), text)
	parts := dispatchtest.All[outbox.SendEvent](t, b.arrive(in).Expect(t, "create_room send_event send_event send_event"), outbox.KindSendEvent)
	together, seen := "", map[string]bool{}
	for _, a := range parts {
		together += body(t, a)
		if seen[a.Txn] || a.Message == nil {
			t.Errorf("a repeat of %s is not told from another", a.Txn)
		}
		seen[a.Txn] = true
		if row, err := b.DB.MessageByKey(t.Context(), *a.Message); err != nil || row.Event != "" {
			t.Errorf("got %+v, %v", row, err)
		}
	}
	if together != text {
		t.Error("the parts are not the text")
	}
	b.arrive(in).Expect(t, "")
}

func TestLoginThatIsNotThere(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	in := message("1999", "AAA", types.MessageSource{Chat: lid("100"), Sender: lid("100")}, "x")
	decide := func(ctx context.Context) error { return b.p.MessageFromWhatsApp(ctx, in) }
	b.Parked(inbox.LoginOf("1999"), decide)
	b.Parked(inbox.LoginOf("1999"), func(ctx context.Context) error {
		return b.p.GroupFromWhatsApp(ctx, inbox.GroupChanged{Login: "1999", Group: friends(), Whole: &inbox.Group{}})
	})
	b.link("1999", dispatchtest.Alice)
	b.do(decide).Expect(t, "create_room send_event")

	// Its user logs out: what still arrives is dropped, and holds nobody up.
	b.Do(func(ctx context.Context) error {
		if err := b.DB.RemoveLogin(ctx, "1999"); err != nil {
			return err
		}
		return b.DB.PutSetting(ctx, database.UnlinkedBy("1999"), dispatchtest.Alice.String())
	})
	in.Info.ID = "BBB"
	b.do(decide).Expect(t, "")
}

func TestMessageFromMatrix(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	portal := b.direct()
	evt := dispatchtest.Text(t, room, dispatchtest.Alice, "$1", "Hi Ann")
	list := b.say(evt)
	a := sent(t, list)
	msg := &waE2E.Message{}
	if err := proto.Unmarshal(a.Content, msg); err != nil || msg.GetConversation() != "Hi Ann" {
		t.Errorf("got %v, %v", msg, err)
	}
	own, err := b.DB.PuppetByJID(t.Context(), pn("1555"))
	if err != nil || a.Login != aliceLogin || a.Chat != lid("100") || a.Message.Portal != portal.ID || a.Message.Sender != own.ID ||
		!strings.HasPrefix(a.Message.ID, "3EB0") || len(a.Message.ID) != 22 {
		t.Errorf("got %+v, %v", a, err)
	}
	if list[0].Lane != queue.Lane(fmt.Sprintf("whatsapp/1555/%d", portal.ID)) {
		t.Errorf("on the lane %s", list[0].Lane)
	}
	if row, err := b.DB.MessageByKey(t.Context(), a.Message); err != nil || row.Event != "$1" || row.Sent.UnixMilli() != evt.Timestamp {
		t.Errorf("got %+v, %v", row, err)
	}
	b.say(evt).Expect(t, "") // pushed again
	if again := sent(t, b.say(dispatchtest.Text(t, room, dispatchtest.Alice, "$2", "Hi Ann"))); again.Message.ID == a.Message.ID {
		t.Error("two messages have one ID")
	}
	b.say(dispatchtest.Text(t, otherRoom, dispatchtest.Alice, "$3", "nobody's room")).Expect(t, "")
}

func TestMessageIDFollowsFromTheEvent(t *testing.T) {
	t.Parallel()
	ids := map[types.MessageID]bool{}
	for range 2 {
		for _, login := range []database.LoginID{aliceLogin, bobLogin} {
			for _, evt := range []id.EventID{"$1", "$2"} {
				ids[messageID(login, evt)] = true
			}
		}
	}
	if len(ids) != 4 {
		t.Errorf("the ID must follow from the login and the event, and from nothing else: %v", ids)
	}
}

func TestEchoes(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	a := shown(t, b.arrive(message(aliceLogin, "AAA", fromAnn(), "Hello")))
	echo := func(sender id.UserID, evt id.EventID, key any) *event.Event {
		return dispatchtest.Event(t, room, sender, evt, event.EventMessage, map[string]any{"msgtype": "m.text", "body": "Hello", outbox.KeyField: key})
	}
	// Anybody else can write the field, too: it is then a message like any other.
	sent(t, b.say(echo(dispatchtest.Alice, "$alice", outbox.FormatKey(*a.Message))))
	for _, key := range []any{nil, 7, "", "x/y/z", "1"} {
		b.say(echo(a.As, "$odd", key)).Expect(t, "")
	}
	if row, err := b.DB.MessageByKey(t.Context(), *a.Message); err != nil || row.Event != "" {
		t.Fatalf("settled by somebody else: %+v, %v", row, err)
	}
	b.say(echo(a.As, "$echo", outbox.FormatKey(*a.Message))).Expect(t, "")
	b.say(echo(a.As, "$second", outbox.FormatKey(*a.Message))).Expect(t, "")
	if row, err := b.DB.MessageByKey(t.Context(), *a.Message); err != nil || row.Event != "$echo" {
		t.Errorf("got %+v, %v", row, err)
	}
	b.say(dispatchtest.Text(t, room, dispatchtest.Bot, "$bot", "A notice of the bot")).Expect(t, "")
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	text := func(content event.MessageEventContent) any { return &content }
	for name, c := range map[string]struct {
		code    string
		kind    event.Type
		content any
	}{
		"image":     {"unsupported", event.EventMessage, text(event.MessageEventContent{MsgType: event.MsgImage, Body: "cat.jpg"})},
		"unknown":   {"unsupported", event.EventMessage, text(event.MessageEventContent{MsgType: "x.y", Body: "?"})},
		"sticker":   {"unsupported", event.EventSticker, text(event.MessageEventContent{Body: "cat"})},
		"poll":      {"unsupported", event.Type{Type: "m.poll.start", Class: event.MessageEventType}, `{"m.poll":{}}`},
		"encrypted": {"encrypted", event.EventEncrypted, `{"algorithm":"m.megolm.v1.aes-sha2","ciphertext":"x"}`},
		"blank":     {"empty", event.EventMessage, text(event.MessageEventContent{MsgType: event.MsgText, Body: " \n"})},
		"edit of nothing": {"unknown_message", event.EventMessage, text(event.MessageEventContent{MsgType: event.MsgText, Body: "* x",
			RelatesTo: &event.RelatesTo{Type: event.RelReplace, EventID: "$1"}})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			b.direct()
			evt := dispatchtest.Event(t, room, dispatchtest.Alice, "$1", c.kind, c.content)
			b.refuse(c.code, evt)
			if _, err := b.DB.MessageByEvent(t.Context(), "$1"); err == nil {
				t.Error("what is not sent has a message")
			}
		})
	}
}

func TestRemovedMessageIsNothing(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	b.say(dispatchtest.Event(t, room, dispatchtest.Alice, "$1", event.EventMessage, `{}`)).Expect(t, "")
	b.say(dispatchtest.Event(t, room, dispatchtest.Bob, "$2", event.EventEncrypted, `{}`)).Expect(t, "")
}

func TestRefusedIsToldInTheRoom(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	evt := dispatchtest.Text(t, room, dispatchtest.Alice, "$1", "x")
	list := b.Do(func(ctx context.Context) error {
		return b.p.Refused(ctx, evt, &queue.Reject{Code: "empty", Text: "Nothing in it."})
	})
	notice := dispatchtest.Only[outbox.SendNotice](t, list, outbox.KindSendNotice)
	if notice.Room != room || notice.ReplyTo != "$1" || notice.Text != "Nothing in it." || notice.Txn != "status-empty-$1" {
		t.Errorf("got %+v", notice)
	}
}

func TestSendFailed(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	a := sent(t, b.say(dispatchtest.Text(t, room, dispatchtest.Alice, "$1", "Hi")))
	failed := inbox.SendFailed{Message: a.Message, Code: "refused", Text: "WhatsApp did not take it."}
	for n, kinds := range []string{"send_notice remove_notice", ""} { // once
		list := b.Do(func(ctx context.Context) error { return b.p.SendFailed(ctx, failed) }).Expect(t, kinds)
		if n == 0 {
			notice := dispatchtest.Only[outbox.SendNotice](t, list, outbox.KindSendNotice)
			if notice.Room != room || notice.ReplyTo != "$1" || notice.Text != failed.Text {
				t.Errorf("got %+v", notice)
			}
		}
	}
	for _, key := range []database.MessageKey{{Portal: 999, ID: "x"}, {Portal: a.Message.Portal, ID: "x", Sender: a.Message.Sender}} {
		b.Dead(func(ctx context.Context) error { return b.p.SendFailed(ctx, inbox.SendFailed{Message: key}) })
	}
}
