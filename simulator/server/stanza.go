package server

import (
	"strconv"
	"time"

	"causeway/simulator/account"
	"causeway/simulator/journal"
	"causeway/simulator/mailbox"
	"causeway/simulator/wire"

	"go.mau.fi/whatsmeow/types"
)

// handle acts on one stanza of a connection.
func (s *Server) handle(c *session, n *wire.Node) {
	if c.refused || c.stalled.Load() {
		return
	}
	s.count(c, n)
	if n.Tag == "iq" {
		s.handleQuery(c, n)
		return
	}
	if n.Tag == "ib" {
		return // telemetry (unified_session), which clients send at any time; the server wants nothing of it
	}
	if c.device == nil && c.pairing != nil && n.Tag == "ack" && wire.Text(n, "class") == "notification" {
		return // of the challenge by which a code is checked
	}
	if c.device == nil {
		s.violate(nil, n.Tag, "before login: "+short(n))
		return
	}
	switch n.Tag {
	case "message":
		s.handleMessage(c, n)
	case "receipt":
		s.handleReceipt(c, n)
	case "ack":
		s.handleAck(c, n)
	case "presence":
		s.handlePresence(c, n)
	case "chatstate":
		s.typing(c.device, n)
	default:
		s.violate(c.device, n.Tag, "unknown stanza: "+short(n))
	}
}

func (s *Server) count(c *session, n *wire.Node) {
	class := n.Tag
	if n.Tag == "iq" {
		first := wire.First(n)
		class = "iq " + wire.Text(n, "xmlns") + " " + wire.Text(n, "type") + " " + first.Tag
	}
	if c.device != nil {
		s.journal.Count(c.device.Name(), func(k *journal.Counters) { k.StanzasIn++ })
	}
	s.journal.Add(journal.Event{Kind: journal.Stanza, Device: name(c.device), Class: class, ID: wire.Text(n, "id")})
}

// short is a stanza for a violation's text.
func short(n *wire.Node) string {
	const limit = 400
	text := n.String()
	if len(text) > limit {
		text = text[:limit] + "..."
	}
	return text
}

// handleAck settles what the client acknowledges.
func (s *Server) handleAck(c *session, n *wire.Node) {
	class := wire.Text(n, "class")
	if !mailbox.Acknowledged(class) || wire.Text(n, "id") == "" {
		s.violate(c.device, "ack", "no class or id: "+short(n))
		return
	}
	s.settle(c.device, class, n)
}

func (s *Server) settle(d *account.Device, class string, n *wire.Node) {
	if d.Box.Settle(class, n) == mailbox.Unknown {
		s.violate(d, n.Tag, "acknowledges a "+class+" that was never sent: "+short(n))
	}
	s.pump(d)
}

// handlePresence notes the client's own state and its subscriptions.
func (s *Server) handlePresence(c *session, n *wire.Node) {
	kind := wire.Text(n, "type")
	switch kind {
	case "subscribe":
		a := s.state.accounts.Find(wire.JID(n, "to"))
		if a == nil {
			s.violate(c.device, "presence", "subscribes to an unknown account: "+short(n))
			return
		}
		s.state.relay.subscribe(a, c)
		s.journal.Add(journal.Event{Kind: journal.Presence, Device: c.device.Name(), Chat: a.PN.String(), Detail: kind})
	case "available", "unavailable":
		if wire.Text(n, "name") == "" {
			s.violate(c.device, "presence", "without a push name: "+short(n))
		}
		c.available = kind == "available"
		s.journal.Add(journal.Event{Kind: journal.Presence, Device: c.device.Name(), Detail: kind})
	default:
		s.violate(c.device, "presence", "unknown type: "+short(n))
	}
}

// Announce tells everybody who subscribed to the account whether it is online. A zero time hides when it was last seen.
func (s *Server) Announce(number string, online bool, last time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.find(number)
	if err != nil {
		return err
	}
	attrs := wire.Attrs{"from": a.LID}
	if !online {
		attrs["type"], attrs["last"] = "unavailable", "deny"
		if !last.IsZero() {
			attrs["last"] = unix(last)
		}
	}
	for c := range s.state.relay.subscribers[a] {
		c.send(wire.Node{Tag: "presence", Attrs: attrs})
	}
	return nil
}

// typing relays a chat state to the other side.
func (s *Server) typing(from *account.Device, n *wire.Node) {
	to, first := wire.JID(n, "to"), wire.First(n)
	if first.Tag != "composing" && first.Tag != "paused" {
		s.violate(from, "chatstate", "neither composing nor paused: "+short(n))
		return
	}
	attrs := wire.Attrs{"from": from.Account.LID}
	var receivers []*account.Account
	if to.Server == types.GroupServer {
		g := s.state.groups[to]
		if g == nil || !g.has(from.Account) {
			s.violate(from, "chatstate", "to a group that the account is not in: "+short(n))
			return
		}
		attrs = wire.Attrs{"from": to, "participant": from.Account.LID}
		receivers = g.accounts()
	} else if a := s.state.accounts.Find(to); a != nil {
		receivers = []*account.Account{a}
	} else {
		s.violate(from, "chatstate", "to an unknown account: "+short(n))
		return
	}
	s.journal.Add(journal.Event{Kind: journal.Typing, Device: from.Name(), Chat: to.String(), Detail: first.Tag})
	for _, a := range receivers {
		for _, d := range a.Devices() {
			if d.Account != from.Account {
				s.show(d, wire.Node{Tag: "chatstate", Attrs: attrs, Content: n.Content})
			}
		}
	}
}

// Notify hands a notification of a phone to one device of its account, if that is still linked.
func (s *Server) Notify(device types.JID, n wire.Node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.state.accounts.Device(device); d != nil && d.Phone == nil {
		s.journal.Add(journal.Event{Kind: journal.Media, Device: d.Name(), Class: wire.Text(&n, "type"), ID: wire.Text(&n, "id")})
		s.deliver(d, n)
	}
}

// handleReceipt settles the message that a receipt is for, relays it, and acknowledges it.
func (s *Server) handleReceipt(c *session, n *wire.Node) {
	if wire.Text(n, "id") == "" || wire.JID(n, "to").IsEmpty() {
		s.violate(c.device, "receipt", "no id or addressee: "+short(n))
		return
	}
	switch kind := wire.Text(n, "type"); kind {
	case "", "inactive", "sender", "peer_msg", "hist_sync":
		s.settle(c.device, "message", n)
	case "read", "read-self", "played", "retry", "server-error":
	default:
		s.violate(c.device, "receipt", "unknown type: "+short(n))
	}
	s.receipt(c.device, n)
	c.send(wire.Node{Tag: "ack", Attrs: wire.Attrs{"class": "receipt", "id": n.Attrs["id"], "from": n.Attrs["to"], "type": wire.Text(n, "type")}})
}

// receipt relays a receipt of one device to the devices of the message's sender.
func (s *Server) receipt(from *account.Device, n *wire.Node) {
	to, kind := wire.JID(n, "to"), wire.Text(n, "type")
	s.journal.Add(journal.Event{Kind: journal.Receipt, Device: from.Name(), ID: wire.Text(n, "id"), Chat: to.String(), Detail: kind})
	if kind == "retry" {
		s.retryReceipt(from, n)
		return
	}
	attrs := wire.Attrs{"id": n.Attrs["id"], "t": strconv.FormatInt(time.Now().Unix(), 10)}
	if kind != "" {
		attrs["type"] = kind
	}
	if kind == "read" || kind == "read-self" {
		s.readElsewhere(from, to, attrs, n)
	}
	if kind == "read-self" {
		return
	}
	for _, d := range s.addressees(from, n, attrs) {
		if d != from {
			s.deliver(d, wire.Node{Tag: "receipt", Attrs: attrs, Content: n.Content})
		}
	}
}

// addressees finds who gets a receipt, and completes its attributes for them.
func (s *Server) addressees(from *account.Device, n *wire.Node, attrs wire.Attrs) []*account.Device {
	to, kind := wire.JID(n, "to"), wire.Text(n, "type")
	if to.Server == types.GroupServer {
		attrs["from"], attrs["participant"] = to, from.LID()
		a := s.state.accounts.Find(wire.JID(n, "participant"))
		if a == nil {
			s.violate(from, "receipt", "for a group message without a known sender: "+short(n))
			return nil
		}
		return a.Devices()
	}
	a := s.state.accounts.Find(to)
	if a == nil {
		s.violate(from, "receipt", "to an unknown account: "+short(n))
		return nil
	}
	attrs["from"] = from.LID()
	if a == from.Account {
		if recipient := wire.JID(n, "recipient"); !recipient.IsEmpty() {
			attrs["recipient"] = recipient
		}
		if kind == "peer_msg" || kind == "hist_sync" || kind == "server-error" {
			return []*account.Device{a.Device(0)}
		}
	}
	return a.Devices()
}

// readElsewhere tells the other devices of an account that one of them read a chat.
func (s *Server) readElsewhere(from *account.Device, to types.JID, attrs wire.Attrs, n *wire.Node) {
	out := wire.Attrs{"id": attrs["id"], "t": attrs["t"], "type": attrs["type"], "from": from.LID(), "recipient": to}
	if to.Server == types.GroupServer { // in a group the participant of a receipt is who read
		out = wire.Attrs{"id": attrs["id"], "t": attrs["t"], "type": attrs["type"], "from": to, "participant": from.LID()}
	}
	for _, d := range from.Account.Devices() {
		if d != from {
			s.deliver(d, wire.Node{Tag: "receipt", Attrs: out, Content: n.Content})
		}
	}
}

// retryReceipt goes to the one device that sent the message, and lets it send the message once more to the one that asked.
func (s *Server) retryReceipt(from *account.Device, n *wire.Node) {
	to, sender := wire.JID(n, "to"), wire.JID(n, "to")
	attrs := wire.Attrs{"id": n.Attrs["id"], "t": unix(time.Now()), "type": "retry", "from": from.LID()}
	if to.Server == types.GroupServer {
		sender = wire.JID(n, "participant")
		attrs["from"], attrs["participant"] = to, from.LID()
	}
	if recipient := wire.JID(n, "recipient"); !recipient.IsEmpty() {
		attrs["recipient"] = recipient
	}
	d := s.state.accounts.Device(sender)
	if d == nil {
		s.violate(from, "receipt", "asks an unknown device to send again: "+short(n))
		return
	}
	s.journal.Add(journal.Event{Kind: journal.Retry, Device: from.Name(), ID: wire.Text(n, "id"), Chat: to.String(), Detail: "asks " + d.Name()})
	s.state.relay.askRetry(d, from, wire.Text(n, "id"))
	s.deliver(d, wire.Node{Tag: "receipt", Attrs: attrs, Content: n.Content})
}
