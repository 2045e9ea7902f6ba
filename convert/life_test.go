package convert

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
)

func TestTimers(t *testing.T) {
	t.Parallel()
	set := time.Unix(1_700_000_000, 0)
	day := Timer{After: 24 * time.Hour, Set: set}
	for name, msg := range map[string]*waE2E.Message{
		"text":     {Conversation: proto.String("hello")},
		"extended": {ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: proto.String("hello"), ContextInfo: &waE2E.ContextInfo{StanzaID: proto.String("A")}}},
		"image":    {ImageMessage: &waE2E.ImageMessage{}},
		"caption":  {DocumentWithCaptionMessage: &waE2E.FutureProofMessage{Message: &waE2E.Message{DocumentMessage: &waE2E.DocumentMessage{}}}},
		"album":    {AlbumMessage: &waE2E.AlbumMessage{}},
		"poll":     {PollCreationMessageV3: &waE2E.PollCreationMessage{}},
	} {
		before := wordsOf(msg)
		timed := SetTimer(msg, day)
		got, ok := TimerOf(timed)
		if !ok || got.After != day.After || !got.Set.Equal(set) || wordsOf(timed) != before {
			t.Errorf("%s: got %+v of %v", name, got, timed)
		}
	}
	reply := SetTimer(&waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{ContextInfo: &waE2E.ContextInfo{StanzaID: proto.String("A")}}}, day)
	if reply.GetExtendedTextMessage().GetContextInfo().GetStanzaID() != "A" {
		t.Error("the timer has taken the place of what is answered")
	}
	reaction := &waE2E.Message{ReactionMessage: &waE2E.ReactionMessage{Text: proto.String("x")}}
	if got := SetTimer(reaction, day); !proto.Equal(got, reaction) {
		t.Errorf("got %v", got)
	}
	if got := SetTimer(&waE2E.Message{Conversation: proto.String("x")}, Timer{}); got.GetConversation() != "x" {
		t.Errorf("got %v", got)
	}
	if _, ok := TimerOf(&waE2E.Message{Conversation: proto.String("x")}); ok {
		t.Error("a plain text cannot say when it disappears")
	}
	setting := &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{Type: waE2E.ProtocolMessage_EPHEMERAL_SETTING.Enum(),
		EphemeralExpiration: proto.Uint32(90), EphemeralSettingTimestamp: proto.Int64(set.UnixMilli())}}
	if got, ok := TimerFromWhatsApp(setting); !ok || got.After != 90*time.Second || !got.Set.Equal(set) {
		t.Errorf("got %+v", got)
	}
	for _, none := range []*waE2E.Message{nil, {}, {ProtocolMessage: &waE2E.ProtocolMessage{}}} {
		if _, ok := TimerFromWhatsApp(none); ok {
			t.Errorf("%v is no setting", none)
		}
	}
	for seconds, want := range map[int]string{0: "not disappear any more", 1: "1 second", 90: "90 seconds", 3600: "1 hour", 7 * 86400: "7 days"} {
		if got := TimerNotice(time.Duration(seconds) * time.Second).Body; !strings.Contains(got, want) {
			t.Errorf("got %q, expected %q", got, want)
		}
	}
}

func TestTimersFromMatrix(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]time.Duration{
		`{"type":"after_send","timer":3600000}`:             time.Hour,
		`{"type":"after_read","timer":1}`:                   time.Second,
		`{"type":"after_send","timer":-5}`:                  0,
		`{"type":"after_send","timer":9000000000000000000}`: MaxTimer,
		`{}`: 0,
	} {
		content := &event.MessageEventContent{}
		if err := json.Unmarshal([]byte(`{"com.beeper.disappearing_timer":`+said+`}`), content); err != nil {
			t.Logf("%s: %v", said, err)
			continue
		}
		if got, ok := TimerFromMatrix(content); !ok || got.After < 0 || got.After > MaxTimer || want != MaxTimer && got.After != want {
			t.Errorf("%s: got %+v", said, got)
		}
	}
	if _, ok := TimerFromMatrix(&event.MessageEventContent{}); ok {
		t.Error("it says nothing")
	}
}

func TestPins(t *testing.T) {
	t.Parallel()
	chat, at := types.NewJID("1", types.GroupServer), time.UnixMilli(1_700_000_000_000)
	pin := Pin{Target: Target{ID: "A", Participant: types.NewJID("2", types.HiddenUserServer)}, On: true, For: PinLifetime, At: at}
	got, ok := PinFromWhatsApp(PinToWhatsApp(chat, pin))
	if !ok || got.Target != pin.Target || !got.On || got.For != pin.For || !got.At.Equal(at) {
		t.Errorf("got %+v", got)
	}
	pin.On = false
	if got, ok := PinFromWhatsApp(PinToWhatsApp(chat, pin)); !ok || got.On || got.For != 0 {
		t.Errorf("got %+v", got)
	}
	key := &waCommon.MessageKey{ID: proto.String("A")}
	for _, none := range []*waE2E.Message{nil, {}, {PinInChatMessage: &waE2E.PinInChatMessage{}}, {PinInChatMessage: &waE2E.PinInChatMessage{Key: key}},
		{KeepInChatMessage: &waE2E.KeepInChatMessage{Key: key}}} {
		_, isPin := PinFromWhatsApp(none)
		_, isKeep := KeepFromWhatsApp(none)
		if isPin || isKeep {
			t.Errorf("%v does nothing", none)
		}
	}
	if keep, ok := KeepFromWhatsApp(&waE2E.Message{KeepInChatMessage: &waE2E.KeepInChatMessage{Key: key, KeepType: waE2E.KeepType_KEEP_FOR_ALL.Enum()}}); !ok || !keep.On {
		t.Errorf("got %+v", keep)
	}
}

func TestGalleries(t *testing.T) {
	t.Parallel()
	read := func(text string) ([]*event.MessageEventContent, error) {
		content, raw := &event.MessageEventContent{}, map[string]any{}
		if err := json.Unmarshal([]byte(text), content); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(text), &raw); err != nil {
			t.Fatal(err)
		}
		return GalleryFromMatrix(content, raw)
	}
	files, err := read(`{"msgtype":"m.gallery","body":"words","itemtypes":[
		{"itemtype":"m.image","body":"a.jpg","url":"mxc://a/a"},{"itemtype":"m.video","body":"own words","filename":"b.mp4","url":"mxc://a/b"},{"itemtype":7},[],null]}`)
	if err != nil || len(files) != 2 || files[0].Body != "words" || files[0].FileName != "a.jpg" || files[1].Body != "own words" || files[1].MsgType != event.MsgVideo {
		t.Errorf("got %+v, %v", files, err)
	}
	files, err = read(`{"msgtype":"com.beeper.gallery","body":"for old clients","com.beeper.gallery.images":[{"msgtype":"m.image","body":"a.jpg","url":"mxc://a/a"},null]}`)
	if err != nil || len(files) != 1 || files[0].Body != "a.jpg" {
		t.Errorf("got %+v, %v", files, err)
	}
	if files, err := read(`{"msgtype":"m.text","body":"x","itemtypes":[{"itemtype":"m.image"}]}`); err != nil || files != nil {
		t.Errorf("got %+v, %v", files, err)
	}
	for _, bad := range []string{`{"msgtype":"m.gallery","body":"x"}`, `{"msgtype":"m.gallery","body":"x","itemtypes":"x"}`,
		`{"msgtype":"m.gallery","body":"x","itemtypes":[` + strings.TrimSuffix(strings.Repeat(`{"itemtype":"m.file","url":"mxc://a/a"},`, 5000), ",") + `]}`} {
		if files, err := read(bad); err == nil {
			t.Errorf("got %d files", len(files))
		}
	}
}
