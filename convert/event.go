package convert

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
)

// Gathering is an event in the sense of a calendar. Its JSON is kept with the message.
type Gathering struct {
	Name string `json:"name"`
}

// GatheringFromWhatsApp reads an event; it reports false for anything else.
func GatheringFromWhatsApp(msg *waE2E.Message) (Gathering, bool) {
	made := unwrap(msg).GetEventMessage()
	return Gathering{Name: clip(oneLine(made.GetName()), maxShownText)}, made != nil
}

// span writes from when to when, in UTC, which everybody can make their own of. Its sender's zone is not in the message.
func span(from, to int64) string {
	if from <= 0 {
		return ""
	}
	begin := unixTime(from)
	text := inUTC(begin)
	if to <= from {
		return text
	}
	if end := unixTime(to); end.UTC().Format(time.DateOnly) == begin.UTC().Format(time.DateOnly) {
		return strings.TrimSuffix(text, " UTC") + " to " + end.UTC().Format("15:04 UTC")
	}
	return text + " to " + inUTC(unixTime(to))
}

// gatheringToMatrix shows an event of a calendar as a text: Matrix has no such thing.
func gatheringToMatrix(msg *waE2E.Message) *event.MessageEventContent {
	made := msg.GetEventMessage()
	if made == nil {
		return nil
	}
	head := "📅 " + cmp.Or(clip(oneLine(made.GetName()), maxShownText), "An event")
	if made.GetIsCanceled() {
		head = "📅 Cancelled: " + strings.TrimPrefix(head, "📅 ")
	}
	lines := []string{head}
	if when := span(made.GetStartTime(), made.GetEndTime()); when != "" {
		lines = append(lines, "🕒 "+when)
	}
	if place, ok := PlaceFromWhatsApp(&waE2E.Message{LocationMessage: made.GetLocation()}); ok {
		lines = append(lines, place.text())
	} else if where := oneLine(made.GetLocation().GetName()); where != "" {
		lines = append(lines, "📍 "+clip(where, maxShownText))
	}
	if link := oneLine(made.GetJoinLink()); link != "" {
		lines = append(lines, "🔗 "+clip(link, maxShownText))
	}
	if about := strings.TrimSpace(clean(made.GetDescription())); about != "" {
		lines = append(lines, clip(about, maxBody/4))
	}
	if made.GetExtraGuestsAllowed() {
		lines = append(lines, "Guests may be brought along.")
	}
	if !made.GetIsCanceled() {
		lines = append(lines, "To answer, react with ✅ (going), ❌ (not going) or ❓ (maybe), or reply with yes, no or maybe.")
	}
	return textToMatrix(strings.Join(lines, "\n"))
}

// invitedEventToMatrix shows that somebody passes an event on.
func invitedEventToMatrix(msg *waE2E.Message) *event.MessageEventContent {
	made := msg.GetEventInviteMessage()
	if made == nil {
		return nil
	}
	lines := []string{"📅 Invitation to “" + clip(oneLine(made.GetEventTitle()), maxShownText) + "”"}
	for _, line := range []string{span(made.GetStartTime(), made.GetEndTime()), oneLine(made.GetCallLink()), strings.TrimSpace(clean(made.GetCaption()))} {
		if line != "" {
			lines = append(lines, clip(line, maxShownText))
		}
	}
	return textToMatrix(strings.Join(append(lines, "Open WhatsApp on your phone to answer it."), "\n"))
}

// Attendance is whether somebody comes.
type Attendance string

// The answers to an event, as WhatsApp names them.
const (
	Going    Attendance = "GOING"
	NotGoing Attendance = "NOT_GOING"
	Maybe    Attendance = "MAYBE"
)

// AttendanceOf reads an answer that somebody writes or reacts with.
func AttendanceOf(text string) (Attendance, bool) {
	switch strings.ToLower(strings.TrimSpace(emoji(strings.TrimSuffix(strings.TrimSpace(text), ".")))) {
	case "✅", "✔", "👍", "1", "yes", "going":
		return Going, true
	case "❌", "✖", "👎", "2", "no", "not going":
		return NotGoing, true
	case "❓", "❔", "🤔", "3", "maybe":
		return Maybe, true
	}
	return "", false
}

// AttendanceFromWhatsApp reads a sealed answer to an event; it reports false for anything else.
func AttendanceFromWhatsApp(msg *waE2E.Message) (EventAnswer, bool) {
	answer := unwrap(msg).GetEncEventResponseMessage()
	target, ok := targetOf(answer.GetEventCreationMessageKey())
	a := EventAnswer{Target: target, Sealed: Sealed{answer.GetEncPayload(), answer.GetEncIV()}}
	return a, ok && answer != nil && len(a.Sealed.Payload) <= maxSealed && len(a.Sealed.IV) <= SecretSize
}

// EventAnswer is an answer to an event, sealed so that only those can read it who have the event.
type EventAnswer struct {
	Target Target
	Sealed Sealed
}

// AttendanceText says what an opened answer is, and when it was given; the time is zero if that is not said.
func AttendanceText(answer []byte) (string, time.Time, error) {
	r := &waE2E.EventResponseMessage{}
	if err := proto.Unmarshal(answer, r); err != nil {
		return "", time.Time{}, fmt.Errorf("read an answer to an event: %w", err)
	}
	text := map[string]string{string(Going): "✅ I am going", string(NotGoing): "❌ I am not going", string(Maybe): "❓ Maybe I am going"}[r.GetResponse().String()]
	if text == "" {
		text = "I have answered in a way that the bridge does not know"
	}
	if guests := r.GetExtraGuestCount(); guests > 0 {
		text += fmt.Sprintf(", with %d more", guests)
	}
	at := time.Time{}
	if ms := r.GetTimestampMS(); ms > 0 && ms/1000 < maxPlausible {
		at = time.UnixMilli(ms)
	}
	return text + ".", at, nil
}

// AttendanceToWhatsApp makes the message that answers an event.
func AttendanceToWhatsApp(chat types.JID, target Target, seal Seal, occasion string, a Attendance, at time.Time) (*waE2E.Message, error) {
	response := waE2E.EventResponseMessage_EventResponseType(waE2E.EventResponseMessage_EventResponseType_value[string(a)])
	plain, err := proto.MarshalOptions{Deterministic: true}.Marshal(&waE2E.EventResponseMessage{Response: response.Enum(), TimestampMS: milliseconds(at)})
	if err != nil {
		return nil, fmt.Errorf("write an answer to an event: %w", err)
	}
	sealed, err := seal.Close(plain, occasion)
	if err != nil {
		return nil, err
	}
	return &waE2E.Message{EncEventResponseMessage: &waE2E.EncEventResponseMessage{
		EventCreationMessageKey: keyTo(chat, target), EncPayload: sealed.Payload, EncIV: sealed.IV,
	}}, nil
}
