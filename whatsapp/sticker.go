package whatsapp

import (
	"context"
	"errors"
	"strings"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"

	"causeway/media"
)

// sticker makes a sticker within WhatsApp's limits. What cannot become one goes as a picture or a document.
func (s *shape) sticker(ctx context.Context) error {
	sticker := s.part.StickerMessage
	if class, _, _ := strings.Cut(s.look.MIME, "/"); class != "image" && s.look.MIME != "video/webm" && s.look.MIME != "video/mp4" || s.look.MIME == media.SVG {
		s.document(media.ErrNoForm)
		return nil
	}
	into, err := s.transfer.Spare(0)
	if err != nil {
		return err
	}
	moves := s.look.Moves || strings.HasPrefix(s.look.MIME, "video/")
	made, err := s.file.Sticker(ctx, s.look, into)
	if errors.Is(err, media.ErrNoTool) && s.look.Moves {
		s.remark = "This went to WhatsApp as a sticker that does not move: the bridge has no ffmpeg to change it into one that does. Its administrator can install that."
		s.look.Moves, moves = false, false
		made, err = s.file.Sticker(ctx, s.look, into)
	}
	switch {
	case err == nil && made:
		s.file = into
		if s.look, err = into.Look(""); err != nil {
			return err
		}
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, media.ErrNoForm), errors.Is(err, media.ErrTooLarge):
		return s.pictureOf(ctx, sticker)
	case err != nil:
		return err
	}
	if moves {
		sticker.IsAnimated = proto.Bool(true)
	}
	sticker.Width, sticker.Height = pixels(s.look.Width), pixels(s.look.Height)
	sticker.PngThumbnail, _ = s.file.StickerThumbnail(s.look) // there need not be one
	return nil
}

// pictureOf lets what was to be a sticker go as a picture, or as a film if it moves.
func (s *shape) pictureOf(ctx context.Context, sticker *waE2E.StickerMessage) error {
	s.part.StickerMessage, s.part.ImageMessage = nil, &waE2E.ImageMessage{ContextInfo: sticker.ContextInfo}
	return s.form(ctx)
}
