package convert

import (
	"fmt"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/reflect/protoreflect"
	"maunium.net/go/mautrix/event"
)

// unsupportedToMatrix says that something came which cannot be shown, so that nothing is dropped in silence.
func unsupportedToMatrix(msg *waE2E.Message) *event.MessageEventContent {
	kind := kindOf(msg)
	if kind == "" {
		return nil
	}
	return &event.MessageEventContent{
		MsgType:  event.MsgNotice,
		Body:     fmt.Sprintf("%s arrived that the bridge cannot show yet. Open WhatsApp to see it.", kind),
		Mentions: &event.Mentions{},
	}
}

// kindOf names what a message holds, with an article; "" when it holds nothing for people.
func kindOf(msg *waE2E.Message) string {
	switch {
	case msg.ImageMessage != nil:
		return "An image"
	case msg.VideoMessage != nil, msg.PtvMessage != nil:
		return "A video"
	case msg.AudioMessage != nil:
		return "A voice message or other audio"
	case msg.DocumentMessage != nil:
		return "A document"
	case msg.StickerMessage != nil:
		return "A sticker"
	case msg.ContactMessage != nil, msg.ContactsArrayMessage != nil:
		return "A contact card"
	case msg.LocationMessage != nil, msg.LiveLocationMessage != nil:
		return "A location"
	case msg.ReactionMessage != nil, msg.EncReactionMessage != nil:
		return "A reaction"
	case msg.PollCreationMessage != nil, msg.PollCreationMessageV2 != nil, msg.PollCreationMessageV3 != nil:
		return "A poll"
	case msg.PollUpdateMessage != nil:
		return "A vote in a poll"
	case msg.EditedMessage != nil, msg.GetProtocolMessage().GetType() == waE2E.ProtocolMessage_MESSAGE_EDIT && msg.ProtocolMessage != nil:
		return "An edit of an earlier message"
	case msg.ProtocolMessage != nil && msg.GetProtocolMessage().GetType() == waE2E.ProtocolMessage_REVOKE:
		return "The removal of an earlier message"
	}
	if isEmpty(msg) {
		return ""
	}
	return "A message"
}

// isEmpty reports whether a message holds nothing but what clients tell each other: keys, settings, its context.
func isEmpty(msg *waE2E.Message) bool {
	empty := true
	msg.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		switch field.Name() {
		case "messageContextInfo", "senderKeyDistributionMessage", "protocolMessage", "fastRatchetKeySenderKeyDistributionMessage":
			return true
		}
		empty = false
		return false
	})
	return empty
}

func unsupportedFromMatrix(content *event.MessageEventContent) Unsupported {
	switch content.MsgType {
	case event.MsgImage:
		return Unsupported{"an image"}
	case event.MsgVideo:
		return Unsupported{"a video"}
	case event.MsgAudio:
		return Unsupported{"audio"}
	case event.MsgFile:
		return Unsupported{"a file"}
	case event.MsgLocation:
		return Unsupported{"a location"}
	}
	return Unsupported{"a message of this kind"}
}
