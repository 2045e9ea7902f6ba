package server

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"causeway/simulator/account"
	"causeway/simulator/journal"
	"causeway/simulator/signal"
	"causeway/simulator/wire"

	"go.mau.fi/whatsmeow/types"
)

const statusForbidden = 403

// message is a message stanza taken apart.
type message struct {
	from *account.Device
	node *wire.Node
	to   types.JID
	id   string
	// stamp is the server's time of the message, in Unix seconds.
	stamp string
	// parts are the ciphertexts for single devices, shared what all receivers get.
	parts    map[types.JID][]wire.Node
	shared   []wire.Node
	identity []wire.Node
	// repeat says that only phones see it, to compare.
	repeat bool
}

// parse takes a message stanza apart and says what is wrong with it.
func parse(from *account.Device, n *wire.Node) (*message, error) {
	m := &message{from: from, node: n, to: wire.JID(n, "to"), id: wire.Text(n, "id"), parts: map[types.JID][]wire.Node{}}
	if m.id == "" || m.to.IsEmpty() || wire.Text(n, "type") == "" {
		return nil, fmt.Errorf("message without id, to or type")
	}
	for _, child := range n.GetChildren() {
		switch child.Tag {
		case "participants":
			if err := m.addParts(child); err != nil {
				return nil, err
			}
		case "enc":
			if err := checkCiphertext(child); err != nil {
				return nil, err
			}
			m.shared = append(m.shared, child)
		case "meta":
			m.shared = append(m.shared, child)
		case "device-identity":
			m.identity = append(m.identity, child)
		case "reporting", "tctoken", "cstoken", "biz", "bot":
		default:
			return nil, fmt.Errorf("message with unknown part %s", child.Tag)
		}
	}
	if len(m.parts) == 0 && !slices.ContainsFunc(m.shared, func(n wire.Node) bool { return n.Tag == "enc" }) {
		return nil, fmt.Errorf("message without ciphertext")
	}
	return m, nil
}

func (m *message) addParts(participants wire.Node) error {
	for _, part := range participants.GetChildren() {
		jid := wire.JID(&part, "jid")
		switch {
		case part.Tag != "to" || jid.IsEmpty():
			return fmt.Errorf("participants with a part %s without JID", part.Tag)
		case jid == m.from.LID() || jid == m.from.PN():
			return fmt.Errorf("a ciphertext for the sending device itself")
		case len(part.GetChildren()) == 0:
			return fmt.Errorf("no ciphertext for %s", jid)
		}
		for _, enc := range part.GetChildren() {
			if err := checkCiphertext(enc); err != nil {
				return fmt.Errorf("for %s: %w", jid, err)
			}
		}
		m.parts[jid] = part.GetChildren() // the client addresses itself twice in a note to self; the later one counts
	}
	return nil
}

func checkCiphertext(n wire.Node) error {
	kind := wire.Text(&n, "type")
	if n.Tag != "enc" || wire.Text(&n, "v") != "2" || len(wire.Bytes(n)) == 0 ||
		kind != signal.TypePreKey && kind != signal.TypeSession && kind != signal.TypeSenderKey {
		return fmt.Errorf("bad ciphertext part %s, version %q, type %q", n.Tag, wire.Text(&n, "v"), kind)
	}
	return nil
}

// retryCount is the count attribute of a message that is sent again to one device; "" for other messages.
func (m *message) retryCount() string {
	if len(m.parts) == 0 {
		for _, n := range m.shared {
			if n.Tag == "enc" {
				return wire.Text(&n, "count")
			}
		}
	}
	return ""
}

// target is the only device that a message is for: a retry or a message between own devices. Nil if it is for all.
func (s *Server) target(m *message) *account.Device {
	if len(m.parts) > 0 {
		return nil
	}
	if m.to.Server == types.GroupServer {
		if jid := wire.JID(m.node, "participant"); !jid.IsEmpty() {
			return s.state.accounts.Device(jid)
		}
		return nil
	}
	return s.state.accounts.Device(m.to)
}

// handleMessage takes a message of a companion: acknowledges it, drops it if it is a repeat, and relays it.
func (s *Server) handleMessage(c *session, n *wire.Node) {
	m, err := parse(c.device, n)
	if err != nil {
		s.violate(c.device, "message", err.Error()+": "+short(n))
		c.send(ack(n, unix(time.Now()), wire.Attrs{"error": statusBadRequest}))
		return
	}
	now := time.Now()
	if f := s.state.faults.take(Nack, c.device); f != nil {
		s.acknowledge(c, ack(n, unix(now), wire.Attrs{"error": f.Code}))
		return
	}
	if code := s.rejection(m); code != 0 {
		s.journal.Add(journal.Event{Kind: journal.Message, Device: c.device.Name(), ID: m.id, Chat: m.to.String(), Detail: fmt.Sprintf("rejected with %d", code)})
		s.acknowledge(c, ack(n, unix(now), wire.Attrs{"error": code}))
		return
	}
	first := false
	m.stamp, first = s.state.relay.first(c.device, sent{to: s.chat(m.to), id: m.id, retry: m.retryCount()}, unix(now))
	if again := wire.Text(n, "t"); m.retryCount() != "" && again != "" {
		m.stamp = again // what is sent again keeps the time it was first sent
	}
	m.repeat = !first
	if m.repeat && m.retryCount() == "" {
		s.journal.Count(c.device.Name(), func(k *journal.Counters) { k.Duplicates++ })
		s.journal.Add(journal.Event{Kind: journal.Duplicate, Device: c.device.Name(), ID: m.id, Chat: m.to.String()})
	}
	if s.state.faults.take(LoseAcks, c.device) == nil {
		s.acknowledge(c, ack(n, m.stamp, s.deviceHash(m)))
	}
	if first {
		s.journal.Count(c.device.Name(), func(k *journal.Counters) { k.MessagesIn++ })
	}
	s.route(m)
}

// chat makes one of number and LID, which name one chat.
func (s *Server) chat(jid types.JID) types.JID {
	if a := s.state.accounts.Find(jid); a != nil {
		lid := a.LID
		lid.Device = jid.Device
		return lid
	}
	return jid
}

func ack(n *wire.Node, stamp string, more wire.Attrs) wire.Node {
	return wire.With(wire.Node{Tag: "ack", Attrs: wire.Attrs{"class": "message", "id": n.Attrs["id"], "from": n.Attrs["to"], "t": stamp}}, more)
}

// acknowledge sends an acknowledgement, late if a fault says so.
func (s *Server) acknowledge(c *session, n wire.Node) {
	if f := s.state.faults.take(DelayAcks, c.device); f != nil {
		c.sendLater(n, f.delay())
		return
	}
	c.send(n)
}

// rejection is the error code with which the network refuses a message; 0 if it does not.
func (s *Server) rejection(m *message) int {
	if m.to.Server == types.GroupServer {
		g := s.state.groups[m.to]
		switch {
		case g == nil:
			return statusNotFound
		case !g.has(m.from.Account), g.announce && !g.isAdmin(m.from.Account) && m.retryCount() == "":
			return statusForbidden
		}
		return 0
	}
	if s.state.accounts.Find(m.to) == nil {
		return statusNotFound
	}
	return 0
}

// deviceHash is set in the acknowledgement if the client did not encrypt for exactly the devices there are; it then drops what it
// remembers of the chat's devices.
func (s *Server) deviceHash(m *message) wire.Attrs {
	if len(m.parts) == 0 || s.target(m) != nil {
		return nil
	}
	var want []string
	complete := true
	for _, d := range s.receivers(m) {
		if d == m.from {
			continue
		}
		want = append(want, d.LID().ADString())
		complete = complete && m.parts[d.LID()] != nil
	}
	if complete && len(want) == len(m.parts) {
		return nil
	}
	slices.Sort(want)
	hash := sha256.Sum256([]byte(strings.Join(want, "")))
	return wire.Attrs{"phash": "2:" + base64.RawStdEncoding.EncodeToString(hash[:6])}
}

// receivers are all devices that a message to everybody in its chat is for, the sending device among them.
func (s *Server) receivers(m *message) []*account.Device {
	if g := s.state.groups[m.to]; g != nil {
		var out []*account.Device
		for _, a := range g.accounts() {
			out = append(out, a.Devices()...)
		}
		return out
	}
	a := s.state.accounts.Find(m.to)
	if a == nil {
		return nil
	}
	out := a.Devices()
	if a != m.from.Account {
		out = append(out, m.from.Account.Devices()...)
	}
	return out
}

// route relays a message to the devices that it is for.
func (s *Server) route(m *message) {
	if !m.repeat {
		s.journal.Add(journal.Event{Kind: journal.Message, Device: m.from.Name(), ID: m.id, Chat: m.to.String(), Detail: wire.Text(m.node, "type")})
	}
	if d := s.target(m); d != nil {
		if m.from.Phone == nil && m.retryCount() != "" && !m.repeat && !s.state.relay.answerRetry(m.from, d, m.id) {
			s.violate(m.from, "message", "sends again without having been asked: "+short(m.node))
		}
		s.pass(m, d, slices.Concat(m.shared, m.identity))
		return
	}
	group := m.to.Server == types.GroupServer
	if !group && len(m.parts) == 0 {
		s.violate(m.from, "message", "for a device that does not exist: "+short(m.node))
		return
	}
	for _, d := range s.receivers(m) {
		own := m.parts[d.LID()]
		if own == nil {
			own = m.parts[d.PN()]
		}
		if d == m.from || !group && own == nil {
			continue
		}
		content := slices.Clone(own)
		for _, n := range m.shared {
			if group || n.Tag == "meta" {
				content = append(content, n)
			}
		}
		if slices.ContainsFunc(own, func(n wire.Node) bool { return wire.Text(&n, "type") == signal.TypePreKey }) {
			content = append(content, m.identity...)
		}
		s.pass(m, d, content)
	}
}

// pass hands the message to one device.
func (s *Server) pass(m *message, d *account.Device, content []wire.Node) {
	attrs := s.envelope(m, d)
	n := wire.Node{Tag: "message", Attrs: attrs, Content: content}
	switch {
	case !m.repeat:
		s.deliver(d, n)
	case d.Phone != nil:
		d.Phone.Deliver(n, true)
	}
}

// envelope are the attributes that a device sees.
func (s *Server) envelope(m *message, d *account.Device) wire.Attrs {
	attrs := wire.Attrs{"id": m.id, "t": m.stamp, "type": wire.Text(m.node, "type"), "notify": m.from.Account.Name}
	for _, key := range []string{"edit", "category"} {
		if v := wire.Text(m.node, key); v != "" {
			attrs[key] = v
		}
	}
	if m.to.Server == types.GroupServer {
		attrs["from"], attrs["participant"], attrs["participant_pn"], attrs["addressing_mode"] = m.to, m.from.LID(), m.from.PN(), "lid"
		return attrs
	}
	attrs["from"] = m.from.LID()
	if d.Account != m.from.Account {
		attrs["sender_pn"], attrs["addressing_mode"] = m.from.PN(), "lid"
		return attrs
	}
	recipient := wire.JID(m.node, "recipient")
	if s.target(m) == nil {
		recipient = m.to.ToNonAD()
	}
	if a := s.state.accounts.Find(recipient); a != nil {
		attrs["recipient"], attrs["peer_recipient_pn"] = a.LID, a.PN
	}
	return attrs
}

// Post relays a stanza (a message, a receipt or a chat state) of a simulated phone. Timestamp is the server's time of a message.
func (s *Server) Post(number string, n wire.Node, timestamp time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.find(number)
	if err != nil {
		return err
	}
	phone := a.Device(0)
	switch n.Tag {
	case "receipt":
		s.receipt(phone, &n)
		return nil
	case "chatstate":
		s.typing(phone, &n)
		return nil
	}
	m, err := parse(phone, &n)
	if err != nil {
		return fmt.Errorf("post message: %w", err)
	}
	if code := s.rejection(m); code != 0 {
		return fmt.Errorf("post message to %s: %w with code %d", m.to, account.ErrRefused, code)
	}
	m.stamp = unix(timestamp)
	s.route(m)
	return nil
}
