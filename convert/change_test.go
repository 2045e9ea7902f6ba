package convert

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
)

func fromJSON(t testing.TB, text string) *waE2E.Message {
	t.Helper()
	msg := &waE2E.Message{}
	if err := protojson.Unmarshal([]byte(text), msg); err != nil {
		t.Fatal(err)
	}
	return msg
}

func contentFromJSON(t testing.TB, text string) *event.MessageEventContent {
	t.Helper()
	content := &event.MessageEventContent{}
	if err := json.Unmarshal([]byte(text), content); err != nil {
		t.Fatal(err)
	}
	return content
}

func expectJSON(t *testing.T, got any, want string) {
	t.Helper()
	raw, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(parsed(t, raw), parsed(t, []byte(want))) {
		t.Errorf("got %s\nexpected %s", raw, want)
	}
}

func expectMessage(t *testing.T, got *waE2E.Message, want string) {
	t.Helper()
	if !proto.Equal(got, fromJSON(t, want)) {
		t.Errorf("got %s\nexpected %s", protojson.Format(got), want)
	}
}

var (
	now    = time.UnixMilli(1_700_000_000_000)
	ann    = types.NewJID("100", types.HiddenUserServer)
	friend = types.NewJID("4917", types.DefaultUserServer)
	group  = types.NewJID("123", types.GroupServer)
)

func TestEdits(t *testing.T) {
	t.Parallel()
	const edit = `{"protocolMessage":{"type":"MESSAGE_EDIT","key":{"ID":"A","fromMe":true,"remoteJID":"4917@s.whatsapp.net"},
		"editedMessage":{"conversation":"new"},"timestampMS":"1700000000000"}}`
	for _, envelope := range []string{edit, `{"editedMessage":{"message":` + edit + `}}`, `{"deviceSentMessage":{"message":{"editedMessage":{"message":` + edit + `}}}}`} {
		got, ok := EditFromWhatsApp(fromJSON(t, envelope))
		if !ok || got.Target != "A" || got.Message.GetConversation() != "new" {
			t.Errorf("%s: got %+v, %t", envelope, got, ok)
		}
	}
	for _, other := range []string{`{}`, `{"conversation":"x"}`, `{"editedMessage":{}}`, `{"protocolMessage":{"type":"MESSAGE_EDIT","key":{"ID":"A"}}}`,
		`{"protocolMessage":{"type":"MESSAGE_EDIT","editedMessage":{"conversation":"new"}}}`, `{"protocolMessage":{"type":"REVOKE","key":{"ID":"A"}}}`} {
		if got, ok := EditFromWhatsApp(fromJSON(t, other)); ok {
			t.Errorf("%s is an edit: %+v", other, got)
		}
	}
	expectMessage(t, EditToWhatsApp(friend, "A", fromJSON(t, `{"conversation":"new"}`), now), `{"editedMessage":{"message":`+edit+`}}`)
	expectJSON(t, EditToMatrix(textToMatrix("new")), `{"msgtype":"m.text","body":"* new","m.mentions":{},"m.relates_to":{"rel_type":"m.replace"},
		"m.new_content":{"msgtype":"m.text","body":"new","m.mentions":{}}}`)
	expectJSON(t, MarkEdited(textToMatrix("new")), `{"msgtype":"m.text","body":"Edited: new","m.mentions":{}}`)
}

func TestLongEditFitsIntoAnEvent(t *testing.T) {
	t.Parallel()
	for _, part := range Split(textToMatrix(strings.Repeat("é\"\n", 65536))) {
		raw, err := json.Marshal(EditToMatrix(part))
		if err != nil || len(raw) > maxEvent {
			t.Errorf("an edit has %d bytes, %v", len(raw), err)
		}
	}
}

func TestNewContent(t *testing.T) {
	t.Parallel()
	for matrix, want := range map[string]string{
		`{"msgtype":"m.text","body":"x"}`: `x`,
		`{"msgtype":"m.text","body":"* y","m.relates_to":{"rel_type":"m.replace","event_id":"$1"},"m.new_content":{"msgtype":"m.text","body":"y"}}`:               `y`,
		`{"msgtype":"m.emote","body":"* y","m.relates_to":{"rel_type":"m.replace","event_id":"$1"},"m.new_content":{"body":"y"}}`:                                 `_y_`,
		`{"msgtype":"m.text","body":"* y","m.relates_to":{"rel_type":"m.replace","event_id":"$1"},"m.new_content":{"msgtype":"m.text","body":"> <@a:b> z\n\ny"}}`: "> <@a:b> z\n\ny",
	} {
		msg, err := ToWhatsApp(NewContent(contentFromJSON(t, matrix)))
		if err != nil || msg.GetConversation() != want {
			t.Errorf("%s: got %q, %v", matrix, msg.GetConversation(), err)
		}
	}
	if got := NewContent(contentFromJSON(t, `{"msgtype":"m.text","body":"* y","m.relates_to":{"rel_type":"m.replace","event_id":"$1"}}`)); got != nil {
		t.Errorf("an edit that says nothing says %+v", got)
	}
}

func TestReactions(t *testing.T) {
	t.Parallel()
	for whatsapp, want := range map[string]Reaction{
		`{"reactionMessage":{"key":{"ID":"A","fromMe":true,"participant":"100@lid"},"text":"👍"}}`: {Target{ID: "A", FromMe: true}, "👍"},
		`{"reactionMessage":{"key":{"ID":"A","participant":"100:3@lid"},"text":"❤️"}}`:            {Target{ID: "A", Participant: ann}, "❤"},
		`{"reactionMessage":{"key":{"ID":"A"}}}`:                                                  {Target{ID: "A"}, ""},
		`{"reactionMessage":{"key":{"ID":"A","participant":"bogus"},"text":"a\nb"}}`:              {Target{ID: "A"}, "ab"},
		`{"reactionMessage":{"key":{"ID":"A","participant":"1@newsletter"},"text":" x "}}`:        {Target{ID: "A"}, "x"},
	} {
		if got, ok := ReactionFromWhatsApp(fromJSON(t, whatsapp)); !ok || got != want {
			t.Errorf("%s: got %+v, %t", whatsapp, got, ok)
		}
	}
	for _, other := range []string{`{}`, `{"reactionMessage":{"text":"x"}}`, `{"conversation":"x"}`} {
		if got, ok := ReactionFromWhatsApp(fromJSON(t, other)); ok {
			t.Errorf("%s is a reaction: %+v", other, got)
		}
	}
	expectMessage(t, ReactionToWhatsApp(group, Reaction{Target{ID: "A", Participant: ann}, "👍"}, now),
		`{"reactionMessage":{"key":{"ID":"A","fromMe":false,"remoteJID":"123@g.us","participant":"100@lid"},"text":"👍","senderTimestampMS":"1700000000000"}}`)
	expectMessage(t, ReactionToWhatsApp(friend, Reaction{Target{ID: "A", Participant: ann}, ""}, now),
		`{"reactionMessage":{"key":{"ID":"A","fromMe":false,"remoteJID":"4917@s.whatsapp.net"},"text":"","senderTimestampMS":"1700000000000"}}`)
	expectJSON(t, ReactionToMatrix("👍"), `{"m.relates_to":{"rel_type":"m.annotation","key":"👍\ufe0f"}}`)
	expectJSON(t, ReactionToMatrix("❤"), `{"m.relates_to":{"rel_type":"m.annotation","key":"❤\ufe0f"}}`)
	expectJSON(t, ReactionToMatrix("🥲"), `{"m.relates_to":{"rel_type":"m.annotation","key":"🥲"}}`)
}

func TestEmojiFromMatrix(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		key, raw, want string
	}{
		{"👍\ufe0f", `{}`, "👍"},
		{"👩‍👩‍👧‍👦", `{}`, "👩‍👩‍👧‍👦"},
		{"agreed", `{}`, "agreed"},
		{"mxc://a/b", `{"shortcode":":party:"}`, ":party:"},
		{"mxc://a/b", `{"com.beeper.reaction.shortcode":"party"}`, ":party:"},
		{"mxc://a/b", `{"shortcode":7}`, "🖼"},
		{"\x00\n ", `{}`, ""},
		{strings.Repeat("é", 80), `{}`, strings.Repeat("é", 50) + "…"},
	} {
		raw, _ := parsed(t, []byte(c.raw)).(map[string]any)
		content := &event.ReactionEventContent{RelatesTo: event.RelatesTo{Type: event.RelAnnotation, Key: c.key}}
		if got := EmojiFromMatrix(content, raw); got != c.want {
			t.Errorf("%q: got %q", c.key, got)
		}
	}
}

func TestRedactions(t *testing.T) {
	t.Parallel()
	const own = `{"protocolMessage":{"type":"REVOKE","key":{"ID":"A","fromMe":true,"remoteJID":"123@g.us"}}}`
	const admin = `{"protocolMessage":{"type":"REVOKE","key":{"ID":"A","fromMe":false,"remoteJID":"123@g.us","participant":"100@lid"}}}`
	for whatsapp, want := range map[string]Target{own: {ID: "A", FromMe: true}, admin: {ID: "A", Participant: ann}} {
		if got, ok := RedactionFromWhatsApp(fromJSON(t, whatsapp)); !ok || got != want {
			t.Errorf("%s: got %+v, %t", whatsapp, got, ok)
		}
		expectMessage(t, RedactionToWhatsApp(group, want), whatsapp)
	}
	// REVOKE is 0: what has no type is not one.
	for _, other := range []string{`{}`, `{"protocolMessage":{"key":{"ID":"A"}}}`, `{"protocolMessage":{"type":"REVOKE"}}`} {
		if got, ok := RedactionFromWhatsApp(fromJSON(t, other)); ok {
			t.Errorf("%s is a removal: %+v", other, got)
		}
	}
}

// Whoever writes a message may name another by anything, of which no database makes a key.
func TestNamesThatAreNone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{strings.Repeat("A", 256), "A\x00", "A\xff"} {
		key := &waCommon.MessageKey{ID: proto.String(name)}
		if got, ok := targetOf(key); ok {
			t.Errorf("%q is taken as %+v", clip(name, 20), got)
		}
		about := &waE2E.ContextInfo{StanzaID: proto.String(name)}
		if got, ok := ReplyFromWhatsApp(&waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{ContextInfo: about}}); ok {
			t.Errorf("%q is taken as %+v", clip(name, 20), got)
		}
		if got := person(name + "@lid"); !got.IsEmpty() {
			t.Errorf("%q is taken as %s", clip(name, 20), got)
		}
	}
}

func TestReplies(t *testing.T) {
	t.Parallel()
	const context = `"contextInfo":{"stanzaID":"A","participant":"100@lid","quotedMessage":{"conversation":"old"}}`
	want := Reply{ID: "A", Participant: ann, Quote: "old"}
	for _, whatsapp := range []string{`{"extendedTextMessage":{"text":"new",` + context + `}}`, `{"ephemeralMessage":{"message":{"imageMessage":{` + context + `}}}}`} {
		if got, ok := ReplyFromWhatsApp(fromJSON(t, whatsapp)); !ok || got != want {
			t.Errorf("%s: got %+v, %t", whatsapp, got, ok)
		}
	}
	for _, other := range []string{`{}`, `{"conversation":"x"}`, `{"extendedTextMessage":{"text":"x","contextInfo":{"isForwarded":true}}}`} {
		if got, ok := ReplyFromWhatsApp(fromJSON(t, other)); ok {
			t.Errorf("%s is an answer: %+v", other, got)
		}
	}
	expectMessage(t, ReplyToWhatsApp(fromJSON(t, `{"conversation":"new"}`), want), `{"extendedTextMessage":{"text":"new",`+context+`}}`)
	expectJSON(t, ReplyToMatrix(textToMatrix("new")), `{"msgtype":"m.text","body":"new","m.mentions":{},"m.relates_to":{"m.in_reply_to":{}}}`)
	for quote, body := range map[string]string{"": "new", "old": "> Ann: old\n\nnew", "a\nb": "> Ann: a\n> b\n\nnew"} {
		if got := QuoteToMatrix(textToMatrix("new"), quote, "Ann"); got.Body != body {
			t.Errorf("got %q", got.Body)
		}
	}
	if got := Quote(strings.Repeat("é", maxQuote)); got != strings.Repeat("é", maxQuote/2)+"…" {
		t.Errorf("a long quote is %q", got)
	}
}

// What strangers send is read without trouble, and what is made of it is fit for the other side.
func FuzzChangesFromWhatsApp(f *testing.F) {
	for _, seed := range []string{
		`{"protocolMessage":{"type":"MESSAGE_EDIT","key":{"ID":"A"},"editedMessage":{"conversation":"new"}}}`,
		`{"protocolMessage":{"type":"REVOKE","key":{"ID":"A","participant":"1:2@lid"}}}`,
		`{"reactionMessage":{"key":{"ID":"A","participant":"1@s.whatsapp.net"},"text":"👍"}}`,
		`{"pinInChatMessage":{"key":{"ID":"A"},"type":"PIN_FOR_ALL"},"messageContextInfo":{"messageAddOnDurationInSecs":1}}`,
		`{"associatedChildMessage":{"message":{"imageMessage":{}}},"messageContextInfo":{"messageAssociation":{"associationType":"HD_IMAGE_DUAL_UPLOAD","parentMessageKey":{"ID":"A"}}}}`,
		`{"protocolMessage":{"type":"EPHEMERAL_SETTING","ephemeralExpiration":60}}`,
		`{"extendedTextMessage":{"text":"x","contextInfo":{"stanzaID":"A","participant":"1@lid","quotedMessage":{"conversation":"old"}}}}`,
	} {
		raw, err := proto.Marshal(fromJSON(f, seed))
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
		if edit, ok := EditFromWhatsApp(msg); ok && (edit.Target == "" || edit.Message == nil) {
			t.Fatal("an edit of nothing")
		}
		if r, ok := ReactionFromWhatsApp(msg); ok && (!utf8.ValidString(r.Emoji) || len(r.Emoji) > maxReaction+3 || strings.ContainsAny(r.Emoji, "\x00\n")) {
			t.Fatalf("the reaction %q", r.Emoji)
		}
		if target, ok := RedactionFromWhatsApp(msg); ok && target.ID == "" {
			t.Fatal("a removal of nothing")
		}
		if timer, ok := TimerFromWhatsApp(msg); ok && timer.After < 0 {
			t.Fatal("a time before its beginning")
		}
		if pin, ok := PinFromWhatsApp(msg); ok && pin.Target.ID == "" {
			t.Fatal("a pin of nothing")
		}
		if child, ok := ChildFromWhatsApp(msg); ok && (child.Parent.ID == "" || child.Bond == "") {
			t.Fatal("a child of nobody")
		}
		_, _ = KeepFromWhatsApp(msg)
		_, _ = AlbumFromWhatsApp(msg)
		_ = IsViewOnce(msg)
		_ = SetTimer(msg, Timer{After: time.Hour})
		if r, ok := ReplyFromWhatsApp(msg); ok && (!utf8.ValidString(r.Quote) || len(r.Quote) > maxQuote+3 || strings.Contains(r.Quote, "\x00")) {
			t.Fatalf("the quote %q", r.Quote)
		}
	})
}

func FuzzChangesFromMatrix(f *testing.F) {
	f.Add([]byte(`{"m.relates_to":{"rel_type":"m.annotation","event_id":"$1","key":"👍"},"shortcode":"x"}`))
	f.Add([]byte(`{"msgtype":"m.text","body":"* y","m.relates_to":{"rel_type":"m.replace","event_id":"$1"},"m.new_content":{"msgtype":"m.text","body":"y"}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		reaction, content, fields := &event.ReactionEventContent{}, &event.MessageEventContent{}, map[string]any{}
		if json.Unmarshal(raw, &fields) == nil && json.Unmarshal(raw, reaction) == nil {
			if got := EmojiFromMatrix(reaction, fields); !utf8.ValidString(got) || len(got) > maxReaction+3 {
				t.Fatalf("the reaction %q", got)
			}
		}
		if json.Unmarshal(raw, content) == nil {
			if inner := NewContent(content); inner != nil {
				_, _ = ToWhatsApp(inner)
			}
			if files, err := GalleryFromMatrix(content, fields); err == nil && len(files) > maxGallery {
				t.Fatalf("%d files", len(files))
			}
			if timer, ok := TimerFromMatrix(content); ok && (timer.After < 0 || timer.After > MaxTimer) {
				t.Fatalf("a timer of %s", timer.After)
			}
		}
	})
}
