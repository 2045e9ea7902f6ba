package phone

import (
	"context"
	"fmt"
	"time"

	"causeway/simulator/account"
	"causeway/simulator/wire"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// noteReceipt records a receipt.
func (p *Phone) noteReceipt(n *wire.Node) {
	r := Receipt{IDs: []string{wire.Text(n, "id")}, Type: wire.Text(n, "type"), From: wire.JID(n, "from"), Chat: wire.JID(n, "from").ToNonAD()}
	if r.Chat.Server == types.GroupServer {
		r.From = wire.JID(n, "participant")
	}
	if recipient := wire.JID(n, "recipient"); !recipient.IsEmpty() {
		r.Chat = recipient
	}
	list := n.GetChildByTag("list")
	for _, item := range list.GetChildren() {
		r.IDs = append(r.IDs, wire.Text(&item, "id"))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	r.Seq = p.state.receipts.Last() + 1
	p.state.receipts.Add(r)
}

// Acknowledge sends receipts for messages of others: delivered, read or played. Messages of several senders in a group become
// several stanzas.
func (p *Phone) Acknowledge(chat string, ids []string, kind string) error {
	if !p.Online() {
		return ErrOffline
	}
	if len(ids) == 0 || kind != "delivered" && kind != "read" && kind != "played" {
		return fmt.Errorf("%w receipt: want ids and a type of delivered, read or played", account.ErrInvalid)
	}
	jid, pn, err := p.network.Resolve(chat)
	if err != nil {
		return err
	}
	bySender := map[types.JID][]string{}
	var order []types.JID
	for _, id := range ids {
		m, ok := p.find(pn, id)
		if !ok || m.FromMe {
			return fmt.Errorf("%w message %s: the phone has no such message of others in the chat", account.ErrUnknown, id)
		}
		if bySender[m.SenderLID] == nil {
			order = append(order, m.SenderLID)
		}
		bySender[m.SenderLID] = append(bySender[m.SenderLID], id)
	}
	for _, sender := range order {
		n := wire.Node{Tag: "receipt", Attrs: wire.Attrs{"id": bySender[sender][0], "to": jid}}
		if jid.Server == types.GroupServer {
			n.Attrs["participant"] = sender.ToNonAD()
		}
		if kind != "delivered" {
			n.Attrs["type"] = kind
		}
		var more []wire.Node
		for _, id := range bySender[sender][1:] {
			more = append(more, wire.Node{Tag: "item", Attrs: wire.Attrs{"id": id}})
		}
		if len(more) > 0 {
			n.Content = []wire.Node{{Tag: "list", Content: more}}
		}
		if err = p.network.Post(p.number, n, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// sendAgain answers a retry receipt: the same message, under the same ID, encrypted anew for the device that asked.
func (p *Phone) sendAgain(n *wire.Node) {
	ctx := context.Background()
	retry := n.GetChildByTag("retry")
	id := wire.Text(&retry, "id")
	asker, group := wire.JID(n, "from"), types.EmptyJID
	if asker.Server == types.GroupServer {
		asker, group = wire.JID(n, "participant"), asker
	}
	p.sending.Lock()
	defer p.sending.Unlock()
	sent, ok := p.outbox.sent[id]
	if !ok {
		p.network.Violate(asker, "receipt", "asks for a message that the phone never sent: "+id)
		return
	}
	plain, err := p.resendContent(ctx, sent, asker, group)
	if err != nil {
		p.network.Violate(p.lid, "message", "simulated phone: "+err.Error())
		return
	}
	enc, err := p.encrypt(ctx, asker, plain, true)
	if err != nil {
		return // the device was unlinked meanwhile
	}
	enc.Attrs["count"] = wire.Text(&retry, "count")
	out := wire.With(wire.Node{Tag: "message", Attrs: sent.node.Attrs, Content: []wire.Node{enc}}, wire.Attrs{"to": asker})
	if !group.IsEmpty() {
		out.Attrs["to"], out.Attrs["participant"] = group, asker
	} else if asker.User == p.lid.User && !sent.peer {
		out.Attrs["recipient"] = sent.to
	}
	p.post(out, sent.at)
}

func (p *Phone) resendContent(ctx context.Context, sent sentMessage, asker, group types.JID) ([]byte, error) {
	switch {
	case !group.IsEmpty():
		distribution, err := p.cipher.Distribution(ctx, group)
		if err != nil {
			return nil, err
		}
		body, ok := proto.Clone(sent.body).(*waE2E.Message)
		if !ok {
			return nil, errContent
		}
		body.SenderKeyDistributionMessage = senderKey(group, distribution)
		return proto.Marshal(body)
	case asker.User == p.lid.User && !sent.peer:
		return deviceSent(sent.to, sent.body)
	}
	return proto.Marshal(sent.body)
}
