package convert

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
)

// maxEvent is the most that an event may have in bytes (Client-Server API, "Size limits"), less what it takes besides
// its body at the very most.
const maxEvent = 65536 - 8192

func checkParts(t *testing.T, content *event.MessageEventContent) {
	t.Helper()
	parts := Split(content)
	var joined strings.Builder
	for n, part := range parts {
		joined.WriteString(part.Body)
		if len(parts) > 1 && part.Body == "" {
			t.Error("a part is empty")
		}
		if part.MsgType != content.MsgType || n == 0 && part.Mentions != content.Mentions || n > 0 && len(part.Mentions.UserIDs) > 0 {
			t.Error("a part is not like the whole")
		}
		var raw strings.Builder
		encoder := json.NewEncoder(&raw)
		encoder.SetEscapeHTML(false) // as in canonical JSON
		if err := encoder.Encode(part.Body); err != nil {
			t.Fatal(err)
		}
		if raw.Len() > maxEvent {
			t.Errorf("a part has %d bytes as JSON", raw.Len())
		}
	}
	if joined.String() != content.Body {
		t.Error("the parts together are not the whole")
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body  string
		parts int
	}{
		"empty":           {"", 1},
		"short":           {"hello", 1},
		"as long as fits": {strings.Repeat("a", maxBody), 1},
		"one more":        {strings.Repeat("a", maxBody+1), 2},
		"the longest":     {strings.Repeat("👩", 65536), 6},
		"control signs":   {strings.Repeat("\x01", maxBody), 6},
		"quotation marks": {strings.Repeat(`"`, maxBody), 2},
		"words":           {strings.Repeat("some words ", maxBody/10), 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			content := textToMatrix(c.body)
			checkParts(t, content)
			if parts := Split(content); len(parts) != c.parts {
				t.Errorf("got %d parts", len(parts))
			} else if name == "words" && !strings.HasSuffix(parts[0].Body, " ") {
				t.Error("a word was cut in two")
			}
		})
	}
}

func TestUnknownKindIsSaid(t *testing.T) {
	t.Parallel()
	unknown := []byte{0xba, 0x3e, 0x01, 'x'} // field 999, a kind that is not made yet
	msg := &waE2E.Message{}
	if err := proto.Unmarshal(unknown, msg); err != nil {
		t.Fatal(err)
	}
	if content := ToMatrix(msg); content == nil || !strings.HasPrefix(content.Body, "A message arrived") {
		t.Errorf("got %+v", content)
	}
}

func TestRussianDoll(t *testing.T) {
	t.Parallel()
	msg := &waE2E.Message{Conversation: proto.String("core")}
	for range 100 {
		msg = &waE2E.Message{EphemeralMessage: &waE2E.FutureProofMessage{Message: msg}}
	}
	if content := ToMatrix(msg); content == nil || content.MsgType != event.MsgNotice {
		t.Errorf("got %+v", content)
	}
}

func FuzzTextRoundTrip(f *testing.F) {
	for _, seed := range []string{"hello", "> <@a:b> x\n\ny", "é👩‍👧\n", "a\x00b", "\xff\xfe", " ", "", "* x", strings.Repeat("long ", 20000)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		content := ToMatrix(&waE2E.Message{Conversation: &text})
		if content == nil {
			if strings.Trim(text, "\x00") != "" {
				t.Fatalf("%q is nothing", text)
			}
			return
		}
		if !utf8.ValidString(content.Body) || strings.Contains(content.Body, "\x00") {
			t.Fatalf("%q is no text", content.Body)
		}
		checkParts(t, content)
		msg, err := ToWhatsApp(content)
		var tooLong Refusal
		if err != nil {
			if strings.TrimSpace(content.Body) != "" && !errors.As(err, &tooLong) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if content.FormattedBody == "" && msg.GetConversation() != content.Body {
			t.Fatalf("%q became %q", content.Body, msg.GetConversation())
		}
	})
}

func FuzzToMatrix(f *testing.F) {
	for _, seed := range []*waE2E.Message{
		{Conversation: proto.String("hello")},
		{EphemeralMessage: &waE2E.FutureProofMessage{Message: &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: proto.String("x")}}}},
		{ImageMessage: &waE2E.ImageMessage{Caption: proto.String("c\x00")}},
		{ProtocolMessage: &waE2E.ProtocolMessage{Type: waE2E.ProtocolMessage_REVOKE.Enum()}},
	} {
		raw, err := proto.Marshal(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		msg := &waE2E.Message{}
		if proto.Unmarshal(raw, msg) != nil {
			return
		}
		content := ToMatrix(msg)
		if content == nil {
			return
		}
		if content.Body == "" || !utf8.ValidString(content.Body) || strings.Contains(content.Body, "\x00") {
			t.Fatalf("the body %q", content.Body)
		}
		checkParts(t, content)
	})
}

func FuzzToWhatsApp(f *testing.F) {
	for _, seed := range []string{`{"msgtype":"m.text","body":"x"}`, `{"msgtype":"m.text","body":"","format":"org.matrix.custom.html","formatted_body":"<p>a<br>b</p>"}`,
		`{"msgtype":"m.emote","body":"> <@a:b> c\n\nd","m.relates_to":{"m.in_reply_to":{"event_id":"$1"}}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		content := &event.MessageEventContent{}
		if json.Unmarshal(raw, content) != nil {
			return
		}
		msg, err := ToWhatsApp(content)
		if _, file := FileFromMatrix(content); err == nil && !file && strings.TrimSpace(wordsOf(msg)) == "" {
			t.Fatalf("an empty message from %s", raw)
		}
	})
}
