package phone

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"time"

	"causeway/simulator/account"
	"causeway/simulator/wire"

	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waMmsRetry"
	"go.mau.fi/whatsmeow/proto/waSyncAction"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/gcmutil"
	"go.mau.fi/whatsmeow/util/hkdfutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// editPin is the value of the edit attribute of a pin.
const editPin = "2"

// Pin pins a message for everyone for some seconds, or (0) takes it out again.
type Pin struct {
	ID      string
	Seconds uint32
}

// Parent says to which message of the owner's another belongs: of kind album, hd_image, hd_video or motion_photo.
type Parent struct {
	ID   string
	Kind string
}

func (p *Phone) composePin(chat, pn types.JID, pin Pin) (*waE2E.Message, wire.Attrs, error) {
	m, ok := p.find(pn, pin.ID)
	if !ok {
		return nil, nil, unknownMessage(pin.ID)
	}
	kind := waE2E.PinInChatMessage_PIN_FOR_ALL
	if pin.Seconds == 0 {
		kind = waE2E.PinInChatMessage_UNPIN_FOR_ALL
	}
	return &waE2E.Message{
		PinInChatMessage:   &waE2E.PinInChatMessage{Key: p.key(chat, m), Type: kind.Enum(), SenderTimestampMS: proto.Int64(time.Now().UnixMilli())},
		MessageContextInfo: &waE2E.MessageContextInfo{MessageAddOnDurationInSecs: &pin.Seconds},
	}, wire.Attrs{"edit": editPin}, nil
}

// fit makes a message one that belongs to another, and one that disappears.
func (p *Phone) fit(chat, pn types.JID, out Outgoing, body *waE2E.Message) (*waE2E.Message, error) {
	if out.Parent != nil {
		var err error
		if body, err = p.belong(chat, pn, *out.Parent, body); err != nil {
			return nil, err
		}
	}
	if out.Expiration > 0 {
		body = expire(body, out.Expiration)
	}
	return body, nil
}

// belong makes a message one that belongs to another.
func (p *Phone) belong(chat, pn types.JID, parent Parent, body *waE2E.Message) (*waE2E.Message, error) {
	m, ok := p.find(pn, parent.ID)
	if !ok || !m.FromMe {
		return nil, unknownMessage(parent.ID)
	}
	kinds := map[string]waE2E.MessageAssociation_AssociationType{
		"album": waE2E.MessageAssociation_MEDIA_ALBUM, "hd_image": waE2E.MessageAssociation_HD_IMAGE_DUAL_UPLOAD,
		"hd_video": waE2E.MessageAssociation_HD_VIDEO_DUAL_UPLOAD, "motion_photo": waE2E.MessageAssociation_MOTION_PHOTO,
	}
	kind, ok := kinds[parent.Kind]
	if !ok {
		return nil, fmt.Errorf("%w parent of kind %q", account.ErrInvalid, parent.Kind)
	}
	if parent.Kind != "album" {
		body = &waE2E.Message{AssociatedChildMessage: &waE2E.FutureProofMessage{Message: body}}
	}
	if body.MessageContextInfo == nil {
		body.MessageContextInfo = &waE2E.MessageContextInfo{}
	}
	body.MessageContextInfo.MessageAssociation = &waE2E.MessageAssociation{AssociationType: kind.Enum(), ParentMessageKey: p.key(chat, m)}
	return body, nil
}

// expire lets a message disappear, if its kind can say so.
func expire(body *waE2E.Message, seconds uint32) *waE2E.Message {
	if text := body.GetConversation(); text != "" {
		body.Conversation, body.ExtendedTextMessage = nil, &waE2E.ExtendedTextMessage{Text: &text}
	}
	unwrap(body).ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if field.Kind() != protoreflect.MessageKind || field.Cardinality() == protoreflect.Repeated {
			return true
		}
		about := value.Message().Descriptor().Fields().ByName("contextInfo")
		if about == nil {
			return true
		}
		if said, ok := value.Message().Mutable(about).Message().Interface().(*waE2E.ContextInfo); ok {
			said.Expiration, said.EphemeralSettingTimestamp = &seconds, proto.Int64(time.Now().Unix())
		}
		return true
	})
	return body
}

// SetTimer lets the messages of a direct chat disappear after some seconds; 0 turns that off. It tells the other side; later
// messages carry the timer only if they are sent with it.
func (p *Phone) SetTimer(ctx context.Context, chat string, seconds uint32) error {
	_, err := p.Send(ctx, Outgoing{Chat: chat, Message: &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{
		Type: waE2E.ProtocolMessage_EPHEMERAL_SETTING.Enum(), EphemeralExpiration: &seconds, EphemeralSettingTimestamp: proto.Int64(time.Now().Unix())}}})
	return err
}

// DeleteForMe deletes a message for the owner only.
func (p *Phone) DeleteForMe(ctx context.Context, chat, id string) error {
	jid, pn, err := p.network.Resolve(chat)
	if err != nil {
		return err
	}
	m, ok := p.find(pn, id)
	if !ok {
		return fmt.Errorf("%w message %s: the phone has none such in the chat", account.ErrUnknown, id)
	}
	fromMe, participant := "0", "0"
	if m.FromMe {
		fromMe = "1"
	} else if jid.Server == types.GroupServer {
		participant = m.SenderLID.ToNonAD().String()
	}
	const version = 3
	return p.book.Change(ctx, appstate.PatchInfo{Type: appstate.WAPatchRegularHigh, Mutations: []appstate.MutationInfo{{
		Index: []string{appstate.IndexDeleteMessageForMe, jid.String(), id, fromMe, participant}, Version: version,
		Value: &waSyncAction.SyncActionValue{DeleteMessageForMeAction: &waSyncAction.DeleteMessageForMeAction{
			DeleteMedia: proto.Bool(true), MessageTimestamp: proto.Int64(m.Timestamp.Unix())}},
	}}})
}

// MediaRetry is what a phone does when a companion asks it for a file that the network does not have any more.
type MediaRetry string

// What a phone may do. MediaMissing is to have lost the file too; MediaSilent is not to answer.
const (
	MediaServe   MediaRetry = "serve"
	MediaMissing MediaRetry = "missing"
	MediaFail    MediaRetry = "fail"
	MediaSilent  MediaRetry = "silent"
)

// SetMediaRetry decides what the phone does.
func (p *Phone) SetMediaRetry(what MediaRetry) error {
	switch what {
	case MediaServe, MediaMissing, MediaFail, MediaSilent:
	default:
		return fmt.Errorf("%w media_retry %q", account.ErrInvalid, what)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.mediaRetry = what
	return nil
}

// serveAgain answers a companion that asks for a file: where that is now, encrypted with the file's own key.
func (p *Phone) serveAgain(n *wire.Node) {
	p.mu.Lock()
	what := p.state.mediaRetry
	p.mu.Unlock()
	if what == MediaSilent {
		return
	}
	id, asker, rmr := wire.Text(n, "id"), wire.JID(n, "from"), n.GetChildByTag("rmr")
	answer := wire.Node{Tag: "notification", Attrs: wire.Attrs{"id": id, "from": p.lid, "type": "mediaretry", "t": strconv.FormatInt(time.Now().Unix(), 10)},
		Content: []wire.Node{rmr, {Tag: "error", Attrs: wire.Attrs{"code": "2"}}}}
	_, pn, err := p.network.Resolve(wire.JID(&rmr, "jid").String())
	if err != nil {
		p.network.Violate(asker, "receipt", "asks for a file of an unknown chat: "+err.Error())
		return
	}
	if m, ok := p.find(pn, id); ok {
		encrypted, err := p.retryAnswer(n, m, what)
		if err != nil {
			p.network.Violate(asker, "receipt", id+": asks for a file: "+err.Error())
			return
		}
		answer.Content = []wire.Node{rmr, encrypted}
	}
	p.network.Notify(asker, answer)
}

// retryAnswer checks the question and encrypts the answer.
func (p *Phone) retryAnswer(n *wire.Node, m Message, what MediaRetry) (wire.Node, error) {
	said, _ := fileOf(m.Message)
	if said == nil {
		return wire.Node{}, fmt.Errorf("%w: the message has none", account.ErrRefused)
	}
	const keyLength, ivLength = 32, 12
	key := hkdfutil.SHA256(said.GetMediaKey(), nil, []byte("WhatsApp Media Retry Notification"), keyLength)
	question := n.GetChildByTag("encrypt")
	plain, err := gcmutil.Decrypt(key, wire.Child(&question, "enc_iv"), wire.Child(&question, "enc_p"), []byte(m.ID))
	if err != nil {
		return wire.Node{}, err
	}
	receipt := &waMmsRetry.ServerErrorReceipt{}
	if err = proto.Unmarshal(plain, receipt); err != nil || receipt.GetStanzaID() != m.ID {
		return wire.Node{}, fmt.Errorf("%w: it names message %q", account.ErrInvalid, receipt.GetStanzaID())
	}
	answer := &waMmsRetry.MediaRetryNotification{StanzaID: &m.ID, Result: waMmsRetry.MediaRetryNotification_SUCCESS.Enum()}
	_, gone := p.network.GetFile(said.GetDirectPath())
	switch {
	case what == MediaFail:
		answer.Result = waMmsRetry.MediaRetryNotification_GENERAL_ERROR.Enum()
	case what == MediaMissing, gone != nil:
		answer.Result = waMmsRetry.MediaRetryNotification_NOT_FOUND.Enum()
	default:
		bare, _, _ := strings.Cut(said.GetDirectPath(), "?")
		answer.DirectPath = proto.String(bare + "?ccb=11-4&oh=again&oe=FFFFFFFF")
	}
	raw, err := proto.Marshal(answer)
	if err != nil {
		return wire.Node{}, err
	}
	iv := make([]byte, ivLength)
	_, _ = rand.Read(iv) // crypto/rand never fails
	sealed, err := gcmutil.Encrypt(key, iv, raw, []byte(m.ID))
	return wire.Node{Tag: "encrypt", Content: []wire.Node{{Tag: "enc_p", Content: sealed}, {Tag: "enc_iv", Content: iv}}}, err
}
