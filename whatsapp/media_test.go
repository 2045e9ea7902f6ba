package whatsapp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/inbox"
	"causeway/media"
	"causeway/outbox"
	"causeway/queue"
	"causeway/simulator"
)

// maxFile is the limit of the tests' bridge, in bytes.
const maxFile = 1 << 20

// shelf stands for the files on Matrix.
type shelf struct {
	mu    sync.Mutex
	files map[id.ContentURIString][]byte
	asked map[id.ContentURIString]int
	pages map[string]media.Page
}

func (s *shelf) Page(ctx context.Context, address string) (media.Page, error) {
	s.mu.Lock()
	page, ok := s.pages[address]
	s.mu.Unlock()
	if !ok {
		return page, media.ErrGone
	}
	if page.Title == "never" { // a page that does not answer
		<-ctx.Done()
		return page, ctx.Err()
	}
	return page, nil
}

func (s *shelf) add(content []byte) id.ContentURIString {
	s.mu.Lock()
	defer s.mu.Unlock()
	address := id.ContentURIString(fmt.Sprintf("mxc://example.com/%d", len(s.files)))
	s.files[address] = content
	return address
}

func (s *shelf) Download(_ context.Context, address id.ContentURIString, into *media.File) error {
	s.mu.Lock()
	content, ok := s.files[address]
	if s.asked == nil {
		s.asked = map[id.ContentURIString]int{}
	}
	s.asked[address]++
	s.mu.Unlock()
	if !ok {
		return media.ErrGone
	}
	return into.Fill(bytes.NewReader(content))
}

func randomBytes(size int) []byte {
	out := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(size)}).Read(out)
	return out
}

func drawn(t *testing.T, encode func(io.Writer, image.Image) error) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, encode(&out, image.NewGray(image.Rect(0, 0, 120, 60))))
	return out.Bytes()
}

func asJPEG(w io.Writer, m image.Image) error { return jpeg.Encode(w, m, nil) }
func asGIF(w io.Writer, m image.Image) error  { return gif.Encode(w, m, nil) }

// movingGIF has two frames.
func movingGIF(t *testing.T) []byte {
	t.Helper()
	frame := func(c color.Color) *image.Paletted {
		return image.NewPaletted(image.Rect(0, 0, 40, 20), color.Palette{c})
	}
	var out bytes.Buffer
	require.NoError(t, gif.EncodeAll(&out, &gif.GIF{Image: []*image.Paletted{frame(color.Black), frame(color.White)}, Delay: []int{10, 10}}))
	return out.Bytes()
}

// sendFile asks for a message with a file to be sent to bob.
func (b *bridge) sendFile(t *testing.T, messageID string, message *waE2E.Message, file outbox.FileOnMatrix) {
	t.Helper()
	content, err := proto.Marshal(message)
	require.NoError(t, err)
	require.NoError(t, b.out.SendWhatsApp(t.Context(), outbox.SendWhatsApp{Login: mine, Chat: b.w.bob.JID(),
		Message: database.MessageKey{Portal: 1, ID: messageID}, Content: content, File: &file}))
}

func TestFilesToWhatsApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	picture, webp := drawn(t, asJPEG), append([]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x00\x00\x00\x00\x00\x00\x00\x00\xff\x01\x00\xff\x01\x00"), randomBytes(500)...)
	film, voice := append([]byte("\x00\x00\x00\x18ftypmp42"), randomBytes(200_000)...), append([]byte("OggS\x00\x02 OpusHead"), randomBytes(5000)...)
	image := func() *waE2E.Message {
		return &waE2E.Message{ImageMessage: &waE2E.ImageMessage{Caption: proto.String("look")}}
	}
	for name, c := range map[string]struct {
		message *waE2E.Message
		content []byte
		mime    string
		changed bool // into another format
		check   func(t *testing.T, m *waE2E.Message)
	}{
		"image": {image(), picture, "image/jpeg", false, func(t *testing.T, m *waE2E.Message) {
			require.Equal(t, "look", m.GetImageMessage().GetCaption())
			require.EqualValues(t, 120, m.GetImageMessage().GetWidth())
			config, err := jpeg.DecodeConfig(bytes.NewReader(m.GetImageMessage().GetJPEGThumbnail()))
			require.NoError(t, err)
			require.Equal(t, []int{120, 60}, []int{config.Width, config.Height})
		}},
		"png": {image(), drawn(t, png.Encode), "image/jpeg", true, func(t *testing.T, m *waE2E.Message) {
			require.EqualValues(t, 60, m.GetImageMessage().GetHeight())
		}},
		"gif that stands still": {image(), drawn(t, asGIF), "image/jpeg", true, func(t *testing.T, m *waE2E.Message) {
			require.EqualValues(t, 60, m.GetImageMessage().GetHeight())
		}},
		"gif, which needs ffmpeg": {image(), movingGIF(t), "image/gif", false, func(t *testing.T, m *waE2E.Message) {
			document := m.GetDocumentWithCaptionMessage().GetMessage().GetDocumentMessage()
			require.Equal(t, []string{"look", "name"}, []string{document.GetCaption(), document.GetFileName()})
		}},
		"no image": {image(), []byte("text"), "x/y", false, nil},
		"video": {&waE2E.Message{VideoMessage: &waE2E.VideoMessage{GifPlayback: proto.Bool(true)}}, film, "video/mp4", false, func(t *testing.T, m *waE2E.Message) {
			require.True(t, m.GetVideoMessage().GetGifPlayback())
			require.NotEmpty(t, m.GetVideoMessage().GetJPEGThumbnail(), "of the picture that came with it")
		}},
		"voice": {&waE2E.Message{AudioMessage: &waE2E.AudioMessage{PTT: proto.Bool(true), Waveform: []byte{1}}}, voice, media.Opus, false, func(t *testing.T, m *waE2E.Message) {
			require.True(t, m.GetAudioMessage().GetPTT())
			require.Equal(t, []byte{1}, m.GetAudioMessage().GetWaveform())
		}},
		"voice of another kind": {&waE2E.Message{AudioMessage: &waE2E.AudioMessage{PTT: proto.Bool(true)}}, []byte("ID3 xyz"), "audio/mpeg", false, func(t *testing.T, m *waE2E.Message) {
			require.False(t, m.GetAudioMessage().GetPTT())
		}},
		"sticker": {&waE2E.Message{StickerMessage: &waE2E.StickerMessage{}}, webp, "image/webp", false, func(t *testing.T, m *waE2E.Message) {
			require.EqualValues(t, 512, m.GetStickerMessage().GetWidth())
		}},
		"sticker of another kind": {&waE2E.Message{StickerMessage: &waE2E.StickerMessage{}}, picture, "image/webp", true, func(t *testing.T, m *waE2E.Message) {
			require.EqualValues(t, 512, m.GetStickerMessage().GetHeight())
			require.NotEmpty(t, m.GetStickerMessage().GetPngThumbnail())
		}},
		"sticker that is no picture": {&waE2E.Message{StickerMessage: &waE2E.StickerMessage{}}, []byte("text"), "x/y", false, func(t *testing.T, m *waE2E.Message) {
			require.Equal(t, "name", m.GetDocumentMessage().GetFileName())
		}},
		"sticker that moves, which needs ffmpeg": {&waE2E.Message{StickerMessage: &waE2E.StickerMessage{}}, movingGIF(t), "image/webp", true, func(t *testing.T, m *waE2E.Message) {
			require.False(t, m.GetStickerMessage().GetIsAnimated())
		}},
		"cut off": {image(), picture[:len(picture)-30], "image/jpeg", false, func(t *testing.T, m *waE2E.Message) {
			require.NotNil(t, m.GetDocumentWithCaptionMessage())
		}},
		"film as an image": {image(), film, "video/mp4", false, func(t *testing.T, m *waE2E.Message) {
			require.Equal(t, "look", m.GetVideoMessage().GetCaption())
		}},
		"image as a film": {&waE2E.Message{VideoMessage: &waE2E.VideoMessage{}}, picture, "image/jpeg", false, func(t *testing.T, m *waE2E.Message) {
			require.NotNil(t, m.GetImageMessage())
		}},
		"film that needs ffmpeg": {&waE2E.Message{VideoMessage: &waE2E.VideoMessage{}}, []byte("\x1aE\xdf\xa3....B\x82\x84webm"), "video/webm", false, func(t *testing.T, m *waE2E.Message) {
			require.NotNil(t, m.GetDocumentMessage())
		}},
		"round film": {&waE2E.Message{PtvMessage: &waE2E.VideoMessage{Width: proto.Uint32(9), Height: proto.Uint32(9)}}, film, "video/mp4", false, func(t *testing.T, m *waE2E.Message) {
			require.NotNil(t, m.GetPtvMessage())
		}},
		"round film that is not square": {&waE2E.Message{PtvMessage: &waE2E.VideoMessage{Width: proto.Uint32(9), Height: proto.Uint32(8)}}, film, "video/mp4", false, func(t *testing.T, m *waE2E.Message) {
			require.NotNil(t, m.GetVideoMessage())
		}},
		"document": {&waE2E.Message{DocumentMessage: &waE2E.DocumentMessage{FileName: proto.String("a.pdf")}}, append([]byte("%PDF-"), randomBytes(maxFile-5)...), "application/pdf", false, func(t *testing.T, m *waE2E.Message) {
			require.Equal(t, "a.pdf", m.GetDocumentMessage().GetFileName())
		}},
	} {
		messageID := "3EB0" + name
		b.sendFile(t, messageID, c.message, outbox.FileOnMatrix{URL: w.files.add(c.content), MIME: "x/y", Thumbnail: w.files.add(picture), Name: "name"})
		m := w.hears(t, messageID)
		mime, sum, size, ok := simulator.FileOf(m)
		require.True(t, ok, name)
		require.Equal(t, c.mime, mime, name)
		got, err := w.bob.File(fmt.Sprintf("%x", sum))
		require.NoError(t, err, name)
		require.EqualValues(t, len(got), size, name)
		require.Equal(t, c.changed, !bytes.Equal(c.content, got), name)
		if c.check != nil {
			c.check(t, m.Message)
		}
	}
	b.tokened(t)
	b.drained(t)
	w.strict(t)
	b.tells(t, "3EB0gif, which needs ffmpeg", "has no ffmpeg")
	b.tells(t, "3EB0cut off", "damaged or cut off")
	b.tells(t, "3EB0voice of another kind", "as an audio file and not as a voice message")
}

// tells waits until the sender of a message is told how its file went.
func (b *bridge) tells(t *testing.T, messageID, words string) {
	t.Helper()
	b.until(t, messageID, func() bool {
		return slices.ContainsFunc(b.arrived, func(e queue.Entry) bool {
			if e.Kind != inbox.KindSentOtherwise {
				return false
			}
			var told inbox.SentOtherwise
			return json.Unmarshal(e.Payload, &told) == nil && told.Message.ID == messageID && strings.Contains(told.Text, words)
		})
	})
}

// The answer to the send is lost: the repeat is the same message about the same file, which is not moved again. A message
// about another copy would be another message.
func TestFileIsMovedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	address := w.files.add(drawn(t, asJPEG))
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.Nack, Device: mine, Code: 500, Count: 2}))
	b.sendFile(t, "3EB0FILE", &waE2E.Message{ImageMessage: &waE2E.ImageMessage{}}, outbox.FileOnMatrix{URL: address})
	w.hears(t, "3EB0FILE")
	b.tokened(t)
	b.drained(t)
	require.Equal(t, 1, w.files.asked[address])
	w.strict(t)
}

func TestFilesThatCannotBeSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	for i, c := range []struct {
		address id.ContentURIString
		fault   int
		code    string
	}{
		{address: w.files.add(randomBytes(maxFile + 1)), code: "too_large"},
		{address: "mxc://example.com/nothing", code: "no_file"},
		{address: w.files.add(nil), code: "broken_file"},
		{address: w.files.add([]byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`)), code: "unsupported_file"},
		{address: w.files.add([]byte("x")), fault: 413, code: "too_large"},
		{address: w.files.add([]byte("y")), fault: 503, code: "file_not_moved"},
	} {
		if c.fault > 0 {
			times := attachTries
			if c.fault == 413 {
				times = 1
			}
			require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.MediaStatus, Code: c.fault, Count: times}))
		}
		message := &waE2E.Message{DocumentMessage: &waE2E.DocumentMessage{}}
		if c.code == "unsupported_file" {
			message = &waE2E.Message{ImageMessage: &waE2E.ImageMessage{}}
		}
		b.sendFile(t, fmt.Sprint("3EB0NO", i), message, outbox.FileOnMatrix{URL: c.address})
		b.until(t, c.code, func() bool { return len(b.reject) > i })
		require.Equal(t, c.code, b.reject[i].Code)
		require.Contains(t, b.reject[i].Text, "This was not sent to WhatsApp: ")
	}
	b.send(t, "3EB0NEXT", "the chat goes on")
	w.hears(t, "3EB0NEXT")
	b.tokened(t)
	b.drained(t)
}

// fileOf is a file as a decider would have it brought to Matrix.
func fileOf(t *testing.T, m *waE2E.Message) outbox.FileOnWhatsApp {
	t.Helper()
	part := m.GetImageMessage()
	require.NotNil(t, part)
	return outbox.FileOnWhatsApp{Login: mine, Class: "image", Path: part.GetDirectPath(), Key: part.GetMediaKey(), SHA256: part.GetFileSHA256(),
		EncSHA256: part.GetFileEncSHA256(), Size: part.GetFileLength()}
}

func TestFilesFromWhatsApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	content := randomBytes(300_000)
	sent, err := w.bob.SendMedia(limit(t), mine, simulator.Media{Kind: simulator.MediaImage, MIME: "image/jpeg", Data: content})
	require.NoError(t, err)
	var message waE2E.Message
	require.NoError(t, proto.Unmarshal(b.message(t, sent.ID).Message, &message))
	good := fileOf(t, &message)
	depot, err := media.Open(media.Options{Dir: t.TempDir(), Limit: 1 << 20})
	require.NoError(t, err)
	download := func(f outbox.FileOnWhatsApp, limit int64) ([]byte, error) {
		ctx, transfer, err := depot.Begin(t.Context())
		require.NoError(t, err)
		defer transfer.End()
		file, err := transfer.File(limit)
		require.NoError(t, err)
		if err := b.Download(ctx, f, file); err != nil {
			return nil, transfer.Explain(err)
		}
		require.NoError(t, file.Rewind())
		got, err := io.ReadAll(file)
		require.NoError(t, err)
		return got, nil
	}
	got, err := download(good, 0)
	require.NoError(t, err)
	require.True(t, bytes.Equal(content, got))
	for name, spoil := range map[string]func(f *outbox.FileOnWhatsApp){
		"hash":           func(f *outbox.FileOnWhatsApp) { f.SHA256 = make([]byte, 32) },
		"encrypted hash": func(f *outbox.FileOnWhatsApp) { f.EncSHA256 = make([]byte, 32) },
		"key":            func(f *outbox.FileOnWhatsApp) { f.Key = make([]byte, 32) },
		"no key":         func(f *outbox.FileOnWhatsApp) { f.Key = nil },
		"no hash":        func(f *outbox.FileOnWhatsApp) { f.EncSHA256 = nil },
		"class":          func(f *outbox.FileOnWhatsApp) { f.Class = "audio" },
		"no class":       func(f *outbox.FileOnWhatsApp) { f.Class = "" },
		"path":           func(f *outbox.FileOnWhatsApp) { f.Path = ".example.com" + f.Path },
	} {
		bad := good
		spoil(&bad)
		_, err := download(bad, 0)
		require.ErrorIs(t, err, media.ErrBroken, name)
	}
	_, err = download(good, 200_000)
	require.ErrorIs(t, err, media.ErrTooLarge, "whatever its message said")
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.MediaStatus, Code: 410}))
	_, err = download(good, 0)
	require.ErrorIs(t, err, media.ErrGone)
	require.NoError(t, w.ExpireFile(good.Path))
	_, err = download(good, 0)
	require.ErrorIs(t, err, media.ErrGone)

	other := good
	other.Login = "4900000"
	_, err = download(other, 0)
	require.ErrorIs(t, err, media.ErrGone, "any connection will do")
	b.Stop()
	var refusal *queue.Reject
	_, err = download(other, 0)
	require.ErrorAs(t, err, &refusal, "a login that is not there will not come back")
}

func TestDownloadWaitsForConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	b.Stop()
	f := outbox.FileOnWhatsApp{Login: mine, Class: "image", Path: "/x?y", Key: make([]byte, 32), SHA256: make([]byte, 32), EncSHA256: make([]byte, 32)}
	var wait *queue.Park
	require.ErrorAs(t, b.Download(t.Context(), f, nil), &wait)
	require.Equal(t, outbox.ConnectionOf(mine), wait.Name)
}
