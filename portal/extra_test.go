package portal

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/convert"
	"causeway/dispatch/dispatchtest"
	"causeway/outbox"
)

// What was passed on says so to people and to programs; what is quoted of it later does not.
func TestForwarded(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	msg := &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: proto.String("a *joke*"), ContextInfo: &waE2E.ContextInfo{
		IsForwarded: proto.Bool(true), ForwardingScore: proto.Uint32(7),
	}}}
	a := shown(t, b.arrive(arrival(aliceLogin, "JOKE", fromAnn(), msg)))
	var fields map[string]any
	if err := json.Unmarshal(a.Content, &fields); err != nil {
		t.Fatal(err)
	}
	times, _ := fields[convert.ForwardedField].(map[string]any)
	if fields["body"] != "↪ Forwarded many times\na *joke*" || times["times"] != 7.0 ||
		!strings.HasPrefix(fmt.Sprint(fields["formatted_body"]), "<em>↪ Forwarded many times</em><br>a <strong>") {
		t.Errorf("got %s", a.Content)
	}
	if row, err := b.DB.MessageByKey(t.Context(), *a.Message); err != nil || row.Quote != "a *joke*" {
		t.Errorf("it is quoted as %q, %v", row.Quote, err)
	}
}

func TestPreviewFromWhatsApp(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	msg := &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{
		Text: proto.String("see https://a.example"), MatchedText: proto.String("https://a.example"), Title: proto.String("A"), JPEGThumbnail: []byte("jpeg"),
	}}
	a := shown(t, b.arrive(arrival(aliceLogin, "PAGE", fromAnn(), msg)))
	if got := content(t, a).BeeperLinkPreviews; len(got) != 1 || got[0].Title != "A" || string(a.Preview) != "jpeg" {
		t.Errorf("got %+v with %q", got, a.Preview)
	}
	msg.ExtendedTextMessage.MatchedText = proto.String("https://elsewhere.example")
	a = shown(t, b.arrive(arrival(aliceLogin, "OTHER", fromAnn(), msg)))
	if got := content(t, a).BeeperLinkPreviews; got != nil || a.Preview != nil {
		t.Errorf("a page that is not in the text is shown: %+v", got)
	}
}

func TestPreviewFromMatrix(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fields string
		asks   bool // the configuration says so
		title  string
		want   *outbox.PreviewOnMatrix
	}{
		"sent with a picture": {`"com.beeper.linkpreviews":[{"matched_url":"https://a.example","og:title":"A","og:image":"mxc://x/y"}]`, true, "A", &outbox.PreviewOnMatrix{Picture: "mxc://x/y"}},
		"sent without":        {`"com.beeper.linkpreviews":[{"matched_url":"https://a.example","og:title":"A"}]`, true, "A", nil},
		"of another page":     {`"com.beeper.linkpreviews":[{"matched_url":"https://b.example","og:title":"A"}]`, true, "", nil},
		"nothing in it":       {`"com.beeper.linkpreviews":[null]`, true, "", nil},
		"not wanted":          {`"com.beeper.linkpreviews":[]`, true, "", nil},
		"none sent":           {`"x":1`, true, "", &outbox.PreviewOnMatrix{Address: "https://a.example"}},
		"nobody asks":         {`"x":1`, false, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			b.p.cfg.AskPreviews = c.asks
			b.direct()
			a := sent(t, b.say(dispatchtest.Event(t, room, dispatchtest.Alice, id.EventID("$1"), event.EventMessage,
				`{"msgtype":"m.text","body":"see https://a.example, (please)",`+c.fields+`}`)))
			if got := protobuf(t, a).GetExtendedTextMessage().GetTitle(); got != c.title {
				t.Errorf("the title is %q", got)
			}
			if (a.Preview == nil) != (c.want == nil) || a.Preview != nil && *a.Preview != *c.want {
				t.Errorf("got %+v", a.Preview)
			}
		})
	}
}
