package server

import (
	"time"

	"causeway/simulator/account"
	"causeway/simulator/signal"
	"causeway/simulator/wire"

	"go.mau.fi/whatsmeow/types"
)

// Error codes of queries; the client compares code and text with its own list.
const (
	statusBadRequest     = 400
	statusNotFound       = 404
	statusNotAllowed     = 405
	statusConflict       = 409
	statusNotImplemented = 501
)

func statusText(code int) string {
	switch code {
	case statusBadRequest:
		return "bad-request"
	case statusForbidden:
		return "forbidden"
	case statusNotFound:
		return "item-not-found"
	case statusNotAllowed:
		return "not-allowed"
	case statusConflict:
		return "conflict"
	}
	return "feature-not-implemented"
}

// query answers one kind of IQ.
type query struct {
	answer func(*session, *wire.Node)
	// unpaired says that it may be asked before login.
	unpaired bool
}

// table lists every query that the server knows, by namespace, type and first child.
func (s *Server) table() map[string]query {
	empty := query{answer: func(c *session, n *wire.Node) { c.result(n) }}
	logged := func(f func(*session, *wire.Node)) query { return query{answer: f} }
	out := map[string]query{
		"w:p get ":                                {answer: empty.answer, unpaired: true},
		"passive set active":                      logged(func(c *session, n *wire.Node) { c.result(n); s.activate(c) }),
		"passive set passive":                     logged(func(c *session, n *wire.Node) { c.result(n); c.active = false }),
		"encrypt get count":                       logged(s.countKeys),
		"encrypt set registration":                logged(s.uploadKeys),
		"encrypt get key":                         logged(s.fetchKeys),
		"md set link_code_companion_reg":          {answer: s.linkByCode, unpaired: true},
		"md set remove-companion-device":          logged(s.removeCompanion),
		"usync get usync":                         logged(s.usync),
		"privacy get privacy":                     logged(s.getPrivacy),
		"privacy set privacy":                     logged(s.setPrivacy),
		"privacy set tokens":                      empty,
		"blocklist get ":                          logged(func(c *session, n *wire.Node) { c.result(n, wire.Node{Tag: "list", Attrs: wire.Attrs{"dhash": "0"}}) }),
		"status get privacy":                      logged(func(c *session, n *wire.Node) { c.fail(n, statusNotFound) }),
		"w:profile:picture get picture":           logged(s.getPicture),
		"urn:xmpp:whatsapp:dirty set clean":       empty,
		"urn:xmpp:whatsapp:push get settings":     logged(func(c *session, n *wire.Node) { c.result(n, wire.Node{Tag: "settings"}) }),
		"disappearing_mode set disappearing_mode": empty,
		"w:sync:app:state set sync":               logged(s.syncState),
		"w:m set media_conn":                      logged(s.mediaConn),
	}
	for tag, answer := range s.groupQueries() {
		out["w:g2 "+tag] = query{answer: answer}
	}
	return out
}

// handleQuery answers an IQ, or takes the answer to one of the server's own.
func (s *Server) handleQuery(c *session, n *wire.Node) {
	kind, id := wire.Text(n, "type"), wire.Text(n, "id")
	if id == "" {
		s.violate(c.device, "iq", "without id: "+short(n))
		return
	}
	if kind == "result" || kind == "error" {
		answer, ok := c.answers[id]
		if !ok {
			s.violate(c.device, "iq", "answers a question that was not asked: "+short(n))
			return
		}
		delete(c.answers, id)
		answer <- n
		return
	}
	first := wire.First(n)
	q, ok := s.queries[wire.Text(n, "xmlns")+" "+kind+" "+first.Tag]
	switch {
	case !ok:
		s.unknown(c, n)
	case c.device == nil && !q.unpaired:
		s.violate(nil, "iq", "before login: "+short(n))
		c.fail(n, statusForbidden)
	default:
		q.answer(c, n)
	}
}

// unknown answers what the server does not know, and records it: it never guesses what a client means.
func (s *Server) unknown(c *session, n *wire.Node) {
	s.violate(c.device, "iq", "unknown query: "+short(n))
	c.fail(n, statusNotImplemented)
}

// malformed answers a query whose content is not what it should be.
func (s *Server) malformed(c *session, n *wire.Node, why string) {
	s.violate(c.device, "iq", why+": "+short(n))
	c.fail(n, statusBadRequest)
}

func (c *session) result(n *wire.Node, content ...wire.Node) {
	from := wire.JID(n, "to")
	if from.IsEmpty() {
		from = types.ServerJID
	}
	out := wire.Node{Tag: "iq", Attrs: wire.Attrs{"from": from, "type": "result", "id": n.Attrs["id"]}}
	if len(content) > 0 {
		out.Content = content
	}
	c.send(out)
}

func (c *session) fail(n *wire.Node, code int) {
	from := wire.JID(n, "to")
	if from.IsEmpty() {
		from = types.ServerJID
	}
	c.send(wire.Node{Tag: "iq", Attrs: wire.Attrs{"from": from, "type": "error", "id": n.Attrs["id"]},
		Content: []wire.Node{{Tag: "error", Attrs: wire.Attrs{"code": code, "text": statusText(code)}}}})
}

// ask sends a query of the server's own; the answer comes on the channel, which is closed if the connection ends first.
func (c *session) ask(n wire.Node) <-chan *wire.Node {
	answer := make(chan *wire.Node, 1)
	c.answers[wire.Text(&n, "id")] = answer
	c.send(n)
	return answer
}

func (s *Server) countKeys(c *session, n *wire.Node) {
	c.result(n, wire.Node{Tag: "count", Attrs: wire.Attrs{"value": len(c.device.OneTime)}})
}

func (s *Server) uploadKeys(c *session, n *wire.Node) {
	d, list := c.device, n.GetChildByTag("list")
	b := signal.Bundle{Registration: wire.ParseNumber(wire.Child(n, "registration")), Identity: wire.Child(n, "identity"),
		Signed: signal.ParsePreKey(n.GetChildByTag("skey"))}
	if err := b.Check(); err != nil {
		s.malformed(c, n, err.Error())
		return
	}
	if string(b.Identity) != string(d.Keys.Identity) {
		s.malformed(c, n, "uploads prekeys under another identity than it was linked with")
		return
	}
	known := map[uint32]bool{}
	for _, k := range d.OneTime {
		known[k.ID] = true
	}
	var added []signal.PreKey
	for _, k := range list.GetChildren() {
		key := signal.ParsePreKey(k)
		b.OneTime = &key
		if err := b.Check(); err != nil {
			s.malformed(c, n, err.Error())
			return
		}
		if !known[key.ID] {
			added = append(added, key)
		}
	}
	b.OneTime = nil
	d.Keys, d.OneTime = b, append(d.OneTime, added...)
	c.result(n)
}

func (s *Server) fetchKeys(c *session, n *wire.Node) {
	const registrationSize, curve25519 = 4, 5
	var out []wire.Node
	list := n.GetChildByTag("key")
	for _, user := range list.GetChildren() {
		jid := wire.JID(&user, "jid")
		d := s.state.accounts.Device(jid)
		if d == nil {
			out = append(out, wire.Node{Tag: "user", Attrs: wire.Attrs{"jid": jid}, Content: []wire.Node{
				{Tag: "error", Attrs: wire.Attrs{"code": statusNotFound, "text": statusText(statusNotFound)}}}})
			continue
		}
		b := s.takeBundle(d)
		content := []wire.Node{{Tag: "registration", Content: wire.Number(b.Registration, registrationSize)}, {Tag: "type", Content: []byte{curve25519}},
			{Tag: "identity", Content: b.Identity}, b.Signed.Node("skey")}
		if b.OneTime != nil {
			content = append(content, b.OneTime.Node("key"))
		}
		out = append(out, wire.Node{Tag: "user", Attrs: wire.Attrs{"jid": jid, "t": unix(time.Now())}, Content: content})
	}
	c.result(n, wire.Node{Tag: "list", Content: out})
}

func (s *Server) removeCompanion(c *session, n *wire.Node) {
	part := n.GetChildByTag("remove-companion-device")
	d := s.state.accounts.Device(wire.JID(&part, "jid"))
	if d == nil || d.Phone != nil || d.Account != c.device.Account {
		s.malformed(c, n, "removes a device that is no companion of its own account")
		return
	}
	c.result(n)
	if d != c.device {
		s.unlink(d)
		return
	}
	s.forgetDevice(d)
	s.detach(c, "logged out")
	c.refused = true
	time.AfterFunc(farewell, c.close) // the client closes first; it is not told what it asked for
}

// Devices lists the devices of an account for a phone that is about to encrypt for them.
func (s *Server) Devices(jid types.JID) ([]types.JID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.state.accounts.Find(jid)
	if a == nil {
		return nil, account.ErrUnknown
	}
	var out []types.JID
	for _, d := range a.Devices() {
		out = append(out, d.LID())
	}
	return out, nil
}

// Bundle hands out a device's keys to a phone, and uses up one of its one-time prekeys.
func (s *Server) Bundle(jid types.JID) (signal.Bundle, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.state.accounts.Device(jid)
	if d == nil {
		return signal.Bundle{}, account.ErrUnknown
	}
	return s.takeBundle(d), nil
}

// lowKeys is how few one-time prekeys make the server ask a companion for more.
const lowKeys = 5

// takeBundle hands out a device's keys, and asks it for more one-time prekeys when they run low.
func (s *Server) takeBundle(d *account.Device) signal.Bundle {
	b := d.Bundle()
	if d.Phone == nil && b.OneTime != nil && len(d.OneTime) == lowKeys {
		s.deliver(d, wire.Node{Tag: "notification", Attrs: wire.Attrs{"from": types.ServerJID, "type": "encrypt", "id": newID("pk-"), "t": unix(time.Now())},
			Content: []wire.Node{{Tag: "count", Attrs: wire.Attrs{"value": len(d.OneTime)}}}})
	}
	return b
}

// Offer adds one-time prekeys of a phone.
func (s *Server) Offer(number string, keys []signal.PreKey) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.find(number)
	if err != nil {
		return err
	}
	phone := a.Device(0)
	phone.OneTime = append(phone.OneTime, keys...)
	return nil
}
