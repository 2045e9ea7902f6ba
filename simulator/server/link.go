package server

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"causeway/simulator/account"
	"causeway/simulator/journal"
	"causeway/simulator/mailbox"
	"causeway/simulator/signal"
	"causeway/simulator/wire"

	"go.mau.fi/whatsmeow/types"
)

const (
	refCount = 6
	// firstRef and laterRef are how long each of the six QR codes is good for; the connection ends after the last.
	firstRef = 60 * time.Second
	laterRef = 20 * time.Second
	// restartDelay is how long after linking the server asks the client to connect again.
	restartDelay = 200 * time.Millisecond
)

// displayName is the form that a companion must introduce itself in, such as Chrome (Linux).
var displayName = regexp.MustCompile(`^[A-Za-z ]+ \([A-Za-z ]+\)$`)

// Candidate is a companion that waits to be linked.
type Candidate struct {
	// Noise and Identity are the companion's public keys.
	Noise    [32]byte
	Identity []byte

	session  *session
	wrapped  []byte
	keys     signal.Bundle
	refs     []string
	offered  time.Time
	number   string
	codeRef  string
	finished chan *wire.Node
	taken    bool
}

// links are the companions that wait.
type links struct {
	byRef    map[string]*Candidate
	byNumber map[string]*Candidate
}

func newLinks() links {
	return links{byRef: map[string]*Candidate{}, byNumber: map[string]*Candidate{}}
}

func (l *links) drop(c *Candidate) {
	for _, ref := range c.refs {
		delete(l.byRef, ref)
	}
	if l.byNumber[c.number] == c {
		delete(l.byNumber, c.number)
	}
}

// offerPairing gives an unlinked client its six references for QR codes.
func (s *Server) offerPairing(c *session) {
	data := c.conn.Payload().GetDevicePairingData()
	cand := &Candidate{Noise: c.conn.ClientKey(), Identity: data.GetEIdent(), session: c, offered: time.Now(), keys: signal.Bundle{
		Registration: wire.ParseNumber(data.GetERegid()), Identity: data.GetEIdent(),
		Signed: signal.PreKey{ID: wire.ParseNumber(data.GetESkeyID()), Public: data.GetESkeyVal(), Signature: data.GetESkeySig()}}}
	if err := cand.keys.Check(); err != nil {
		s.violate(nil, "pairing", err.Error())
		c.close()
		return
	}
	c.pairing = cand
	refs := make([]wire.Node, refCount)
	for i := range refs {
		ref := newRef()
		cand.refs = append(cand.refs, ref)
		s.state.links.byRef[ref] = cand
		refs[i] = wire.Node{Tag: "ref", Content: []byte(ref)}
	}
	c.ask(wire.Node{Tag: "iq", Attrs: wire.Attrs{"from": types.ServerJID, "type": "set", "id": newID("pd-"), "xmlns": "md"},
		Content: []wire.Node{{Tag: "pair-device", Content: refs}}})
	time.AfterFunc(firstRef+(refCount-1)*laterRef, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !cand.taken {
			s.state.links.drop(cand)
			c.close()
		}
	})
}

// expired says whether a QR code is past its time: each is shown for a while, one after the other.
func (c *Candidate) expired(ref string, now time.Time) bool {
	life := firstRef
	for _, r := range c.refs {
		if r == ref {
			break
		}
		life += laterRef
	}
	return now.Sub(c.offered) > life
}

// Scanned finds the companion that shows a QR code with the reference.
func (s *Server) Scanned(ref string) (*Candidate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.state.links.byRef[ref]
	if c == nil || c.taken || c.expired(ref, time.Now()) {
		return nil, fmt.Errorf("link: %w: the QR code is unknown or has expired", account.ErrRefused)
	}
	return c, nil
}

// Awaited finds the companion that waits for the phone of the number to type a code, and its ephemeral key, wrapped with the code.
func (s *Server) Awaited(number string) (c *Candidate, wrapped []byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c = s.state.links.byNumber[number]
	if c == nil || c.taken {
		return nil, nil, fmt.Errorf("link: %w: no companion waits for a code from %s", account.ErrRefused, number)
	}
	return c, c.wrapped, nil
}

// Challenge sends the phone's half of linking by code to the companion and waits for the other half.
func (s *Server) Challenge(ctx context.Context, c *Candidate, wrapped, identity []byte) (bundle, companion []byte, err error) {
	s.mu.Lock()
	c.finished = make(chan *wire.Node, 1)
	finished := c.finished
	c.session.send(wire.Node{Tag: "notification", Attrs: wire.Attrs{"from": types.ServerJID, "type": "link_code_companion_reg", "id": newID("lc-"), "t": unix(time.Now())},
		Content: []wire.Node{{Tag: "link_code_companion_reg", Attrs: wire.Attrs{"stage": "primary_hello"}, Content: []wire.Node{
			{Tag: "link_code_pairing_wrapped_primary_ephemeral_pub", Content: wrapped},
			{Tag: "primary_identity_pub", Content: identity},
			{Tag: "link_code_pairing_ref", Content: []byte(c.codeRef)},
		}}}})
	s.mu.Unlock()
	select {
	case n := <-finished:
		if n == nil {
			return nil, nil, fmt.Errorf("link: %w: the companion disconnected", account.ErrRefused)
		}
		return wire.Child(n, "link_code_pairing_wrapped_key_bundle"), wire.Child(n, "companion_identity_public"), nil
	case <-ctx.Done():
		return nil, nil, fmt.Errorf("link: wait for the companion: %w", ctx.Err())
	}
}

// Reserve hands out the number of the next companion of an account, and takes the candidate for it.
func (s *Server) Reserve(number string, c *Candidate) (uint16, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.find(number)
	if err != nil {
		return 0, err
	}
	if c.taken {
		return 0, fmt.Errorf("link: %w: the companion was linked already", account.ErrRefused)
	}
	device, err := a.Reserve()
	if err == nil {
		c.taken = true
		s.state.links.drop(c)
	}
	return device, err
}

// Pair sends the signed identity to the companion, waits for its answer, has it checked, and adds the device.
func (s *Server) Pair(ctx context.Context, number string, device uint16, c *Candidate, grant []byte, check func(identity []byte) error) error {
	s.mu.Lock()
	a, err := s.find(number)
	if err != nil {
		s.mu.Unlock()
		return err
	}
	d := &account.Device{Account: a, Number: device, Keys: c.keys, Noise: c.Noise, Box: mailbox.New(s.window)}
	answer := c.session.ask(wire.Node{Tag: "iq", Attrs: wire.Attrs{"from": types.ServerJID, "type": "set", "id": newID("ps-"), "xmlns": "md", "t": unix(time.Now())},
		Content: []wire.Node{{Tag: "pair-success", Content: []wire.Node{
			{Tag: "device-identity", Content: grant},
			{Tag: "device", Attrs: wire.Attrs{"jid": d.PN(), "lid": d.LID()}},
			{Tag: "platform", Attrs: wire.Attrs{"name": "android"}},
		}}}})
	s.mu.Unlock()
	var n *wire.Node
	select {
	case n = <-answer:
	case <-ctx.Done():
		return fmt.Errorf("link: wait for the companion: %w", ctx.Err())
	}
	switch {
	case n == nil:
		return fmt.Errorf("link: %w: the companion disconnected", account.ErrRefused)
	case wire.Text(n, "type") != "result":
		return fmt.Errorf("link: %w by the companion: %s", account.ErrRefused, short(n))
	}
	sign := n.GetChildByTag("pair-device-sign")
	if err = check(wire.Child(&sign, "device-identity")); err != nil {
		s.violate(nil, "pairing", err.Error())
		return fmt.Errorf("link: %w: %w", account.ErrRefused, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a.Link(d)
	s.journal.Add(journal.Event{Kind: journal.Linked, Device: d.Name()})
	s.tellDevices(a, d)
	c.session.sendLater(wire.Node{Tag: "stream:error", Attrs: wire.Attrs{"code": "515"}}, restartDelay)
	time.AfterFunc(restartDelay+farewell, c.session.close)
	return nil
}

// tellDevices makes everybody who knows the account's device list ask for it again.
func (s *Server) tellDevices(a *account.Account, changed *account.Device) {
	told := []*account.Account{a}
	for _, other := range s.state.accounts.All() {
		if _, ok := s.state.relay.watchers[a][other]; ok && other != a {
			told = append(told, other)
		}
	}
	for _, other := range told {
		for _, d := range other.Devices() {
			if d.Phone != nil || d == changed {
				continue
			}
			s.deliver(d, wire.Node{Tag: "notification", Attrs: wire.Attrs{"from": a.LID, "type": "devices", "id": newID("dv-"), "t": unix(time.Now())},
				Content: []wire.Node{{Tag: "update", Attrs: wire.Attrs{"device_hash": "2:sim"}, Content: []wire.Node{{Tag: "device", Attrs: wire.Attrs{"jid": changed.LID()}}}}}})
		}
	}
}

// Unlink removes a companion, as the phone does in its list of linked devices.
func (s *Server) Unlink(number string, device uint16) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.find(number)
	if err != nil {
		return err
	}
	d := a.Device(device)
	if d == nil || d.Phone != nil {
		return fmt.Errorf("%w device %d of %s", account.ErrUnknown, device, number)
	}
	s.unlink(d)
	return nil
}

func (s *Server) unlink(d *account.Device) {
	s.forgetDevice(d)
	if c := s.state.sessions.online[d]; c != nil {
		s.detach(c, "unlinked")
		c.part(wire.Node{Tag: "stream:error", Attrs: wire.Attrs{"code": "401"}, Content: []wire.Node{{Tag: "conflict", Attrs: wire.Attrs{"type": "device_removed"}}}}, farewell)
	}
}

func (s *Server) forgetDevice(d *account.Device) {
	d.Account.Unlink(d.Number)
	s.journal.Add(journal.Event{Kind: journal.Unlinked, Device: d.Name()})
	s.tellDevices(d.Account, d)
}

// linkByCode answers the companion's two steps of linking by code.
func (s *Server) linkByCode(c *session, n *wire.Node) {
	part := n.GetChildByTag("link_code_companion_reg")
	switch wire.Text(&part, "stage") {
	case "companion_hello":
		s.codeHello(c, n, &part)
	case "companion_finish":
		if c.pairing == nil || c.pairing.finished == nil || string(wire.Child(&part, "link_code_pairing_ref")) != c.pairing.codeRef {
			s.violate(nil, "link_code_companion_reg", "finish without a challenge or with another reference: "+short(n))
			c.fail(n, statusBadRequest)
			return
		}
		c.result(n) // the companion waits for this before it can answer anything else
		c.pairing.finished <- &part
		c.pairing.finished = nil
	default:
		s.unknown(c, n)
	}
}

func (s *Server) codeHello(c *session, n, part *wire.Node) {
	jid := wire.JID(part, "jid")
	if c.pairing == nil || len(wire.Child(part, "link_code_pairing_wrapped_companion_ephemeral_pub")) == 0 ||
		string(wire.Child(part, "companion_server_auth_key_pub")) != string(c.pairing.Noise[:]) || !displayName.Match(wire.Child(part, "companion_platform_display")) {
		s.violate(nil, "link_code_companion_reg", "bad request: "+short(n))
		c.fail(n, statusBadRequest)
		return
	}
	if s.state.accounts.Find(jid) == nil {
		c.fail(n, statusNotFound)
		return
	}
	cand := c.pairing
	cand.number, cand.codeRef = jid.User, newID("2@")
	cand.wrapped = wire.Child(part, "link_code_pairing_wrapped_companion_ephemeral_pub")
	s.state.links.byNumber[cand.number] = cand
	c.result(n, wire.Node{Tag: "link_code_companion_reg", Attrs: wire.Attrs{"stage": "companion_hello"},
		Content: []wire.Node{{Tag: "link_code_pairing_ref", Content: []byte(cand.codeRef)}}})
}
