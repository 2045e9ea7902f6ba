package transcode_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"causeway/media/transcode"
)

// tool is the ffmpeg of this machine. CAUSEWAY_TEST_FFMPEG=required, which make test sets where it has put one, makes its
// absence a failure.
func tool(t *testing.T, limit time.Duration) *transcode.Tool {
	t.Helper()
	found, err := transcode.Find(t.Context(), "", limit)
	if errors.Is(err, transcode.ErrAbsent) && os.Getenv("CAUSEWAY_TEST_FFMPEG") != "required" {
		t.Skip("not run: ", err)
	}
	require.NoError(t, err)
	return found
}

// made makes a file with ffmpeg from its own test sources.
func made(t *testing.T, name, mime string, args ...string) transcode.Source {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	out, err := exec.CommandContext(t.Context(), "ffmpeg", append(append([]string{"-loglevel", "error", "-nostdin"}, args...), path)...).CombinedOutput()
	require.NoError(t, err, string(out))
	f, err := os.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return transcode.Source{File: f, MIME: mime}
}

func stored(t *testing.T, mime string, content []byte) transcode.Source {
	t.Helper()
	f := nameless(t)
	_, err := f.Write(content)
	require.NoError(t, err)
	return transcode.Source{File: f, MIME: mime}
}

// nameless is a file as the depot makes them.
func nameless(t *testing.T) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "x")
	require.NoError(t, err)
	if runtime.GOOS != "windows" {
		require.NoError(t, os.Remove(f.Name()))
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func target(t *testing.T, limit int64) transcode.Target {
	t.Helper()
	return transcode.Target{File: nameless(t), Limit: limit}
}

func content(t *testing.T, target transcode.Target) []byte {
	t.Helper()
	out, err := os.ReadFile(fmt.Sprintf("/dev/fd/%d", target.File.Fd()))
	require.NoError(t, err)
	return out
}

const roomy = 10 << 20

func film(rate, size string, seconds int) []string {
	return []string{"-f", "lavfi", "-i", fmt.Sprintf("testsrc=duration=%d:size=%s:rate=%s", seconds, size, rate),
		"-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=440:duration=%d", seconds)}
}

func TestFilms(t *testing.T) {
	t.Parallel()
	tool := tool(t, 0)
	for name, c := range map[string]struct {
		file, mime string
		args       []string
		film       transcode.Film
		want       transcode.Facts
	}{
		"webm": {"a.webm", "video/webm", append(film("10", "99x51", 2), "-c:v", "libvpx", "-c:a", "libopus"), transcode.Film{},
			transcode.Facts{Width: 100, Height: 52, Video: "h264", Audio: "aac", PixelFormat: "yuv420p", Channels: 2, Frames: 20}},
		"avi": {"a.avi", "video/x-msvideo", append(film("10", "64x48", 1), "-c:v", "mpeg4", "-c:a", "mp3"), transcode.Film{},
			transcode.Facts{Width: 64, Height: 48, Video: "h264", Audio: "aac", PixelFormat: "yuv420p", Channels: 2, Frames: 10}},
		"quicktime, copied": {"a.mov", "video/quicktime", append(film("10", "64x48", 1), "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac"), transcode.Film{},
			transcode.Facts{Width: 64, Height: 48, Video: "h264", Audio: "aac", PixelFormat: "yuv420p", Channels: 1, Frames: 10}},
		"matroska with more colours": {"a.mkv", "video/x-matroska", append(film("10", "64x48", 1), "-c:v", "libx264", "-pix_fmt", "yuv444p", "-c:a", "flac"), transcode.Film{Silent: true},
			transcode.Facts{Width: 64, Height: 48, Video: "h264", PixelFormat: "yuv420p", Frames: 10}},
		"large": {"a.mp4", "video/mp4", append(film("2", "2560x720", 1), "-c:v", "mpeg4"), transcode.Film{},
			transcode.Facts{Width: 1920, Height: 540, Video: "h264", Audio: "aac", PixelFormat: "yuv420p", Channels: 1, Frames: 2}},
		"square": {"a.mp4", "video/mp4", append(film("2", "320x200", 1), "-c:v", "libx264", "-pix_fmt", "yuv420p"), transcode.Film{Square: true},
			transcode.Facts{Width: 200, Height: 200, Video: "h264", Audio: "aac", PixelFormat: "yuv420p", Channels: 1, Frames: 2}},
		"gif": {"a.gif", "image/gif", film("10", "63x41", 1)[:4], transcode.Film{Silent: true},
			transcode.Facts{Width: 64, Height: 42, Video: "h264", PixelFormat: "yuv420p", Frames: 10}},
		"apng": {"a.apng", transcode.MovingPNG, film("10", "64x48", 1)[:4], transcode.Film{Silent: true},
			transcode.Facts{Width: 64, Height: 48, Video: "h264", PixelFormat: "yuv420p", Frames: 10}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := made(t, c.file, c.mime, c.args...)
			facts, err := tool.Probe(t.Context(), source)
			require.NoError(t, err)
			into := target(t, roomy)
			require.NoError(t, tool.MP4(t.Context(), source, into, facts, c.film))
			got, err := tool.Probe(t.Context(), transcode.Source{File: into.File, MIME: "video/mp4"})
			require.NoError(t, err)
			if facts.Duration > 0 { // a PNG does not say
				require.InDelta(t, facts.Duration.Seconds(), got.Duration.Seconds(), 0.3)
			}
			require.InDelta(t, c.want.Frames, got.Frames, 1)
			got.Duration, got.Frames = 0, c.want.Frames
			require.Equal(t, c.want, got)
			require.True(t, transcode.Plays(got))
			small := target(t, 1<<20)
			require.NoError(t, tool.Picture(t.Context(), source, small, 50, 0))
			picture, err := jpeg.DecodeConfig(bytes.NewReader(content(t, small)))
			require.NoError(t, err)
			require.Equal(t, 50, picture.Width)
		})
	}
}

func TestSound(t *testing.T) {
	t.Parallel()
	tool := tool(t, 0)
	sine := []string{"-f", "lavfi", "-i", "sine=frequency=440:duration=2"}
	for _, c := range []struct {
		file, mime string
		args       []string
	}{
		{"a.wav", "audio/wav", nil},
		{"a.flac", "audio/flac", []string{"-ac", "2"}},
		{"a.webm", "audio/webm", []string{"-c:a", "libopus"}},
		{"a.m4a", "audio/mp4", []string{"-c:a", "aac"}},
		{"a.mp3", "audio/mpeg", nil},
		{"a.ogg", "audio/ogg", []string{"-c:a", "libvorbis"}},
	} {
		t.Run(c.file, func(t *testing.T) {
			t.Parallel()
			source := made(t, c.file, c.mime, append(sine, c.args...)...)
			facts, err := tool.Probe(t.Context(), source)
			require.NoError(t, err)
			require.InDelta(t, 2, facts.Duration.Seconds(), 0.2)
			voice, sound := target(t, roomy), target(t, roomy)
			require.NoError(t, tool.Voice(t.Context(), source, voice, facts))
			require.Contains(t, string(content(t, voice)[:64]), "OpusHead")
			got, err := tool.Probe(t.Context(), transcode.Source{File: voice.File, MIME: "audio/ogg"})
			require.NoError(t, err)
			require.Equal(t, []any{"opus", 1}, []any{got.Audio, got.Channels})
			require.NoError(t, tool.Sound(t.Context(), source, sound, facts))
			got, err = tool.Probe(t.Context(), transcode.Source{File: sound.File, MIME: "audio/mp4"})
			require.NoError(t, err)
			require.Equal(t, "aac", got.Audio)
			var samples bytes.Buffer
			require.NoError(t, tool.Samples(t.Context(), source, 8000, &samples))
			require.InDelta(t, 2*8000*2, samples.Len(), 2000)
			var loudest int16
			for i := 0; i+1 < samples.Len(); i += 2 {
				loudest = max(loudest, int16(binary.LittleEndian.Uint16(samples.Bytes()[i:])))
			}
			require.Greater(t, loudest, int16(1000))
		})
	}
}

// halfClear is a picture whose left half is transparent.
func halfClear(size int) image.Image {
	out := image.NewNRGBA(image.Rect(0, 0, size, size/2))
	for y := range size / 2 {
		for x := size / 2; x < size; x++ {
			out.Set(x, y, color.NRGBA{R: 200, A: 255})
		}
	}
	return out
}

func TestWhatIsTransparentBecomesWhite(t *testing.T) {
	t.Parallel()
	tool := tool(t, 0)
	var raw bytes.Buffer
	require.NoError(t, png.Encode(&raw, halfClear(400)))
	into := target(t, roomy)
	require.NoError(t, tool.Picture(t.Context(), stored(t, "image/png", raw.Bytes()), into, 200, 0))
	picture, err := jpeg.Decode(bytes.NewReader(content(t, into)))
	require.NoError(t, err)
	require.Equal(t, image.Pt(200, 100), picture.Bounds().Size())
	r, g, b, _ := picture.At(20, 50).RGBA()
	require.Greater(t, min(r, g, b), uint32(0xf000))
	r, g, _, _ = picture.At(180, 50).RGBA()
	require.Greater(t, r, uint32(0xa000))
	require.Less(t, g, uint32(0x3000))
}

func TestStickersFit(t *testing.T) {
	t.Parallel()
	tool := tool(t, 0)
	source := made(t, "a.gif", "image/gif", "-f", "lavfi", "-i", "nullsrc=size=150x100:duration=0.6:rate=10,geq=random(1)*255:128:128")
	for _, moves := range []bool{true, false} {
		into := target(t, 500<<10)
		require.NoError(t, tool.Sticker(t.Context(), source, into, 512, moves))
		raw := content(t, into)
		require.Less(t, len(raw), 500<<10)
		require.Equal(t, "WEBP", string(raw[8:12]))
		require.Equal(t, moves, bytes.Contains(raw, []byte("ANMF")))
	}
	require.ErrorIs(t, tool.Sticker(t.Context(), source, target(t, 1000), 512, true), transcode.ErrTooLarge)
}

func TestOutputIsLimited(t *testing.T) {
	t.Parallel()
	tool := tool(t, 0)
	source := made(t, "a.wav", "audio/wav", "-f", "lavfi", "-i", "sine=duration=20")
	into := target(t, 10_000)
	require.ErrorIs(t, tool.Sound(t.Context(), source, into, transcode.Facts{}), transcode.ErrTooLarge)
}

func TestTimeIsLimited(t *testing.T) {
	t.Parallel()
	tool := tool(t, 300*time.Millisecond)
	source := made(t, "a.mkv", "video/x-matroska", "-f", "lavfi", "-i", "testsrc=duration=20:size=640x480:rate=30", "-c:v", "mpeg4")
	start := time.Now()
	err := tool.MP4(t.Context(), source, target(t, roomy), transcode.Facts{Video: "mpeg4"}, transcode.Film{})
	require.ErrorIs(t, err, transcode.ErrTooSlow)
	require.Less(t, time.Since(start), 30*time.Second)

	ctx, cancel := context.WithCancelCause(t.Context())
	ended := errors.New("the transfer has ended")
	cancel(ended)
	err = tool.MP4(ctx, source, target(t, roomy), transcode.Facts{Video: "mpeg4"}, transcode.Film{})
	require.Error(t, err)
}

// A file may not name other files or addresses, whatever it says it is.
func TestNothingElseIsRead(t *testing.T) {
	t.Parallel()
	tool := tool(t, 0)
	secret := made(t, "secret.ts", "video/mp2t", append(film("10", "64x48", 2), "-c:v", "libx264", "-c:a", "aac")...).File.Name()
	for name, text := range map[string]string{
		"playlist": "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\nfile://" + secret + "\n#EXT-X-ENDLIST\n",
		"concat":   "ffconcat version 1.0\nfile '" + secret + "'\n",
	} {
		for _, mime := range []string{"video/mp4", "video/x-msvideo", "image/gif", "audio/mpeg", "application/vnd.apple.mpegurl", "text/plain"} {
			source := stored(t, mime, []byte(text))
			_, err := tool.Probe(t.Context(), source)
			if err == nil {
				err = tool.Picture(t.Context(), source, target(t, roomy), 100, 0)
			}
			require.ErrorIs(t, err, transcode.ErrUnreadable, "%s as %s", name, mime)
		}
	}
}

func TestBrokenFiles(t *testing.T) {
	t.Parallel()
	tool := tool(t, 0)
	whole := made(t, "a.mp4", "video/mp4", append(film("10", "64x48", 1), "-c:v", "libx264")...)
	raw, err := os.ReadFile(whole.File.Name())
	require.NoError(t, err)
	for name, content := range map[string][]byte{"cut off": raw[:len(raw)/2], "empty": nil, "noise": bytes.Repeat([]byte("noise"), 1000)} {
		_, err := tool.Probe(t.Context(), stored(t, "video/mp4", content))
		require.ErrorIs(t, err, transcode.ErrUnreadable, name)
	}
	// A picture that says it is huge is not decoded.
	var bomb bytes.Buffer
	require.NoError(t, gif.Encode(&bomb, image.NewPaletted(image.Rect(0, 0, 1, 1), color.Palette{color.Black}), nil))
	binary.LittleEndian.PutUint16(bomb.Bytes()[6:], 60000)
	binary.LittleEndian.PutUint16(bomb.Bytes()[8:], 60000)
	require.Error(t, tool.Picture(t.Context(), stored(t, "image/gif", bomb.Bytes()), target(t, roomy), 100, 0))
}

func TestFindSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	for _, path := range []string{transcode.Off, filepath.Join(t.TempDir(), "ffmpeg"), "no-such-program"} {
		_, err := transcode.Find(t.Context(), path, 0)
		require.ErrorIs(t, err, transcode.ErrAbsent)
	}
	found := tool(t, 0)
	require.Contains(t, found.Version(), "ffmpeg version")
	require.FileExists(t, found.Path())
}

// The child has its limits, and is gone with the thread's process; here it is looked at while it runs.
func TestChildIsCurbed(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("not run: the limits of a child are Linux's")
	}
	tool := tool(t, time.Minute)
	source := made(t, "a.mkv", "video/x-matroska", "-f", "lavfi", "-i", "testsrc=duration=30:size=640x480:rate=30", "-c:v", "mpeg4")
	ctx, cancel := context.WithCancel(t.Context())
	into := target(t, roomy)
	done := make(chan error, 1)
	go func() { done <- tool.MP4(ctx, source, into, transcode.Facts{Video: "mpeg4"}, transcode.Film{}) }()
	pid := 0
	require.Eventually(t, func() bool { pid = childOf(t, source.File); return pid != 0 }, 20*time.Second, 5*time.Millisecond)
	require.Eventually(t, func() bool {
		limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
		return err == nil && strings.Contains(string(limits), fmt.Sprint(3<<30))
	}, 20*time.Second, 5*time.Millisecond)
	group, err := syscall.Getpgid(pid)
	require.NoError(t, err)
	require.Equal(t, pid, group, "a group of its own")
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH, "it has ended")
}

// childOf finds the child of this process that reads a file.
func childOf(t *testing.T, source *os.File) int {
	t.Helper()
	want, err := source.Stat()
	require.NoError(t, err)
	children, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(t, err)
	for _, directory := range children {
		pid, _ := strconv.Atoi(filepath.Base(directory))
		name, _ := os.ReadFile(directory + "/comm")
		if info, err := os.Stat(directory + "/fd/3"); err == nil && strings.TrimSpace(string(name)) == "ffmpeg" && os.SameFile(info, want) {
			return pid
		}
	}
	return 0
}
