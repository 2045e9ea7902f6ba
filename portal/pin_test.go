package portal

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/dispatch/dispatchtest"
	"causeway/outbox"
)

func pinOf(target string, on bool, seconds uint32) *waE2E.Message {
	kind := waE2E.PinInChatMessage_UNPIN_FOR_ALL
	if on {
		kind = waE2E.PinInChatMessage_PIN_FOR_ALL
	}
	return &waE2E.Message{
		PinInChatMessage:   &waE2E.PinInChatMessage{Key: &waCommon.MessageKey{ID: &target, FromMe: proto.Bool(true)}, Type: kind.Enum()},
		MessageContextInfo: &waE2E.MessageContextInfo{MessageAddOnDurationInSecs: &seconds},
	}
}

// pinned makes the state that says what is pinned in a room; before is nil when it is the first.
func pinned(t *testing.T, evt id.EventID, now string, before *string) *event.Event {
	t.Helper()
	made := dispatchtest.Event(t, room, dispatchtest.Alice, evt, event.StatePinnedEvents, fmt.Sprintf(`{"pinned":[%s]}`, now))
	key := ""
	made.StateKey = &key
	if before != nil {
		made.Unsigned.PrevContent = &dispatchtest.Event(t, room, dispatchtest.Alice, evt, event.StatePinnedEvents, fmt.Sprintf(`{"pinned":[%s]}`, *before)).Content
	}
	return made
}

func (b bed) pins(evt *event.Event) dispatchtest.Actions {
	b.t.Helper()
	return b.do(func(ctx context.Context) error { return b.p.PinsChanged(ctx, evt) })
}

func TestPinFromWhatsApp(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	on := dispatchtest.Only[outbox.Pin](t, b.arrive(arrival(aliceLogin, "PIN", fromAnn(), pinOf("FIRST", true, 86400))).Expect(t, "pin"), outbox.KindPin)
	if !on.On || on.Message.ID != "FIRST" {
		t.Errorf("got %+v", on)
	}
	b.arrive(arrival(aliceLogin, "PIN", fromAnn(), pinOf("FIRST", true, 86400))).Expect(t, "")
	// One that is older comes late.
	late := arrival(aliceLogin, "LATE", fromAnn(), pinOf("FIRST", false, 0))
	late.Info.Timestamp = at().Add(-time.Minute)
	b.arrive(late).Expect(t, "")
	b.arrive(arrival(aliceLogin, "UNKNOWN", fromAnn(), pinOf("NEVER", true, 86400))).Expect(t, "")
	// After a day WhatsApp's own programs do not show it any more.
	b.due(at().Add(23*time.Hour)).Expect(t, "")
	off := dispatchtest.Only[outbox.Pin](t, b.due(at().Add(24*time.Hour)).Expect(t, "pin"), outbox.KindPin)
	if off.On || off.Message.ID != "FIRST" {
		t.Errorf("got %+v", off)
	}
	// One that was taken out before has no end.
	again := arrival(aliceLogin, "AGAIN", fromAnn(), pinOf("FIRST", true, 60))
	again.Info.Timestamp = time.Now().Add(time.Second)
	b.arrive(again).Expect(t, "pin")
	out := arrival(aliceLogin, "OUT", fromAnn(), pinOf("FIRST", false, 0))
	out.Info.Timestamp = time.Now().Add(2 * time.Second)
	b.arrive(out).Expect(t, "pin")
	b.due(time.Now().Add(time.Hour)).Expect(t, "")
}

func TestPinFromMatrix(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	b.say(dispatchtest.Text(t, room, dispatchtest.Alice, "$one", "one"))
	b.say(dispatchtest.Text(t, room, dispatchtest.Alice, "$two", "two"))
	read := func(a outbox.SendWhatsApp) *waE2E.PinInChatMessage {
		t.Helper()
		msg := &waE2E.Message{}
		if err := proto.Unmarshal(a.Content, msg); err != nil {
			t.Fatal(err)
		}
		if on := msg.GetPinInChatMessage().GetType() == waE2E.PinInChatMessage_PIN_FOR_ALL; on != (msg.GetMessageContextInfo().GetMessageAddOnDurationInSecs() == 30*86400) {
			t.Errorf("got %v", msg)
		}
		return msg.GetPinInChatMessage()
	}
	first := pinned(t, "$p1", `"$one","$elsewhere"`, nil)
	out := sent(t, b.pins(first))
	if pin := read(out); pin.GetType() != waE2E.PinInChatMessage_PIN_FOR_ALL || pin.GetKey().GetID() != messageID(aliceLogin, "$one") || !pin.GetKey().GetFromMe() {
		t.Errorf("got %v", pin)
	}
	b.pins(first).Expect(t, "")
	before := `"$one"`
	list := dispatchtest.All[outbox.SendWhatsApp](t, b.pins(pinned(t, "$p2", `"$two"`, &before)).Expect(t, "send_whatsapp send_whatsapp"), outbox.KindSendWhatsApp)
	if off, on := read(list[0]), read(list[1]); off.GetType() != waE2E.PinInChatMessage_UNPIN_FOR_ALL || on.GetType() != waE2E.PinInChatMessage_PIN_FOR_ALL ||
		off.GetKey().GetID() == on.GetKey().GetID() || list[0].Message.ID == list[1].Message.ID {
		t.Errorf("got %v and %v", off, on)
	}
	// What WhatsApp has pinned meanwhile, and the room does not show yet, is not taken out by somebody who did not see it.
	hers, err := b.DB.MessagesByID(t.Context(), b.chat(aliceLogin, lid("100")).ID, "FIRST")
	if err != nil || len(hers) != 1 {
		t.Fatalf("got %+v, %v", hers, err)
	}
	b.Do(func(ctx context.Context) error { return b.DB.SettleMessage(ctx, hers[0].MessageKey, "$first") })
	b.arrive(arrival(aliceLogin, "PIN", fromAnn(), pinOf("FIRST", true, 86400))).Expect(t, "pin")
	before = `"$two"`
	b.pins(pinned(t, "$p3", `"$two","$unknown"`, &before)).Expect(t, "")
	// A stranger to WhatsApp is told, but only when there is something to do.
	evt := pinned(t, "$p4", `"$two","$unknown"`, &before)
	evt.Sender = "@carl:example.com"
	b.pins(evt).Expect(t, "")
	evt = pinned(t, "$p5", `"$two","$one"`, &before)
	evt.Sender = "@carl:example.com"
	b.Rejected("not_logged_in", func(ctx context.Context) error { return b.p.PinsChanged(ctx, evt) })
}
