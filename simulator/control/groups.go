package control

import (
	"fmt"
	"net/http"
	"time"

	"causeway/simulator"
	"causeway/simulator/control/api"
)

func (c *control) addGroup(r *http.Request) (any, error) {
	in, err := read[api.NewGroup](r)
	if err != nil {
		return nil, err
	}
	if in.Community || in.Parent != "" {
		return nil, fmt.Errorf("communities: %w", errNotBuilt)
	}
	g, err := c.network.CreateGroup(in.Creator, simulator.GroupSpec{Subject: in.Subject, Topic: in.Topic, Announce: in.Announce, Locked: in.Locked},
		in.Participants...)
	if err != nil {
		return nil, err
	}
	return describeGroup(g), nil
}

func describeGroup(g simulator.GroupInfo) api.Group {
	out := api.Group{JID: g.JID.String(), Subject: g.Subject, Topic: g.Topic, Creator: g.Creator.String(), Announce: g.Announce, Locked: g.Locked,
		Participants: []api.Member{}}
	for _, m := range g.Members {
		out.Participants = append(out.Participants, api.Member{JID: m.PN.String(), LID: m.LID.String(), Role: m.Role})
	}
	return out
}

func (c *control) group(r *http.Request) (any, error) {
	g, err := c.network.Group(r.PathValue("jid"))
	if err != nil {
		return nil, err
	}
	return describeGroup(g), nil
}

func (c *control) patchGroup(r *http.Request) (any, error) {
	in, err := read[api.GroupPatch](r)
	if err != nil {
		return nil, err
	}
	if in.Picture != nil || in.Approval != nil {
		return nil, fmt.Errorf("picture and approval: %w", errNotBuilt)
	}
	return nil, c.network.EditGroup(r.PathValue("jid"), in.By, simulator.GroupEdit{Subject: in.Subject, Topic: in.Topic, Announce: in.Announce,
		Locked: in.Locked, Disappearing: in.Disappearing})
}

func (c *control) participants(r *http.Request) (any, error) {
	in, err := read[api.Participants](r)
	if err != nil {
		return nil, err
	}
	if len(in.Participants) > maxList {
		return nil, fmt.Errorf("%w participants: at most %d", simulator.ErrInvalid, maxList)
	}
	return nil, c.network.ChangeMembers(r.PathValue("jid"), in.By, in.Action, in.Participants...)
}

func (c *control) invite(r *http.Request) (any, error) {
	in, err := read[api.NewInvite](r)
	if err != nil {
		return nil, err
	}
	made, err := c.network.Invite(r.PathValue("jid"), in.By, in.Phone, time.Duration(in.Seconds)*time.Second)
	return api.Invite{Code: made.Code, Expiration: made.Expires}, err
}
