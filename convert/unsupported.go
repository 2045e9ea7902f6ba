package convert

import (
	"cmp"
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
	body := fmt.Sprintf("%s arrived that the bridge cannot show yet. Open WhatsApp to see it.", kind)
	if caption := captionOf(msg); caption != "" {
		body += " It says: " + caption
	}
	return &event.MessageEventContent{MsgType: event.MsgNotice, Body: body, Mentions: &event.Mentions{}}
}

// captionOf returns what people wrote about a file that cannot be shown.
func captionOf(msg *waE2E.Message) string {
	return clean(cmp.Or(
		msg.GetImageMessage().GetCaption(), msg.GetVideoMessage().GetCaption(),
		msg.GetPtvMessage().GetCaption(), msg.GetDocumentMessage().GetCaption(),
	))
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
	case msg.PollCreationMessage != nil, msg.PollCreationMessageV2 != nil, msg.PollCreationMessageV3 != nil,
		msg.PollCreationMessageV4 != nil, msg.PollCreationMessageV5 != nil, msg.PollCreationMessageV6 != nil:
		return "A poll"
	case msg.PollUpdateMessage != nil:
		return "A vote in a poll"
	case msg.EventMessage != nil:
		return "An event"
	case msg.GroupInviteMessage != nil:
		return "An invitation to a group"
	case msg.PinInChatMessage != nil, msg.KeepInChatMessage != nil:
		return "The pinning of an earlier message"
	case msg.SecretEncryptedMessage != nil:
		return "A change of an earlier message"
	case msg.EditedMessage != nil:
		return "An edit of an earlier message"
	case msg.ProtocolMessage != nil:
		return kindOfProtocol(msg.GetProtocolMessage().Type)
	}
	if isEmpty(msg) {
		return ""
	}
	return "A message"
}

// kindOfProtocol names what a protocol message does, if people would see it on WhatsApp.
func kindOfProtocol(kind *waE2E.ProtocolMessage_Type) string {
	if kind == nil {
		return ""
	}
	switch *kind {
	case waE2E.ProtocolMessage_MESSAGE_EDIT:
		return "An edit of an earlier message"
	case waE2E.ProtocolMessage_REVOKE:
		return "The removal of an earlier message"
	case waE2E.ProtocolMessage_EPHEMERAL_SETTING:
		return "A new time for disappearing messages"
	}
	return ""
}

// isEmpty reports whether a message holds nothing but what clients tell each other: keys, settings, its context. A kind
// that is unknown to this version is not empty.
func isEmpty(msg *waE2E.Message) bool {
	empty, known := true, false
	msg.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		known = true
		switch field.Name() {
		case "conversation", "extendedTextMessage": // without text, or it would have been shown
			return true
		case "messageContextInfo", "senderKeyDistributionMessage", "fastRatchetKeySenderKeyDistributionMessage",
			"stickerSyncRmrMessage", "groupRootKeyShare", "rootSecretDistributeMessage":
			return true
		}
		empty = false
		return false
	})
	return empty && (known || len(msg.ProtoReflect().GetUnknown()) == 0)
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
	case event.MsgVerificationRequest:
		return Unsupported{"a request to verify a session"}
	}
	return Unsupported{"a message of this kind"}
}
