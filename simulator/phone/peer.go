package phone

import (
	"context"
	"errors"
	"fmt"
	"time"

	"causeway/simulator/account"
	"causeway/simulator/settings"
	"causeway/simulator/wire"

	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waWeb"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// sendPeer sends a protocol message to one own companion.
func (p *Phone) sendPeer(ctx context.Context, device types.JID, body *waE2E.Message) error {
	plain, err := proto.Marshal(body)
	if err != nil {
		return err
	}
	p.sending.Lock()
	defer p.sending.Unlock()
	enc, err := p.encrypt(ctx, device, plain, false)
	if err != nil {
		return err
	}
	now := time.Now()
	n := wire.Node{Tag: "message", Attrs: wire.Attrs{"id": newID(), "to": device, "type": "text", "category": "peer"},
		Content: []wire.Node{{Tag: "meta", Attrs: wire.Attrs{"appdata": "default"}}, enc}}
	p.outbox.remember(wire.Text(&n, "id"), sentMessage{to: device, body: body, node: wire.Node{Attrs: n.Attrs}, peer: true, at: now})
	return p.network.Post(p.number, n, now)
}

// answerPeer answers what a companion asks the phone for. What is not built yet is not answered, as by a phone that is away.
func (p *Phone) answerPeer(ctx context.Context, e envelope, body *waE2E.Message) {
	protocol := body.GetProtocolMessage()
	var err error
	switch request := protocol.GetPeerDataOperationRequestMessage(); {
	case protocol.GetAppStateSyncKeyRequest() != nil:
		err = p.sendPeer(ctx, e.sender, p.book.KeyShare())
	case request.GetPeerDataOperationRequestType() == waE2E.PeerDataOperationRequestType_PLACEHOLDER_MESSAGE_RESEND:
		err = p.resendPlaceholders(ctx, e, request)
	}
	if err != nil && !errors.Is(err, account.ErrUnknown) {
		p.network.Violate(e.sender, "message", e.id+": answer peer message: "+err.Error())
	}
}

// resendPlaceholders hands over messages that the companion could not decrypt and the phone could.
func (p *Phone) resendPlaceholders(ctx context.Context, e envelope, request *waE2E.PeerDataOperationRequestMessage) error {
	kind := request.GetPeerDataOperationRequestType()
	response := &waE2E.PeerDataOperationRequestResponseMessage{PeerDataOperationRequestType: &kind, StanzaID: &e.id}
	for _, wanted := range request.GetPlaceholderMessageResendRequest() {
		key := wanted.GetMessageKey()
		_, pn, err := p.network.Resolve(key.GetRemoteJID())
		if err != nil {
			return err
		}
		m, ok := p.find(pn, key.GetID())
		if !ok {
			continue
		}
		raw, err := proto.Marshal(&waWeb.WebMessageInfo{Message: m.Message, MessageTimestamp: proto.Uint64(uint64(m.Timestamp.Unix())),
			Participant: key.Participant, Key: &waCommon.MessageKey{RemoteJID: key.RemoteJID, FromMe: &m.FromMe, ID: key.ID, Participant: key.Participant}})
		if err != nil {
			return err
		}
		response.PeerDataOperationResult = append(response.PeerDataOperationResult, &waE2E.PeerDataOperationRequestResponseMessage_PeerDataOperationResult{
			PlaceholderMessageResendResponse: &waE2E.PeerDataOperationRequestResponseMessage_PeerDataOperationResult_PlaceholderMessageResendResponse{
				WebMessageInfoBytes: raw}})
	}
	if len(response.GetPeerDataOperationResult()) == 0 {
		return nil
	}
	return p.sendPeer(ctx, e.sender, &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{
		Type: waE2E.ProtocolMessage_PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE.Enum(), PeerDataOperationRequestResponseMessage: response}})
}

// notified reads what another device of the account changed.
func (p *Phone) notified(n *wire.Node) {
	if wire.Text(n, "type") != "server_sync" {
		return
	}
	for _, collection := range n.GetChildren() {
		if err := p.book.CatchUp(context.Background(), wire.Text(&collection, "name")); err != nil {
			p.network.Violate(p.lid, "app state", err.Error())
		}
	}
}

// SetContact puts an account into the phone's address book.
func (p *Phone) SetContact(ctx context.Context, other, name string) error {
	lid, pn, err := p.network.Resolve(other)
	if err != nil {
		return err
	}
	if lid.Server == types.GroupServer || name == "" {
		return fmt.Errorf("%w contact: want a person and a name", account.ErrInvalid)
	}
	return p.book.Change(ctx, settings.Contact(pn, lid, name))
}

// ChatEdit changes what is not nil. A zero MutedUntil unmutes.
type ChatEdit struct {
	MutedUntil               *time.Time
	Pinned, Archived, Unread *bool
}

// SetChat changes the owner's settings of a chat.
func (p *Phone) SetChat(ctx context.Context, chat string, e ChatEdit) error {
	jid, _, err := p.network.Resolve(chat)
	if err != nil {
		return err
	}
	var patches []appstate.PatchInfo
	if e.MutedUntil != nil {
		var until *int64
		if !e.MutedUntil.IsZero() {
			until = proto.Int64(e.MutedUntil.UnixMilli())
		}
		patches = append(patches, appstate.BuildMuteAbs(jid, until != nil, until))
	}
	if e.Pinned != nil {
		patches = append(patches, appstate.BuildPin(jid, *e.Pinned))
	}
	if e.Archived != nil {
		patches = append(patches, appstate.BuildArchive(jid, *e.Archived, time.Now(), nil))
	}
	if e.Unread != nil {
		patches = append(patches, appstate.BuildMarkChatAsRead(jid, !*e.Unread, time.Now(), nil))
	}
	for _, patch := range patches {
		if err = p.book.Change(ctx, patch); err != nil {
			return err
		}
	}
	return nil
}
