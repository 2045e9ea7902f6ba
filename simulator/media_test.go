package simulator_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"causeway/simulator"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"
)

func random(size int) []byte {
	out := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(out)
	return out
}

func sum(content []byte) string {
	s := sha256.Sum256(content)
	return hex.EncodeToString(s[:])
}

// file waits for a message and downloads its file.
func (c *companion) file(t *testing.T, id string) (*waE2E.Message, []byte) {
	t.Helper()
	m := await(t, c, func(m *events.Message) bool { return m.Info.ID == id }).Message
	for _, file := range []whatsmeow.DownloadableMessage{m.ImageMessage, m.VideoMessage, m.PtvMessage, m.AudioMessage, m.DocumentMessage, m.StickerMessage} {
		if file.GetDirectPath() != "" {
			content, err := c.Download(limit(t), file)
			require.NoError(t, err)
			return m, content
		}
	}
	require.FailNow(t, "no file", "%s has none", id)
	return nil, nil
}

func TestMediaFromPhones(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.link(t, w.me)
	for _, m := range []simulator.Media{
		{Kind: simulator.MediaImage, MIME: "image/jpeg", Caption: "look", Width: 3, Height: 2, Thumbnail: []byte("small")},
		{Kind: simulator.MediaVideo, MIME: "video/mp4", Seconds: 7},
		{Kind: simulator.MediaGIF, MIME: "video/mp4"},
		{Kind: simulator.MediaVideoNote, MIME: "video/mp4"},
		{Kind: simulator.MediaAudio, MIME: "audio/mpeg", Seconds: 3},
		{Kind: simulator.MediaVoice, MIME: "audio/ogg; codecs=opus", Seconds: 3, Waveform: []byte{1, 2}},
		{Kind: simulator.MediaDocument, MIME: "application/pdf", FileName: "a.pdf", Caption: "read"},
		{Kind: simulator.MediaSticker, MIME: "image/webp"},
	} {
		m.Data = random(100_001)
		sent, err := w.bob.SendMedia(limit(t), mine, m)
		require.NoError(t, err)
		got, content := c.file(t, sent.ID)
		require.True(t, bytes.Equal(m.Data, content), m.Kind)
		seen := hears(t, w.me, sent.ID)
		require.Equal(t, m.Caption, seen.Text)
		mime, hash, size, ok := simulator.FileOf(seen)
		require.True(t, ok)
		require.Equal(t, []any{m.MIME, sum(content), uint64(100_001)}, []any{mime, hex.EncodeToString(hash), size})
		content, err = w.me.File(sum(content))
		require.NoError(t, err)
		require.True(t, bytes.Equal(m.Data, content))
		switch m.Kind {
		case simulator.MediaImage:
			require.Equal(t, m.Thumbnail, got.GetImageMessage().GetJPEGThumbnail())
		case simulator.MediaGIF:
			require.True(t, got.GetVideoMessage().GetGifPlayback())
		case simulator.MediaVoice:
			require.True(t, got.GetAudioMessage().GetPTT())
			require.Equal(t, m.Waveform, got.GetAudioMessage().GetWaveform())
		case simulator.MediaDocument:
			require.Equal(t, "a.pdf", got.GetDocumentMessage().GetFileName())
		}
	}
	_, err := w.bob.SendMedia(limit(t), mine, simulator.Media{Kind: "smell", MIME: "x/y"})
	require.ErrorIs(t, err, simulator.ErrInvalid)
	_, err = w.bob.SendMedia(limit(t), mine, simulator.Media{Kind: simulator.MediaImage})
	require.ErrorIs(t, err, simulator.ErrInvalid)
	w.strict(t)
}

func TestMediaToPhones(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.link(t, w.me)
	content := random(300_000)
	up, err := c.UploadReader(limit(t), bytes.NewReader(content), nil, whatsmeow.MediaDocument)
	require.NoError(t, err)
	r, err := c.SendMessage(limit(t), w.bob.JID(), &waE2E.Message{DocumentMessage: &waE2E.DocumentMessage{URL: &up.URL, DirectPath: &up.DirectPath,
		MediaKey: up.MediaKey, FileSHA256: up.FileSHA256, FileEncSHA256: up.FileEncSHA256, FileLength: &up.FileLength, Mimetype: proto.String("x/y")}})
	require.NoError(t, err)
	hears(t, w.bob, r.ID)
	got, err := w.File(sum(content))
	require.NoError(t, err)
	require.True(t, bytes.Equal(content, got))
	_, err = w.WaitEvent(limit(t), func(e simulator.Event) bool { return e.Kind == "media" && e.Class == "upload" && e.Device == mine+":1" })
	require.NoError(t, err)
	w.strict(t)

	// What is said of a file must be true.
	r, err = c.SendMessage(limit(t), w.bob.JID(), &waE2E.Message{ImageMessage: &waE2E.ImageMessage{DirectPath: &up.DirectPath,
		MediaKey: up.MediaKey, FileSHA256: up.FileSHA256, FileEncSHA256: up.FileEncSHA256, FileLength: &up.FileLength, Mimetype: proto.String("image/png")}})
	require.NoError(t, err)
	hears(t, w.bob, r.ID)
	require.NotEmpty(t, w.Violations(), "a document's key opens no image")
	require.Contains(t, w.Violations()[0].Detail, "broken file")
}

func TestMediaIsLimited(t *testing.T) {
	t.Parallel()
	n, err := simulator.Start(simulator.Options{Seed: 1, MediaLimit: 1000})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	w := &world{Network: n}
	for number, p := range map[string]**simulator.Phone{mine: &w.me, bobs: &w.bob} {
		*p, err = n.AddPhone(number, "x")
		require.NoError(t, err)
	}
	c := newCompanion(t, w)
	c.link(t, w.me)
	_, err = c.Upload(limit(t), random(2000), whatsmeow.MediaImage)
	require.ErrorContains(t, err, "413")
	_, err = c.Upload(limit(t), random(900), whatsmeow.MediaImage)
	require.NoError(t, err)
	w.strict(t)
}

func TestMediaFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.link(t, w.me)
	sent, err := w.bob.SendMedia(limit(t), mine, simulator.Media{Kind: simulator.MediaImage, MIME: "image/jpeg", Random: 64 << 10})
	require.NoError(t, err)
	m, _ := c.file(t, sent.ID)
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.MediaStatus, Code: 410}))
	_, err = c.Download(limit(t), m.GetImageMessage())
	require.ErrorIs(t, err, whatsmeow.ErrMediaDownloadFailedWith410)
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.MediaStatus, Code: 503, Device: mine}))
	_, err = c.Upload(limit(t), []byte("x"), whatsmeow.MediaImage)
	require.ErrorContains(t, err, "503")

	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.SlowMedia, Delay: 50 * time.Millisecond}))
	file, err := os.Create(filepath.Join(t.TempDir(), "f"))
	require.NoError(t, err)
	begin := time.Now()
	require.NoError(t, c.DownloadToFile(limit(t), m.GetImageMessage(), file))
	require.GreaterOrEqual(t, time.Since(begin), 200*time.Millisecond)
	require.NoError(t, file.Close())
	w.strict(t)

	require.NoError(t, w.ExpireFile(m.GetImageMessage().GetDirectPath()))
	_, err = c.Download(limit(t), m.GetImageMessage())
	require.ErrorIs(t, err, whatsmeow.ErrMediaDownloadFailedWith404)
}

// What no client of whatsmeow does: a range, and uploads that are not right.
func TestMediaAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.link(t, w.me)
	up, err := c.Upload(limit(t), random(1000), whatsmeow.MediaImage)
	require.NoError(t, err)
	do := func(method, url, ranged string) (int, []byte) {
		request, err := http.NewRequestWithContext(limit(t), method, url, nil)
		require.NoError(t, err)
		if ranged != "" {
			request.Header.Set("Range", ranged)
		}
		response, err := w.HTTPClient().Do(request)
		require.NoError(t, err)
		defer func() { _ = response.Body.Close() }()
		raw, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return response.StatusCode, raw
	}
	named := up.URL + "&mms-type=image&hash=" + up.URL[len("https://mmg.whatsapp.net/v/t62.7118-24/"):][:44]
	status, whole := do("GET", named, "")
	require.Equal(t, 200, status)
	status, part := do("GET", named, "bytes=10-19")
	require.Equal(t, 206, status)
	require.Equal(t, whole[10:20], part)
	require.Empty(t, w.Violations())
	status, _ = do("POST", "https://mmg.whatsapp.net/mms/image/AAAA?auth=stolen&token=AAAA", "")
	require.Equal(t, 401, status)
	status, _ = do("GET", up.URL+"&mms-type=smell", "")
	require.Equal(t, 200, status)
	require.Len(t, w.Violations(), 2)
}
