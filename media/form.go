package media

import (
	"context"
	"errors"
	"fmt"
	"time"

	"causeway/media/transcode"
)

// ErrNoForm says that a file cannot be brought into another form.
var ErrNoForm = errors.New("the file cannot be brought into that form")

// ErrNoTool says that this would need ffmpeg, which is not there. Such an error is an ErrNoForm as well.
var ErrNoTool = transcode.ErrAbsent

// ErrTooSlow says that ffmpeg would have worked for longer than it may. Such an error is an ErrNoForm as well.
var ErrTooSlow = transcode.ErrTooSlow

// Facts are what ffprobe tells of a file.
type Facts = transcode.Facts

// Film is how a film is wanted.
type Film = transcode.Film

// Plays reports whether WhatsApp's programs play the streams of an MP4 file.
func Plays(f Facts) bool { return transcode.Plays(f) }

// Transcodes reports whether there is an ffmpeg.
func (d *Depot) Transcodes() bool { return d.opts.Tool != nil }

// work runs a conversion. While it runs the transfer does not stand still: conversions have a limit of their own.
func (f *File) work(ctx context.Context, do func(ctx context.Context, tool *transcode.Tool) error) error {
	t := f.transfer
	if t.depot.opts.Tool == nil {
		return fmt.Errorf("%w: %w", ErrNoForm, ErrNoTool)
	}
	done := make(chan error, 1)
	go func() { done <- do(ctx, t.depot.opts.Tool) }()
	alive := time.NewTicker(max(t.depot.opts.Patience/4, time.Millisecond))
	defer alive.Stop()
	for {
		select {
		case <-alive.C:
			t.moved()
		case err := <-done:
			if err == nil || ctx.Err() != nil {
				return err
			}
			if errors.Is(err, transcode.ErrTooLarge) {
				err = fmt.Errorf("%w: %w", ErrTooLarge, err)
			}
			return fmt.Errorf("%w: %w", ErrNoForm, err)
		}
	}
}

// Facts asks ffprobe what is in a file. The error is ErrNoForm, and ErrBroken too when ffprobe knows files of that type
// but not this one.
func (f *File) Facts(ctx context.Context, look Look) (facts Facts, err error) {
	err = f.work(ctx, func(ctx context.Context, tool *transcode.Tool) (err error) {
		facts, err = tool.Probe(ctx, f.source(look))
		return err
	})
	if errors.Is(err, transcode.ErrUnreadable) && transcode.Reads(look.MIME) {
		err = fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return facts, err
}

// convert runs a conversion into another file.
func (f *File) convert(ctx context.Context, into *File, do func(ctx context.Context, tool *transcode.Tool, target transcode.Target) error) error {
	if err := into.clear(); err != nil {
		return err
	}
	err := f.work(ctx, func(ctx context.Context, tool *transcode.Tool) error {
		return do(ctx, tool, transcode.Target{File: into.file, Limit: into.limit})
	})
	if err != nil {
		return err
	}
	return into.Rewind()
}

// MP4 makes a film that WhatsApp's programs play. The error is ErrNoForm when that cannot be.
func (f *File) MP4(ctx context.Context, look Look, facts Facts, film Film, into *File) error {
	return f.convert(ctx, into, func(ctx context.Context, tool *transcode.Tool, target transcode.Target) error {
		return tool.MP4(ctx, f.source(look), target, facts, film)
	})
}

// Voice makes a voice message: Ogg/Opus with one channel. The error is ErrNoForm when that cannot be.
func (f *File) Voice(ctx context.Context, look Look, facts Facts, into *File) error {
	return f.convert(ctx, into, func(ctx context.Context, tool *transcode.Tool, target transcode.Target) error {
		return tool.Voice(ctx, f.source(look), target, facts)
	})
}

// Sound makes sound that WhatsApp's programs play: AAC. The error is ErrNoForm when that cannot be.
func (f *File) Sound(ctx context.Context, look Look, facts Facts, into *File) error {
	return f.convert(ctx, into, func(ctx context.Context, tool *transcode.Tool, target transcode.Target) error {
		return tool.Sound(ctx, f.source(look), target, facts)
	})
}

// MaxEdge is the longest side of pictures that are drawn anew, in pixels: what WhatsApp's programs send at most, as "HD".
const MaxEdge = 4096

// JPEG turns a picture into a JPEG, the right way up; what was transparent becomes white. Go does it where that takes
// little memory, else ffmpeg. The error is ErrNoForm when that cannot be.
func (f *File) JPEG(ctx context.Context, look Look, into *File) error {
	err := f.drawJPEG(look, into)
	switch {
	case errors.Is(err, ErrBroken):
		return fmt.Errorf("%w: %w", ErrNoForm, err)
	case errors.Is(err, ErrNoPicture):
		return f.picture(ctx, look, MaxEdge, into)
	}
	return err
}

// picture lets ffmpeg draw a picture, or the first of a film.
func (f *File) picture(ctx context.Context, look Look, edge int, into *File) error {
	how := int(f.orientation(look.MIME))
	return f.convert(ctx, into, func(ctx context.Context, tool *transcode.Tool, target transcode.Target) error {
		return tool.Picture(ctx, f.source(look), target, edge, how)
	})
}

// Preview draws a small JPEG of a picture or a film, with sides of at most edge pixels, into another file. The error is
// ErrNoForm when that cannot be.
func (f *File) Preview(ctx context.Context, look Look, edge int, into *File) error {
	return f.picture(ctx, look, edge, into)
}
