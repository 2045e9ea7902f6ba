package convert

import (
	"html"
	"strings"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"maunium.net/go/mautrix/event"
)

// Reply is what a message answers.
type Reply struct {
	ID          types.MessageID
	Participant types.JID // who wrote it
	Quote       string    // the beginning of what it says
}

// maxQuote is how much of a message is quoted, in bytes. Clients show three lines of it.
const maxQuote = 1 << 10

// Quote returns how a text is quoted.
func Quote(text string) string { return clip(text, maxQuote) }

// ReplyFromWhatsApp reads what a message answers; it reports false when it answers none.
func ReplyFromWhatsApp(msg *waE2E.Message) (Reply, bool) {
	about := contextOf(unwrap(msg))
	if !isName(about.GetStanzaID()) {
		return Reply{}, false
	}
	reply := Reply{ID: about.GetStanzaID(), Participant: person(about.GetParticipant())}
	if about.GetQuotedMessage() != nil {
		if word := Words(about.GetQuotedMessage()); word != "" {
			reply.Quote = Quote(clean(word))
		} else if quoted := ToMatrix(about.GetQuotedMessage()); quoted != nil {
			reply.Quote = Quote(quoted.Body)
		}
	}
	return reply, true
}

// contextOf finds the context of a message, which every kind of content has in a field of the same name.
func contextOf(msg *waE2E.Message) (found *waE2E.ContextInfo) {
	msg.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if field.Kind() != protoreflect.MessageKind || field.Cardinality() == protoreflect.Repeated {
			return true
		}
		inner, ok := value.Message().Interface().(interface{ GetContextInfo() *waE2E.ContextInfo })
		if ok && inner.GetContextInfo() != nil {
			found = inner.GetContextInfo()
		}
		return found == nil
	})
	return found
}

// ReplyToWhatsApp makes a message the answer to another, which is quoted.
func ReplyToWhatsApp(msg *waE2E.Message, to Reply) *waE2E.Message {
	about := contextOf(unwrap(msg))
	if about == nil {
		about = &waE2E.ContextInfo{}
	}
	about.StanzaID = proto.String(to.ID)
	about.Participant = proto.String(to.Participant.ToNonAD().String())
	about.QuotedMessage = &waE2E.Message{Conversation: proto.String(to.Quote)}
	return withContext(msg, about)
}

// withContext says in a message what it is about, and who is mentioned.
func withContext(msg *waE2E.Message, about *waE2E.ContextInfo) *waE2E.Message {
	inner := unwrap(msg)
	switch {
	case setMediaContext(inner, about), setContext(msg, about):
		return msg
	case inner.ExtendedTextMessage != nil:
		inner.ExtendedTextMessage.ContextInfo = about
		return msg
	}
	return &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: proto.String(msg.GetConversation()), ContextInfo: about}}
}

// ReplyToMatrix makes a message the answer to another (Client-Server API, "Rich replies"), whose event is still to be
// filled in.
func ReplyToMatrix(content *event.MessageEventContent) *event.MessageEventContent {
	reply := *content
	reply.RelatesTo = &event.RelatesTo{InReplyTo: &event.InReplyTo{}}
	return &reply
}

// QuoteToMatrix puts before a message what it answers, for where that is no event: lines that begin with "> ", with the
// name of whoever wrote it.
func QuoteToMatrix(content *event.MessageEventContent, quote, author string) *event.MessageEventContent {
	quote = withoutTurns(quote)
	if quote == "" {
		return content
	}
	shown := html.EscapeString(quote)
	if author != "" {
		quote, shown = author+": "+quote, "<strong>"+html.EscapeString(author)+"</strong>: "+shown
	}
	return preface(content, "> "+strings.ReplaceAll(quote, "\n", "\n> ")+"\n\n",
		"<blockquote>"+strings.ReplaceAll(shown, "\n", "<br>")+"</blockquote>")
}

// preface puts words before those of a message, as plain text and as HTML.
func preface(content *event.MessageEventContent, text, markup string) *event.MessageEventContent {
	prefaced := *content
	prefaced.Body = text + content.Body
	if content.FormattedBody != "" {
		prefaced.FormattedBody = markup + content.FormattedBody
	}
	return &prefaced
}

// setContext gives a message of a kind of its own its context; it reports false for a text.
func setContext(msg *waE2E.Message, about *waE2E.ContextInfo) bool {
	switch {
	case msg.PollCreationMessage != nil:
		msg.PollCreationMessage.ContextInfo = about
	case msg.LocationMessage != nil:
		msg.LocationMessage.ContextInfo = about
	default:
		return false
	}
	return true
}

// FallbackQuote is what a message answers, in the words that older clients put before it (Client-Server API up to v1.12,
// "Rich replies", fallbacks); "" when it answers nothing or there are none.
func FallbackQuote(content *event.MessageEventContent) string {
	if content.RelatesTo.GetNonFallbackReplyTo() == "" {
		return ""
	}
	body := clean(content.Body)
	rest := withoutReplyFallback(body)
	quoted := strings.TrimSuffix(body, rest)
	if len(quoted) == len(body) && rest != "" {
		return ""
	}
	var lines []string
	for line := range strings.Lines(quoted) {
		if line = strings.TrimSpace(strings.TrimPrefix(line, ">")); line != "" {
			lines = append(lines, line)
		}
	}
	text := strings.TrimPrefix(strings.Join(lines, "\n"), "* ")
	if author, said, ok := strings.Cut(strings.TrimPrefix(text, "<"), "> "); ok && strings.HasPrefix(text, "<@") {
		text = author + ": " + said
	}
	return Quote(withoutTurns(text))
}

// QuoteToWhatsApp puts before a text what it answers, as WhatsApp's programs show quotations.
func QuoteToWhatsApp(msg *waE2E.Message, quote string) *waE2E.Message {
	if quote == "" {
		return msg
	}
	before := "> " + strings.ReplaceAll(quote, "\n", "\n> ") + "\n"
	switch {
	case msg.Conversation != nil:
		msg.Conversation = proto.String(before + msg.GetConversation())
	case msg.ExtendedTextMessage != nil:
		msg.ExtendedTextMessage.Text = proto.String(before + msg.ExtendedTextMessage.GetText())
	}
	return msg
}
