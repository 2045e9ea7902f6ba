package simulator_test

import (
	"testing"

	"causeway/simulator"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
)

func TestGroupChangesByPhones(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.link(t, w.me)
	g, err := w.CreateGroup(bobs, simulator.GroupSpec{Subject: "Changing"}, carols)
	require.NoError(t, err)
	group := g.JID.String()
	_, err = c.GetGroupInfo(limit(t), g.JID)
	require.ErrorIs(t, err, whatsmeow.ErrNotInGroup)
	_, err = w.me.Send(limit(t), simulator.Outgoing{Chat: group, Text: "I am not in it"})
	require.ErrorIs(t, err, simulator.ErrRefused)

	require.ErrorIs(t, w.ChangeMembers(group, carols, "add", mine), simulator.ErrRefused)
	require.NoError(t, w.ChangeMembers(group, bobs, "add", mine))
	require.Equal(t, g.JID, await[*events.JoinedGroup](t, c, nil).JID)
	r := c.say(t, g.JID, "thanks")
	hears(t, w.carol, r.ID)

	change := func(match func(*events.GroupInfo) bool) { await(t, c, match) }
	require.NoError(t, w.ChangeMembers(group, bobs, "promote", carols))
	change(func(e *events.GroupInfo) bool { return len(e.Promote) == 1 && e.Promote[0] == w.carol.LID() })
	require.NoError(t, w.ChangeMembers(group, bobs, "demote", carols))
	change(func(e *events.GroupInfo) bool { return len(e.Demote) == 1 })
	subject, topic, yes := "New name", "About this", true
	require.NoError(t, w.EditGroup(group, bobs, simulator.GroupEdit{Subject: &subject, Topic: &topic, Announce: &yes, Locked: &yes}))
	change(func(e *events.GroupInfo) bool { return e.Name != nil && e.Name.Name == subject })
	change(func(e *events.GroupInfo) bool { return e.Topic != nil && e.Topic.Topic == topic })
	change(func(e *events.GroupInfo) bool { return e.Announce != nil && e.Announce.IsAnnounce })
	require.ErrorIs(t, w.EditGroup(group, carols, simulator.GroupEdit{Subject: &subject}), simulator.ErrRefused)
	_, err = c.SendMessage(limit(t), g.JID, text("only admins may"))
	require.ErrorIs(t, err, whatsmeow.ErrServerReturnedError)
	c.fence(t)

	require.NoError(t, w.ChangeMembers(group, carols, "leave"))
	change(func(e *events.GroupInfo) bool { return len(e.Leave) == 1 && e.Leave[0] == w.carol.LID() })
	sent := w.send(t, w.bob, simulator.Outgoing{Chat: group, Text: "without carol"})
	c.message(t, sent.ID)
	require.NoError(t, w.ChangeMembers(group, bobs, "remove", mine))
	change(func(e *events.GroupInfo) bool { return len(e.Leave) == 1 && e.Leave[0] == w.me.LID() })
	last := w.send(t, w.bob, simulator.Outgoing{Chat: group, Text: "alone"})
	done := w.send(t, w.bob, simulator.Outgoing{Chat: mine, Text: "bye"})
	c.message(t, done.ID)
	require.Zero(t, c.count(last.ID))
	w.strict(t)
}

func TestGroupChangesByClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.link(t, w.me)
	info, err := c.CreateGroup(limit(t), whatsmeow.ReqCreateGroup{Name: "Mine", Participants: []types.JID{w.bob.LID()}})
	require.NoError(t, err)
	g, err := w.Group(info.JID.String())
	require.NoError(t, err)
	require.Len(t, g.Members, 2)
	joined, err := c.GetJoinedGroups(limit(t))
	require.NoError(t, err)
	require.Len(t, joined, 1)

	who, err := c.UpdateGroupParticipants(limit(t), info.JID, []types.JID{w.carol.LID()}, whatsmeow.ParticipantChangeAdd)
	require.NoError(t, err)
	require.Zero(t, who[0].Error)
	await(t, c, func(e *events.GroupInfo) bool { return len(e.Join) == 1 })
	r := c.say(t, info.JID, "welcome")
	hears(t, w.carol, r.ID)
	hears(t, w.bob, r.ID)
	c.fence(t)
	require.NoError(t, c.SetGroupName(limit(t), info.JID, "Renamed"))
	require.NoError(t, c.SetGroupTopic(limit(t), info.JID, "", "", "what it is about"))
	_, err = c.UpdateGroupParticipants(limit(t), info.JID, []types.JID{w.bob.LID()}, whatsmeow.ParticipantChangeRemove)
	require.NoError(t, err)
	await(t, c, func(e *events.GroupInfo) bool { return len(e.Leave) == 1 })
	g, err = w.Group(info.JID.String())
	require.NoError(t, err)
	require.Equal(t, "Renamed", g.Subject)
	require.Equal(t, "what it is about", g.Topic)
	require.Len(t, g.Members, 2)
	r = c.say(t, info.JID, "for the rest")
	hears(t, w.carol, r.ID)
	c.fence(t)
	require.NoError(t, c.LeaveGroup(limit(t), info.JID))
	_, err = c.GetGroupInfo(limit(t), info.JID)
	require.ErrorIs(t, err, whatsmeow.ErrNotInGroup)
	require.Len(t, w.bob.Messages(expired(t), info.JID, 0), 1)
	w.strict(t)
}
