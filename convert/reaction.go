package convert

import (
	"strings"
	"time"
	"unicode"

	"go.mau.fi/util/variationselector"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
)

// Reaction is what somebody thinks of an earlier message.
type Reaction struct {
	Target Target
	Emoji  string // empty when it is taken back
}

// maxReaction is how long a reaction may be, in bytes. The longest emoji, of four people, has 41.
const maxReaction = 100

// ReactionFromWhatsApp reads a reaction; it reports false for anything else.
func ReactionFromWhatsApp(msg *waE2E.Message) (Reaction, bool) {
	reaction := unwrap(msg).GetReactionMessage()
	target, ok := targetOf(reaction.GetKey())
	return Reaction{Target: target, Emoji: emoji(reaction.GetText())}, ok
}

// ReactionToWhatsApp makes the message that reacts to another, or takes that back (as whatsmeow's BuildReaction does).
func ReactionToWhatsApp(chat types.JID, r Reaction, at time.Time) *waE2E.Message {
	return &waE2E.Message{ReactionMessage: &waE2E.ReactionMessage{
		Key: keyTo(chat, r.Target), Text: proto.String(r.Emoji), SenderTimestampMS: milliseconds(at),
	}}
}

// ReactionToMatrix makes the content of a reaction (Client-Server API, "Event annotations and reactions"): the emoji with
// its variation selector, as clients write it, or else the same emoji would be counted twice. The event that it is about
// is still to be filled in.
func ReactionToMatrix(emoji string) *event.ReactionEventContent {
	return &event.ReactionEventContent{RelatesTo: event.RelatesTo{Type: event.RelAnnotation, Key: variationselector.Add(emoji)}}
}

// EmojiFromMatrix returns what a reaction is on WhatsApp. An image becomes its name: WhatsApp has only text.
func EmojiFromMatrix(content *event.ReactionEventContent, raw map[string]any) string {
	key := content.RelatesTo.Key
	if strings.HasPrefix(key, "mxc://") {
		name := ""
		for _, field := range []string{"shortcode", "com.beeper.reaction.shortcode"} { // MSC4027
			if text, ok := raw[field].(string); ok && name == "" {
				name = strings.Trim(text, ":")
			}
		}
		key = ":" + name + ":"
		if name == "" {
			key = "🖼"
		}
	}
	return emoji(key)
}

// emoji makes a reaction one line of bounded length, without variation selectors, which WhatsApp does not write.
func emoji(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, clean(text))
	return strings.TrimSpace(clip(variationselector.Remove(text), maxReaction))
}
