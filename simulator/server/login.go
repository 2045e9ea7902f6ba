package server

import (
	"strconv"
	"time"

	"causeway/simulator/account"
	"causeway/simulator/journal"
	"causeway/simulator/wire"

	"go.mau.fi/whatsmeow/types"
)

// Reasons of a failed login (the "reason" of a failure stanza).
const (
	reasonLoggedOut = 401
	reasonBanned    = 402
	reasonOutdated  = 405
)

// begin decides what a fresh connection is: a companion that wants to be linked, or a login. It returns false if the connection
// is not to be read from.
func (s *Server) begin(c *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.sessions.closed {
		return false
	}
	s.state.sessions.all[c] = struct{}{}
	if c.conn.Payload().GetDevicePairingData() != nil {
		s.journal.Add(journal.Event{Kind: journal.Connected, Detail: "unpaired"})
		s.offerPairing(c)
	} else {
		s.login(c)
	}
	return true
}

func (s *Server) login(c *session) {
	payload := c.conn.Payload()
	jid := types.NewJID(strconv.FormatUint(payload.GetUsername(), 10), types.DefaultUserServer)
	jid.Device = uint16(payload.GetDevice())
	d := s.state.accounts.Device(jid)
	s.journal.Add(journal.Event{Kind: journal.Connected, Device: account.Name(jid.User, jid.Device)})
	if d == nil || d.Phone != nil || d.Noise != c.conn.ClientKey() {
		c.turnAway(wire.Attrs{"reason": reasonLoggedOut})
		return
	}
	if s.refuseLogin(c, d) {
		return
	}
	if old := s.state.sessions.online[d]; old != nil {
		old.part(wire.Node{Tag: "stream:error", Content: []wire.Node{{Tag: "conflict", Attrs: wire.Attrs{"type": "replaced"}}}}, farewell)
		s.detach(old, "replaced")
	}
	c.device = d
	s.state.sessions.online[d] = c
	d.Box.Rewind()
	s.journal.Count(d.Name(), func(k *journal.Counters) { k.Logins++ })
	now := time.Now()
	c.send(wire.Node{Tag: "success", Attrs: wire.Attrs{"t": unix(now), "lid": d.LID(), "location": "sim", "props": "27", "abprops": "10",
		"group_abprops": "10", "display_name": d.Account.Name, "creation": unix(now)}})
}

// refuseLogin applies the faults of logins.
func (s *Server) refuseLogin(c *session, d *account.Device) bool {
	switch {
	case s.state.faults.take(ClientOutdated, d) != nil:
		s.page.outdated.Add(1)
		c.turnAway(wire.Attrs{"reason": reasonOutdated})
	case s.takeBan(c, d):
	default:
		f := s.state.faults.take(ConnectFailure, d)
		if f == nil {
			return false
		}
		c.turnAway(wire.Attrs{"reason": f.Code})
	}
	return true
}

func (s *Server) takeBan(c *session, d *account.Device) bool {
	f := s.state.faults.take(TempBan, d)
	if f == nil {
		return false
	}
	c.turnAway(wire.Attrs{"reason": reasonBanned, "code": f.Code, "expire": int(f.For.Seconds())})
	return true
}

// turnAway answers a login with a failure.
func (c *session) turnAway(attrs wire.Attrs) {
	attrs["location"] = "sim"
	c.part(wire.Node{Tag: "failure", Attrs: attrs}, farewell)
}

// detach takes a session off its device: nothing more is delivered on it, and what was in flight waits for the next login.
func (s *Server) detach(c *session, why string) {
	d := c.device
	if d == nil || s.state.sessions.online[d] != c {
		return
	}
	delete(s.state.sessions.online, d)
	c.active = false
	d.Box.Rewind()
	s.journal.Add(journal.Event{Kind: journal.Disconnected, Device: d.Name(), Detail: why})
}

// end cleans up after a connection.
func (s *Server) end(c *session, cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.state.sessions.all, c)
	if c.pairing != nil {
		s.state.links.drop(c.pairing)
		if c.pairing.finished != nil {
			close(c.pairing.finished)
			c.pairing.finished = nil
		}
	}
	s.detach(c, cause.Error())
	s.state.relay.forget(c)
	for id, answer := range c.answers {
		close(answer)
		delete(c.answers, id)
	}
}

// activate starts delivery: a preview of the queue, the queue, a mark at its end, and from then on whatever comes.
func (s *Server) activate(c *session) {
	d := c.device
	count := d.Box.Preview()
	c.active, c.backlog = true, d.Box.Waiting()
	c.send(wire.Node{Tag: "ib", Attrs: wire.Attrs{"from": types.ServerJID}, Content: []wire.Node{{Tag: "offline_preview", Attrs: wire.Attrs{
		"count": c.backlog, "message": count["message"], "notification": count["notification"], "receipt": count["receipt"], "call": count["call"], "appdata": 0}}}})
	s.journal.Add(journal.Event{Kind: journal.LoggedIn, Device: d.Name(), Detail: strconv.Itoa(c.backlog) + " queued"})
	if c.backlog == 0 {
		c.send(endOfQueue(0))
	}
	s.pump(d)
}

func endOfQueue(count int) wire.Node {
	return wire.Node{Tag: "ib", Attrs: wire.Attrs{"from": types.ServerJID}, Content: []wire.Node{{Tag: "offline", Attrs: wire.Attrs{"count": count}}}}
}

// deliver hands a stanza to a device: a phone takes it at once, a companion's mailbox keeps it until it is acknowledged.
func (s *Server) deliver(d *account.Device, n wire.Node) {
	if n.Tag == "message" {
		n = s.spoil(d, n)
	}
	if d.Phone != nil {
		d.Phone.Deliver(n, false)
		return
	}
	d.Box.Push(n)
	if n.Tag == "message" && s.state.faults.take(Duplicate, d) != nil {
		d.Box.Push(n)
	}
	s.pump(d)
}

// show hands over a stanza that is worth something only now (typing, presence): to phones and connected companions.
func (s *Server) show(d *account.Device, n wire.Node) {
	if d.Phone != nil {
		d.Phone.Deliver(n, false)
		return
	}
	if c := s.state.sessions.online[d]; c != nil && c.active {
		c.send(n)
		s.journal.Count(d.Name(), func(k *journal.Counters) { k.StanzasOut++ })
	}
}

// pump sends what waits for a device, as far as its window allows.
func (s *Server) pump(d *account.Device) {
	c := s.state.sessions.online[d]
	if c == nil || !c.active {
		return
	}
	for {
		item, ok := d.Box.Next()
		if !ok {
			return
		}
		n := item.Stanza
		if c.backlog > 0 {
			n = wire.With(n, wire.Attrs{"offline": "0"})
		}
		c.send(n)
		s.journal.Count(d.Name(), func(k *journal.Counters) {
			k.StanzasOut++
			switch {
			case item.Sends > 0:
				k.Redelivered++
			case n.Tag == "message":
				k.Delivered++
			}
		})
		if c.backlog > 0 {
			if c.backlog--; c.backlog == 0 {
				c.send(endOfQueue(0))
			}
		}
	}
}
