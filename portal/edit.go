package portal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/convert"
	"causeway/database"
	"causeway/inbox"
	"causeway/queue"
)

// lateLimit is how long an edit waits for the message that it changes. A sender who is asked for a message again answers
// within seconds or not for long, and what is older than the bridge never comes.
const lateLimit = time.Minute

// editFromWhatsApp decides about an edit. One of a message that has not come is set aside, on a lane of its own: the
// message will come on the chat's, so the edit must not hold that up. Whatever changes the same message later waits
// behind it. When the time is up the edit is shown as what it is.
func (p *Portals) editFromWhatsApp(ctx context.Context, s said, edit convert.Edit) error {
	first := s.in.Until.IsZero()
	s.about = edit.Target
	if first {
		isNew, err := p.db.AddMessage(ctx, s.row(database.KindEdit))
		if err != nil || !isNew {
			return err
		}
	}
	// Only who wrote a message can change it, so the key's word on who that was is of no interest.
	target := database.MessageKey{Portal: s.portal.ID, ID: edit.Target, Sender: s.sender.ID}
	row, err := p.db.MessageByKey(ctx, target)
	missing := errors.Is(err, database.ErrNotFound)
	if err != nil && !missing {
		return err
	}
	if first {
		waits, err := p.in.HasLate(ctx, target)
		if err != nil {
			return err
		}
		if waits || missing {
			return p.in.SetAside(ctx, target, s.in, time.Now().Add(lateLimit))
		}
	}
	if wait := time.Until(s.in.Until); missing && wait > 0 {
		return &queue.Park{Name: inbox.MessageOf(target), Limit: wait + time.Minute} // so that it is looked at once more
	}
	s.msg = edit.Message
	content, err := p.toMatrix(ctx, s)
	if err != nil {
		return err
	}
	switch {
	case content == nil || row.Kind != database.KindMessage || row.Removed || row.Edited.After(s.at()):
		return nil
	case missing:
		return p.showUnknownEdit(ctx, s, target, content)
	}
	if err := p.db.EditMessage(ctx, target, s.at(), convert.Quote(content.Body)); err != nil {
		return err
	}
	if row.FromMatrix { // what a Matrix user said nobody else can replace
		own := showing{row: s.row(database.KindEdit), as: s.sender.UserID, about: &target, file: s.file()}
		return p.show(ctx, own, convert.Split(convert.ReplyToMatrix(convert.MarkEdited(content))))
	}
	if isPoll, err := p.replacePoll(ctx, s, row); err != nil || isPoll {
		return err
	}
	return p.replace(ctx, s, row, convert.Split(content))
}

// showUnknownEdit shows an edit in the place of the message that never came. Further edits change it.
func (p *Portals) showUnknownEdit(ctx context.Context, s said, target database.MessageKey, content *event.MessageEventContent) error {
	row := database.Message{MessageKey: target, Sent: s.at(), Edited: s.at(), Quote: convert.Quote(content.Body)}
	if _, err := p.db.AddMessage(ctx, row); err != nil {
		return err
	}
	if err := p.ensureShown(ctx, s); err != nil {
		return err
	}
	if err := p.show(ctx, showing{row: row, as: s.sender.UserID, file: s.file()}, convert.Split(convert.MarkEdited(content))); err != nil {
		return err
	}
	if err := p.vanishes(ctx, s, row); err != nil {
		return err
	}
	return p.showReactions(ctx, target)
}

// replace adds the events that replace those of a message: part by part, with further ones for a longer text, and
// without those that a shorter one does not need.
func (p *Portals) replace(ctx context.Context, s said, row database.Message, parts []*event.MessageEventContent) error {
	live, all, err := p.parts(ctx, row)
	if err != nil {
		return err
	}
	for n, content := range parts {
		if n < len(live) {
			err = p.replacePart(ctx, s, n, live[n], content)
		} else {
			all++
			err = p.addPart(ctx, s, row, all, content)
		}
		if err != nil {
			return err
		}
	}
	for _, part := range live[min(len(parts), len(live)):] {
		if err := p.db.RemoveMessage(ctx, part.MessageKey); err != nil {
			return err
		}
		if err := p.remove(ctx, removal{row: part, as: s.sender.UserID}); err != nil {
			return err
		}
	}
	return nil
}

func (p *Portals) replacePart(ctx context.Context, s said, n int, part database.Message, content *event.MessageEventContent) error {
	edit := showing{row: s.row(database.KindEdit), as: s.sender.UserID, about: &part.MessageKey}
	if n == 0 {
		edit.file, edit.preview, edit.extra = s.file(), s.preview(), s.extra()
	} else {
		edit.row.ID = partID(edit.row.ID, n+1)
		if _, err := p.db.AddMessage(ctx, edit.row); err != nil {
			return err
		}
	}
	replacement := convert.EditToMatrix(content)
	if strings.HasSuffix(s.in.Info.ID, endingFilled) { // it comes only now
		replacement.Mentions = content.Mentions
	}
	return p.post(ctx, edit, event.EventMessage, replacement)
}

// addPart adds a part to a message. The numbers of parts that were removed are not used again.
func (p *Portals) addPart(ctx context.Context, s said, row database.Message, number int, content *event.MessageEventContent) error {
	row = database.Message{MessageKey: row.MessageKey, Sent: s.at()}
	row.ID = partID(row.ID, number)
	if _, err := p.db.AddMessage(ctx, row); err != nil {
		return err
	}
	part := showing{row: row, as: s.sender.UserID}
	if content.Info != nil {
		part.file = s.file()
	}
	return p.post(ctx, part, typeOf(content), content)
}

// editFromMatrix decides about a Matrix user's edit.
func (p *Portals) editFromMatrix(ctx context.Context, portal database.Portal, evt *event.Event) error {
	row, login, err := p.changeable(ctx, portal, evt, evt.Content.AsMessage().RelatesTo.GetReplaceID())
	if errors.Is(err, errSilent) {
		return nil
	} else if err != nil {
		return err
	}
	switch {
	case row.Kind != database.KindMessage || !row.FromMatrix || row.Sender != login.Puppet:
		return &queue.Reject{Code: "edit_of_other", Text: "This edit was not sent to WhatsApp: only messages that you have written here can be edited."}
	case row.Removed:
		return &queue.Reject{Code: "edit_of_removed", Text: "This edit was not sent to WhatsApp: the message was deleted there."}
	case timestamp(evt).Sub(row.Sent) > convert.EditWindow:
		return &queue.Reject{Code: "edit_too_late", Text: fmt.Sprintf(
			"This edit was not sent to WhatsApp, which lets a message be edited for %d minutes only. Write a new message instead.",
			int(convert.EditWindow.Minutes()))}
	}
	content := convert.NewContent(evt.Content.AsMessage())
	if content == nil {
		return unsupported(convert.ErrEmpty)
	}
	if content.MsgType == event.MsgLocation {
		return &queue.Reject{Code: "edit_of_place", Text: "This edit was not sent to WhatsApp, where a location cannot be changed. Send another one instead."}
	}
	msg, err := p.toWhatsApp(ctx, portal, content)
	if err != nil {
		return err
	}
	if err := p.db.EditMessage(ctx, row.MessageKey, timestamp(evt), convert.Quote(convert.Words(msg))); err != nil {
		return err
	}
	return p.send(ctx, portal, login, evt, sending{
		kind: database.KindEdit, msg: convert.EditToWhatsApp(portal.Chat, row.ID, msg, timestamp(evt)), file: fileFromMatrix(content), about: row.ID,
	})
}

// changeable finds the message that an event of a Matrix user changes, and the login by which it is changed. The events
// of the bridge itself come before what anybody can do to them, on the same lane, so one that is not known is not on
// WhatsApp.
func (p *Portals) changeable(ctx context.Context, portal database.Portal, evt *event.Event, target id.EventID) (database.Message, database.Login, error) {
	row, err := p.shownBy(ctx, portal, target)
	if errors.Is(err, database.ErrNotFound) {
		return row, database.Login{}, &queue.Reject{Code: "unknown_message", Text: "This was not sent to WhatsApp: the message that it is about is not there."}
	} else if err != nil {
		return row, database.Login{}, err
	}
	login, err := p.speaker(ctx, portal, evt, row.Sender)
	return row, login, err
}
