package phone

import (
	"context"
	"crypto/sha256"
	"errors"
	"strconv"
	"time"

	"causeway/simulator/signal"
	"causeway/simulator/wire"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// maxAsks is how often a phone asks for one message again.
const maxAsks = 4

// contentKey names a message by its sending device and ID.
type contentKey struct {
	sender types.JID
	id     string
}

// envelope is what a stanza says about a message.
type envelope struct {
	node   *wire.Node
	from   types.JID
	sender types.JID
	id     string
	group  bool
	own    bool
	peer   bool
	repeat bool
}

func (p *Phone) open(n *wire.Node, repeat bool) envelope {
	e := envelope{node: n, from: wire.JID(n, "from"), id: wire.Text(n, "id"), peer: wire.Text(n, "category") == "peer", repeat: repeat}
	e.sender = e.from
	if e.from.Server == types.GroupServer {
		e.group, e.sender = true, wire.JID(n, "participant")
	}
	e.own = e.sender.User == p.lid.User
	return e
}

// receive decrypts a message, records it and answers with a receipt.
func (p *Phone) receive(n *wire.Node, repeat bool) {
	ctx := context.Background()
	e := p.open(n, repeat)
	body, err := p.decrypt(ctx, e)
	switch {
	case errors.Is(err, signal.ErrPadding), errors.Is(err, errContent):
		p.network.Violate(e.sender, "message", e.id+": "+err.Error())
		return
	case err != nil && repeat:
		return // a repeat that reuses its message keys cannot be compared
	case err != nil:
		p.ask(ctx, e)
		return
	case body != nil:
		p.accept(e, body)
	}
	if !repeat {
		p.acknowledge(e)
	}
}

// errContent says that what was encrypted is not what it should be.
var errContent = errors.New("unreadable content")

// decrypt opens every ciphertext of a message; nil if there was nothing in them but a sender key.
func (p *Phone) decrypt(ctx context.Context, e envelope) (*waE2E.Message, error) {
	var body *waE2E.Message
	for _, part := range e.node.GetChildren() {
		if part.Tag != "enc" {
			continue
		}
		plain, err := p.decryptPart(ctx, e, part)
		if err != nil {
			return nil, err
		}
		m := &waE2E.Message{}
		if err = proto.Unmarshal(plain, m); err != nil {
			return nil, errors.Join(errContent, err)
		}
		if key := m.GetSenderKeyDistributionMessage(); key != nil {
			if err = p.cipher.Learn(ctx, key.GetGroupID(), e.sender, key.GetAxolotlSenderKeyDistributionMessage()); err != nil {
				return nil, errors.Join(errContent, err)
			}
			m.SenderKeyDistributionMessage = nil
		}
		if proto.Size(m) > 0 {
			body = m
		}
	}
	return body, nil
}

func (p *Phone) decryptPart(ctx context.Context, e envelope, part wire.Node) ([]byte, error) {
	kind := wire.Text(&part, "type")
	if kind == signal.TypeSenderKey {
		return p.cipher.DecryptGroup(ctx, e.from, e.sender, wire.Bytes(part))
	}
	plain, err := p.cipher.Decrypt(ctx, e.sender, kind, wire.Bytes(part))
	if err == nil && kind == signal.TypePreKey {
		err = p.offer(ctx, 1)
	}
	return plain, err
}

// accept checks a decrypted message and records it.
func (p *Phone) accept(e envelope, body *waE2E.Message) {
	if e.peer {
		if !e.repeat {
			p.answerPeer(context.Background(), e, body)
		}
		return
	}
	chat := e.from.ToNonAD()
	if copied := body.GetDeviceSentMessage(); copied != nil {
		destination, err := types.ParseJID(copied.GetDestinationJID())
		if err != nil || !e.own || copied.GetMessage() == nil {
			p.network.Violate(e.sender, "message", e.id+": a device-sent copy without destination or content, or for another account")
			return
		}
		chat, body = destination, copied.GetMessage()
	} else if e.own && !e.group {
		p.network.Violate(e.sender, "message", e.id+": a direct message to an own device that is no device-sent copy")
		return
	}
	_, pn, err := p.network.Resolve(chat.String())
	if err != nil {
		p.network.Violate(e.sender, "message", e.id+": "+err.Error())
		return
	}
	if known := p.compare(e, body); known {
		return
	}
	p.fetch(e, body)
	_, sender, err := p.network.Resolve(e.sender.ToNonAD().String())
	if err != nil {
		return // the account cannot go away
	}
	seconds, _ := strconv.ParseInt(wire.Text(e.node, "t"), 10, 64)
	m := Message{Chat: pn, Sender: sender, SenderLID: e.sender, ID: e.id, Timestamp: time.Unix(seconds, 0), FromMe: e.own,
		Device: e.sender.Device, Message: body}
	if err := p.readAnswer(&m); err != nil {
		p.network.Violate(e.sender, "message", e.id+": "+err.Error())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.record(m)
}

// compare says whether the message is known, and objects if it was another one. What a library adds for itself (message secrets)
// may differ.
func (p *Phone) compare(e envelope, body *waE2E.Message) (known bool) {
	plain, ok := proto.Clone(body).(*waE2E.Message)
	if !ok {
		return false
	}
	plain.MessageContextInfo = nil
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(plain)
	if err != nil {
		return false
	}
	key, hash := contentKey{e.sender, e.id}, sha256.Sum256(raw)
	p.mu.Lock()
	before, known := p.state.contents[key]
	if !known {
		p.state.contents[key] = hash
	}
	p.mu.Unlock()
	if known && before != hash {
		p.network.Violate(e.sender, "message", e.id+": sent twice with different content")
	}
	return known || e.repeat
}

// acknowledge sends the delivery receipt.
func (p *Phone) acknowledge(e envelope) {
	p.mu.Lock()
	wanted := p.state.autoDeliver
	p.mu.Unlock()
	if !wanted {
		return
	}
	p.post(p.receipt(e), time.Now())
}

func (p *Phone) receipt(e envelope) wire.Node {
	n := wire.Node{Tag: "receipt", Attrs: wire.Attrs{"id": e.id, "to": e.from}}
	if e.group {
		n.Attrs["participant"] = e.sender
	}
	if recipient := wire.JID(e.node, "recipient"); !recipient.IsEmpty() {
		n.Attrs["recipient"] = recipient
	}
	switch {
	case e.peer:
		n.Attrs["type"] = "peer_msg"
	case e.own:
		n.Attrs["type"] = "sender"
	}
	return n
}

// post hands a stanza of the phone's own to the server, which takes all that a phone sends.
func (p *Phone) post(n wire.Node, timestamp time.Time) {
	if err := p.network.Post(p.number, n, timestamp); err != nil {
		p.network.Violate(p.lid, n.Tag, "simulated phone: "+err.Error())
	}
}

// ask sends a retry receipt, with fresh keys for a new session.
func (p *Phone) ask(ctx context.Context, e envelope) {
	p.mu.Lock()
	key := contentKey{e.sender, e.id}
	p.state.asked[key]++
	count := p.state.asked[key]
	p.mu.Unlock()
	if count > maxAsks {
		return
	}
	one, err := p.cipher.NewPreKey(ctx)
	if err != nil {
		return
	}
	b := p.cipher.Bundle()
	const registrationSize, curve25519 = 4, 5
	n := p.receipt(e)
	n.Attrs["type"] = "retry"
	n.Content = []wire.Node{
		{Tag: "retry", Attrs: wire.Attrs{"count": strconv.Itoa(count), "id": e.id, "t": e.node.Attrs["t"], "v": "1"}},
		{Tag: "registration", Content: wire.Number(b.Registration, registrationSize)},
		{Tag: "keys", Content: []wire.Node{{Tag: "type", Content: []byte{curve25519}}, {Tag: "identity", Content: b.Identity}, one.Node("key"), b.Signed.Node("skey")}},
	}
	p.post(n, time.Now())
}
