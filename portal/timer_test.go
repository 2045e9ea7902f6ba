package portal

import (
	"context"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"

	"causeway/database"
	"causeway/dispatch/dispatchtest"
	"causeway/inbox"
	"causeway/outbox"
)

func setting(seconds uint32, at time.Time) *waE2E.Message {
	return &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{
		Type: waE2E.ProtocolMessage_EPHEMERAL_SETTING.Enum(), EphemeralExpiration: &seconds, EphemeralSettingTimestamp: proto.Int64(at.Unix()),
	}}
}

// expiring is a text that disappears.
func expiring(text string, seconds uint32) *waE2E.Message {
	return &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: &text, ContextInfo: &waE2E.ContextInfo{Expiration: &seconds}}}
}

func (b bed) due(at time.Time) dispatchtest.Actions {
	b.t.Helper()
	list, err := b.DB.DueTimers(b.t.Context(), at, 100)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(func(ctx context.Context) error {
		for _, t := range list {
			if err := b.p.TimerDue(ctx, t); err != nil {
				return err
			}
			if err := b.DB.RemoveTimer(ctx, t.Kind, t.Message); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestTimerOfAChat(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	list := b.arrive(arrival(aliceLogin, "SET", fromAnn(), setting(86400, at()))).Expect(t, "set_state send_event")
	state := dispatchtest.Only[outbox.SetState](t, list, outbox.KindSetState)
	if state.Type != "com.beeper.disappearing_timer" || string(state.Content) != `{"type":"after_send","timer":86400000}` {
		t.Errorf("got %s %s", state.Type, state.Content)
	}
	if said := shown(t, list); said.As != ghost("15550100") || words(t, said) != "⏱ Messages in this chat now disappear 1 day after they were sent." {
		t.Errorf("got %+v", said)
	}
	b.arrive(arrival(aliceLogin, "SET", fromAnn(), setting(86400, at()))).Expect(t, "")
	// An older one that comes late changes nothing; the same again says nothing.
	late := arrival(aliceLogin, "OLD", fromAnn(), setting(60, at().Add(-time.Hour)))
	late.Info.Timestamp = at().Add(-time.Hour)
	b.arrive(late).Expect(t, "")
	b.arrive(arrival(aliceLogin, "AGAIN", fromAnn(), setting(86400, at()))).Expect(t, "")
	if portal := b.chat(aliceLogin, lid("100")); portal.Timer != 24*time.Hour {
		t.Errorf("got %s", portal.Timer)
	}
	// What is said on Matrix disappears on WhatsApp too, and here.
	evt := dispatchtest.Text(t, room, dispatchtest.Alice, "$said", "soon gone")
	out := sent(t, b.say(evt))
	msg := &waE2E.Message{}
	if err := proto.Unmarshal(out.Content, msg); err != nil {
		t.Fatal(err)
	}
	about := msg.GetExtendedTextMessage().GetContextInfo()
	if msg.GetExtendedTextMessage().GetText() != "soon gone" || about.GetExpiration() != 86400 || about.GetEphemeralSettingTimestamp() != at().Unix() {
		t.Errorf("got %v", msg)
	}
	b.due(timestamp(evt).Add(24*time.Hour-time.Second)).Expect(t, "")
	gone := shown(t, b.due(timestamp(evt).Add(24*time.Hour)))
	if gone.Type != event.EventRedaction.Type || gone.As != dispatchtest.Bot || gone.About.ID != out.Message.ID {
		t.Errorf("got %+v", gone)
	}
	list = b.arrive(arrival(aliceLogin, "OFF", fromAnn(), setting(0, at()))).Expect(t, "set_state send_event")
	if state := dispatchtest.Only[outbox.SetState](t, list, outbox.KindSetState); string(state.Content) != `{}` {
		t.Errorf("got %s", state.Content)
	}
	plain := sent(t, b.say(dispatchtest.Text(t, room, dispatchtest.Alice, "$stays", "stays")))
	if err := proto.Unmarshal(plain.Content, msg); err != nil || msg.GetConversation() != "stays" && msg.GetExtendedTextMessage().GetContextInfo() != nil {
		t.Errorf("got %v, %v", msg, err)
	}
	b.due(at().Add(1000*time.Hour)).Expect(t, "")
}

func TestMessageDisappears(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	said := shown(t, b.arrive(arrival(aliceLogin, "SAID", fromAnn(), expiring("a secret", 60))))
	edit := arrival(aliceLogin, "EDIT", fromAnn(), &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{Type: waE2E.ProtocolMessage_MESSAGE_EDIT.Enum(),
		Key: &waCommon.MessageKey{ID: proto.String("SAID")}, EditedMessage: &waE2E.Message{Conversation: proto.String("another secret")}}})
	edited := shown(t, b.arrive(edit))
	b.due(at().Add(59*time.Second)).Expect(t, "")
	gone := dispatchtest.All[outbox.SendEvent](t, b.due(at().Add(time.Minute)).Expect(t, "send_event send_event"), outbox.KindSendEvent)
	if *gone[0].About != *said.Message || *gone[1].About != *edited.Message || gone[0].As != said.As || gone[0].Type != event.EventRedaction.Type {
		t.Errorf("got %+v", gone)
	}
	b.due(at().Add(time.Hour)).Expect(t, "")
	// An edit that comes afterwards shows nothing.
	edit.Info.ID = "LATE"
	b.arrive(edit).Expect(t, "")
}

func TestKeptMessageStays(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	b.arrive(arrival(aliceLogin, "SET", fromAnn(), setting(60, at())))
	b.arrive(arrival(aliceLogin, "SAID", fromAnn(), expiring("stay", 60)))
	keep := func(name string, kind waE2E.KeepType) {
		b.arrive(arrival(aliceLogin, name, fromAnn(), &waE2E.Message{KeepInChatMessage: &waE2E.KeepInChatMessage{
			Key: &waCommon.MessageKey{ID: proto.String("SAID"), FromMe: proto.Bool(true)}, KeepType: kind.Enum()}})).Expect(t, "")
	}
	keep("KEEP", waE2E.KeepType_KEEP_FOR_ALL)
	b.due(at().Add(time.Minute)).Expect(t, "")
	keep("UNDO", waE2E.KeepType_UNDO_KEEP_FOR_ALL)
	b.due(at().Add(time.Minute)).Expect(t, "send_event")
}

func TestKeepWhatVanishes(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	b.arrive(arrival(aliceLogin, "FIRST", fromAnn(), expiring("planned before the configuration changed", 60)))
	b.arrive(arrival(aliceLogin, "BEFORE", fromAnn(), expiring("planned before the configuration changed", 60)))
	b.p.cfg.Life.KeepVanished = true
	b.arrive(arrival(aliceLogin, "SAID", fromAnn(), expiring("stay", 60))).Expect(t, "send_event")
	b.due(at().Add(time.Hour)).Expect(t, "")
}

func TestTimerOfAnEvent(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	out := sent(t, b.say(dispatchtest.Event(t, room, dispatchtest.Alice, "$own", event.EventMessage,
		`{"msgtype":"m.text","body":"own timer","com.beeper.disappearing_timer":{"type":"after_send","timer":3600000}}`)))
	msg := &waE2E.Message{}
	if err := proto.Unmarshal(out.Content, msg); err != nil || msg.GetExtendedTextMessage().GetContextInfo().GetExpiration() != 3600 {
		t.Errorf("got %v, %v", msg, err)
	}
	b.due(at().Add(time.Hour)).Expect(t, "send_event")
}

func TestTimerOfAGroup(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.group()
	week, none := uint32(7*86400), uint32(0)
	list := b.changed(inbox.GroupChanged{Login: aliceLogin, Group: friends(), Key: "timer", Timer: &week, By: lid("100"), At: at()}).Expect(t, "set_state send_event")
	if said := shown(t, list); said.As != ghost("lid-100") && said.As != ghost("15550100") || said.Message != nil {
		t.Errorf("got %+v", said)
	}
	// Bob's login is told the same.
	b.changed(inbox.GroupChanged{Login: bobLogin, Group: friends(), Key: "timer", Timer: &week, By: lid("100"), At: at()}).Expect(t, "")
	if portal := b.chat("", friends()); portal.Timer != 7*24*time.Hour {
		t.Errorf("got %s", portal.Timer)
	}
	b.changed(inbox.GroupChanged{Login: aliceLogin, Group: friends(), Key: "off", Timer: &none, At: at().Add(time.Minute)}).Expect(t, "set_state send_event")
}

// The timer that a message tells of is the chat's, when the change of that was missed.
func TestTimerLearnedFromAMessage(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	msg := expiring("hello", 3600)
	msg.ExtendedTextMessage.ContextInfo.EphemeralSettingTimestamp = proto.Int64(at().Add(-time.Hour).Unix())
	b.arrive(arrival(aliceLogin, "SAID", fromAnn(), msg)).Expect(t, "send_event set_state")
	if portal := b.chat(aliceLogin, lid("100")); portal.Timer != time.Hour {
		t.Errorf("got %s", portal.Timer)
	}
	msg.ExtendedTextMessage.ContextInfo.EphemeralSettingTimestamp = proto.Int64(at().Add(-2 * time.Hour).Unix())
	msg.ExtendedTextMessage.ContextInfo.Expiration = proto.Uint32(5)
	b.arrive(arrival(aliceLogin, "OLDER", fromAnn(), msg)).Expect(t, "send_event")
	timers, err := b.DB.DueTimers(t.Context(), at().Add(5*time.Second), 10)
	if err != nil || len(timers) != 1 || timers[0].Kind != database.TimerVanish || timers[0].Message.ID != "OLDER" {
		t.Errorf("got %+v, %v", timers, err)
	}
}
