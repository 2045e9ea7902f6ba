package simulator_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waMmsRetry"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"

	"causeway/simulator"
)

// A phone answers a companion that asks for a file, in each of its ways, as whatsmeow reads it.
func TestPhonesServeFilesAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.link(t, w.me)
	for what, want := range map[simulator.MediaRetry]waMmsRetry.MediaRetryNotification_ResultType{
		simulator.MediaServe:   waMmsRetry.MediaRetryNotification_SUCCESS,
		simulator.MediaMissing: waMmsRetry.MediaRetryNotification_NOT_FOUND,
		simulator.MediaFail:    waMmsRetry.MediaRetryNotification_GENERAL_ERROR,
	} {
		require.NoError(t, w.me.SetMediaRetry(what))
		sent, err := w.bob.SendMedia(limit(t), mine, simulator.Media{Kind: simulator.MediaImage, MIME: "image/jpeg", Data: random(5_000)})
		require.NoError(t, err)
		got := arrived(t, c, sent.ID)
		hears(t, w.me, sent.ID)
		image := got.Message.GetImageMessage()
		require.NoError(t, c.SendMediaRetryReceipt(limit(t), &got.Info, image.GetMediaKey()))
		answer := await(t, c, func(e *events.MediaRetry) bool { return e.MessageID == sent.ID })
		said, err := whatsmeow.DecryptMediaRetryNotification(answer, image.GetMediaKey())
		require.NoError(t, err)
		require.Equal(t, want, said.GetResult(), what)
		if want != waMmsRetry.MediaRetryNotification_SUCCESS {
			continue
		}
		require.NotEqual(t, image.GetDirectPath(), said.GetDirectPath())
		image.DirectPath, image.URL = said.DirectPath, nil
		content, err := c.Download(limit(t), image)
		require.NoError(t, err)
		require.Equal(t, random(5_000), content)
	}
	require.Error(t, w.me.SetMediaRetry("sometimes"))
}

// What else becomes of messages reaches a companion in the form that whatsmeow reads.
func TestLifeOfMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.link(t, w.me)
	sent := w.send(t, w.bob, simulator.Outgoing{Chat: mine, Text: "soon gone", Expiration: 60})
	about := arrived(t, c, sent.ID).Message.GetExtendedTextMessage().GetContextInfo()
	require.Equal(t, uint32(60), about.GetExpiration())
	require.NoError(t, w.bob.SetTimer(limit(t), mine, 3600))
	await(t, c, func(m *events.Message) bool {
		return m.Message.GetProtocolMessage().GetType() == waE2E.ProtocolMessage_EPHEMERAL_SETTING && m.Message.GetProtocolMessage().GetEphemeralExpiration() == 3600
	})
	pin := w.send(t, w.bob, simulator.Outgoing{Chat: mine, Pin: &simulator.Pin{ID: sent.ID, Seconds: 86400}})
	got := arrived(t, c, pin.ID)
	require.Equal(t, sent.ID, got.Message.GetPinInChatMessage().GetKey().GetID())
	require.Equal(t, uint32(86400), got.Message.GetMessageContextInfo().GetMessageAddOnDurationInSecs())

	album := w.send(t, w.bob, simulator.Outgoing{Chat: mine, Message: &waE2E.Message{AlbumMessage: &waE2E.AlbumMessage{ExpectedImageCount: proto.Uint32(1)}}})
	item := w.send(t, w.bob, simulator.Outgoing{Chat: mine, Parent: &simulator.Parent{ID: album.ID, Kind: "album"},
		Media: &simulator.Media{Kind: simulator.MediaImage, MIME: "image/jpeg", Data: random(10)}})
	got = arrived(t, c, item.ID)
	require.Equal(t, album.ID, got.Message.GetMessageContextInfo().GetMessageAssociation().GetParentMessageKey().GetID())
	once := w.send(t, w.bob, simulator.Outgoing{Chat: mine, Media: &simulator.Media{Kind: simulator.MediaImage, MIME: "image/jpeg", Data: random(11), ViewOnce: true}})
	require.True(t, arrived(t, c, once.ID).IsViewOnce)

	hears(t, w.me, sent.ID)
	require.NoError(t, w.me.DeleteForMe(limit(t), bobs, sent.ID))
	gone := await[*events.DeleteForMe](t, c, nil)
	require.Equal(t, sent.ID, gone.MessageID)
	require.False(t, gone.IsFromMe)
	require.Error(t, w.me.DeleteForMe(limit(t), bobs, "UNKNOWN"))
}
