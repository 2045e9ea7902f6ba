package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/e2e/person"
	"causeway/e2e/rig"
	"causeway/simulator/control/api"
)

// TestTranscode moves files that one side would not show as they are, with ffmpeg.
func TestTranscode(t *testing.T) {
	t.Parallel()
	if !shared.ffmpeg {
		t.Skip("not run: there is no ffmpeg")
	}
	directory := t.TempDir()
	s := linked(t, rig.SQLite, "CAUSEWAY_MEDIA_DIRECTORY="+directory)
	s.filesThatChange()
	s.filesToRefuse()
	s.filesWithMoreToSay()
	s.killWhileFFmpegWorks(directory)
	s.talkAfter()
}

// killWhileFFmpegWorks: what it did is done again, once, and neither it nor its files are left behind.
func (s *story) killWhileFFmpegWorks(directory string) {
	if runtime.GOOS != "linux" {
		s.Log("what a kill leaves of ffmpeg is not looked at: that needs Linux")
		return
	}
	s.step("kill the bridge while ffmpeg works")
	film := s.made("long.mkv", "-f", "lavfi", "-i", "testsrc=rate=30:duration=20:size=640x480", "-c:v", "mpeg4", "-q:v", "10")
	_, err := s.alice.Client.SendMessageEvent(s.ctx, s.direct, event.EventMessage, &event.MessageEventContent{
		MsgType: event.MsgVideo, Body: "it was killed", FileName: "long.mkv", URL: s.uploads(film, "video/x-matroska")})
	require.NoError(s, err)
	child := 0
	require.Eventually(s, func() bool {
		child = childOf(s.rig.Bridge().PID(), "ffmpeg")
		return child != 0
	}, time.Minute, 5*time.Millisecond)
	s.rig.KillBridge()
	require.Eventually(s, func() bool { return !isRunning(child, "ffmpeg") }, time.Minute, 10*time.Millisecond, "ffmpeg ends with the bridge")
	require.NoError(s, s.rig.StartBridge(s.ctx))
	killed := withText("it was killed")
	m, content := s.phoneGets(killed)
	require.Equal(s, "video/mp4", m.Media.MIME)
	require.Equal(s, "h264,640,480", s.probed(content))
	s.personSays(s.alice, s.direct, "and after it")
	s.onPhone(carolNumber, withText("and after it"))
	messages, err := s.rig.Network.Messages(s.ctx, carolNumber, aliceNumber, 0, 0)
	require.NoError(s, err)
	require.Len(s, slices.DeleteFunc(messages, func(m api.Message) bool { return !killed(m) }), 1)
	left, err := os.ReadDir(directory)
	require.NoError(s, err)
	require.Empty(s, left)
}

// childOf finds a child of a process by its program (Linux); 0 if there is none.
func childOf(parent int, program string) int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range stats {
		var pid, ppid int
		var name, state string
		content, _ := os.ReadFile(stat)
		if n, _ := fmt.Sscan(string(content), &pid, &name, &state, &ppid); n == 4 && ppid == parent && name == "("+program+")" && state != "Z" {
			return pid
		}
	}
	return 0
}

// isRunning reports whether a process is there and no zombie.
func isRunning(pid int, program string) bool {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(content), "("+program+")") && !strings.Contains(string(content), ") Z")
}

// made is a file that ffmpeg makes of its own test sources.
func (s *story) made(name string, args ...string) []byte {
	s.Helper()
	path := filepath.Join(s.TempDir(), name)
	out, err := exec.CommandContext(s.ctx, "ffmpeg", append(append([]string{"-loglevel", "error", "-nostdin"}, args...), path)...).CombinedOutput()
	require.NoError(s, err, string(out))
	content, err := os.ReadFile(path)
	require.NoError(s, err)
	return content
}

// probed is what ffprobe says of a file, as "video/audio WxH".
func (s *story) probed(content []byte) string {
	s.Helper()
	path := filepath.Join(s.TempDir(), "file")
	require.NoError(s, os.WriteFile(path, content, 0o600))
	out, err := exec.CommandContext(s.ctx, "ffprobe", "-loglevel", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0", path).Output()
	require.NoError(s, err)
	return strings.Join(strings.Fields(string(out)), " ")
}

func moving(seconds, size string) []string {
	return []string{"-f", "lavfi", "-i", "testsrc=rate=10:duration=" + seconds + ":size=" + size}
}

func sounding(seconds string) []string {
	return []string{"-f", "lavfi", "-i", "sine=frequency=440:duration=" + seconds}
}

func with(args []string, more ...string) []string {
	return append(append([]string{}, args...), more...)
}

// half is a picture whose left half is transparent.
func half(t require.TestingT, width, height int) []byte {
	picture := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := width / 2; x < width; x++ {
			picture.Set(x, y, color.NRGBA{R: 200, A: 255})
		}
	}
	var out bytes.Buffer
	require.NoError(t, png.Encode(&out, picture))
	return out.Bytes()
}

// change is a file from Matrix, and what becomes of it on WhatsApp.
type change struct {
	name  string
	kind  string // m.image, m.video, m.audio, voice, note or m.sticker
	file  []byte
	is    string   // what ffprobe says of what arrives; empty where the bytes are the same
	mime  string   // as WhatsApp is told
	has   []string // in the protobuf as JSON
	after string   // what the sender is told; empty for nothing
}

// content is the event that shows a file.
func (c change) content(s *story) (event.Type, *event.MessageEventContent) {
	m := &event.MessageEventContent{MsgType: event.MessageType(c.kind), Body: c.name, URL: s.uploads(c.file, "application/octet-stream")}
	switch c.kind {
	case "voice":
		m.MsgType, m.MSC3245Voice = event.MsgAudio, &event.MSC3245Voice{}
	case "note":
		m.MsgType, m.Info = event.MsgVideo, &event.FileInfo{Extra: map[string]any{"chat.causeway.video_note": true}}
	case "m.sticker":
		m.MsgType = ""
		return event.EventSticker, m
	}
	return event.EventMessage, m
}

func (s *story) changes() []change {
	film, sound := moving("1", "64x48"), sounding("2")
	both := with(film, sounding("1")...)
	whole := s.made("whole.mp4", with(both, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac")...)
	spoken := s.made("spoken.ogg", with(sound, "-c:a", "libopus", "-ac", "1")...)
	gif := s.made("a.gif", film...)
	const document, damaged = `"documentMessage"`, "damaged or cut off"
	return []change{
		{name: "a.gif", kind: "m.image", file: gif, is: "h264,64,48", mime: "video/mp4", has: []string{`"gifPlayback":true`, `"seconds":1`, `"width":64`, `"JPEGThumbnail"`}},
		{name: "a.apng", kind: "m.image", file: s.made("a.apng", film...), is: "h264,64,48", mime: "video/mp4", has: []string{`"gifPlayback":true`}},
		{name: "a.webm", kind: "m.video", file: s.made("a.webm", with(both, "-c:v", "libvpx", "-c:a", "libopus")...), is: "h264,64,48 aac", mime: "video/mp4", has: []string{`"videoMessage"`, `"height":48`}},
		{name: "a.mov", kind: "m.video", file: s.made("a.mov", with(both, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac")...), is: "h264,64,48 aac", mime: "video/mp4", has: []string{`"seconds":1`}},
		{name: "a.mkv", kind: "m.video", file: s.made("a.mkv", with(both, "-c:v", "libx264", "-pix_fmt", "yuv444p", "-c:a", "flac")...), is: "h264,64,48 aac", mime: "video/mp4"},
		{name: "a.avi", kind: "m.video", file: s.made("a.avi", with(both, "-c:v", "mpeg4", "-c:a", "mp3")...), is: "h264,64,48 aac", mime: "video/mp4"},
		{name: "old.mp4", kind: "m.video", file: s.made("old.mp4", with(film, "-c:v", "mpeg4")...), is: "h264,64,48", mime: "video/mp4"},
		{name: "whole.mp4", kind: "m.video", file: whole, mime: "video/mp4", has: []string{`"videoMessage"`, `"width":64`, `"seconds":1`, `"JPEGThumbnail"`}},
		{name: "called an image", kind: "m.image", file: whole, mime: "video/mp4", has: []string{`"videoMessage"`}},
		{name: "cut off.mp4", kind: "m.video", file: whole[:len(whole)/2], mime: "video/mp4", has: []string{document}, after: damaged},
		{name: "round.mp4", kind: "note", file: whole, is: "h264,48,48 aac", mime: "video/mp4", has: []string{`"ptvMessage"`, `"width":48`}},
		{name: "v.m4a", kind: "voice", file: s.made("v.m4a", with(sound, "-c:a", "aac")...), is: "opus", mime: "audio/ogg; codecs=opus", has: []string{`"PTT":true`, `"seconds":2`, `"waveform"`}},
		{name: "v.ogg", kind: "voice", file: spoken, mime: "audio/ogg; codecs=opus", has: []string{`"PTT":true`, `"seconds":2`, `"waveform"`}},
		{name: "a.wav", kind: "m.audio", file: s.made("a.wav", sound...), is: "aac", mime: "audio/mp4", has: []string{`"audioMessage"`, `"seconds":2`}},
		{name: "a.flac", kind: "m.audio", file: s.made("a.flac", sound...), is: "aac", mime: "audio/mp4"},
		{name: "a.weba", kind: "m.audio", file: s.made("a.webm", with(sound, "-c:a", "libopus")...), is: "aac", mime: "audio/mp4"},
		{name: "half.png", kind: "m.image", file: half(s, 60, 40), is: "mjpeg,60,40", mime: "image/jpeg", has: []string{`"JPEGThumbnail"`}},
		{name: "a.webp", kind: "m.image", file: s.made("a.webp", with(film, "-frames:v", "1")...), is: "mjpeg,64,48", mime: "image/jpeg"},
		{name: "a.bmp", kind: "m.image", file: s.made("a.bmp", with(film, "-frames:v", "1")...), is: "mjpeg,64,48", mime: "image/jpeg"},
		{name: "a.tiff", kind: "m.image", file: s.made("a.tiff", with(film, "-frames:v", "1")...), is: "mjpeg,64,48", mime: "image/jpeg"},
		{name: "cut off.png", kind: "m.image", file: half(s, 600, 400)[:200], mime: "image/png", has: []string{document}, after: damaged},
		{name: "bomb.png", kind: "m.image", file: pictureBomb(s), mime: "image/png", has: []string{document}, after: "as a document"},
		{name: "half sticker", kind: "m.sticker", file: half(s, 300, 200), is: "webp,512,512", mime: "image/webp", has: []string{`"stickerMessage"`, `"width":512`, `"pngThumbnail"`}},
		{name: "sticker that moves", kind: "m.sticker", file: gif, mime: "image/webp", has: []string{`"stickerMessage"`, `"isAnimated":true`, `"height":512`}, is: "moves"},
	}
}

// filesThatChange are in the form that WhatsApp shows, in order, with what WhatsApp wants to know of them.
func (s *story) filesThatChange() {
	s.step("files from Matrix that change their form")
	list := s.changes()
	mark := s.alice.Mark()
	for _, c := range list {
		kind, content := c.content(s)
		_, err := s.alice.Client.SendMessageEvent(s.ctx, s.direct, kind, content)
		require.NoError(s, err)
	}
	seen := map[string]bool{}
	for _, c := range list {
		m, content := s.phoneGets(func(m api.Message) bool { return m.Device != 0 && m.Media != nil && !seen[m.ID] })
		seen[m.ID] = true
		require.Equal(s, c.mime, m.Media.MIME, c.name)
		switch c.is {
		case "":
			require.True(s, bytes.Equal(c.file, content), "the bytes of %s", c.name)
		case "moves":
			require.True(s, bytes.Contains(content, []byte("ANMF")) && len(content) < 500<<10, c.name)
		default:
			require.Equal(s, c.is, s.probed(content), c.name)
		}
		raw := strings.ReplaceAll(string(m.Message), `": `, `":`)
		for _, part := range c.has {
			require.Contains(s, raw, part, c.name)
		}
		if c.after != "" {
			s.isTold(mark, c.after)
		}
	}
}

// isTold waits for a notice of the bot's.
func (s *story) isTold(mark int, words string) {
	s.Helper()
	_, err := s.alice.WaitAfter(s.ctx, mark, "the notice that says "+words, func(e person.Seen) bool {
		return e.Message() != nil && e.Message().MsgType == event.MsgNotice && e.Message().RelatesTo.GetReplyTo() != "" && strings.Contains(e.Message().Body, words)
	})
	require.NoError(s, err)
}

// filesToRefuse do not go, and their sender reads why.
func (s *story) filesToRefuse() {
	s.step("files that are nothing for WhatsApp")
	for file, words := range map[string]string{
		`<svg xmlns="http://www.w3.org/2000/svg"/>`: "does not show drawings in SVG",
		"": "there is nothing in the file",
	} {
		mark := s.alice.Mark()
		_, err := s.alice.Client.SendMessageEvent(s.ctx, s.direct, event.EventMessage, &event.MessageEventContent{
			MsgType: event.MsgImage, Body: "a.svg", URL: s.uploads([]byte(file), "image/svg+xml")})
		require.NoError(s, err)
		s.isTold(mark, words)
	}
}

// pictureBomb says that it has 3.6 thousand million pixels.
func pictureBomb(t require.TestingT) []byte {
	raw := half(t, 2, 2)
	binary.BigEndian.PutUint32(raw[16:], 60_000)
	binary.BigEndian.PutUint32(raw[20:], 60_000)
	binary.BigEndian.PutUint32(raw[29:], crc32.ChecksumIEEE(raw[12:29]))
	return raw
}

// wasOf is a sticker as WhatsApp packs its animations.
func wasOf(t require.TestingT, animation []byte) []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	f, err := w.Create("animation/animation.json")
	require.NoError(t, err)
	_, err = f.Write(animation)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// filesWithMoreToSay come from WhatsApp with a message that says little of them: the bridge finds out the rest.
func (s *story) filesWithMoreToSay() {
	s.step("files from WhatsApp of which little is said")
	film := s.made("a.mp4", with(with(moving("2", "128x96"), sounding("2")...), "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac")...)
	spoken := s.made("v.ogg", with(sounding("2"), "-c:a", "libopus", "-ac", "1")...)
	animation := []byte(`{"v":"5.5.7","w":512,"h":512,"layers":[]}`)
	for _, c := range []struct {
		name    string
		media   api.OutgoingMedia
		msgtype event.MessageType
		check   func(m *event.MessageEventContent, info map[string]any)
	}{
		{"video", api.OutgoingMedia{Kind: "video", MIME: "video/mp4", Data: film}, event.MsgVideo, func(m *event.MessageEventContent, info map[string]any) {
			require.Equal(s, []any{128, 96}, []any{m.Info.Width, m.Info.Height})
			require.InDelta(s, 2000, m.Info.Duration, 200)
			require.Equal(s, "mjpeg,128,96", s.probed(s.download(m.Info.ThumbnailURL)))
			require.NotEmpty(s, info["xyz.amorgan.blurhash"])
		}},
		{"note", api.OutgoingMedia{Kind: "video_note", MIME: "video/mp4", Data: film}, event.MsgVideo, func(_ *event.MessageEventContent, info map[string]any) {
			require.Equal(s, true, info["chat.causeway.video_note"])
		}},
		{"voice", api.OutgoingMedia{Kind: "voice", MIME: "audio/ogg; codecs=opus", Data: spoken}, event.MsgAudio, func(m *event.MessageEventContent, _ map[string]any) {
			require.InDelta(s, 2000, m.MSC1767Audio.Duration, 200)
			require.Len(s, m.MSC1767Audio.Waveform, 64)
			require.NotNil(s, m.MSC3245Voice)
		}},
		{"image", api.OutgoingMedia{Kind: "image", MIME: "image/png", Data: half(s, 500, 300)}, event.MsgImage, func(m *event.MessageEventContent, info map[string]any) {
			require.Equal(s, []any{500, 300}, []any{m.Info.Width, m.Info.Height})
			require.Equal(s, "mjpeg,200,120", s.probed(s.download(m.Info.ThumbnailURL)))
			require.NotEmpty(s, info["xyz.amorgan.blurhash"])
		}},
		{"lottie", api.OutgoingMedia{Kind: "sticker", MIME: "application/was", Data: wasOf(s, animation), Thumbnail: half(s, 64, 64), Caption: "🎉"}, "",
			func(m *event.MessageEventContent, info map[string]any) {
				require.Equal(s, []any{"🎉", "image/png", 64}, []any{m.Body, m.Info.MimeType, m.Info.Width})
				lottie, _ := info["chat.causeway.lottie"].(map[string]any)
				address, _ := lottie["url"].(string)
				require.Equal(s, animation, s.download(id.ContentURIString(address)))
			}},
		{"lottie without a picture", api.OutgoingMedia{Kind: "sticker", MIME: "application/was", Data: wasOf(s, animation)}, event.MsgFile,
			func(m *event.MessageEventContent, _ map[string]any) {
				require.Equal(s, animation, s.download(m.URL))
			}},
	} {
		mark := s.alice.Mark()
		_, err := s.rig.Network.Send(s.ctx, carolNumber, api.Send{Chat: aliceNumber, Media: &c.media})
		require.NoError(s, err)
		seen, m := s.sees(mark, rig.Ghost(carolNumber), c.msgtype)
		if c.media.MIME != "application/was" {
			require.True(s, bytes.Equal(c.media.Data, s.download(m.URL)), "the bytes of the %s", c.name)
		}
		info, _ := seen.Content.Raw["info"].(map[string]any)
		c.check(m, info)
	}
	// An archive that unpacks to more than a sticker can be is damaged.
	mark := s.alice.Mark()
	bomb, err := json.Marshal(strings.Repeat("0", 100<<20))
	require.NoError(s, err)
	_, err = s.rig.Network.Send(s.ctx, carolNumber, api.Send{Chat: aliceNumber, Media: &api.OutgoingMedia{Kind: "sticker", MIME: "application/was", Data: wasOf(s, bomb)}})
	require.NoError(s, err)
	_, err = s.alice.WaitAfter(s.ctx, mark, "the notice", func(e person.Seen) bool {
		return e.Message() != nil && e.Message().MsgType == event.MsgNotice && strings.Contains(e.Message().Body, "it is damaged")
	})
	require.NoError(s, err)
}
