package server

import (
	"fmt"

	"causeway/simulator/account"
	"causeway/simulator/wire"

	"go.mau.fi/whatsmeow/types"
)

// CreateGroup makes a group of phones. Creator and members are numbers.
func (s *Server) CreateGroup(creator string, spec Spec, members []string) (GroupInfo, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	by, err := s.find(creator)
	if err != nil {
		return GroupInfo{}, err
	}
	var others []*account.Account
	for _, number := range members {
		a, err := s.find(number)
		if err != nil {
			return GroupInfo{}, err
		}
		others = append(others, a)
	}
	g, err := s.makeGroup(by, spec, others)
	if err != nil {
		return GroupInfo{}, err
	}
	s.notify(g, by, g.accounts(), wire.Node{Tag: "create", Attrs: wire.Attrs{"type": "new"}, Content: []wire.Node{g.node()}})
	return g.info(), nil
}

// Group describes a group.
func (s *Server) Group(jid types.JID) (GroupInfo, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.state.groups[jid]
	if g == nil {
		return GroupInfo{}, fmt.Errorf("%w group %s", account.ErrUnknown, jid)
	}
	return g.info(), nil
}

// ChangeMembers lets a member's phone add, remove, promote or demote others, or leave. It is all or nothing.
func (s *Server) ChangeMembers(jid types.JID, by, action string, numbers []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, actor, err := s.groupBy(jid, by)
	if err != nil {
		return err
	}
	switch action {
	case "leave":
		if len(numbers) > 0 {
			return fmt.Errorf("%w: who leaves is by, without participants", account.ErrInvalid)
		}
		action, numbers = "remove", []string{by}
	case "add", "remove", "promote", "demote":
		if len(numbers) == 0 {
			return fmt.Errorf("%w: no participants", account.ErrInvalid)
		}
	default:
		return fmt.Errorf("%w action %q", account.ErrInvalid, action)
	}
	var who []*account.Account
	for _, number := range numbers {
		a, err := s.find(number)
		if err != nil {
			return err
		}
		if code := g.mayChange(actor, action, a); code != 0 {
			return fmt.Errorf("%s %s in %s: %w: %s", action, number, jid, account.ErrRefused, statusText(code))
		}
		who = append(who, a)
	}
	s.change(g, actor, action, who)
	return nil
}

// GroupEdit changes what is not nil.
type GroupEdit struct {
	Subject, Topic   *string
	Announce, Locked *bool
	// Disappearing is the timer in seconds; 0 turns it off.
	Disappearing *int
}

// EditGroup lets a member's phone change a group.
func (s *Server) EditGroup(jid types.JID, by string, e GroupEdit) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, actor, err := s.groupBy(jid, by)
	if err != nil {
		return err
	}
	settings := e.Announce != nil || e.Locked != nil || e.Disappearing != nil
	if !g.has(actor) || (g.locked || settings) && !g.isAdmin(actor) {
		return fmt.Errorf("change %s: %w: %s may not", jid, account.ErrRefused, by)
	}
	if e.Subject != nil && (*e.Subject == "" || len([]rune(*e.Subject)) > maxSubject) {
		return fmt.Errorf("change %s: %w subject: 1 to %d characters", jid, account.ErrInvalid, maxSubject)
	}
	if e.Subject != nil {
		s.setSubject(g, actor, *e.Subject)
	}
	if e.Topic != nil {
		s.setTopic(g, actor, *e.Topic, "")
	}
	if e.Announce != nil {
		s.setSwitch(g, actor, toggle("announcement", "not_announcement", *e.Announce))
	}
	if e.Locked != nil {
		s.setSwitch(g, actor, toggle("locked", "unlocked", *e.Locked))
	}
	if e.Disappearing != nil {
		n := toggle("ephemeral", "not_ephemeral", *e.Disappearing > 0)
		s.setSwitch(g, actor, wire.With(n, wire.Attrs{"expiration": fmt.Sprint(*e.Disappearing)}))
	}
	return nil
}

func toggle(on, off string, value bool) wire.Node {
	if value {
		return wire.Node{Tag: on}
	}
	return wire.Node{Tag: off}
}

// Members lists the LIDs of a group's members.
func (s *Server) Members(jid types.JID) ([]types.JID, error) {
	info, err := s.Group(jid)
	var out []types.JID
	for _, m := range info.Members {
		out = append(out, m.LID)
	}
	return out, err
}
