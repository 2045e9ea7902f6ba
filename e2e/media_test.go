package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/e2e/person"
	"causeway/e2e/rig"
	"causeway/simulator"
	"causeway/simulator/control/api"
)

// TestMedia moves each kind of file both ways and compares the bytes, without ffmpeg: nothing is changed but pictures.
func TestMedia(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, database string) {
		s := linked(t, database, "CAUSEWAY_MEDIA_FFMPEG=off")
		s.filesFromWhatsApp()
		s.filesFromMatrix()
		s.filesThatCannotBeHad()
		s.killWhileMoving()
		s.talkAfter()
	})
}

// TestBigFile moves a file that is larger than the memory it may take.
func TestBigFile(t *testing.T) {
	t.Parallel()
	s := linked(t, rig.SQLite)
	s.bigFiles()
	s.talkAfter()
}

// linked is a story in which Alice has linked her account and has a chat with Carol.
func linked(t *testing.T, database string, settings ...string) *story {
	ctx, r := newRig(t, database, settings...)
	s := &story{T: t, ctx: ctx, rig: r, said: map[id.RoomID]map[id.UserID][]string{}}
	s.arrive()
	_, err := s.aliceBot.LogInByQR(s.ctx, aliceNumber)
	require.NoError(s, err)
	s.phoneSays(carolNumber, aliceNumber, "hello alice")
	invitation, err := s.alice.AcceptInvite(s.ctx, "the chat with Carol", func(person.Invitation) bool { return true })
	require.NoError(s, err)
	s.direct = invitation.Room
	s.note(s.direct, rig.Ghost(carolNumber), "hello alice")
	return s
}

func (s *story) talkAfter() {
	s.step("talk after all that")
	s.personSays(s.alice, s.direct, "alice goes on")
	s.phoneSays(carolNumber, aliceNumber, "carol goes on")
	s.note(s.direct, rig.Ghost(carolNumber), "carol goes on")
	_, err := s.alice.WaitEvent(s.ctx, "carol goes on", func(e person.Seen) bool { return e.Text() == "carol goes on" })
	require.NoError(s, err)
	s.onPhone(carolNumber, withText("alice goes on"))
	stats, err := s.rig.Network.Stats(s.ctx)
	require.NoError(s, err)
	require.Empty(s, stats.Violations)
}

func noise(size int) []byte {
	out := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(size)}).Read(out)
	return out
}

// drawing is a picture in colours.
func drawing(t require.TestingT, encode func(io.Writer, image.Image) error) []byte {
	picture := image.NewRGBA(image.Rect(0, 0, 320, 200))
	for y := range 200 {
		for x := range 320 {
			picture.Set(x, y, color.RGBA{R: uint8(x), G: uint8(y), B: 100, A: 255})
		}
	}
	var out bytes.Buffer
	require.NoError(t, encode(&out, picture))
	return out.Bytes()
}

func asJPEG(w io.Writer, m image.Image) error { return jpeg.Encode(w, m, nil) }

// The files of the tests begin as those of their kind do; what follows nobody looks at.
func film() []byte  { return append([]byte("\x00\x00\x00\x18ftypmp42"), noise(700_001)...) }
func voice() []byte { return append([]byte("OggS\x00\x02OpusHead"), noise(30_003)...) }
func music() []byte { return append([]byte("ID3\x04"), noise(200_000)...) }
func paper() []byte { return append([]byte("%PDF-1.7\n"), noise(100_000)...) }
func sticker() []byte {
	return append([]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\xff\x01\x00\xff\x01\x00"), noise(9_000)...)
}

// sees waits for an event with a file by somebody and returns its content.
func (s *story) sees(mark int, sender id.UserID, msgtype event.MessageType) (person.Seen, *event.MessageEventContent) {
	s.Helper()
	seen, err := s.alice.WaitAfter(s.ctx, mark, "a file of type "+string(msgtype), func(e person.Seen) bool {
		m := e.Message()
		return e.Sender == sender && m != nil && m.URL != "" && m.MsgType == msgtype
	})
	require.NoError(s, err)
	return seen, seen.Message()
}

func (s *story) download(address id.ContentURIString) []byte {
	s.Helper()
	content, err := s.alice.Client.DownloadBytes(s.ctx, address.ParseOrIgnore())
	require.NoError(s, err)
	return content
}

func (s *story) filesFromWhatsApp() {
	s.step("files from WhatsApp")
	carol, small := rig.Ghost(carolNumber), drawing(s, asJPEG)
	for _, c := range []struct {
		media   api.OutgoingMedia
		msgtype event.MessageType
		check   func(e person.Seen, m *event.MessageEventContent)
	}{
		{api.OutgoingMedia{Kind: "image", MIME: "image/jpeg", Data: drawing(s, asJPEG), Caption: "look", Thumbnail: small}, event.MsgImage,
			func(_ person.Seen, m *event.MessageEventContent) {
				require.Equal(s, []any{"look", "image.jpg", 320, 200, "image/jpeg"}, []any{m.Body, m.FileName, m.Info.Width, m.Info.Height, m.Info.MimeType})
				require.True(s, bytes.Equal(small, s.download(m.Info.ThumbnailURL)))
				require.Equal(s, 320, m.Info.ThumbnailInfo.Width)
			}},
		{api.OutgoingMedia{Kind: "video", MIME: "video/mp4", Data: film(), Seconds: 7, Width: 64, Height: 48}, event.MsgVideo,
			func(_ person.Seen, m *event.MessageEventContent) {
				require.Equal(s, []any{7000, 64, false}, []any{m.Info.Duration, m.Info.Width, m.Info.MauGIF})
			}},
		{api.OutgoingMedia{Kind: "gif", MIME: "video/mp4", Data: film()}, event.MsgVideo,
			func(_ person.Seen, m *event.MessageEventContent) { require.True(s, m.Info.MauGIF) }},
		{api.OutgoingMedia{Kind: "video_note", MIME: "video/mp4", Data: film()}, event.MsgVideo, nil},
		{api.OutgoingMedia{Kind: "audio", MIME: "audio/mpeg", Data: music(), Seconds: 3}, event.MsgAudio,
			func(_ person.Seen, m *event.MessageEventContent) { require.Nil(s, m.MSC3245Voice) }},
		{api.OutgoingMedia{Kind: "voice", MIME: "audio/ogg; codecs=opus", Data: voice(), Seconds: 3, Waveform: []byte{0, 50, 100}}, event.MsgAudio,
			func(_ person.Seen, m *event.MessageEventContent) {
				require.NotNil(s, m.MSC3245Voice)
				require.Equal(s, []any{3000, []int{0, 512, 1024}}, []any{m.MSC1767Audio.Duration, m.MSC1767Audio.Waveform})
			}},
		{api.OutgoingMedia{Kind: "document", MIME: "application/pdf", Data: paper(), FileName: "plan.pdf", Caption: "read"}, event.MsgFile,
			func(_ person.Seen, m *event.MessageEventContent) {
				require.Equal(s, []string{"read", "plan.pdf"}, []string{m.Body, m.FileName})
			}},
		{api.OutgoingMedia{Kind: "document", MIME: "text/plain", Data: []byte("x"), FileName: "note.txt"}, event.MsgFile,
			func(_ person.Seen, m *event.MessageEventContent) { require.Equal(s, "note.txt", m.Body) }},
		{api.OutgoingMedia{Kind: "sticker", MIME: "image/webp", Data: sticker()}, "",
			func(e person.Seen, m *event.MessageEventContent) {
				require.Equal(s, []any{"m.sticker", 256, 256}, []any{e.Type.Type, m.Info.Width, m.Info.Height})
			}},
		{api.OutgoingMedia{Kind: "image", MIME: "image/jpeg", Data: []byte("no picture")}, event.MsgFile, nil},
	} {
		mark := s.alice.Mark()
		_, err := s.rig.Network.Send(s.ctx, carolNumber, api.Send{Chat: aliceNumber, Media: &c.media})
		require.NoError(s, err)
		e, m := s.sees(mark, carol, c.msgtype)
		require.True(s, bytes.Equal(c.media.Data, s.download(m.URL)), "the bytes of the %s", c.media.Kind)
		require.Equal(s, len(c.media.Data), m.Info.Size)
		if c.check != nil {
			c.check(e, m)
		}
	}
}

// uploads puts a file on the homeserver for Alice.
func (s *story) uploads(content []byte, mime string) id.ContentURIString {
	s.Helper()
	up, err := s.alice.Client.UploadBytes(s.ctx, content, mime)
	require.NoError(s, err)
	return up.ContentURI.CUString()
}

// phoneGets waits for the message that an event of Alice's has become on Carol's phone, and for the file of it.
func (s *story) phoneGets(match func(m api.Message) bool) (api.Message, []byte) {
	s.Helper()
	m := s.onPhone(carolNumber, match)
	require.NotNil(s, m.Media)
	content, err := s.rig.Network.File(s.ctx, m.Media.SHA256)
	require.NoError(s, err)
	return m, content
}

func (s *story) filesFromMatrix() {
	s.step("files from Matrix")
	seen := map[string]bool{}
	for name, c := range map[string]struct {
		kind    event.Type
		content event.MessageEventContent
		file    []byte
		mime    string
		changed bool
		has     []string // in the protobuf as JSON
	}{
		"image": {event.EventMessage, event.MessageEventContent{MsgType: event.MsgImage, Body: "look here", FileName: "a.jpg"}, drawing(s, asJPEG), "image/jpeg", false,
			[]string{`"imageMessage"`, `"caption":"look here"`, `"width":320`, `"JPEGThumbnail"`}},
		"png": {event.EventMessage, event.MessageEventContent{MsgType: event.MsgImage, Body: "a.png"}, drawing(s, png.Encode), "image/jpeg", true,
			[]string{`"imageMessage"`, `"height":200`}},
		"video": {event.EventMessage, event.MessageEventContent{MsgType: event.MsgVideo, Body: "a.mp4", Info: &event.FileInfo{Width: 64, Height: 48, Duration: 7000,
			ThumbnailURL: s.uploads(drawing(s, asJPEG), "image/jpeg")}}, film(), "video/mp4", false,
			[]string{`"videoMessage"`, `"seconds":7`, `"width":64`, `"JPEGThumbnail"`}},
		"gif":   {event.EventMessage, event.MessageEventContent{MsgType: event.MsgVideo, Body: "a.mp4", Info: &event.FileInfo{MauGIF: true}}, film(), "video/mp4", false, []string{`"gifPlayback":true`}},
		"audio": {event.EventMessage, event.MessageEventContent{MsgType: event.MsgAudio, Body: "a.mp3", Info: &event.FileInfo{Duration: 3000}}, music(), "audio/mpeg", false, []string{`"audioMessage"`, `"seconds":3`}},
		"voice": {event.EventMessage, event.MessageEventContent{MsgType: event.MsgAudio, Body: "v.ogg", MSC3245Voice: &event.MSC3245Voice{},
			MSC1767Audio: &event.MSC1767Audio{Duration: 3000, Waveform: []int{0, 512, 1024}}}, voice(), "audio/ogg; codecs=opus", false,
			[]string{`"PTT":true`, `"seconds":3`, `"waveform":"ADJk"`}},
		"document": {event.EventMessage, event.MessageEventContent{MsgType: event.MsgFile, Body: "read this", FileName: "plan.pdf"}, paper(), "application/pdf", false,
			[]string{`"documentWithCaptionMessage"`, `"caption":"read this"`, `"fileName":"plan.pdf"`}},
		"sticker": {event.EventSticker, event.MessageEventContent{Body: "cat"}, sticker(), "image/webp", false, []string{`"stickerMessage"`, `"width":512`}},
	} {
		c.content.URL = s.uploads(c.file, "application/octet-stream")
		_, err := s.alice.Client.SendMessageEvent(s.ctx, s.direct, c.kind, &c.content)
		require.NoError(s, err)
		m, content := s.phoneGets(func(m api.Message) bool { return m.Device != 0 && m.Media != nil && !seen[m.ID] })
		seen[m.ID] = true
		require.Equal(s, c.mime, m.Media.MIME, name)
		require.Equal(s, c.changed, !bytes.Equal(c.file, content), "the bytes of the %s", name)
		raw := strings.ReplaceAll(string(m.Message), `": `, `":`)
		for _, part := range c.has {
			require.Contains(s, raw, part, name)
		}
	}
}

// filesThatCannotBeHad: a sentence that says what to do, on the side where it is of use; the chat goes on.
func (s *story) filesThatCannotBeHad() {
	s.step("files that cannot be had")
	mark := s.alice.Mark()
	require.NoError(s, s.rig.Network.Fault(s.ctx, api.Fault{Kind: "media_status", Code: 410}))
	_, err := s.rig.Network.Send(s.ctx, carolNumber, api.Send{Chat: aliceNumber, Media: &api.OutgoingMedia{Kind: "image", MIME: "image/jpeg", Data: drawing(s, asJPEG), Caption: "gone"}})
	require.NoError(s, err)
	_, err = s.alice.WaitAfter(s.ctx, mark, "the notice", func(e person.Seen) bool {
		return e.Sender == rig.Ghost(carolNumber) && e.Message() != nil && e.Message().MsgType == event.MsgNotice &&
			strings.Contains(e.Message().Body, "WhatsApp does not have it any more") && strings.Contains(e.Message().Body, "gone")
	})
	require.NoError(s, err)
	// What is there for a while is asked for again.
	require.NoError(s, s.rig.Network.Fault(s.ctx, api.Fault{Kind: "media_status", Code: 503, Count: 2}))
	_, err = s.rig.Network.Send(s.ctx, carolNumber, api.Send{Chat: aliceNumber, Media: &api.OutgoingMedia{Kind: "image", MIME: "image/jpeg", Data: drawing(s, asJPEG)}})
	require.NoError(s, err)
	s.sees(mark, rig.Ghost(carolNumber), event.MsgImage)

	sent, err := s.alice.Client.SendMessageEvent(s.ctx, s.direct, event.EventMessage, &event.MessageEventContent{MsgType: event.MsgImage, Body: "a.jpg", URL: "mxc://localhost/doesnotexist"})
	require.NoError(s, err)
	_, err = s.alice.WaitAfter(s.ctx, mark, "the answer", func(e person.Seen) bool {
		return e.Message() != nil && e.Message().RelatesTo.GetReplyTo() == sent.EventID && strings.Contains(e.Message().Body, "does not have the file")
	})
	require.NoError(s, err)
}

// killWhileMoving kills the bridge while files are on their way, and expects each once.
func (s *story) killWhileMoving() {
	s.step("kill the bridge while files are on their way")
	mark := s.alice.Mark()
	const files = 4
	require.NoError(s, s.rig.Network.Fault(s.ctx, api.Fault{Kind: "slow_media", ForMS: 6000, DelayMS: 100}))
	for n := range files {
		_, err := s.rig.Network.Send(s.ctx, carolNumber, api.Send{Chat: aliceNumber, Media: &api.OutgoingMedia{Kind: "document", MIME: "x/y", FileName: fmt.Sprintf("down %d", n), Random: 400_000}})
		require.NoError(s, err)
		_, err = s.alice.Client.SendMessageEvent(s.ctx, s.direct, event.EventMessage, &event.MessageEventContent{
			MsgType: event.MsgFile, Body: fmt.Sprintf("up %d", n), URL: s.uploads(noise(400_000+n), "x/y")})
		require.NoError(s, err)
	}
	for range 2 {
		_, err := s.rig.Network.WaitEvent(s.ctx, isTransfer)
		require.NoError(s, err)
		s.rig.KillBridge()
		require.NoError(s, s.rig.StartBridge(s.ctx))
	}
	var names []string
	for n := range files {
		name := fmt.Sprintf("down %d", n)
		_, err := s.alice.WaitAfter(s.ctx, mark, name, func(e person.Seen) bool { return e.Message() != nil && e.Message().Body == name })
		require.NoError(s, err)
		up := fmt.Sprintf("up %d", n)
		m, content := s.phoneGets(func(m api.Message) bool { return strings.Contains(string(m.Message), up) })
		require.Len(s, content, 400_000+n, m.ID)
	}
	for _, e := range s.alice.In(s.direct) {
		if m := e.Message(); m != nil && e.Sender == rig.Ghost(carolNumber) && strings.HasPrefix(m.Body, "down ") {
			names = append(names, m.Body)
		}
	}
	require.Equal(s, []string{"down 0", "down 1", "down 2", "down 3"}, names, "each once and in order")
	messages, err := s.rig.Network.Messages(s.ctx, carolNumber, aliceNumber, 0, 0)
	require.NoError(s, err)
	ups := 0
	for _, m := range messages {
		if strings.Contains(string(m.Message), `"up `) {
			ups++
		}
	}
	require.Equal(s, files, ups)
}

// bigFiles moves a file of 90 MiB each way and looks at the memory of the bridge meanwhile.
func (s *story) bigFiles() {
	const size, bound = 90 << 20, 32 << 20
	s.step("big files")
	before := s.memory(true)
	mark := s.alice.Mark()
	_, err := s.rig.Network.Send(s.ctx, carolNumber, api.Send{Chat: aliceNumber, Media: &api.OutgoingMedia{Kind: "document", MIME: "x/y", FileName: "big", Random: size}})
	require.NoError(s, err)
	_, m := s.sees(mark, rig.Ghost(carolNumber), event.MsgFile)
	require.Equal(s, size, m.Info.Size)
	down := s.memory(false)
	phone := s.onPhone(aliceNumber, func(m api.Message) bool { return m.Media != nil })
	require.Equal(s, phone.Media.SHA256, s.hash(m.URL), "the bytes that came")

	s.memory(true)
	sent, err := s.alice.Client.SendMessageEvent(s.ctx, s.direct, event.EventMessage, &event.MessageEventContent{MsgType: event.MsgFile, Body: "big again", URL: m.URL})
	require.NoError(s, err)
	back := s.onPhone(carolNumber, func(m api.Message) bool { return m.Device != 0 && m.Media != nil })
	require.Equal(s, phone.Media.SHA256, back.Media.SHA256, "the bytes of %s", sent.EventID)
	up := s.memory(false)
	s.Logf("resident memory of the bridge: %.1f MiB before; with a file of 90 MiB at most %.1f MiB to Matrix and %.1f MiB to WhatsApp",
		mebibytes(before), mebibytes(down), mebibytes(up))
	require.Less(s, max(down, up)-before, int64(bound))
}

func isTransfer(e simulator.Event) bool { return e.Kind == "media" }

func mebibytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// memory is the most memory that the bridge has had since it was last asked to begin anew, in bytes (Linux).
func (s *story) memory(anew bool) int64 {
	s.Helper()
	if runtime.GOOS != "linux" {
		s.Log("the memory of the bridge is not measured: that needs Linux")
		return 0
	}
	directory := fmt.Sprintf("/proc/%d/", s.rig.Bridge().PID())
	if anew {
		require.NoError(s, os.WriteFile(directory+"clear_refs", []byte("5"), 0))
	}
	status, err := os.ReadFile(directory + "status")
	require.NoError(s, err)
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	kibibytes, err := strconv.ParseInt(number, 10, 64)
	require.NoError(s, err)
	return kibibytes << 10
}

// hash is that of a file on Matrix.
func (s *story) hash(address id.ContentURIString) string {
	s.Helper()
	response, err := s.alice.Client.Download(s.ctx, address.ParseOrIgnore())
	require.NoError(s, err)
	defer func() { _ = response.Body.Close() }()
	sum := sha256.New()
	_, err = io.Copy(sum, response.Body)
	require.NoError(s, err)
	return hex.EncodeToString(sum.Sum(nil))
}
