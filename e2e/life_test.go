package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/e2e/person"
	"causeway/e2e/rig"
	"causeway/simulator/control/api"
)

// TestLife is about what becomes of messages after they were sent: they disappear, are pinned, deleted, belong to others.
func TestLife(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, database string) {
		s := linked(t, database)
		s.sealedEdit()
		s.disappear()
		s.pins()
		s.albums()
		s.viewOnceFiles()
		s.deletedForMe()
		s.talkAfter()
	})
}

// TestPolicies is about what an administrator may choose otherwise.
func TestPolicies(t *testing.T) {
	t.Parallel()
	s := linked(t, rig.SQLite, "CAUSEWAY_BRIDGE_VIEW_ONCE=media", "CAUSEWAY_BRIDGE_DISAPPEARING=keep", "CAUSEWAY_BRIDGE_KEEP_DELETED=mark",
		"CAUSEWAY_MEDIA_RETRY=on_request")
	s.filesOnRequest()
	s.deletedIsMarked()
	s.keptFiles()
	s.talkAfter()
}

func (s *story) sealedEdit() {
	s.step("an edit that is sealed with a secret")
	secret := bytes.Repeat([]byte{7}, 32)
	raw, err := json.Marshal(map[string]any{"extendedTextMessage": map[string]any{"text": "a seald message"}, "messageContextInfo": map[string]any{"messageSecret": secret}})
	require.NoError(s, err)
	sent := s.does(carolNumber, api.Send{Chat: aliceNumber, Message: raw})
	s.note(s.direct, rig.Ghost(carolNumber), "a seald message")
	shown := s.seenText(s.alice, s.direct, rig.Ghost(carolNumber), "a seald message")
	s.does(carolNumber, api.Send{Chat: aliceNumber, Edit: sent.ID, Text: "a sealed message", Sealed: true})
	s.seenEdit(shown, "a sealed message")
}

// seenEdit waits for an edit of an event by its sender, and returns what it says now.
func (s *story) seenEdit(of id.EventID, part string) *event.MessageEventContent {
	s.Helper()
	seen, err := s.alice.WaitEvent(s.ctx, "the edit with "+part, func(e person.Seen) bool {
		m := e.Message()
		return m != nil && m.RelatesTo.GetReplaceID() == of && m.NewContent != nil && strings.Contains(m.NewContent.Body, part)
	})
	require.NoError(s, err)
	return seen.Message().NewContent
}

// contextIn reads what a message on a phone says beside its text.
func contextIn(m api.Message) (context struct {
	Text struct {
		Context struct {
			Expiration uint32 `json:"expiration"`
		} `json:"contextInfo"`
	} `json:"extendedTextMessage"`
}) {
	_ = json.Unmarshal(m.Message, &context)
	return context
}

func (s *story) disappear() {
	s.step("messages disappear, also while the bridge is away")
	carol, seconds := rig.Ghost(carolNumber), 86400
	require.NoError(s, s.rig.Network.PatchChat(s.ctx, carolNumber, aliceNumber, api.ChatPatch{Disappearing: &seconds}))
	_, err := s.alice.WaitEvent(s.ctx, "the timer", func(e person.Seen) bool {
		return e.RoomID == s.direct && e.Type.Type == "com.beeper.disappearing_timer" && e.Content.Raw["timer"] == float64(86_400_000)
	})
	require.NoError(s, err)
	_, err = s.alice.WaitEvent(s.ctx, "the notice of the timer", func(e person.Seen) bool {
		return e.Sender == carol && e.Message() != nil && strings.Contains(e.Message().Body, "disappear 1 day after")
	})
	require.NoError(s, err)
	s.writes(s.direct, "gone tomorrow")
	onPhone := s.onPhone(carolNumber, withText("gone tomorrow"))
	require.Equal(s, uint32(86400), contextIn(onPhone).Text.Context.Expiration)

	// Short times, which people cannot choose, come with each message.
	s.does(carolNumber, api.Send{Chat: aliceNumber, Text: "gone in a moment", Expiration: 1})
	shown := s.seenText(s.alice, s.direct, carol, "gone in a moment")
	s.seenRemoval(s.alice, carol, shown)

	own, err := s.alice.Client.SendMessageEvent(s.ctx, s.direct, event.EventMessage, map[string]any{
		"msgtype": "m.text", "body": "mine is gone too", "com.beeper.disappearing_timer": map[string]any{"type": "after_send", "timer": 1000},
	})
	require.NoError(s, err)
	onPhone = s.onPhone(carolNumber, withText("mine is gone too"))
	require.Equal(s, uint32(1), contextIn(onPhone).Text.Context.Expiration)
	s.seenRemoval(s.alice, rig.Bot, own.EventID)

	s.does(carolNumber, api.Send{Chat: aliceNumber, Text: "gone while nobody looks", Expiration: 2})
	shown = s.seenText(s.alice, s.direct, carol, "gone while nobody looks")
	s.rig.KillBridge()
	require.NoError(s, s.rig.StartBridge(s.ctx))
	s.seenRemoval(s.alice, carol, shown)

	seconds = 0
	require.NoError(s, s.rig.Network.PatchChat(s.ctx, carolNumber, aliceNumber, api.ChatPatch{Disappearing: &seconds}))
	_, err = s.alice.WaitEvent(s.ctx, "the end of the timer", func(e person.Seen) bool {
		return e.Sender == carol && e.Message() != nil && strings.Contains(e.Message().Body, "not disappear any more")
	})
	require.NoError(s, err)
}

// pinnedNow waits until the room says that these events are pinned.
func (s *story) pinnedNow(mark int, want ...id.EventID) {
	s.Helper()
	_, err := s.alice.WaitAfter(s.ctx, mark, fmt.Sprintf("%v to be pinned", want), func(e person.Seen) bool {
		content, ok := e.Content.Parsed.(*event.PinnedEventsEventContent)
		return e.RoomID == s.direct && e.Type.Type == event.StatePinnedEvents.Type && ok && fmt.Sprint(content.Pinned) == fmt.Sprint(want)
	})
	require.NoError(s, err)
}

// isPin says whether a message pins another for a number of seconds; 0 takes it out.
func isPin(target string, seconds uint32) func(api.Message) bool {
	return func(m api.Message) bool {
		var content struct {
			Pin struct {
				Key struct {
					ID string `json:"ID"`
				} `json:"key"`
			} `json:"pinInChatMessage"`
			About struct {
				Seconds uint32 `json:"messageAddOnDurationInSecs"`
			} `json:"messageContextInfo"`
		}
		return json.Unmarshal(m.Message, &content) == nil && content.Pin.Key.ID == target && content.About.Seconds == seconds
	}
}

func (s *story) pins() {
	s.step("pins both ways")
	carol := rig.Ghost(carolNumber)
	s.writes(s.direct, "pin me on the phone")
	mine := s.seenText(s.alice, s.direct, s.alice.ID, "pin me on the phone")
	onPhone := s.onPhone(carolNumber, withText("pin me on the phone"))
	mark := s.alice.Mark()
	s.does(carolNumber, api.Send{Chat: aliceNumber, Pin: &api.Pin{ID: onPhone.ID, Seconds: 86400}})
	s.pinnedNow(mark, mine)

	s.phoneSays(carolNumber, aliceNumber, "pin me on Matrix")
	s.note(s.direct, carol, "pin me on Matrix")
	hers := s.seenText(s.alice, s.direct, carol, "pin me on Matrix")
	herMessage := s.onPhone(carolNumber, withText("pin me on Matrix"))
	pin := func(events ...id.EventID) {
		_, err := s.alice.Client.SendStateEvent(s.ctx, s.direct, event.StatePinnedEvents, "", &event.PinnedEventsEventContent{Pinned: events})
		require.NoError(s, err)
	}
	pin(mine, hers)
	s.onPhone(carolNumber, isPin(herMessage.ID, 30*86400))
	pin(hers)
	s.onPhone(carolNumber, isPin(onPhone.ID, 0))
	mark = s.alice.Mark()
	s.does(carolNumber, api.Send{Chat: aliceNumber, Pin: &api.Pin{ID: herMessage.ID}})
	s.pinnedNow(mark)

	// A pin that ends by itself.
	mark = s.alice.Mark()
	s.does(carolNumber, api.Send{Chat: aliceNumber, Pin: &api.Pin{ID: herMessage.ID, Seconds: 1}})
	s.pinnedNow(mark, hers)
	s.pinnedNow(mark)
}

func (s *story) albums() {
	s.step("albums both ways")
	carol, mark := rig.Ghost(carolNumber), s.alice.Mark()
	header, err := json.Marshal(map[string]any{"albumMessage": map[string]any{"expectedImageCount": 2}})
	require.NoError(s, err)
	album := s.does(carolNumber, api.Send{Chat: aliceNumber, Message: header})
	pictures := [][]byte{drawing(s, asJPEG), append(drawing(s, asJPEG), 1)}
	for n, picture := range pictures {
		s.does(carolNumber, api.Send{Chat: aliceNumber, Parent: &api.Parent{ID: album.ID, Kind: "album"},
			Media: &api.OutgoingMedia{Kind: "image", MIME: "image/jpeg", Data: picture, Caption: fmt.Sprint("picture ", n)}})
	}
	var first id.EventID
	for n, picture := range pictures {
		seen, err := s.alice.WaitAfter(s.ctx, mark, "a picture of the album", func(e person.Seen) bool {
			return e.Sender == carol && e.Message() != nil && e.Message().Body == fmt.Sprint("picture ", n)
		})
		require.NoError(s, err)
		require.Equal(s, map[string]any{"id": album.ID}, seen.Content.Raw["chat.causeway.album"])
		require.True(s, bytes.Equal(picture, s.download(seen.Message().URL)))
		if n == 0 {
			first = seen.ID
		}
	}
	for _, e := range s.alice.In(s.direct) {
		require.False(s, e.Message() != nil && strings.Contains(e.Message().Body, "cannot show yet"), "the album's beginning is no message: %v", e.Content.Raw)
	}
	better := append(drawing(s, asJPEG), 2)
	source := s.onPhone(carolNumber, func(m api.Message) bool { return m.Text == "picture 0" })
	s.does(carolNumber, api.Send{Chat: aliceNumber, Parent: &api.Parent{ID: source.ID, Kind: "hd_image"}, Media: &api.OutgoingMedia{Kind: "image", MIME: "image/jpeg", Data: better}})
	require.True(s, bytes.Equal(better, s.download(s.seenEdit(first, "picture 0").URL)))

	items := make([]map[string]any, len(pictures))
	for n, picture := range pictures {
		uploaded, err := s.alice.Client.UploadBytes(s.ctx, picture, "image/jpeg")
		require.NoError(s, err)
		items[n] = map[string]any{"msgtype": "m.image", "body": fmt.Sprint("of alice ", n, ".jpg"), "url": uploaded.ContentURI.CUString(), "info": map[string]any{"mimetype": "image/jpeg"}}
	}
	sent, err := s.alice.Client.SendMessageEvent(s.ctx, s.direct, event.EventMessage, map[string]any{
		"msgtype": "com.beeper.gallery", "body": "two pictures", "com.beeper.gallery.caption": "from alice", "com.beeper.gallery.images": items,
	})
	require.NoError(s, err)
	s.rig.KillBridge() // wherever it is by then
	require.NoError(s, s.rig.StartBridge(s.ctx))
	onPhone := s.ofGallery(2)
	require.Equal(s, "from alice", onPhone[0].Text)
	for n, m := range onPhone {
		content, err := s.rig.Network.File(s.ctx, m.Media.SHA256)
		require.NoError(s, err)
		require.True(s, bytes.Equal(pictures[n], content))
	}
	_, err = s.alice.Redact(s.ctx, s.direct, sent.EventID)
	require.NoError(s, err)
	for _, m := range onPhone {
		s.onPhone(carolNumber, func(r api.Message) bool { return r.Revoked == m.ID })
	}
}

// ofGallery waits for the files of an album that a companion has sent to Carol.
func (s *story) ofGallery(n int) []api.Message {
	s.Helper()
	var found []api.Message
	s.onPhone(carolNumber, func(m api.Message) bool {
		if m.Device != 0 && m.Media != nil && strings.Contains(string(m.Message), "MEDIA_ALBUM") {
			found = append(found, m)
		}
		return len(found) == n
	})
	return found
}

func (s *story) viewOnceFiles() {
	s.step("files to be seen once")
	mark := s.alice.Mark()
	s.does(carolNumber, api.Send{Chat: aliceNumber, Media: &api.OutgoingMedia{Kind: "image", MIME: "image/jpeg", Data: drawing(s, asJPEG), Caption: "psst", ViewOnce: true}})
	seen, err := s.alice.WaitAfter(s.ctx, mark, "the notice", func(e person.Seen) bool {
		return e.Sender == rig.Ghost(carolNumber) && e.Message() != nil && e.Message().MsgType == event.MsgNotice && strings.Contains(e.Message().Body, "only once")
	})
	require.NoError(s, err)
	require.Equal(s, true, seen.Content.Raw["chat.causeway.view_once"])
	require.NotContains(s, seen.Message().Body, "psst")
}

func (s *story) deletedForMe() {
	s.step("what Alice deletes on her phone for herself")
	s.phoneSays(carolNumber, aliceNumber, "alice will not keep this")
	s.note(s.direct, rig.Ghost(carolNumber), "alice will not keep this")
	shown := s.seenText(s.alice, s.direct, rig.Ghost(carolNumber), "alice will not keep this")
	onPhone := s.onPhone(aliceNumber, withText("alice will not keep this"))
	require.NoError(s, s.rig.Network.DeleteForMe(s.ctx, aliceNumber, carolNumber, onPhone.ID))
	s.seenRemoval(s.alice, rig.Bot, shown)
}

func (s *story) deletedIsMarked() {
	s.step("what is deleted is marked, what should disappear stays")
	carol := rig.Ghost(carolNumber)
	s.does(carolNumber, api.Send{Chat: aliceNumber, Text: "it would be gone", Expiration: 1})
	s.note(s.direct, carol, "it would be gone")
	stays := s.seenText(s.alice, s.direct, carol, "it would be gone")
	s.phoneSays(carolNumber, aliceNumber, "never mind this")
	s.note(s.direct, carol, "never mind this")
	sent := s.onPhone(carolNumber, withText("never mind this"))
	shown := s.seenText(s.alice, s.direct, carol, "never mind this")
	s.does(carolNumber, api.Send{Chat: aliceNumber, Revoke: sent.ID})
	_, err := s.alice.WaitEvent(s.ctx, "the mark", func(e person.Seen) bool {
		return e.Sender == carol && e.Message() != nil && e.Message().RelatesTo.GetReplyTo() == shown && strings.Contains(e.Message().Body, "Deleted on WhatsApp")
	})
	require.NoError(s, err)
	for _, e := range s.alice.In(s.direct) {
		require.NotContains(s, []id.EventID{stays, shown}, e.Removed())
	}
}

func (s *story) keptFiles() {
	s.step("a file to be seen once is shown, with a mark")
	mark := s.alice.Mark()
	s.does(carolNumber, api.Send{Chat: aliceNumber, Media: &api.OutgoingMedia{Kind: "image", MIME: "image/jpeg", Data: drawing(s, asJPEG), Caption: "psst", ViewOnce: true}})
	seen, m := s.sees(mark, rig.Ghost(carolNumber), event.MsgImage)
	require.Equal(s, true, seen.Content.Raw["chat.causeway.view_once"])
	require.Contains(s, m.Body, "only once: psst")
	require.True(s, bytes.Equal(drawing(s, asJPEG), s.download(m.URL)))
}

// TestLifeInAGroup is about what admins and the group's own settings do to messages.
func TestLifeInAGroup(t *testing.T) {
	t.Parallel()
	s := linked(t, rig.SQLite)
	group, err := s.rig.Network.CreateGroup(s.ctx, api.NewGroup{Subject: "Tea", Creator: carolNumber, Participants: []string{aliceNumber, daveNumber}})
	require.NoError(t, err)
	s.group = group.JID
	s.phoneSays(carolNumber, s.group, "welcome to tea")
	invitation, err := s.alice.AcceptInvite(s.ctx, "the group", func(i person.Invitation) bool { return i.Room != s.direct })
	require.NoError(t, err)
	s.shared = invitation.Room
	s.timerOfTheGroup()
	s.adminRemoves()
}

func (s *story) timerOfTheGroup() {
	s.step("the group's timer")
	week := 7 * 86400
	require.NoError(s, s.rig.Network.PatchGroup(s.ctx, s.group, api.GroupPatch{By: carolNumber, Disappearing: &week}))
	_, err := s.alice.WaitEvent(s.ctx, "the timer of the group", func(e person.Seen) bool {
		return e.RoomID == s.shared && e.Type.Type == "com.beeper.disappearing_timer" && e.Content.Raw["timer"] == float64(week*1000)
	})
	require.NoError(s, err)
	_, err = s.alice.WaitEvent(s.ctx, "who has set it", func(e person.Seen) bool {
		return e.RoomID == s.shared && e.Sender == rig.Ghost(carolNumber) && e.Message() != nil && strings.Contains(e.Message().Body, "7 days after")
	})
	require.NoError(s, err)
	s.writes(s.shared, "gone in a week")
	require.Equal(s, uint32(week), contextIn(s.onPhone(daveNumber, withText("gone in a week"))).Text.Context.Expiration)
}

func (s *story) adminRemoves() {
	s.step("admins remove what others said")
	s.writes(s.shared, "carol will remove this")
	mine := s.onPhone(carolNumber, withText("carol will remove this"))
	shown := s.seenText(s.alice, s.shared, s.alice.ID, "carol will remove this")
	s.does(carolNumber, api.Send{Chat: s.group, Revoke: mine.ID})
	s.seenRemoval(s.alice, rig.Bot, shown)

	s.phoneSays(daveNumber, s.group, "alice will remove this")
	his := s.onPhone(carolNumber, withText("alice will remove this"))
	shown = s.seenText(s.alice, s.shared, rig.Ghost(daveNumber), "alice will remove this")
	bot, err := mautrix.NewClient(s.rig.Homeserver.URL(), rig.Bot, setting(s.T, s.rig.Config, "as_token"))
	require.NoError(s, err)
	levels := &event.PowerLevelsEventContent{}
	require.NoError(s, bot.StateEvent(s.ctx, s.shared, event.StatePowerLevels, "", levels))
	levels.SetUserLevel(s.alice.ID, levels.Redact())
	_, err = bot.SendStateEvent(s.ctx, s.shared, event.StatePowerLevels, "", levels)
	require.NoError(s, err)
	require.NoError(s, s.rig.Network.Participants(s.ctx, s.group, api.Participants{By: carolNumber, Action: "promote", Participants: []string{aliceNumber}}))
	_, err = s.alice.Redact(s.ctx, s.shared, shown)
	require.NoError(s, err)
	s.onPhone(carolNumber, func(m api.Message) bool { return m.Revoked == his.ID })
}
