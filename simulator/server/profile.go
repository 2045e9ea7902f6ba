package server

import (
	"strconv"
	"strings"
	"time"

	"causeway/simulator/account"
	"causeway/simulator/wire"

	"go.mau.fi/whatsmeow/types"
)

// usync answers a lookup of accounts: whether a number is on WhatsApp, its LID, its devices, its about text.
func (s *Server) usync(c *session, n *wire.Node) {
	body, query, list := n.GetChildByTag("usync"), n.GetChildByTag("usync", "query"), n.GetChildByTag("usync", "list")
	want := map[string]bool{}
	for _, protocol := range query.GetChildren() {
		switch protocol.Tag {
		case "devices", "contact", "lid", "status", "picture", "business", "disappearing_mode", "username":
			want[protocol.Tag] = true
		default:
			s.malformed(c, n, "usync with unknown protocol "+protocol.Tag)
			return
		}
	}
	var users []wire.Node
	for _, user := range list.GetChildren() {
		users = append(users, s.lookUp(c, user, want))
	}
	c.result(n, wire.Node{Tag: "usync", Attrs: wire.Attrs{"sid": wire.Text(&body, "sid"), "mode": wire.Text(&body, "mode"),
		"context": wire.Text(&body, "context"), "last": "true", "index": "0"},
		Content: []wire.Node{{Tag: "result"}, {Tag: "list", Content: users}}})
}

func (s *Server) lookUp(c *session, user wire.Node, want map[string]bool) wire.Node {
	jid := wire.JID(&user, "jid")
	asked := string(wire.Child(&user, "contact"))
	if asked != "" {
		number, _, _ := strings.Cut(strings.TrimPrefix(asked, "+"), "@")
		jid = types.NewJID(number, types.DefaultUserServer)
	}
	a := s.state.accounts.Find(jid)
	out := wire.Node{Tag: "user", Attrs: wire.Attrs{"jid": jid}}
	var content []wire.Node
	if asked != "" {
		known := "out"
		if a != nil {
			known = "in"
			out.Attrs["jid"], out.Attrs["pn_jid"] = a.LID, a.PN
		}
		content = append(content, wire.Node{Tag: "contact", Attrs: wire.Attrs{"type": known}, Content: []byte(asked)})
	}
	if a != nil {
		content = append(content, s.describe(c, a, want)...)
	}
	out.Content = content
	return out
}

func (s *Server) describe(c *session, a *account.Account, want map[string]bool) []wire.Node {
	var out []wire.Node
	if want["devices"] {
		s.state.relay.watch(c.device.Account, a)
		var list []wire.Node
		for _, d := range a.Devices() {
			attrs := wire.Attrs{"id": strconv.Itoa(int(d.Number))}
			if d.Number > 0 {
				attrs["key-index"] = attrs["id"]
			}
			list = append(list, wire.Node{Tag: "device", Attrs: attrs})
		}
		out = append(out, wire.Node{Tag: "devices", Content: []wire.Node{{Tag: "device-list", Content: list},
			{Tag: "key-index-list", Attrs: wire.Attrs{"ts": unix(time.Now())}}}})
	}
	if want["lid"] {
		out = append(out, wire.Node{Tag: "lid", Attrs: wire.Attrs{"val": a.LID}})
	}
	if want["status"] {
		out = append(out, wire.Node{Tag: "status", Attrs: wire.Attrs{"t": "0"}, Content: []byte(a.About)})
	}
	return out
}

func (s *Server) getPrivacy(c *session, n *wire.Node) {
	var settings []wire.Node
	for setting, value := range c.device.Account.Privacy {
		settings = append(settings, wire.Node{Tag: "category", Attrs: wire.Attrs{"name": setting, "value": value}})
	}
	c.result(n, wire.Node{Tag: "privacy", Content: settings})
}

func (s *Server) setPrivacy(c *session, n *wire.Node) {
	body := n.GetChildByTag("privacy")
	for _, category := range body.GetChildren() {
		if category.Tag != "category" || wire.Text(&category, "name") == "" || wire.Text(&category, "value") == "" {
			s.malformed(c, n, "privacy setting without name or value")
			return
		}
		c.device.Account.Privacy[wire.Text(&category, "name")] = wire.Text(&category, "value")
	}
	c.result(n, wire.Node{Tag: "privacy", Content: body.Content})
}

// getPicture says that nobody has a picture yet.
func (s *Server) getPicture(c *session, n *wire.Node) {
	if s.state.accounts.Find(wire.JID(n, "target")) == nil && s.state.groups[wire.JID(n, "target")] == nil {
		s.violate(c.device, "iq", "asks for the picture of nobody: "+short(n))
	}
	c.fail(n, statusNotFound)
}
