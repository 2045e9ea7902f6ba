// Package transcode turns sound, films and pictures into other forms by the programs ffmpeg and ffprobe, where they are
// present. Each run is a child process with limits: of time, memory, output and threads, with a low priority, without the
// network, and with the one demuxer that the file's first bytes call for, so that no file can name another. Files are handed
// over as descriptors: they need no name, and nothing is left of them when both processes are killed.
package transcode

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrAbsent says that ffmpeg or ffprobe is not there.
	ErrAbsent = errors.New("ffmpeg is not there")
	// ErrUnreadable says that ffmpeg cannot make sense of a file.
	ErrUnreadable = errors.New("ffmpeg cannot read the file")
	// ErrTooLarge says that the output would have been larger than allowed.
	ErrTooLarge = errors.New("the output is too large")
	// ErrTooSlow says that a run took longer than allowed.
	ErrTooSlow = errors.New("it takes too long")
)

// Off as a path says that ffmpeg is not to be used even if it is there.
const Off = "off"

const (
	// defaultTime is how long a run may take if nothing else is said.
	defaultTime = 5 * time.Minute
	// slots is how many runs there are at once.
	slots = 2
	// findTime bounds the questions for the programs' version.
	findTime = 20 * time.Second
)

// Tool is the two programs.
type Tool struct {
	ffmpeg, ffprobe string
	version         string
	limit           time.Duration
	slots           chan struct{}
}

// Find looks for ffmpeg, and for ffprobe beside it. An empty path is the one in PATH. A run may take as long as limit; 0 is
// five minutes. The error is ErrAbsent when there is none, or none that works.
func Find(ctx context.Context, path string, limit time.Duration) (*Tool, error) {
	if path == Off {
		return nil, fmt.Errorf("%w: it is switched off", ErrAbsent)
	}
	if limit <= 0 {
		limit = defaultTime
	}
	name := path
	if name == "" {
		name = "ffmpeg"
	}
	ffmpeg, err := exec.LookPath(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAbsent, err)
	}
	ffprobe := filepath.Join(filepath.Dir(ffmpeg), "ffprobe"+filepath.Ext(ffmpeg))
	if _, err := os.Stat(ffprobe); err != nil {
		if ffprobe, err = exec.LookPath("ffprobe"); err != nil {
			return nil, fmt.Errorf("%w: ffprobe, which belongs to it: %w", ErrAbsent, err)
		}
	}
	t := &Tool{ffmpeg: ffmpeg, ffprobe: ffprobe, limit: findTime, slots: make(chan struct{}, slots)}
	for _, program := range []string{t.ffprobe, t.ffmpeg} {
		if t.version, err = t.ask(ctx, program); err != nil {
			return nil, fmt.Errorf("%w: %s does not run: %w", ErrAbsent, program, err)
		}
	}
	t.limit = limit
	return t, nil
}

// ask returns the first line of what a program says of its version.
func (t *Tool) ask(ctx context.Context, program string) (string, error) {
	var out bounded
	if err := t.run(ctx, child{program: program, args: []string{"-version"}, stdout: &out}); err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(out.String(), "\n")
	line, _, _ = strings.Cut(line, " Copyright")
	return strings.TrimSpace(line), nil
}

// Path is where ffmpeg is.
func (t *Tool) Path() string { return t.ffmpeg }

// Version is what ffmpeg says of itself, in one line.
func (t *Tool) Version() string { return t.version }

// Source is a file to read. MIME is what its first bytes are, as the media package tells it.
type Source struct {
	File *os.File
	MIME string

	still bool // it is a picture, whose orientation the caller reads
}

// Target is a file to write, of at most Limit bytes.
type Target struct {
	File  *os.File
	Limit int64
}

// MovingPNG is the type of PNG files with several pictures. Their senders call them image/png as well.
const MovingPNG = "image/apng"

// demuxer is the part of ffmpeg that reads files of some type; "" when none may.
func demuxer(mime string) string {
	mime, _, _ = strings.Cut(mime, ";")
	switch mime {
	case "video/mp4", "audio/mp4", "video/quicktime", "video/3gpp", "audio/3gpp", "image/heic", "image/avif":
		return "mov"
	case "video/webm", "audio/webm", "video/x-matroska", "audio/x-matroska":
		return "matroska"
	case "video/x-msvideo":
		return "avi"
	case "video/mpeg":
		return "mpeg"
	case "video/mp2t":
		return "mpegts"
	case "video/x-flv":
		return "flv"
	case "video/x-ms-asf", "audio/x-ms-wma":
		return "asf"
	case "audio/ogg", "video/ogg":
		return "ogg"
	case "audio/wav":
		return "wav"
	case "audio/aiff":
		return "aiff"
	case "audio/flac":
		return "flac"
	case "audio/mpeg":
		return "mp3"
	case "audio/aac":
		return "aac"
	case "audio/amr":
		return "amr"
	case "image/gif":
		return "gif"
	case "image/png":
		return "png_pipe"
	case MovingPNG:
		return "apng"
	case "image/jpeg":
		return "jpeg_pipe"
	case "image/webp":
		return "webp_pipe"
	case "image/bmp":
		return "bmp_pipe"
	case "image/tiff":
		return "tiff_pipe"
	}
	return ""
}

// Reads reports whether ffmpeg may be asked about files of some type.
func Reads(mime string) bool { return demuxer(mime) != "" }
