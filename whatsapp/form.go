package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"

	"causeway/media"
	"causeway/outbox"
	"causeway/queue"
)

// maxImage is how large a picture may be that goes as such, in bytes: WhatsApp's programs show no larger ones. Those below
// are not touched, so that what was sent in full quality arrives in it.
const maxImage = 16 << 20

// shape is a file on its way to WhatsApp, with the message that shows it.
type shape struct {
	transfer *media.Transfer
	plan     outbox.FileOnMatrix
	part     *waE2E.Message // the message within its envelopes
	file     *media.File
	look     media.Look
	// moving is about films and sound.
	moving
	// remark is what the sender of the file is to know about how it went.
	remark string
}

// moving is what ffprobe says of a film or of sound; probed is whether it was asked and answered.
type moving struct {
	facts  media.Facts
	probed bool
}

// form sees to it that the file is what its message is for, and that the message says what can be known of it. What
// WhatsApp's programs would not show goes as a document, and the sender is told.
func (s *shape) form(ctx context.Context) error {
	s.recast()
	var err error
	switch {
	case s.part.StickerMessage != nil:
		err = s.sticker(ctx)
	case s.part.ImageMessage != nil:
		err = s.image(ctx)
	case filmOf(s.part) != nil:
		err = s.film(ctx)
	case s.part.AudioMessage != nil:
		err = s.sound(ctx)
	}
	return err
}

// recast follows the bytes of a file where its sender called it something else.
func (s *shape) recast() {
	class, _, _ := strings.Cut(s.look.MIME, "/")
	switch {
	case s.part.ImageMessage != nil && class == "video":
		image := s.part.ImageMessage
		s.part.ImageMessage, s.part.VideoMessage = nil, &waE2E.VideoMessage{Caption: image.Caption, ContextInfo: image.ContextInfo}
	case filmOf(s.part) != nil && class == "image":
		film := filmOf(s.part)
		s.part.VideoMessage, s.part.PtvMessage = nil, nil
		s.part.ImageMessage = &waE2E.ImageMessage{Caption: film.Caption, ContextInfo: film.ContextInfo}
	}
}

// convert puts what a conversion makes in place of the file. It reports false, and lets the file go as a document, when it
// cannot be made.
func (s *shape) convert(ctx context.Context, do func(into *media.File) error) (bool, error) {
	into, err := s.transfer.Spare(0)
	if err != nil {
		return false, err
	}
	err = do(into)
	switch {
	case err == nil:
		s.file, s.moving = into, moving{}
		s.look, err = into.Look("")
		return true, err
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case errors.Is(err, media.ErrNoForm), errors.Is(err, media.ErrTooLarge):
		s.document(err)
		return false, nil
	}
	return false, err
}

// document lets the file go as a document, because of an error.
func (s *shape) document(err error) {
	s.remark = "This went to WhatsApp as a document: " + s.because(err)
	asDocument(s.part, s.plan.Name)
}

// because says for people why a file could not be made what WhatsApp shows.
func (s *shape) because(err error) string {
	kind := strings.TrimPrefix(s.look.MIME, "application/")
	switch {
	case errors.Is(err, media.ErrNoTool):
		return fmt.Sprintf("WhatsApp does not show this kind of file (%s) as it is, and the bridge has no ffmpeg to change it. Its administrator can install that.", kind)
	case errors.Is(err, media.ErrBroken):
		return "the file seems to be damaged or cut off, so that WhatsApp would not show it. If you have it whole, send it again."
	case errors.Is(err, media.ErrTooSlow), errors.Is(err, media.ErrTooLarge):
		return "it would take too long, or become too large, to make of it what WhatsApp shows. Send a shorter or smaller one if that is not good enough."
	}
	return fmt.Sprintf("WhatsApp does not show this kind of file (%s), and the bridge cannot change it into one that it shows.", kind)
}

// probe asks ffprobe about the file, if it was not asked yet. It reports false when there is no ffprobe. The error is
// media.ErrBroken when the file is damaged.
func (s *shape) probe(ctx context.Context) (bool, error) {
	if s.probed {
		return true, nil
	}
	facts, err := s.file.Facts(ctx, s.look)
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	s.facts, s.probed = facts, err == nil
	return s.probed, err
}

// refuse is the error that tells the sender that a file is nothing for WhatsApp.
func refuse(text string, err error) error {
	return &queue.Reject{Code: "unsupported_file", Text: "This was not sent to WhatsApp: " + text, Err: err}
}

func (s *shape) image(ctx context.Context) error {
	image := s.part.ImageMessage
	size, err := s.file.Size()
	if err != nil {
		return err
	}
	switch {
	case s.look.MIME == media.SVG:
		return refuse("it does not show drawings in SVG. Send it as PNG or JPEG, or as a file.", nil)
	case s.look.Moves && s.look.MIME != "image/webp":
		return s.gif(ctx)
	case s.look.Moves || s.look.MIME == media.Unknown:
		s.document(media.ErrNoForm)
		return nil
	case s.look.MIME == "image/jpeg" && size <= maxImage:
		if _, err := s.file.Thumbnail(s.look); errors.Is(err, media.ErrBroken) || s.look.Width == 0 {
			s.document(media.ErrBroken)
		}
	default:
		made, err := s.convert(ctx, func(into *media.File) error { return s.file.JPEG(ctx, s.look, into) })
		if err != nil || !made {
			return err
		}
		if size, err = s.file.Size(); err != nil || size > maxImage {
			s.document(media.ErrTooLarge)
			return err
		}
	}
	image.Width, image.Height = pixels(s.look.Width), pixels(s.look.Height)
	return nil
}

// gif makes a film of a picture that moves, which WhatsApp's programs play again and again.
func (s *shape) gif(ctx context.Context) error {
	image := s.part.ImageMessage
	made, err := s.convert(ctx, func(into *media.File) error {
		facts, err := s.file.Facts(ctx, s.look)
		if err != nil {
			return err
		}
		return s.file.MP4(ctx, s.look, facts, media.Film{Silent: true}, into)
	})
	if err != nil || !made {
		return err
	}
	s.part.ImageMessage = nil
	s.part.VideoMessage = &waE2E.VideoMessage{Caption: image.Caption, ContextInfo: image.ContextInfo, GifPlayback: proto.Bool(true)}
	return s.describeFilm(ctx)
}

func (s *shape) film(ctx context.Context) error {
	known, err := s.probe(ctx)
	isMP4 := s.look.MIME == "video/mp4"
	isNote := s.part.PtvMessage != nil
	switch {
	case ctx.Err() != nil:
		return err
	case !known && (!isMP4 && s.look.MIME != "video/3gpp" || errors.Is(err, media.ErrBroken)):
		s.document(err)
		return nil
	case !known && isNote:
		if note := s.part.PtvMessage; note.GetWidth() != note.GetHeight() || note.GetWidth() == 0 {
			s.asVideo() // it must be square, and cannot be made so
		}
		return nil
	case !known || s.look.MIME == "video/3gpp" && !isNote:
		return nil
	}
	square := isNote && s.facts.Width != s.facts.Height
	if !isMP4 || square || !media.Plays(s.facts) {
		made, err := s.convert(ctx, func(into *media.File) error {
			return s.file.MP4(ctx, s.look, s.facts, media.Film{Silent: filmOf(s.part).GetGifPlayback(), Square: square}, into)
		})
		if err != nil || !made {
			return err
		}
	}
	return s.describeFilm(ctx)
}

// asVideo makes a video note an ordinary video.
func (s *shape) asVideo() { s.part.VideoMessage, s.part.PtvMessage = s.part.PtvMessage, nil }

// describeFilm says in the message what is known of its film.
func (s *shape) describeFilm(ctx context.Context) error {
	if known, err := s.probe(ctx); !known {
		if ctx.Err() != nil {
			return err
		}
		return nil // it is a film all the same
	}
	film := filmOf(s.part)
	film.Width, film.Height, film.Seconds = pixels(s.facts.Width), pixels(s.facts.Height), seconds(s.facts.Duration)
	return nil
}

// sound is for audio and voice messages.
func (s *shape) sound(ctx context.Context) error {
	audio := s.part.AudioMessage
	known, err := s.probe(ctx)
	switch {
	case ctx.Err() != nil:
		return err
	case errors.Is(err, media.ErrBroken):
		s.document(err)
		return nil
	case audio.GetPTT() && (s.look.MIME != media.Opus || known && s.facts.Channels > 1):
		if !known && s.isPlayed() {
			audio.PTT, audio.Waveform = nil, nil // a voice message is Opus
			s.remark = "This went to WhatsApp as an audio file and not as a voice message: for that it must be Ogg/Opus, and the bridge has no ffmpeg to change it. Its administrator can install that."
			break
		}
		made, err := s.convert(ctx, func(into *media.File) error { return s.file.Voice(ctx, s.look, s.facts, into) })
		if err != nil || !made {
			return err
		}
	case !audio.GetPTT() && !s.isPlayed():
		made, err := s.convert(ctx, func(into *media.File) error { return s.file.Sound(ctx, s.look, s.facts, into) })
		if err != nil || !made {
			return err
		}
		s.look.MIME = "audio/mp4"
	}
	return s.describeSound(ctx)
}

// isPlayed reports whether WhatsApp's programs play the file as sound.
func (s *shape) isPlayed() bool {
	switch s.look.MIME {
	case media.Opus, "audio/mpeg", "audio/aac", "audio/amr":
		return true
	case "audio/mp4":
		return !s.probed || s.facts.Audio == "aac" || s.facts.Audio == "mp3"
	}
	return false
}

// describeSound says in the message how long it is, and how loud if it is a voice message.
func (s *shape) describeSound(ctx context.Context) error {
	audio := s.part.AudioMessage
	duration := s.look.Duration
	if known, err := s.probe(ctx); known {
		duration = max(duration, s.facts.Duration)
	} else if ctx.Err() != nil {
		return err
	}
	if audio.GetPTT() && len(audio.Waveform) == 0 {
		const count, most = 64, 100
		values, listened, err := s.file.Waveform(ctx, s.look, count, most)
		if ctx.Err() != nil {
			return err
		}
		for _, v := range values {
			audio.Waveform = append(audio.Waveform, byte(v))
		}
		duration = max(duration, listened)
	}
	if audio.Seconds == nil {
		audio.Seconds = seconds(duration)
	}
	return nil
}

// pixels is a width or a height; nil if it is not known.
func pixels(n int) *uint32 {
	const most = 1 << 20
	if n <= 0 || n > most {
		return nil
	}
	return proto.Uint32(uint32(n))
}

// seconds is a duration as messages have it, at least one second; nil if it is not known.
func seconds(d time.Duration) *uint32 {
	if d <= 0 {
		return nil
	}
	return proto.Uint32(uint32(max(1, d.Round(time.Second)/time.Second)))
}
