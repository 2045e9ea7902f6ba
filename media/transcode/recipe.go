package transcode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

const (
	// threads is how many threads a child may use for each step.
	threads = "2"
	// maxPixels is how large a picture may be that is decoded; maxAlloc bounds one piece of memory, in bytes.
	maxPixels, maxAlloc = "100000000", "700000000"
	// maxEdge is the longest side of a film that is encoded anew, in pixels.
	maxEdge = 1920
)

// quiet is how each run begins.
func quiet() []string { return []string{"-hide_banner", "-loglevel", "error"} }

// read are the arguments that name the source, which is descriptor 3.
func read(source Source) ([]string, error) {
	format := demuxer(source.MIME)
	if format == "" {
		return nil, fmt.Errorf("%w: a file of type %s", ErrUnreadable, source.MIME)
	}
	args := []string{"-max_alloc", maxAlloc, "-threads", threads, "-max_pixels", maxPixels, "-protocol_whitelist", "file,pipe", "-f", format}
	if source.still {
		args = append(args, "-noautorotate")
	}
	return append(args, "-i", named(source.File, firstFile)), nil
}

// The descriptors of a child's files.
const firstFile, secondFile = 3, 4

// convert runs ffmpeg on a source with the arguments for the output, which is of a format.
func (t *Tool) convert(ctx context.Context, source Source, target Target, format string, how ...string) error {
	in, err := read(source)
	if err != nil {
		return err
	}
	args := slices.Concat(quiet(), []string{"-nostdin", "-y", "-filter_threads", "1"}, in, how,
		[]string{"-threads", threads, "-map_metadata", "-1", "-fs", strconv.FormatInt(target.Limit, 10), "-f", format, named(target.File, secondFile)})
	err = t.run(ctx, child{program: t.ffmpeg, args: args, files: []*os.File{source.File, target.File}, output: target.Limit})
	info, statErr := target.File.Stat()
	switch {
	case statErr != nil:
		return fmt.Errorf("look at the output of ffmpeg: %w", statErr)
	case info.Size() >= target.Limit: // it stops there, which is no failure to it
		return fmt.Errorf("%w: %d bytes of %s", ErrTooLarge, info.Size(), format)
	case err != nil:
		return fmt.Errorf("make %s of %s: %w", format, source.MIME, err)
	case info.Size() == 0:
		return fmt.Errorf("%w: nothing came out", ErrUnreadable)
	}
	return nil
}

// Film is how a film is wanted.
type Film struct {
	// Silent leaves the sound out; Square cuts the picture to a square.
	Silent, Square bool
}

// MP4 makes a film that WhatsApp's programs play: H.264 and AAC in MP4. Streams that are that already are copied.
func (t *Tool) MP4(ctx context.Context, source Source, target Target, facts Facts, film Film) error {
	if facts.Video == "" {
		return fmt.Errorf("%w: there are no pictures in it", ErrUnreadable)
	}
	how := []string{"-map", "0:v:0"}
	if Plays(Facts{Video: facts.Video, PixelFormat: facts.PixelFormat}) && !film.Square {
		how = append(how, "-c:v", "copy")
	} else {
		// H.264 wants even sides and people's programs whole colours. The white ground is for what was transparent.
		filter := fmt.Sprintf("scale='min(%d,iw)':'min(%[1]d,ih)':force_original_aspect_ratio=decrease,pad='2*ceil(iw/2)':'2*ceil(ih/2)':color=white,format=yuv420p", maxEdge)
		if film.Square {
			const side = 640 // as WhatsApp's programs have it
			filter = fmt.Sprintf("crop='min(iw,ih)':'min(iw,ih)',scale='min(%d,iw)':'min(%[1]d,ih)',scale='trunc(iw/2)*2':'trunc(ih/2)*2',format=yuv420p", side)
		}
		how = append(how, "-vf", filter, "-c:v", "libx264", "-preset", "veryfast", "-crf", "24", "-profile:v", "main", "-fpsmax", "60")
	}
	switch {
	case film.Silent || facts.Audio == "":
		how = append(how, "-an")
	case facts.Audio == "aac":
		how = append(how, "-map", "0:a:0", "-c:a", "copy")
	default:
		how = append(how, "-map", "0:a:0", "-c:a", "aac", "-b:a", "128k", "-ac", "2", "-ar", "44100")
	}
	return t.convert(ctx, source, target, "mp4", append(how, "-sn", "-dn", "-movflags", "+faststart")...)
}

// Plays reports whether WhatsApp's programs play the streams of an MP4 file.
func Plays(f Facts) bool {
	video := f.Video == "h264" && (f.PixelFormat == "yuv420p" || f.PixelFormat == "yuvj420p")
	return video && (f.Audio == "" || f.Audio == "aac" || f.Audio == "mp3")
}

// Voice makes a voice message: one channel of Opus in Ogg. What is that already is copied.
func (t *Tool) Voice(ctx context.Context, source Source, target Target, facts Facts) error {
	how := []string{"-map", "0:a:0", "-vn", "-sn", "-dn"}
	if facts.Audio == "opus" && facts.Channels == 1 {
		how = append(how, "-c:a", "copy")
	} else {
		how = append(how, "-ac", "1", "-ar", "48000", "-c:a", "libopus", "-b:a", "32k", "-application", "voip")
	}
	return t.convert(ctx, source, target, "ogg", how...)
}

// Sound makes sound that WhatsApp's programs play: AAC in MP4.
func (t *Tool) Sound(ctx context.Context, source Source, target Target, facts Facts) error {
	how := []string{"-map", "0:a:0", "-vn", "-sn", "-dn"}
	if facts.Audio == "aac" {
		how = append(how, "-c:a", "copy")
	} else {
		how = append(how, "-c:a", "aac", "-b:a", "160k", "-ac", "2")
	}
	return t.convert(ctx, source, target, "ipod", append(how, "-movflags", "+faststart")...)
}

// Picture draws a picture, or a film's first, as JPEG before a white ground, with sides of at most edge pixels. orientation
// is how it is to be turned as Exif has it; films are turned as they say themselves.
func (t *Tool) Picture(ctx context.Context, source Source, target Target, edge, orientation int) error {
	in, _, _ := strings.Cut(source.MIME, "/")
	filter := onWhite(edge)
	if in == "image" {
		source.still = true
		if turn := turns(orientation); turn != "" {
			filter = turn + "," + filter
		}
	}
	return t.convert(ctx, source, target, "image2pipe", "-map", "0:v:0", "-an", "-frames:v", "1", "-vf", filter, "-c:v", "mjpeg", "-q:v", "3")
}

// turns are the filters that turn a picture upright (Exif 2.32, tag 0x0112).
func turns(orientation int) string {
	switch orientation {
	case 2:
		return "hflip"
	case 3:
		return "hflip,vflip"
	case 4:
		return "vflip"
	case 5:
		return "transpose=0"
	case 6:
		return "transpose=1"
	case 7:
		return "transpose=3"
	case 8:
		return "transpose=2"
	}
	return ""
}

// onWhite is the filter that puts a picture, made smaller if need be, before a white ground: what is white minus a colour
// fades into black, and white minus that into white.
func onWhite(edge int) string {
	return fmt.Sprintf("scale='min(%d,iw)':'min(%[1]d,ih)':force_original_aspect_ratio=decrease,"+
		"format=gbrap,negate,premultiply=inplace=1,negate,format=yuvj420p", edge)
}

// Raster draws a picture as PNG with its transparency, with sides of at most edge pixels.
func (t *Tool) Raster(ctx context.Context, source Source, target Target, edge int) error {
	filter := fmt.Sprintf("scale='min(%d,iw)':'min(%[1]d,ih)':force_original_aspect_ratio=decrease,format=rgba", edge)
	return t.convert(ctx, source, target, "image2pipe", "-map", "0:v:0", "-an", "-frames:v", "1", "-vf", filter, "-c:v", "png")
}

// Sticker makes a sticker: WebP of side by side pixels, padded with transparency, of at most target.Limit bytes. It gets
// worse and slower until it fits.
func (t *Tool) Sticker(ctx context.Context, source Source, target Target, side int, moves bool) error {
	const longest = "8" // seconds
	filter := fmt.Sprintf("scale=%d:%[1]d:force_original_aspect_ratio=decrease:flags=bicubic,format=rgba,pad=%[1]d:%[1]d:(ow-iw)/2:(oh-ih)/2:color=black@0,format=yuva420p", side)
	var err error
	for _, try := range []struct{ quality, rate string }{{"85", "24"}, {"65", "18"}, {"45", "14"}, {"25", "10"}, {"10", "8"}, {"1", "5"}} {
		if err = target.File.Truncate(0); err != nil {
			return fmt.Errorf("empty a temporary file: %w", err)
		}
		how := []string{"-map", "0:v:0", "-an", "-frames:v", "1", "-vf", filter, "-c:v", "libwebp"}
		if moves {
			how = []string{"-map", "0:v:0", "-an", "-t", longest, "-vf", "fps=" + try.rate + "," + filter, "-c:v", "libwebp_anim", "-loop", "0"}
		}
		err = t.convert(ctx, source, target, "webp", append(how, "-quality", try.quality, "-compression_level", "4")...)
		if !errors.Is(err, ErrTooLarge) {
			return err
		}
	}
	return err
}

// Samples decodes the sound of a file into signed 16 bit values of one channel, lower byte first, rate of them a second.
func (t *Tool) Samples(ctx context.Context, source Source, rate int, into io.Writer) error {
	in, err := read(source)
	if err != nil {
		return err
	}
	args := slices.Concat(quiet(), []string{"-nostdin"}, in,
		[]string{"-map", "0:a:0", "-vn", "-ac", "1", "-ar", strconv.Itoa(rate), "-f", "s16le", "pipe:1"})
	if err := t.run(ctx, child{program: t.ffmpeg, args: args, files: []*os.File{source.File}, stdout: into}); err != nil {
		return fmt.Errorf("decode the sound of a file of type %s: %w", source.MIME, err)
	}
	return nil
}
