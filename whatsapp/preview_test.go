package whatsapp

import (
	"bytes"
	"image/jpeg"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"

	"causeway/database"
	"causeway/media"
	"causeway/outbox"
	"causeway/simulator"
)

// A text is sent with what is known of a page, and without what cannot be had.
func TestPreviews(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	picture := w.files.add(drawn(t, asJPEG))
	w.files.mu.Lock()
	w.files.pages = map[string]media.Page{
		"https://a.example/": {Title: "A page", Description: "About it", Picture: picture},
		"https://b.example/": {},
		"https://c.example/": {Title: "never"},
	}
	w.files.mu.Unlock()
	known := &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: proto.String("see https://k.example"), MatchedText: proto.String("https://k.example"), Title: proto.String("Known")}}
	for name, c := range map[string]struct {
		message        *waE2E.Message
		preview        outbox.PreviewOnMatrix
		title, matched string
		picture        bool
	}{
		"asked":        {&waE2E.Message{Conversation: proto.String("see https://a.example/")}, outbox.PreviewOnMatrix{Address: "https://a.example/"}, "A page", "https://a.example/", true},
		"nothing":      {&waE2E.Message{Conversation: proto.String("see https://b.example/")}, outbox.PreviewOnMatrix{Address: "https://b.example/"}, "", "", false},
		"not there":    {&waE2E.Message{Conversation: proto.String("see https://x.example/")}, outbox.PreviewOnMatrix{Address: "https://x.example/"}, "", "", false},
		"known":        {known, outbox.PreviewOnMatrix{Picture: picture}, "Known", "https://k.example", true},
		"lost picture": {known, outbox.PreviewOnMatrix{Picture: "mxc://example.com/nowhere"}, "Known", "https://k.example", false},
	} {
		content, err := proto.Marshal(c.message)
		require.NoError(t, err)
		require.NoError(t, b.out.SendWhatsApp(t.Context(), outbox.SendWhatsApp{Login: mine, Chat: w.bob.JID(),
			Message: database.MessageKey{Portal: 1, ID: "PREVIEW-" + name}, Content: content, Preview: &c.preview}))
		m, err := w.bob.WaitMessage(t.Context(), func(m simulator.Message) bool { return m.ID == "PREVIEW-"+name })
		require.NoError(t, err)
		text := m.Message.GetExtendedTextMessage()
		require.Equal(t, c.title, text.GetTitle(), name)
		require.Equal(t, c.matched, text.GetMatchedText(), name)
		require.Equal(t, c.picture, len(text.GetJPEGThumbnail()) > 0, name)
		if c.picture {
			_, err := jpeg.DecodeConfig(bytes.NewReader(text.GetJPEGThumbnail()))
			require.NoError(t, err)
		}
		require.Contains(t, m.Text, "see https://", name)
	}
}

// A repeat shows the same preview, and asks for nothing again.
func TestPreviewIsWrittenDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	picture := w.files.add(drawn(t, asJPEG))
	content, err := proto.Marshal(&waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{
		Text: proto.String("see https://k.example"), MatchedText: proto.String("https://k.example"), Title: proto.String("Known")}})
	require.NoError(t, err)
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.Nack, Device: mine, Code: 500, Count: 2}))
	require.NoError(t, b.out.SendWhatsApp(t.Context(), outbox.SendWhatsApp{Login: mine, Chat: w.bob.JID(),
		Message: database.MessageKey{Portal: 1, ID: "PREVIEW-TWICE"}, Content: content, Preview: &outbox.PreviewOnMatrix{Picture: picture}}))
	w.hears(t, "PREVIEW-TWICE")
	b.drained(t)
	w.files.mu.Lock()
	defer w.files.mu.Unlock()
	require.Equal(t, 1, w.files.asked[picture])
}
