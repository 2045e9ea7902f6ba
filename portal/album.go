package portal

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"maunium.net/go/mautrix/event"

	"causeway/convert"
	"causeway/database"
)

// Fields of an event that say more than there are words for.
const (
	fieldAlbum    = "chat.causeway.album"     // which events belong together: those of one ID
	fieldViewOnce = "chat.causeway.view_once" // it was to be seen only once
)

// albumFromWhatsApp decides about the beginning of an album. It shows nothing: each of the files comes by itself, and is
// shown at once, for one that never came would else hold back the others.
func (p *Portals) albumFromWhatsApp(ctx context.Context, s said) error {
	_, err := p.db.AddMessage(ctx, s.row(database.KindAlbum))
	return err
}

// fileOrWords decides about a message of its own, which may belong to another.
func (p *Portals) fileOrWords(ctx context.Context, s said) error {
	child, ok := convert.ChildFromWhatsApp(s.msg)
	if !ok || !isPlain(child.Parent.ID) {
		return p.saidOnWhatsApp(ctx, s)
	}
	if child.Bond == convert.BondAlbum {
		s.about, s.fields = child.Parent.ID, map[string]any{fieldAlbum: map[string]string{"id": child.Parent.ID}}
		return p.saidOnWhatsApp(ctx, s)
	}
	parent, err := p.db.MessageByKey(ctx, database.MessageKey{Portal: s.portal.ID, ID: child.Parent.ID, Sender: s.sender.ID})
	if errors.Is(err, database.ErrNotFound) || err == nil && parent.Kind != database.KindMessage {
		return p.saidOnWhatsApp(ctx, s)
	} else if err != nil {
		return err
	}
	s.about = parent.ID
	isNew, err := p.db.AddMessage(ctx, s.row(database.KindEdit))
	if err != nil || !isNew || child.Bond == convert.BondSpare || parent.Removed {
		return err
	}
	return p.better(ctx, s, parent)
}

// better shows a file of better quality in the place of the first, with the words of that.
func (p *Portals) better(ctx context.Context, s said, parent database.Message) error {
	s, content, err := p.shownAs(ctx, s)
	if err != nil || content == nil || s.file() == nil {
		return err
	}
	if content.Body == content.FileName && parent.Quote != "" {
		content.Body = parent.Quote
	}
	return p.replace(ctx, s, parent, convert.Split(content))
}

// shownAs returns what shows a message, and the message with what is to be known for that.
func (p *Portals) shownAs(ctx context.Context, s said) (said, *event.MessageEventContent, error) {
	content, err := p.toMatrix(ctx, s)
	if err != nil || content == nil || !s.in.ViewOnce && !convert.IsViewOnce(s.msg) {
		return s, content, err
	}
	fields := map[string]any{fieldViewOnce: true}
	maps.Copy(fields, s.fields)
	s.fields, s.hidden = fields, !p.cfg.Life.ShowViewOnce
	if s.hidden {
		return s, convert.ViewOnceNotice(textViewOnce), nil
	}
	return s, convert.MarkViewOnce(content), nil
}

// items lists the files of an album among messages of one ID, the first first; none when there is no album of the sender.
func (p *Portals) items(ctx context.Context, rows []database.Message, sender database.PuppetID) ([]database.Message, error) {
	for _, row := range rows {
		if row.Kind != database.KindAlbum || row.Sender != sender && len(rows) > 1 {
			continue
		}
		about, err := p.db.MessagesAbout(ctx, row.Portal, row.ID)
		if err != nil {
			return nil, err
		}
		var items []database.Message
		for _, item := range about {
			if item.Kind == database.KindMessage && item.Sender == row.Sender {
				items = append(items, item)
			}
		}
		return items, nil
	}
	return nil, nil
}

// gallery sends several files as one album: its beginning, and each file as a message of its own. Each has its own ID from
// here on, so that a kill between them neither loses nor doubles one.
func (p *Portals) gallery(
	ctx context.Context, portal database.Portal, login database.Login, evt *event.Event, files []*event.MessageEventContent, reply *convert.Reply,
) error {
	var album convert.Album
	for _, file := range files {
		switch file.MsgType {
		case event.MsgImage:
			album.Images++
		case event.MsgVideo:
			album.Videos++
		}
	}
	header := messageID(login.ID, evt.ID+"#album")
	isAlbum := album.Images+album.Videos > 1
	if isAlbum {
		begin := sending{kind: database.KindAlbum, msg: convert.AlbumToWhatsApp(album), name: "#album"}
		if err := p.send(ctx, portal, login, evt, begin); err != nil {
			return err
		}
	}
	for n, file := range files {
		msg, err := p.toWhatsApp(ctx, portal, file)
		if err != nil {
			return err
		}
		part := sending{quote: convert.Words(msg), file: fileFromMatrix(file), nth: n}
		if n > 0 {
			part.name = fmt.Sprintf("#%d", n+1)
		} else if reply != nil {
			msg = convert.ReplyToWhatsApp(msg, *reply)
		}
		if isAlbum && (file.MsgType == event.MsgImage || file.MsgType == event.MsgVideo) {
			msg, part.about = convert.InAlbum(msg, portal.Chat, header), header
		}
		part.msg = msg
		if err := p.send(ctx, portal, login, evt, part); err != nil {
			return err
		}
	}
	return nil
}
