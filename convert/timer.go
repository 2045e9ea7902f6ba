package convert

import (
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"maunium.net/go/mautrix/event"
)

// Timer says after how long messages disappear, counted from when they were sent.
type Timer struct {
	After time.Duration // 0 is never
	Set   time.Time     // when that was chosen; zero when it is not said
}

// MaxTimer is the longest timer that the bridge sends. WhatsApp's own programs offer up to 90 days.
const MaxTimer = 366 * 24 * time.Hour

// TimerFromWhatsApp reads that a chat's messages disappear from now on, or do not; it reports false for anything else.
func TimerFromWhatsApp(msg *waE2E.Message) (Timer, bool) {
	change := unwrap(msg).GetProtocolMessage()
	if change == nil || change.Type == nil || change.GetType() != waE2E.ProtocolMessage_EPHEMERAL_SETTING {
		return Timer{}, false
	}
	return timer(change.GetEphemeralExpiration(), change.GetEphemeralSettingTimestamp()), true
}

// TimerOf reads when a message itself disappears; it reports false when its kind cannot say.
func TimerOf(msg *waE2E.Message) (Timer, bool) {
	about := contextOf(unwrap(msg))
	return timer(about.GetExpiration(), about.GetEphemeralSettingTimestamp()), about != nil
}

func timer(seconds uint32, set int64) Timer {
	t := Timer{After: time.Duration(seconds) * time.Second}
	const milliseconds = 1e11 // a number of seconds that is some thousand years away
	switch {
	case set >= milliseconds:
		t.Set = time.UnixMilli(set)
	case set > 0:
		t.Set = time.Unix(set, 0)
	}
	return t
}

// SetTimer lets a message to WhatsApp disappear. A kind that cannot say so stays as it is.
func SetTimer(msg *waE2E.Message, t Timer) *waE2E.Message {
	if t.After <= 0 {
		return msg
	}
	if text := msg.GetConversation(); text != "" { // it has no context
		plain := proto.CloneOf(msg)
		plain.Conversation, plain.ExtendedTextMessage = nil, &waE2E.ExtendedTextMessage{Text: proto.String(text)}
		msg = plain
	}
	about := ensureContext(unwrap(msg))
	if about == nil {
		return msg
	}
	about.Expiration = proto.Uint32(uint32(min(t.After, MaxTimer) / time.Second))
	if !t.Set.IsZero() {
		about.EphemeralSettingTimestamp = proto.Int64(t.Set.Unix())
	}
	return msg
}

// ensureContext returns the context of a message, with one if it had none; nil when its kind has none.
func ensureContext(msg *waE2E.Message) (found *waE2E.ContextInfo) {
	if found = contextOf(msg); found != nil {
		return found
	}
	msg.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if field.Kind() != protoreflect.MessageKind || field.Cardinality() == protoreflect.Repeated {
			return true
		}
		inner := value.Message()
		about := inner.Descriptor().Fields().ByName("contextInfo")
		if about == nil || about.Message() == nil || about.Message().FullName() != (&waE2E.ContextInfo{}).ProtoReflect().Descriptor().FullName() {
			return true
		}
		found = &waE2E.ContextInfo{}
		inner.Set(about, protoreflect.ValueOfMessage(found.ProtoReflect()))
		return false
	})
	return found
}

// TimerFromMatrix reads when an event itself is to disappear (com.beeper.disappearing_timer); it reports false when it
// does not say.
func TimerFromMatrix(content *event.MessageEventContent) (Timer, bool) {
	said := content.BeeperDisappearingTimer
	if said == nil {
		return Timer{}, false
	}
	after := min(max(said.Timer.Duration, 0), MaxTimer)
	if said.Type == event.DisappearingTypeNone {
		after = 0
	} else if after > 0 {
		after = max(after, time.Second).Round(time.Second)
	}
	return Timer{After: after}, true
}

// TimerToMatrix is the content of the state that shows a chat's timer (com.beeper.disappearing_timer).
func TimerToMatrix(after time.Duration) *event.BeeperDisappearingTimer {
	if after <= 0 {
		return &event.BeeperDisappearingTimer{}
	}
	t := &event.BeeperDisappearingTimer{Type: event.DisappearingTypeAfterSend}
	t.Timer.Duration = after
	return t
}

// TimerNotice says in words that a chat's messages disappear from now on, or do not.
func TimerNotice(after time.Duration) *event.MessageEventContent {
	text := "⏱ Messages in this chat do not disappear any more."
	if after > 0 {
		text = "⏱ Messages in this chat now disappear " + inWords(after) + " after they were sent."
	}
	return &event.MessageEventContent{MsgType: event.MsgNotice, Body: text, Mentions: &event.Mentions{}}
}

func inWords(d time.Duration) string {
	for _, unit := range []struct {
		name string
		size time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}} {
		if d >= unit.size && d%unit.size == 0 {
			return plural(int(d/unit.size), unit.name)
		}
	}
	return plural(int(d/time.Second), "second")
}

func plural(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
