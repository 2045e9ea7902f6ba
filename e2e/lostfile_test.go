package e2e

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/e2e/person"
	"causeway/e2e/rig"
	"causeway/simulator/control/api"
)

// TestLostFiles is about files that WhatsApp has no more, and the phone still has.
func TestLostFiles(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, database string) {
		s := linked(t, database)
		s.fileByItself()
		s.fileNobodyHas()
		s.fileWithTheBridgeKilled()
		s.talkAfter()
	})
}

// losesFile lets Carol send a picture that WhatsApp does not have when the bridge looks, and returns the notice.
func (s *story) losesFile(caption string) id.EventID {
	s.Helper()
	mark := s.alice.Mark()
	require.NoError(s, s.rig.Network.Fault(s.ctx, api.Fault{Kind: "media_status", Code: 410}))
	s.does(carolNumber, api.Send{Chat: aliceNumber, Media: &api.OutgoingMedia{Kind: "image", MIME: "image/jpeg", Data: drawing(s, asJPEG), Caption: caption}})
	seen, err := s.alice.WaitAfter(s.ctx, mark, "the notice", func(e person.Seen) bool {
		return e.Sender == rig.Ghost(carolNumber) && e.Message() != nil && e.Message().MsgType == event.MsgNotice &&
			strings.Contains(e.Message().Body, "does not have it any more") && strings.Contains(e.Message().Body, caption)
	})
	require.NoError(s, err)
	return seen.ID
}

// phoneDoes decides what Alice's phone does when it is asked for a file.
func (s *story) phoneDoes(what string) {
	s.Helper()
	require.NoError(s, s.rig.Network.PatchPhone(s.ctx, aliceNumber, api.PhonePatch{MediaRetry: &what}))
}

func (s *story) fileByItself() {
	s.step("the phone is asked by itself")
	s.phoneDoes("serve")
	found := s.seenEdit(s.losesFile("found again"), "found again")
	require.Equal(s, event.MsgImage, found.MsgType)
	require.True(s, bytes.Equal(drawing(s, asJPEG), s.download(found.URL)))
}

func (s *story) fileNobodyHas() {
	s.step("the phone does not have the file either")
	s.phoneDoes("missing")
	s.seenEdit(s.losesFile("lost for good"), "not on your phone any more either")
	s.phoneDoes("fail")
	s.seenEdit(s.losesFile("broken for good"), "could not send this file")
}

func (s *story) fileWithTheBridgeKilled() {
	s.step("the phone is off, and the bridge is killed")
	s.phoneDoes("serve")
	off, on := false, true
	require.NoError(s, s.rig.Network.PatchPhone(s.ctx, aliceNumber, api.PhonePatch{Online: &off}))
	notice := s.losesFile("found much later")
	s.rig.KillBridge()
	require.NoError(s, s.rig.StartBridge(s.ctx))
	require.NoError(s, s.rig.Network.PatchPhone(s.ctx, aliceNumber, api.PhonePatch{Online: &on}))
	require.Equal(s, event.MsgImage, s.seenEdit(notice, "found much later").MsgType)
}

func (s *story) filesOnRequest() {
	s.step("the phone is asked by a reaction, and by a command")
	notice := s.losesFile("wanted by reaction")
	_, err := s.alice.React(s.ctx, s.direct, notice, "♻️")
	require.NoError(s, err)
	require.Equal(s, event.MsgImage, s.seenEdit(notice, "wanted by reaction").MsgType)

	notice = s.losesFile("wanted by command")
	_, err = s.alice.Reply(s.ctx, s.direct, notice, "!wa retry-media")
	require.NoError(s, err)
	require.Equal(s, event.MsgImage, s.seenEdit(notice, "wanted by command").MsgType)
	command, err := s.alice.Send(s.ctx, s.direct, "!wa retry-media")
	require.NoError(s, err)
	s.notice(s.direct, command, "as an answer")
}
