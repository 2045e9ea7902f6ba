package portal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/event"

	"causeway/convert"
	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/queue"
)

// firstRequest is how long the message is given to come again before the account's phone is asked for it. The library
// has asked its sender, and the phone once, by then.
const firstRequest = time.Minute

// What stands in the place of a message that cannot be shown.
const (
	textWaiting  = "⏳ Waiting for this message. It appears here as soon as it can be decrypted; until then, open WhatsApp on your phone to read it."
	textViewOnce = "👁 A message to be seen only once. Open WhatsApp on your phone to see it."
	textLost     = "This message could not be decrypted, and neither its sender nor your phone has sent it again. Open WhatsApp on your phone to read it."
)

// Undecryptable decides about a message that has come but cannot be decrypted. It is awaited: what is said after it goes
// on, an event holds its place, and the account's phone is asked for it.
func (p *Portals) Undecryptable(ctx context.Context, in inbox.Undecryptable) error {
	if in.Info.Chat == types.StatusBroadcastJID || in.Info.Chat.Server == types.NewsletterServer {
		return nil // status updates and channels are no chats
	}
	if !isPlain(in.Info.ID) {
		return queue.Dead(fmt.Errorf("read message: %q is not an ID", in.Info.ID))
	}
	login, ok, err := p.login(ctx, in.Login)
	if err != nil || !ok {
		return err
	}
	s := said{login: login, in: inbox.WhatsAppMessage{Login: in.Login, Info: in.Info}}
	if s.portal, s.sender, err = p.place(ctx, s.in, login); err != nil {
		return err
	}
	if _, err := p.db.MessageByKey(ctx, s.key()); !errors.Is(err, database.ErrNotFound) {
		return err // another login of the same group could decrypt it, it has come again already, or was taken back
	}
	isNew, err := p.db.AddAwaited(ctx, database.Awaited{MessageKey: s.key(), Placeholder: !in.Hidden, Since: s.at()})
	if err != nil || !isNew {
		return err
	}
	text := textWaiting
	if in.ViewOnce {
		text, s.fields = textViewOnce, map[string]any{fieldViewOnce: true}
	}
	if !in.Hidden {
		if err := p.hold(ctx, s, text); err != nil {
			return err
		}
	}
	if in.ViewOnce {
		return nil // the phone does not give it away
	}
	return p.out.RequestMessage(ctx, time.Now().Add(firstRequest), outbox.RequestMessage{
		Login: in.Login, Chat: in.Info.Chat.ToNonAD(), Sender: in.Info.Sender.ToNonAD(), Message: s.key(),
	})
}

// hold shows an event in the place of a message. What has waited for the message, and what is said about it from now on,
// is about that event.
func (p *Portals) hold(ctx context.Context, s said, text string) error {
	row := s.row(database.KindMessage)
	if _, err := p.db.AddMessage(ctx, row); err != nil {
		return err
	}
	if err := p.ensureShown(ctx, s); err != nil {
		return err
	}
	if err := p.show(ctx, showing{row: row, as: s.sender.UserID, extra: s.fields}, []*event.MessageEventContent{notice(text)}); err != nil {
		return err
	}
	if err := p.showReactions(ctx, row.MessageKey); err != nil {
		return err
	}
	return p.in.Provide(ctx, inbox.MessageOf(row.MessageKey))
}

func notice(text string) *event.MessageEventContent {
	return &event.MessageEventContent{MsgType: event.MsgNotice, Body: text}
}

// arrived notes that a message has come, and reports whether an event holds its place.
func (p *Portals) arrived(ctx context.Context, key database.MessageKey) (held bool, err error) {
	awaited, err := p.db.TakeAwaited(ctx, key)
	if errors.Is(err, database.ErrNotFound) {
		return false, nil
	}
	return awaited.Placeholder, err
}

// Endings of the IDs of what the bridge itself does to a message. No sender can use them (see isPlain).
const (
	endingFilled   = "#filled"
	endingReleased = "#released"
	endingLost     = "#lost"
)

// ending returns what was said under an ID of the bridge's own.
func (s said) ending(ending types.MessageID) said {
	s.in.Info.ID += ending
	return s
}

// fill makes the event that holds a message's place the message, by an edit, for it stays the event that replies, edits
// and reactions from either side are about. One that was edited or taken back meanwhile is not what it was.
func (p *Portals) fill(ctx context.Context, s said) error {
	row, err := p.db.MessageByKey(ctx, s.key())
	if err != nil || row.Removed || !row.Edited.IsZero() {
		return err
	}
	s, content, err := p.shownAs(ctx, s)
	if err != nil {
		return err
	}
	if content == nil {
		_, err := p.release(ctx, s)
		return err
	}
	quote := convert.Quote(content.Body)
	if reply, ok := convert.ReplyFromWhatsApp(s.msg); ok { // an edit cannot make an event an answer
		content = convert.QuoteToMatrix(content, reply.Quote, "")
	}
	if err := p.db.EditMessage(ctx, row.MessageKey, s.at(), quote); err != nil {
		return err
	}
	if err := p.vanishes(ctx, s, row); err != nil {
		return err
	}
	s.about = row.ID
	s = s.ending(endingFilled)
	if _, err := p.db.AddMessage(ctx, s.row(database.KindEdit)); err != nil {
		return err
	}
	if err := p.replace(ctx, s, row, convert.Split(content)); err != nil {
		return err
	}
	return p.fillQuestion(ctx, s, row)
}

// release takes back the event that holds the place of what turned out to be no message of its own, and returns what was
// said under an ID that is free.
func (p *Portals) release(ctx context.Context, s said) (said, error) {
	row, err := p.db.MessageByKey(ctx, s.key())
	if err != nil {
		return s, err
	}
	free, by := s.ending(endingFilled), s.ending(endingReleased)
	if _, err := p.db.AddMessage(ctx, by.row(database.KindRedaction)); err != nil {
		return s, err
	}
	return free, p.removeAll(ctx, by, row, removal{as: s.sender.UserID})
}

// MessageLost decides about a message that is not asked for any more. If it comes all the same it is shown.
func (p *Portals) MessageLost(ctx context.Context, in inbox.MessageLost) error {
	awaited, err := p.db.AwaitedByKey(ctx, in.Message)
	if errors.Is(err, database.ErrNotFound) || err == nil && !awaited.Placeholder {
		return nil
	} else if err != nil {
		return err
	}
	row, err := p.db.MessageByKey(ctx, in.Message)
	if err != nil || row.Removed || !row.Edited.IsZero() {
		return err
	}
	sender, err := p.db.PuppetByID(ctx, in.Message.Sender)
	if err != nil {
		return err
	}
	target := row.MessageKey
	edit := database.Message{MessageKey: target, Kind: database.KindEdit, Sent: row.Sent}
	edit.ID += endingLost
	if isNew, err := p.db.AddMessage(ctx, edit); err != nil || !isNew {
		return err
	}
	return p.post(ctx, showing{row: edit, as: sender.UserID, about: &target}, event.EventMessage, convert.EditToMatrix(notice(textLost)))
}
