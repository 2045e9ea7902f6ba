package server

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"causeway/simulator/account"
	"causeway/simulator/journal"
	"causeway/simulator/wire"

	"go.mau.fi/whatsmeow/types"
)

// Roles of group members; ordinary members have none.
const (
	RoleMember     = ""
	RoleAdmin      = "admin"
	RoleSuperadmin = "superadmin"
)

// maxMembers bounds a group, as the real network does.
const maxMembers = 1024

// Group is one group chat. All of it belongs to the server's lock.
type Group struct {
	jid       types.JID
	subject   string
	subjectAt time.Time
	subjectBy *account.Account
	topic     string
	topicID   string
	topicAt   time.Time
	topicBy   *account.Account
	creator   *account.Account
	created   time.Time
	roles     map[*account.Account]string
	announce  bool
	locked    bool
	timer     int
	invites   map[string]invite
	// members and settings count the changes of each.
	members, settings int
}

// Member is one participant of a group.
type Member struct {
	PN, LID types.JID
	Role    string
}

// GroupInfo is a group as it stands.
type GroupInfo struct {
	JID              types.JID
	Subject, Topic   string
	Creator          types.JID
	Announce, Locked bool
	Members          []Member
}

// Spec says what a new group is to be.
type Spec struct {
	Subject, Topic   string
	Announce, Locked bool
}

func (g *Group) has(a *account.Account) bool {
	_, ok := g.roles[a]
	return ok
}

func (g *Group) isAdmin(a *account.Account) bool { return g.has(a) && g.roles[a] != RoleMember }

// accounts lists the members in the order of their numbers.
func (g *Group) accounts() []*account.Account {
	out := make([]*account.Account, 0, len(g.roles))
	for a := range g.roles {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b *account.Account) int { return strings.Compare(a.PN.User, b.PN.User) })
	return out
}

func (g *Group) node() wire.Node {
	var content []wire.Node
	for _, a := range g.accounts() {
		attrs := wire.Attrs{"jid": a.LID, "phone_number": a.PN}
		if role := g.roles[a]; role != RoleMember {
			attrs["type"] = role
		}
		content = append(content, wire.Node{Tag: "participant", Attrs: attrs})
	}
	if g.topic != "" {
		content = append(content, wire.Node{Tag: "description", Attrs: wire.Attrs{"id": g.topicID, "t": unix(g.topicAt), "participant": g.topicBy.LID,
			"participant_pn": g.topicBy.PN}, Content: []wire.Node{{Tag: "body", Content: []byte(g.topic)}}})
	}
	if g.announce {
		content = append(content, wire.Node{Tag: "announcement"})
	}
	if g.locked {
		content = append(content, wire.Node{Tag: "locked"})
	}
	if g.timer > 0 {
		content = append(content, wire.Node{Tag: "ephemeral", Attrs: wire.Attrs{"expiration": g.timer}})
	}
	return wire.Node{Tag: "group", Attrs: wire.Attrs{"id": g.jid.User, "subject": g.subject, "s_t": unix(g.subjectAt), "s_o": g.subjectBy.LID,
		"s_o_pn": g.subjectBy.PN, "creation": unix(g.created), "creator": g.creator.LID, "creator_pn": g.creator.PN, "a_v_id": g.settings,
		"p_v_id": g.members, "size": len(g.roles), "addressing_mode": "lid"}, Content: content}
}

// newGroupID is a number like the real ones, the same for the same creator and sequence of groups.
func (s *Server) newGroupID(creator *account.Account) types.JID {
	for i := len(s.state.groups); ; i++ {
		h := fnv.New64a()
		_, _ = fmt.Fprintf(h, "group %s %d", creator.LID, i)
		jid := types.NewJID("12036304"+fmt.Sprintf("%010d", h.Sum64()%10_000_000_000), types.GroupServer)
		if s.state.groups[jid] == nil {
			return jid
		}
	}
}

// makeGroup adds a group and tells all members.
func (s *Server) makeGroup(by *account.Account, spec Spec, others []*account.Account) (*Group, error) {
	if spec.Subject == "" || len([]rune(spec.Subject)) > maxSubject {
		return nil, fmt.Errorf("create group: %w subject: 1 to %d characters", account.ErrInvalid, maxSubject)
	}
	if len(others) >= maxMembers {
		return nil, fmt.Errorf("create group: %w: more than %d members", account.ErrRefused, maxMembers)
	}
	now := time.Now()
	g := &Group{jid: s.newGroupID(by), subject: spec.Subject, subjectAt: now, subjectBy: by, creator: by, created: now, announce: spec.Announce,
		locked: spec.Locked, roles: map[*account.Account]string{by: RoleSuperadmin}, members: 1, settings: 1}
	if spec.Topic != "" {
		g.topic, g.topicID, g.topicAt, g.topicBy = spec.Topic, newID("3A"), now, by
	}
	for _, a := range others {
		if a != by {
			g.roles[a] = RoleMember
		}
	}
	s.state.groups[g.jid] = g
	s.journal.Add(journal.Event{Kind: journal.Group, Chat: g.jid.String(), Detail: "create by " + by.PN.User})
	return g, nil
}

// notify tells every companion of the given accounts about a change.
func (s *Server) notify(g *Group, by *account.Account, to []*account.Account, change wire.Node) {
	for _, a := range to {
		for _, d := range a.Devices() {
			if d.Phone != nil {
				continue
			}
			s.deliver(d, wire.Node{Tag: "notification", Attrs: wire.Attrs{"from": g.jid, "type": "w:gp2", "id": newID("gn-"), "t": unix(time.Now()),
				"participant": by.LID, "participant_pn": by.PN, "notify": by.Name, "addressing_mode": "lid"}, Content: []wire.Node{change}})
		}
	}
}

// change adds, removes, promotes or demotes members. Who may do so was checked before.
func (s *Server) change(g *Group, by *account.Account, action string, who []*account.Account) {
	if len(who) == 0 {
		return
	}
	before := g.accounts()
	previous := g.members
	g.members++
	var parts []wire.Node
	for _, a := range who {
		parts = append(parts, wire.Node{Tag: "participant", Attrs: wire.Attrs{"jid": a.LID, "phone_number": a.PN}})
		switch action {
		case "add", "demote":
			g.roles[a] = RoleMember
		case "remove":
			delete(g.roles, a)
		case "promote":
			g.roles[a] = RoleAdmin
		}
	}
	s.journal.Add(journal.Event{Kind: journal.Group, Chat: g.jid.String(), Detail: action + " by " + by.PN.User})
	s.notify(g, by, before, wire.Node{Tag: action, Attrs: wire.Attrs{"prev_v_id": strconv.Itoa(previous), "v_id": strconv.Itoa(g.members)}, Content: parts})
	if action == "add" { // who comes in learns the whole group
		s.notify(g, by, who, wire.Node{Tag: "create", Attrs: wire.Attrs{"type": "new", "reason": "invite"}, Content: []wire.Node{g.node()}})
	}
}

// mayChange says with which code the network refuses a change of one member; 0 if it does not.
func (g *Group) mayChange(by *account.Account, action string, who *account.Account) int {
	leaving := action == "remove" && by == who
	switch {
	case !g.has(by), !leaving && !g.isAdmin(by):
		return statusForbidden
	case action == "add" && g.has(who):
		return statusConflict
	case action == "add" && len(g.roles) >= maxMembers:
		return statusForbidden
	case action != "add" && !g.has(who):
		return statusNotFound
	case (action == "remove" || action == "demote") && !leaving && g.roles[who] == RoleSuperadmin:
		return statusForbidden
	}
	return 0
}

func (s *Server) setSubject(g *Group, by *account.Account, subject string) {
	g.subject, g.subjectAt, g.subjectBy = subject, time.Now(), by
	s.journal.Add(journal.Event{Kind: journal.Group, Chat: g.jid.String(), Detail: "subject by " + by.PN.User})
	s.notify(g, by, g.accounts(), wire.Node{Tag: "subject", Attrs: wire.Attrs{"subject": subject, "s_t": unix(g.subjectAt), "s_o": by.LID, "s_o_pn": by.PN}})
}

func (s *Server) setTopic(g *Group, by *account.Account, topic, id string) {
	if id == "" {
		id = newID("3A")
	}
	g.topic, g.topicID, g.topicAt, g.topicBy = topic, id, time.Now(), by
	s.journal.Add(journal.Event{Kind: journal.Group, Chat: g.jid.String(), Detail: "description by " + by.PN.User})
	body := wire.Node{Tag: "body", Content: []byte(topic)}
	if topic == "" {
		body = wire.Node{Tag: "delete"}
	}
	s.notify(g, by, g.accounts(), wire.Node{Tag: "description", Attrs: wire.Attrs{"id": id}, Content: []wire.Node{body}})
}

// setSwitch changes one of the settings that are a tag: locked, announcement, ephemeral and their opposites.
func (s *Server) setSwitch(g *Group, by *account.Account, change wire.Node) {
	g.settings++
	attrs := wire.Attrs{}
	switch change.Tag {
	case "locked", "unlocked":
		g.locked = change.Tag == "locked"
	case "announcement", "not_announcement":
		g.announce = change.Tag == "announcement"
		attrs["v_id"] = strconv.Itoa(g.settings)
	case "ephemeral":
		g.timer, _ = strconv.Atoi(wire.Text(&change, "expiration"))
		attrs["expiration"] = g.timer
	case "not_ephemeral":
		g.timer = 0
	}
	s.journal.Add(journal.Event{Kind: journal.Group, Chat: g.jid.String(), Detail: change.Tag + " by " + by.PN.User})
	s.notify(g, by, g.accounts(), wire.Node{Tag: change.Tag, Attrs: attrs})
}

func (g *Group) info() GroupInfo {
	out := GroupInfo{JID: g.jid, Subject: g.subject, Topic: g.topic, Creator: g.creator.PN, Announce: g.announce, Locked: g.locked}
	for _, a := range g.accounts() {
		out.Members = append(out.Members, Member{PN: a.PN, LID: a.LID, Role: g.roles[a]})
	}
	return out
}
