package portal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/convert"
	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/queue"
)

// MessageFromWhatsApp decides about a message that arrived from WhatsApp.
func (p *Portals) MessageFromWhatsApp(ctx context.Context, in inbox.WhatsAppMessage) error {
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
	msg := &waE2E.Message{}
	if err := proto.Unmarshal(in.Message, msg); err != nil {
		return queue.Dead(fmt.Errorf("decode message %s: %w", in.Info.ID, err))
	}
	said := said{login: login, in: in}
	said.msg, said.on, said.isComment = convert.CommentFromWhatsApp(msg)
	msg = said.msg
	change := changeOf(msg)
	if change == nil && convert.ToMatrix(msg) == nil && !in.Recovered {
		return nil // nothing for people in it
	}
	if said.portal, said.sender, err = p.place(ctx, in, login); err != nil {
		return err
	}
	if held, err := p.arrived(ctx, said.key()); err != nil {
		return err
	} else if held && change == nil {
		return p.fill(ctx, said)
	} else if held {
		if said, err = p.release(ctx, said); err != nil {
			return err
		}
	}
	return p.decide(ctx, said, change)
}

func (p *Portals) decide(ctx context.Context, said said, change any) error {
	switch change := change.(type) {
	case convert.Edit:
		return p.editFromWhatsApp(ctx, said, change)
	case convert.Reaction:
		return p.reactionFromWhatsApp(ctx, said, change)
	case convert.Target:
		return p.redactionFromWhatsApp(ctx, said, change)
	case convert.Vote:
		return p.voteFromWhatsApp(ctx, said, change)
	case convert.Timer:
		return p.timerFromWhatsApp(ctx, said, change)
	case convert.Pin:
		return p.pinFromWhatsApp(ctx, said, change)
	case convert.Keep:
		return p.keepFromWhatsApp(ctx, said, change)
	case convert.Album:
		return p.albumFromWhatsApp(ctx, said)
	case convert.EventAnswer:
		return p.attendanceFromWhatsApp(ctx, said, change)
	}
	moved, isUpdate, err := p.liveFromWhatsApp(ctx, said)
	if err != nil {
		return err
	} else if isUpdate {
		return p.moveOnWhatsApp(ctx, said, moved)
	}
	return p.fileOrWords(ctx, said)
}

// said is something that was said on WhatsApp, and where and by whom.
type said struct {
	login  database.Login
	portal database.Portal
	sender database.Puppet
	in     inbox.WhatsAppMessage
	msg    *waE2E.Message
	about  types.MessageID // what it belongs to, as in database.Message
	fields map[string]any  // of the bridge's own in the event that shows it, beside extra
	hidden bool            // its file is not shown
	// on is the message of a community that it is a comment on, if it is one.
	on        convert.Target
	isComment bool
}

func (s said) key() database.MessageKey {
	return database.MessageKey{Portal: s.portal.ID, ID: s.in.Info.ID, Sender: s.sender.ID}
}

func (s said) at() time.Time { return s.in.Info.Timestamp }

// row is what is written down of what was said.
func (s said) row(kind database.MessageKind) database.Message {
	return database.Message{MessageKey: s.key(), Kind: kind, Sent: s.at(), About: s.about}
}

// changeOf reads what a message does to an earlier one; nil when it is one of its own.
func changeOf(msg *waE2E.Message) any {
	if edit, ok := convert.EditFromWhatsApp(msg); ok && isPlain(edit.Target) {
		return edit
	}
	if reaction, ok := convert.ReactionFromWhatsApp(msg); ok && isPlain(reaction.Target.ID) {
		return reaction
	}
	if target, ok := convert.RedactionFromWhatsApp(msg); ok && isPlain(target.ID) {
		return target
	}
	if vote, ok := convert.VoteFromWhatsApp(msg); ok && isPlain(vote.Target.ID) {
		return vote
	}
	if timer, ok := convert.TimerFromWhatsApp(msg); ok {
		return timer
	}
	if pin, ok := convert.PinFromWhatsApp(msg); ok && isPlain(pin.Target.ID) {
		return pin
	}
	if keep, ok := convert.KeepFromWhatsApp(msg); ok && isPlain(keep.Target.ID) {
		return keep
	}
	if album, ok := convert.AlbumFromWhatsApp(msg); ok {
		return album
	}
	if answer, ok := convert.AttendanceFromWhatsApp(msg); ok && isPlain(answer.Target.ID) {
		return answer
	}
	return nil
}

// saidOnWhatsApp shows a message of its own, and what has waited for it.
func (p *Portals) saidOnWhatsApp(ctx context.Context, s said) error {
	s, content, err := p.shownAs(ctx, s)
	if err != nil || content == nil {
		return err
	}
	row := s.row(database.KindMessage)
	row.Quote = convert.Quote(content.Body)
	isNew, err := p.db.AddMessage(ctx, row)
	if err != nil || !isNew {
		return err // it came by another login of the same group, is our own, or was taken back before it came
	}
	content, about, err := p.replyFromWhatsApp(ctx, s, content)
	if err != nil {
		return err
	}
	if err := p.ensureShown(ctx, s); err != nil {
		return err
	}
	how := showing{row: row, as: s.sender.UserID, about: about, file: s.file(), preview: s.preview(), extra: s.extra()}
	if err := p.present(ctx, s, how, s.marked(content)); err != nil {
		return err
	}
	if err := p.vanishes(ctx, s, row); err != nil {
		return err
	}
	if err := p.showReactions(ctx, row.MessageKey); err != nil {
		return err
	}
	return p.in.Provide(ctx, inbox.MessageOf(row.MessageKey))
}

// ensureShown sees to it that there will be a room in which to show what was said.
func (p *Portals) ensureShown(ctx context.Context, s said) error {
	if err := p.ensureDetails(ctx, s.portal, s.login.ID, s.at()); err != nil {
		return err
	}
	return p.ensureRoom(ctx, s.portal)
}

// maxMessageID is how long a message's ID may be, in bytes. Those of WhatsApp's own programs have up to 32.
const maxMessageID = 200

// isPlain reports whether a message's ID, which its sender chose, is one that every database takes and that cannot be
// taken for one that show makes.
func isPlain(message types.MessageID) bool {
	odd := func(r rune) bool { return unicode.IsControl(r) || r == '#' }
	return message != "" && len(message) <= maxMessageID && utf8.ValidString(message) && !strings.ContainsFunc(message, odd)
}

// showing is what the events that show a message have in common.
type showing struct {
	row   database.Message
	as    id.UserID
	about *database.MessageKey   // what the first of them is about
	file  *outbox.FileOnWhatsApp // what the first of them shows
	// preview is the picture of a page in the first of them; extra are fields of its content for programs.
	preview []byte
	extra   map[string]any
}

// show adds the events that show a message, whose row is there: one, or several when it is too long for one. The further
// ones are messages of their own to the bridge, so that a repeat of them is recognised like any other.
func (p *Portals) show(ctx context.Context, s showing, parts []*event.MessageEventContent) error {
	for n, content := range parts {
		part := s
		if n > 0 {
			part.row.ID, part.row.Quote, part.about, part.file = partID(s.row.ID, n+1), "", nil, nil
			part.preview, part.extra = nil, nil
			if _, err := p.db.AddMessage(ctx, part.row); err != nil {
				return err
			}
		}
		if err := p.post(ctx, part, typeOf(content), content); err != nil {
			return err
		}
	}
	return nil
}

// post adds the event that shows a message.
func (p *Portals) post(ctx context.Context, s showing, kind event.Type, content any) error {
	raw, err := withFields(content, s.extra)
	if err != nil {
		return fmt.Errorf("encode message %s: %w", s.row.ID, err)
	}
	return p.out.SendEvent(ctx, outbox.SendEvent{
		Portal: s.row.Portal, As: s.as, Type: kind.Type, Content: raw,
		Txn: transactionID(s.row.MessageKey), Message: &s.row.MessageKey, About: s.about, File: s.file, Preview: s.preview, Sent: s.row.Sent,
	})
}

// transactionID is the repeat key of the event that shows a message.
func transactionID(key database.MessageKey) string {
	return fmt.Sprintf("wa-%d-%d-%s", key.Portal, key.Sender, key.ID)
}

// place finds the portal and the sender of a message.
func (p *Portals) place(ctx context.Context, in inbox.WhatsAppMessage, login database.Login) (database.Portal, database.Puppet, error) {
	var portal database.Portal
	var sender database.Puppet
	if in.Info.Chat.Server == types.BroadcastServer {
		if in.Info.IsFromMe {
			return portal, sender, queue.Dead(fmt.Errorf("place message %s: it went to the broadcast list %s, which is many chats", in.Info.ID, in.Info.Chat))
		}
		// To those who get it, a message to a list is one in the chat with its sender.
		in.Info.Chat, in.Info.IsGroup = in.Info.Sender.ToNonAD(), false
	}
	portal, err := p.db.EnsurePortal(ctx, inbox.Receiver(in.Login, in.Info.Chat), inbox.ChatNames(in.Info)...)
	if err != nil {
		return portal, sender, err
	}
	if in.Info.IsFromMe {
		sender, err = p.db.PuppetByID(ctx, login.Puppet)
	} else {
		sender, err = p.people.Ensure(ctx, in.Info.Sender, in.Info.SenderAlt, in.Info.PushName)
	}
	if err != nil {
		return portal, sender, err
	}
	other := sender
	if portal.IsDirect() && in.Info.IsFromMe {
		if other, err = p.people.Ensure(ctx, in.Info.Chat, in.Info.RecipientAlt, ""); err != nil {
			return portal, sender, err
		}
	}
	if portal, err = p.direct(ctx, portal, other.ID); err != nil {
		return portal, sender, err
	}
	return portal, sender, p.enter(ctx, portal, login, "message/"+in.Info.ID)
}

// MessageFromMatrix decides about a message in the room of a portal: an event that is one, or that people mean as one.
func (p *Portals) MessageFromMatrix(ctx context.Context, evt *event.Event) error {
	if evt.Sender == p.cfg.Bot || p.people.IsGhost(evt.Sender) {
		return p.settleEcho(ctx, evt)
	}
	portal, err := p.db.PortalByRoom(ctx, evt.RoomID)
	if errors.Is(err, database.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	if _, err := p.db.MessageByEvent(ctx, evt.ID); !errors.Is(err, database.ErrNotFound) {
		return err // decided before
	}
	if evt.Type.Type == event.EventRedaction.Type {
		return p.redactionFromMatrix(ctx, portal, evt)
	}
	if len(evt.Content.Raw) == 0 {
		return nil // its sender has removed it before it came
	}
	switch {
	case p.cfg.IgnoreNotices && isNotice(evt):
		return nil
	case evt.Type.Type == event.EventReaction.Type:
		return p.reactionFromMatrix(ctx, portal, evt)
	case evt.Type.Type == event.EventMessage.Type && evt.Content.AsMessage().RelatesTo.GetReplaceID() != "":
		return p.editFromMatrix(ctx, portal, evt)
	case convert.PollPartOf(evt.Type.Type) != convert.NoPoll:
		return p.pollFromMatrix(ctx, portal, evt)
	case convert.IsBeacon(evt.Type.Type):
		return p.beaconFromMatrix(ctx, portal, evt)
	}
	return p.saidOnMatrix(ctx, portal, evt)
}

// saidOnMatrix sends a message of its own.
func (p *Portals) saidOnMatrix(ctx context.Context, portal database.Portal, evt *event.Event) error {
	login, err := p.speaker(ctx, portal, evt, 0)
	if errors.Is(err, errSilent) {
		return nil
	} else if err != nil {
		return err
	}
	reply, err := p.replyFromMatrix(ctx, portal, evt)
	if err != nil {
		return err
	}
	if answer, err := p.answered(ctx, portal, login, evt, reply); err != nil || answer.msg != nil {
		if err != nil {
			return err
		}
		return p.send(ctx, portal, login, evt, answer)
	}
	if files, err := convert.GalleryFromMatrix(evt.Content.AsMessage(), evt.Content.Raw); err != nil {
		return unsupported(err)
	} else if len(files) > 0 {
		return p.gallery(ctx, portal, login, evt, files, reply)
	}
	msg, err := p.contentOf(ctx, portal, evt)
	if err != nil {
		return err
	}
	quote, content := convert.Words(msg), evt.Content.AsMessage()
	msg = answering(msg, reply, content)
	return p.send(ctx, portal, login, evt, sending{msg: msg, quote: quote, file: fileFromMatrix(content), preview: p.previewFor(content, msg)})
}

// sending is what goes to WhatsApp.
type sending struct {
	kind  database.MessageKind
	msg   *waE2E.Message
	quote string
	name  string          // tells several messages of one event apart; "" is the first
	nth   int             // its place among them
	about types.MessageID // as in database.Message
	after string          // as in outbox.SendWhatsApp
	file  *outbox.FileOnMatrix
	// preview is what is still to be had for the preview of a page; nil when there is nothing.
	preview *outbox.PreviewOnMatrix
}

// send writes down what a Matrix user's event is on WhatsApp, and sends it.
func (p *Portals) send(ctx context.Context, portal database.Portal, login database.Login, evt *event.Event, s sending) error {
	key := database.MessageKey{Portal: portal.ID, ID: messageID(login.ID, evt.ID+id.EventID(s.name)), Sender: login.Puppet}
	msg, err := p.timed(ctx, portal, key, evt, s)
	if err != nil {
		return err
	}
	raw, err := proto.Marshal(msg)
	if err != nil {
		return fmt.Errorf("encode message %s: %w", evt.ID, err)
	}
	row := database.Message{
		MessageKey: key, Kind: s.kind, Event: evt.ID, FromMatrix: true, Sent: timestamp(evt).Add(time.Duration(s.nth) * time.Millisecond), Quote: convert.Quote(s.quote), About: s.about,
	}
	if _, err := p.db.AddMessage(ctx, row); err != nil {
		return err
	}
	return p.out.SendWhatsApp(ctx, outbox.SendWhatsApp{
		Login: login.ID, Chat: portal.Chat, Message: row.MessageKey, Content: raw, File: s.file, Preview: s.preview,
		Written: timestamp(evt), After: s.after,
	})
}

// contentOf is what an event says on WhatsApp.
func (p *Portals) contentOf(ctx context.Context, portal database.Portal, evt *event.Event) (*waE2E.Message, error) {
	switch evt.Type.Type {
	case event.EventMessage.Type:
	case event.EventEncrypted.Type:
		return nil, &queue.Reject{Code: "encrypted", Text: "This was not sent to WhatsApp: the bridge cannot read encrypted messages yet."}
	case event.EventSticker.Type:
		return sendable(convert.StickerToWhatsApp(evt.Content.AsMessage()))
	default:
		return nil, unsupported(convert.Unsupported{Kind: "a message of this kind"})
	}
	convert.FillPlace(evt.Content.AsMessage(), evt.Content.VeryRaw)
	return p.toWhatsApp(ctx, portal, evt.Content.AsMessage())
}

// sendable turns what cannot be sent into a refusal.
func sendable(msg *waE2E.Message, err error) (*waE2E.Message, error) {
	if err != nil {
		return nil, unsupported(err)
	}
	return msg, nil
}

// settleEcho records the event of a message of ours that came back from the homeserver: the answer to the send may
// have been lost.
func (p *Portals) settleEcho(ctx context.Context, evt *event.Event) error {
	text, _ := evt.Content.Raw[outbox.KeyField].(string)
	key, ok := outbox.ParseKey(text)
	if !ok {
		return nil
	}
	return p.db.SettleMessage(ctx, key, evt.ID)
}

func unsupported(err error) error {
	text := "This was not sent to WhatsApp: the bridge cannot send it yet."
	if errors.Is(err, convert.ErrEmpty) {
		return &queue.Reject{Code: "empty", Text: "This was not sent to WhatsApp: there is no text in it."}
	}
	if refusal, ok := errors.AsType[convert.Refusal](err); ok {
		return &queue.Reject{Code: refusal.Code, Text: refusal.Text}
	}
	if kind, ok := errors.AsType[convert.Unsupported](err); ok {
		text = fmt.Sprintf("This was not sent to WhatsApp: the bridge cannot send %s yet.", kind.Kind)
	}
	return &queue.Reject{Code: "unsupported", Text: text, Err: err}
}
