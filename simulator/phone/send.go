package phone

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"causeway/simulator/account"
	"causeway/simulator/signal"
	"causeway/simulator/wire"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// maxID bounds a message ID that a caller chooses, in bytes. Those of real programs have up to 32; a stranger may send longer ones.
const maxID = 16 << 10

// Sent names a message that the phone sent.
type Sent struct {
	ID        string
	Timestamp time.Time
}

// Send sends a message to a chat: to every device of the others in it, and to the account's own companions.
func (p *Phone) Send(ctx context.Context, out Outgoing) (Sent, error) {
	if !p.Online() {
		return Sent{}, fmt.Errorf("send: %w", ErrOffline)
	}
	chat, pn, err := p.network.Resolve(out.Chat)
	if err != nil {
		return Sent{}, err
	}
	body, attrs, err := p.compose(chat, pn, out)
	if err != nil {
		return Sent{}, err
	}
	if out.Timestamp.IsZero() {
		out.Timestamp = time.Now()
	}
	if out.ID == "" {
		out.ID = newID()
	}
	if len(out.ID) > maxID {
		return Sent{}, fmt.Errorf("%w id: at most %d characters", account.ErrInvalid, maxID)
	}
	p.sending.Lock()
	defer p.sending.Unlock()
	if _, used := p.outbox.sent[out.ID]; used {
		return Sent{}, fmt.Errorf("send %s: %w: the phone has sent a message with this id", out.ID, account.ErrRefused)
	}
	n := wire.Node{Tag: "message", Attrs: attrs}
	n.Attrs["id"], n.Attrs["to"], n.Attrs["type"] = out.ID, chat, stanzaType(body)
	if chat.Server == types.GroupServer {
		n.Content, err = p.sealGroup(ctx, chat, body)
	} else {
		n.Content, err = p.sealDirect(ctx, chat, body)
	}
	if err != nil {
		return Sent{}, err
	}
	m := Message{Chat: pn, Sender: p.pn, SenderLID: p.lid, ID: out.ID, Timestamp: time.Unix(out.Timestamp.Unix(), 0), FromMe: true, Message: body}
	// One step under the lock, so that an answer never stands before the message in the transcript.
	p.mu.Lock()
	defer p.mu.Unlock()
	if err = p.network.Post(p.number, n, out.Timestamp); err != nil {
		return Sent{}, err
	}
	p.record(m)
	p.outbox.remember(out.ID, sentMessage{to: chat, body: body, node: wire.Node{Attrs: n.Attrs}, at: m.Timestamp})
	return Sent{ID: m.ID, Timestamp: m.Timestamp}, nil
}

func newID() string {
	const size = 9
	raw := make([]byte, size)
	_, _ = rand.Read(raw) // crypto/rand never fails
	return "3A" + strings.ToUpper(hex.EncodeToString(raw))
}

func stanzaType(m *waE2E.Message) string {
	m = unwrap(m)
	switch {
	case m.GetReactionMessage() != nil:
		return "reaction"
	case m.GetImageMessage() != nil, m.GetVideoMessage() != nil, m.GetAudioMessage() != nil, m.GetDocumentMessage() != nil, m.GetStickerMessage() != nil, m.GetPtvMessage() != nil,
		m.GetLocationMessage() != nil, m.GetLiveLocationMessage() != nil, m.GetContactMessage() != nil, m.GetContactsArrayMessage() != nil:
		return "media"
	case pollOf(m) != nil, m.GetPollUpdateMessage() != nil:
		return "poll"
	}
	return "text"
}

// sealDirect encrypts for every device of the other account, and a copy for each own companion.
func (p *Phone) sealDirect(ctx context.Context, to types.JID, body *waE2E.Message) ([]wire.Node, error) {
	plain, err := proto.Marshal(body)
	if err != nil {
		return nil, err
	}
	copied, err := deviceSent(to, body)
	if err != nil {
		return nil, err
	}
	devices, err := p.network.Devices(to)
	if err != nil {
		return nil, err
	}
	if to != p.lid {
		own, err := p.network.Devices(p.lid)
		if err != nil {
			return nil, err
		}
		devices = append(devices, own...)
	}
	var parts []wire.Node
	for _, d := range devices {
		content := plain
		if d.User == p.lid.User {
			content = copied
		}
		part, err := p.sealFor(ctx, d, content)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part...)
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("send to %s: %w: there is no other device to send to", to, account.ErrRefused)
	}
	return []wire.Node{{Tag: "participants", Content: parts}}, nil
}

// deviceSent wraps a message for the account's own devices.
func deviceSent(to types.JID, body *waE2E.Message) ([]byte, error) {
	return proto.Marshal(&waE2E.Message{MessageContextInfo: body.GetMessageContextInfo(),
		DeviceSentMessage: &waE2E.DeviceSentMessage{DestinationJID: proto.String(to.String()), Message: body}})
}

// sealFor encrypts for one device; nothing for the phone itself or a device that was unlinked meanwhile.
func (p *Phone) sealFor(ctx context.Context, d types.JID, plain []byte) ([]wire.Node, error) {
	if d == p.lid {
		return nil, nil
	}
	enc, err := p.encrypt(ctx, d, plain, false)
	if errors.Is(err, account.ErrUnknown) {
		return nil, nil
	}
	return []wire.Node{{Tag: "to", Attrs: wire.Attrs{"jid": d}, Content: []wire.Node{enc}}}, err
}

func (p *Phone) encrypt(ctx context.Context, d types.JID, plain []byte, fresh bool) (wire.Node, error) {
	kind, raw, err := p.cipher.Encrypt(ctx, d, plain, fresh, func() (signal.Bundle, error) { return p.network.Bundle(d) })
	return wire.Node{Tag: "enc", Attrs: wire.Attrs{"v": "2", "type": kind}, Content: raw}, err
}

// sealGroup encrypts once for the group, and its sender key for the devices that do not have it.
func (p *Phone) sealGroup(ctx context.Context, group types.JID, body *waE2E.Message) ([]wire.Node, error) {
	plain, err := proto.Marshal(body)
	if err != nil {
		return nil, err
	}
	devices, err := p.memberDevices(group)
	if err != nil {
		return nil, err
	}
	if p.outbox.stale(group, devices) {
		p.cipher.ForgetGroup(group)
		delete(p.outbox.keyed, group)
	}
	distribution, raw, err := p.cipher.EncryptGroup(ctx, group, plain)
	if err != nil {
		return nil, err
	}
	keyPlain, err := proto.Marshal(&waE2E.Message{SenderKeyDistributionMessage: senderKey(group, distribution)})
	if err != nil {
		return nil, err
	}
	if p.outbox.keyed[group] == nil {
		p.outbox.keyed[group] = map[types.JID]struct{}{}
	}
	var content, parts []wire.Node
	for _, d := range devices {
		if _, has := p.outbox.keyed[group][d]; has {
			continue
		}
		part, err := p.sealFor(ctx, d, keyPlain)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part...)
		p.outbox.keyed[group][d] = struct{}{}
	}
	if len(parts) > 0 {
		content = append(content, wire.Node{Tag: "participants", Content: parts})
	}
	return append(content, wire.Node{Tag: "enc", Attrs: wire.Attrs{"v": "2", "type": signal.TypeSenderKey}, Content: raw}), nil
}

func senderKey(group types.JID, distribution []byte) *waE2E.SenderKeyDistributionMessage {
	return &waE2E.SenderKeyDistributionMessage{GroupID: proto.String(group.String()), AxolotlSenderKeyDistributionMessage: distribution}
}

func (p *Phone) memberDevices(group types.JID) ([]types.JID, error) {
	members, err := p.network.Members(group)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(members, p.lid) {
		return nil, fmt.Errorf("send to %s: %w: %s is not in the group", group, account.ErrRefused, p.number)
	}
	var out []types.JID
	for _, m := range members {
		devices, err := p.network.Devices(m)
		if err != nil {
			return nil, err
		}
		out = append(out, devices...)
	}
	return out, nil
}
