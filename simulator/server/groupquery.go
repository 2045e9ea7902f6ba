package server

import (
	"causeway/simulator/account"
	"causeway/simulator/wire"

	"go.mau.fi/whatsmeow/types"
)

const (
	maxSubject = 100
	maxTopic   = 2048
)

// groupQueries are the queries of namespace w:g2 by type and first child.
func (s *Server) groupQueries() map[string]func(*session, *wire.Node) {
	out := map[string]func(*session, *wire.Node){
		"get query":         s.inGroup(func(c *session, n *wire.Node, g *Group) { c.result(n, g.node()) }),
		"get participating": s.participating,
		"set create":        s.createGroup,
		"set accept":        s.acceptInvite,
		"set leave":         s.leaveGroup,
		"set subject":       s.inGroup(s.changeSubject),
		"set description":   s.inGroup(s.changeTopic),
	}
	for _, action := range []string{"add", "remove", "promote", "demote"} {
		out["set "+action] = s.inGroup(s.changeMembers)
	}
	for _, tag := range []string{"locked", "unlocked", "announcement", "not_announcement", "ephemeral", "not_ephemeral"} {
		out["set "+tag] = s.inGroup(s.changeSwitch)
	}
	return out
}

// inGroup finds the group that a query is for and refuses accounts that are not in it.
func (s *Server) inGroup(answer func(*session, *wire.Node, *Group)) func(*session, *wire.Node) {
	return func(c *session, n *wire.Node) {
		g := s.state.groups[wire.JID(n, "to")]
		switch {
		case g == nil:
			c.fail(n, statusNotFound)
		case !g.has(c.device.Account):
			c.fail(n, statusForbidden)
		default:
			answer(c, n, g)
		}
	}
}

func (s *Server) participating(c *session, n *wire.Node) {
	var out []wire.Node
	for _, g := range s.state.groups {
		if g.has(c.device.Account) {
			out = append(out, g.node())
		}
	}
	c.result(n, wire.Node{Tag: "groups", Content: out})
}

func (s *Server) createGroup(c *session, n *wire.Node) {
	body := n.GetChildByTag("create")
	spec := Spec{Subject: wire.Text(&body, "subject")}
	var members []*account.Account
	for _, part := range body.GetChildren() {
		switch part.Tag {
		case "participant":
			a := s.state.accounts.Find(wire.JID(&part, "jid"))
			if a == nil {
				c.fail(n, statusNotFound)
				return
			}
			members = append(members, a)
		case "announcement":
			spec.Announce = true
		case "locked":
			spec.Locked = true
		case "description":
			spec.Topic = string(wire.Child(&part, "body"))
		case "member_add_mode", "ephemeral", "membership_approval_mode", "member_link_mode", "member_share_group_history_mode":
		default:
			s.malformed(c, n, "group with unknown part "+part.Tag)
			return
		}
	}
	g, err := s.makeGroup(c.device.Account, spec, members)
	if err != nil {
		s.malformed(c, n, err.Error())
		return
	}
	c.result(n, g.node())
	s.notify(g, c.device.Account, g.accounts(), wire.Node{Tag: "create", Attrs: wire.Attrs{"type": "new"}, Content: []wire.Node{g.node()}})
}

func (s *Server) leaveGroup(c *session, n *wire.Node) {
	part := n.GetChildByTag("leave", "group")
	g := s.state.groups[wire.JID(&part, "id")]
	if g == nil || !g.has(c.device.Account) {
		c.fail(n, statusNotFound)
		return
	}
	c.result(n, wire.Node{Tag: "leave", Content: []wire.Node{{Tag: "group", Attrs: wire.Attrs{"id": g.jid}}}})
	s.change(g, c.device.Account, "remove", []*account.Account{c.device.Account})
}

func (s *Server) changeMembers(c *session, n *wire.Node, g *Group) {
	body := wire.First(n)
	var done []*account.Account
	var parts []wire.Node
	for _, part := range body.GetChildren() {
		jid := wire.JID(&part, "jid")
		a := s.state.accounts.Find(jid)
		code := statusNotFound
		if a != nil {
			code = g.mayChange(c.device.Account, body.Tag, a)
		}
		if code != 0 {
			parts = append(parts, wire.Node{Tag: "participant", Attrs: wire.Attrs{"jid": jid, "error": code}})
			continue
		}
		done = append(done, a)
		parts = append(parts, wire.Node{Tag: "participant", Attrs: wire.Attrs{"jid": a.LID, "phone_number": a.PN}})
	}
	if !g.isAdmin(c.device.Account) {
		c.fail(n, statusForbidden)
		return
	}
	c.result(n, wire.Node{Tag: body.Tag, Content: parts})
	s.change(g, c.device.Account, body.Tag, done)
}

// mayEdit refuses changes of a locked group by members who are no admins.
func mayEdit(c *session, n *wire.Node, g *Group) bool {
	if g.locked && !g.isAdmin(c.device.Account) {
		c.fail(n, statusForbidden)
		return false
	}
	return true
}

func (s *Server) changeSubject(c *session, n *wire.Node, g *Group) {
	subject := string(wire.Child(n, "subject"))
	if subject == "" || len([]rune(subject)) > maxSubject {
		s.malformed(c, n, "group subject of a wrong length")
		return
	}
	if mayEdit(c, n, g) {
		c.result(n)
		s.setSubject(g, c.device.Account, subject)
	}
}

func (s *Server) changeTopic(c *session, n *wire.Node, g *Group) {
	part := n.GetChildByTag("description")
	topic := string(wire.Child(&part, "body"))
	if len([]rune(topic)) > maxTopic {
		s.malformed(c, n, "group description of a wrong length")
		return
	}
	if previous := wire.Text(&part, "prev"); previous != g.topicID && previous != "none" {
		c.fail(n, statusConflict)
		return
	}
	if mayEdit(c, n, g) {
		c.result(n)
		s.setTopic(g, c.device.Account, topic, wire.Text(&part, "id"))
	}
}

func (s *Server) changeSwitch(c *session, n *wire.Node, g *Group) {
	if !g.isAdmin(c.device.Account) {
		c.fail(n, statusForbidden)
		return
	}
	c.result(n)
	s.setSwitch(g, c.device.Account, wire.First(n))
}

// groupBy finds a group and a member of it who wants to change it.
func (s *Server) groupBy(jid types.JID, by string) (*Group, *account.Account, error) {
	a, err := s.find(by)
	if err != nil {
		return nil, nil, err
	}
	g := s.state.groups[jid]
	if g == nil {
		return nil, nil, account.ErrUnknown
	}
	return g, a, nil
}
