package portal

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"

	"causeway/database"
	"causeway/dispatch/dispatchtest"
	"causeway/outbox"
)

func childOf(msg *waE2E.Message, parent string, kind waE2E.MessageAssociation_AssociationType) *waE2E.Message {
	msg.MessageContextInfo = &waE2E.MessageContextInfo{MessageAssociation: &waE2E.MessageAssociation{
		AssociationType: kind.Enum(), ParentMessageKey: &waCommon.MessageKey{ID: &parent, FromMe: proto.Bool(true)},
	}}
	return msg
}

func field(t *testing.T, a outbox.SendEvent, name string) any {
	t.Helper()
	fields := map[string]any{}
	if err := json.Unmarshal(a.Content, &fields); err != nil {
		t.Fatal(err)
	}
	return fields[name]
}

func TestAlbumFromWhatsApp(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	b.arrive(arrival(aliceLogin, "ALBUM", fromAnn(), &waE2E.Message{AlbumMessage: &waE2E.AlbumMessage{ExpectedImageCount: proto.Uint32(2)}})).Expect(t, "")
	first := shown(t, b.arrive(arrival(aliceLogin, "ONE", fromAnn(), childOf(picture("one"), "ALBUM", waE2E.MessageAssociation_MEDIA_ALBUM))))
	second := shown(t, b.arrive(arrival(aliceLogin, "TWO", fromAnn(), childOf(picture("two"), "ALBUM", waE2E.MessageAssociation_MEDIA_ALBUM))))
	for _, item := range []outbox.SendEvent{first, second} {
		if album, _ := field(t, item, fieldAlbum).(map[string]any); album["id"] != "ALBUM" || item.File == nil || item.About != nil {
			t.Errorf("got %s", item.Content)
		}
	}
	// What is said about the album is shown at its first file, and its removal removes all.
	key := &waCommon.MessageKey{ID: proto.String("ALBUM"), FromMe: proto.Bool(true)}
	heart := &waE2E.Message{ReactionMessage: &waE2E.ReactionMessage{Key: key, Text: proto.String("❤")}}
	if reaction := shown(t, b.arrive(arrival(aliceLogin, "HEART", fromAnn(), heart))); reaction.About.ID != "ONE" {
		t.Errorf("got %+v", reaction)
	}
	revoke := &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{Type: waE2E.ProtocolMessage_REVOKE.Enum(), Key: key}}
	gone := dispatchtest.All[outbox.SendEvent](t, b.arrive(arrival(aliceLogin, "REVOKE", fromAnn(), revoke)).Expect(t, "send_event send_event"), outbox.KindSendEvent)
	if gone[0].About.ID != "ONE" || gone[1].About.ID != "TWO" || gone[0].Txn == gone[1].Txn {
		t.Errorf("got %+v", gone)
	}
}

func TestBetterQualityReplaces(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	first := shown(t, b.arrive(arrival(aliceLogin, "SD", fromAnn(), picture("look"))))
	child := &waE2E.Message{AssociatedChildMessage: &waE2E.FutureProofMessage{Message: picture("")}}
	better := arrival(aliceLogin, "HD", fromAnn(), childOf(child, "SD", waE2E.MessageAssociation_HD_IMAGE_DUAL_UPLOAD))
	edit := shown(t, b.arrive(better).Expect(t, "send_event"))
	if !replaces(t, edit, first) || edit.File == nil || words(t, edit) != "* look" {
		t.Errorf("got %+v %s", edit, edit.Content)
	}
	b.arrive(better).Expect(t, "")
	motion := childOf(&waE2E.Message{VideoMessage: &waE2E.VideoMessage{}}, "SD", waE2E.MessageAssociation_MOTION_PHOTO)
	b.arrive(arrival(aliceLogin, "MOTION", fromAnn(), motion)).Expect(t, "")
	// Without the first, it is what there is.
	alone := shown(t, b.arrive(arrival(aliceLogin, "ALONE", fromAnn(), childOf(picture("alone"), "NEVER", waE2E.MessageAssociation_HD_IMAGE_DUAL_UPLOAD))))
	if alone.About != nil || alone.Message.ID != "ALONE" {
		t.Errorf("got %+v", alone)
	}
}

func TestGalleryFromMatrix(t *testing.T) {
	t.Parallel()
	item := func(kind, name string) string {
		return fmt.Sprintf(`{"msgtype":%[1]q,"itemtype":%[1]q,"body":%[2]q,"url":"mxc://example.com/%[2]s","info":{"mimetype":"image/jpeg"}}`, kind, name)
	}
	items := item("m.image", "a") + "," + item("m.video", "b") + "," + item("m.file", "c")
	for name, content := range map[string]string{
		"beeper": `{"msgtype":"com.beeper.gallery","body":"fallback","com.beeper.gallery.caption":"look","com.beeper.gallery.images":[` + items + `]}`,
		"msc":    `{"msgtype":"m.gallery","body":"look","itemtypes":[` + items + `]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			b.direct()
			evt := dispatchtest.Event(t, room, dispatchtest.Alice, "$album", event.EventMessage, content)
			list := dispatchtest.All[outbox.SendWhatsApp](t, b.say(evt).Expect(t, "send_whatsapp send_whatsapp send_whatsapp send_whatsapp"), outbox.KindSendWhatsApp)
			var messages []*waE2E.Message
			ids := map[string]bool{}
			for _, a := range list {
				msg := &waE2E.Message{}
				if err := proto.Unmarshal(a.Content, msg); err != nil {
					t.Fatal(err)
				}
				messages = append(messages, msg)
				ids[a.Message.ID] = true
			}
			parent := messages[1].GetMessageContextInfo().GetMessageAssociation()
			if len(ids) != 4 || messages[0].GetAlbumMessage().GetExpectedImageCount() != 1 || messages[0].GetAlbumMessage().GetExpectedVideoCount() != 1 ||
				parent.GetParentMessageKey().GetID() != list[0].Message.ID || messages[1].GetImageMessage().GetCaption() != "look" ||
				messages[2].GetMessageContextInfo().GetMessageAssociation() == nil || messages[3].GetMessageContextInfo() != nil || list[3].File == nil {
				t.Errorf("got %v", messages)
			}
			row, err := b.DB.MessageByEvent(t.Context(), "$album")
			if err != nil || row.ID != list[1].Message.ID || row.About != list[0].Message.ID {
				t.Errorf("got %+v, %v", row, err)
			}
			b.say(evt).Expect(t, "")
			// One redaction takes all of them back, each by a message of its own.
			gone := dispatchtest.All[outbox.SendWhatsApp](t, b.say(redaction(t, dispatchtest.Alice, "$gone", "$album")), outbox.KindSendWhatsApp)
			revoked := map[string]bool{}
			for _, a := range gone {
				msg := &waE2E.Message{}
				if err := proto.Unmarshal(a.Content, msg); err != nil {
					t.Fatal(err)
				}
				revoked[msg.GetProtocolMessage().GetKey().GetID()] = true
			}
			if len(revoked) != 4 {
				t.Errorf("got %v", revoked)
			}
		})
	}
}

// Of an event that is several messages, one that is deleted on WhatsApp leaves the others.
func TestOneOfAGalleryIsDeleted(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	list := dispatchtest.All[outbox.SendWhatsApp](t, b.say(dispatchtest.Event(t, room, dispatchtest.Alice, "$album", event.EventMessage,
		`{"msgtype":"com.beeper.gallery","body":"x","com.beeper.gallery.images":[{"msgtype":"m.image","body":"a","url":"mxc://a/a"},{"msgtype":"m.image","body":"b","url":"mxc://a/b"}]}`)), outbox.KindSendWhatsApp)
	source := fromAnn()
	source.IsFromMe, source.Sender, source.SenderAlt, source.RecipientAlt = true, pn("1555"), lid("91555"), pn("15550100")
	for n, want := range []string{"", "send_event"} {
		revoke := &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{Type: waE2E.ProtocolMessage_REVOKE.Enum(),
			Key: &waCommon.MessageKey{ID: &list[n+1].Message.ID, FromMe: proto.Bool(true)}}}
		b.arrive(arrival(aliceLogin, fmt.Sprint("REVOKE", n), source, revoke)).Expect(t, want)
	}
}

func TestGalleriesThatAreNone(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	many := strings.Repeat(`{"msgtype":"m.image","body":"a","url":"mxc://a/a"},`, 101)
	for n, content := range []string{
		`{"msgtype":"com.beeper.gallery","body":"x"}`,
		`{"msgtype":"m.gallery","body":"x","itemtypes":[7,"x",{"itemtype":"m.text","body":"no file"}]}`,
		`{"msgtype":"com.beeper.gallery","body":"x","com.beeper.gallery.images":[` + strings.TrimSuffix(many, ",") + `]}`,
		`{"msgtype":"m.gallery","body":"x","itemtypes":[{"itemtype":"m.image","body":"no file"}]}`,
	} {
		b.refuse("unsupported", dispatchtest.Event(t, room, dispatchtest.Alice, "$x", event.EventMessage, content))
		_ = n
	}
	// One file is no album.
	one := sent(t, b.say(dispatchtest.Event(t, room, dispatchtest.Alice, "$one", event.EventMessage,
		`{"msgtype":"com.beeper.gallery","body":"x","com.beeper.gallery.images":[null,{"msgtype":"m.image","body":"a","url":"mxc://a/a"}]}`)))
	msg := &waE2E.Message{}
	if err := proto.Unmarshal(one.Content, msg); err != nil || msg.GetMessageContextInfo() != nil || one.File == nil {
		t.Errorf("got %v, %v", msg, err)
	}
}

func TestViewOnce(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	once := picture("psst")
	once.ImageMessage.ViewOnce = proto.Bool(true)
	hidden := shown(t, b.arrive(arrival(aliceLogin, "HIDDEN", fromAnn(), once)))
	if hidden.File != nil || words(t, hidden) != textViewOnce || field(t, hidden, fieldViewOnce) != true || strings.Contains(string(hidden.Content), "psst") {
		t.Errorf("got %s", hidden.Content)
	}
	enveloped := arrival(aliceLogin, "ENVELOPE", fromAnn(), picture("psst"))
	enveloped.ViewOnce = true
	if hidden := shown(t, b.arrive(enveloped)); hidden.File != nil {
		t.Errorf("got %s", hidden.Content)
	}
	b.p.cfg.Life.ShowViewOnce = true
	open := shown(t, b.arrive(arrival(aliceLogin, "OPEN", fromAnn(), &waE2E.Message{ViewOnceMessageV2: &waE2E.FutureProofMessage{Message: picture("psst")}})))
	if open.File == nil || words(t, open) != "👁 To be seen only once: psst" || field(t, open, fieldViewOnce) != true {
		t.Errorf("got %s", open.Content)
	}
	row, err := b.DB.MessageByKey(t.Context(), *open.Message)
	if err != nil || row.Kind != database.KindMessage {
		t.Errorf("got %+v, %v", row, err)
	}
}
