package portal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.mau.fi/util/variationselector"
	"maunium.net/go/mautrix/event"

	"causeway/convert"
	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/queue"
)

// What stands in the place of a file after the phone was asked for it.
const (
	textAsked   = "⏳ Your phone is asked for this file. It appears here as soon as the phone has sent it; the phone must be on and connected."
	textMissing = "This file is not on your phone any more either. Ask for it to be sent again."
	textFailed  = "Your phone could not send this file. Ask for it to be sent again."
	textAgain   = "Your phone has sent this file, but it could not be had all the same. React with ♻️ to this message to ask for it once more."
	textSilent  = "Your phone has not sent this file for days. React with ♻️ to this message to ask it once more."
)

// maxFileTries is how often the phone is asked without anybody wanting it.
const maxFileTries = 2

// FileLost decides about a message that is shown without its file: the phone may still have that.
func (p *Portals) FileLost(ctx context.Context, in inbox.FileLost) error {
	var a outbox.SendEvent
	if err := json.Unmarshal(in.Action, &a); err != nil || a.File == nil {
		return queue.Dead(fmt.Errorf("read what was to be shown for message %s: %w", in.Message.ID, errors.Join(outbox.ErrUnreadable, err)))
	}
	if p.cfg.Life.NeverAsk {
		return nil
	}
	key := in.Message
	if a.About != nil && isReplacement(a.Content) { // the phone knows the message, not what changes it
		key = *a.About
	}
	key.ID, _, _ = strings.Cut(key.ID, "#")
	row, err := p.db.MessageByKey(ctx, key)
	if errors.Is(err, database.ErrNotFound) || err == nil && row.Removed {
		return nil
	} else if err != nil {
		return err
	}
	lost, err := p.db.LostFileByKey(ctx, key)
	if err != nil && !errors.Is(err, database.ErrNotFound) {
		return err
	}
	plan, err := json.Marshal(outbox.LostPlan{Event: a})
	if err != nil {
		return fmt.Errorf("write what is to be shown for message %s: %w", key.ID, err)
	}
	lost = database.LostFile{MessageKey: key, Login: a.File.Login, State: database.LostOffered, Tries: lost.Tries, Plan: plan, Lost: time.Now()}
	switch {
	case p.cfg.Life.AskPhone && lost.Tries < maxFileTries:
		return p.askPhone(ctx, lost)
	case lost.Tries > 0: // it was lost once more
		if err := p.replaceNotice(ctx, lost, fmt.Sprintf("#again%d", lost.Tries), textAgain); err != nil {
			return err
		}
	}
	return p.db.PutLostFile(ctx, lost)
}

// isReplacement reports whether a content takes the place of an earlier one.
func isReplacement(content json.RawMessage) bool {
	var fields struct {
		Relation struct {
			Type event.RelationType `json:"rel_type"`
		} `json:"m.relates_to"`
	}
	return json.Unmarshal(content, &fields) == nil && fields.Relation.Type == event.RelReplace
}

// askPhone plans to ask the phone for a file.
func (p *Portals) askPhone(ctx context.Context, lost database.LostFile) error {
	plan, err := readPlan(lost)
	if err != nil {
		return err
	}
	portal, err := p.db.PortalByID(ctx, lost.Portal)
	if err != nil {
		return err
	}
	author, err := p.db.PuppetByID(ctx, lost.Sender)
	if err != nil {
		return err
	}
	login, err := p.db.LoginByID(ctx, lost.Login)
	if errors.Is(err, database.ErrNotFound) {
		return p.db.PutLostFile(ctx, lost) // there is no phone to ask
	} else if err != nil {
		return err
	}
	lost.State = database.LostAsked
	lost.Tries++
	if err := p.db.PutLostFile(ctx, lost); err != nil {
		return err
	}
	return p.out.RequestFile(ctx, time.Time{}, outbox.RequestFile{
		Login: lost.Login, Chat: portal.Chat, Sender: nameIn(portal, author), FromMe: login.Puppet == lost.Sender,
		Message: lost.MessageKey, Key: plan.Event.File.Key, Round: lost.Tries,
	})
}

func readPlan(lost database.LostFile) (outbox.LostPlan, error) {
	plan, err := outbox.ReadLostPlan(lost.Plan)
	if err != nil {
		return plan, queue.Dead(fmt.Errorf("lost file of message %s: %w", lost.ID, err))
	}
	return plan, nil
}

// FileWanted decides about a user who wants a file that was lost.
func (p *Portals) FileWanted(ctx context.Context, in inbox.FileWanted) error {
	portal, err := p.db.PortalByID(ctx, in.Portal)
	if err != nil {
		return err
	}
	row, err := p.shownBy(ctx, portal, in.Event)
	if err != nil && !errors.Is(err, database.ErrNotFound) {
		return err
	}
	lost, lostErr := p.db.LostFileByKey(ctx, row.MessageKey)
	if lostErr != nil && !errors.Is(lostErr, database.ErrNotFound) {
		return lostErr
	}
	say := func(text string) error {
		return p.out.SendNotice(ctx, outbox.SendNotice{Room: portal.RoomID, Txn: "file-" + in.By.String(), Text: text, ReplyTo: in.Event})
	}
	switch {
	case p.cfg.Life.NeverAsk:
		return say("This bridge does not ask phones for files. Its administrator can change that with \"media.retry\".")
	case err != nil || lostErr != nil || lost.State == database.LostFound:
		return say("There is no file that could be asked for. Answer the notice that stands in the place of a file.")
	case lost.State == database.LostAsked:
		return say("Your phone was asked for this file already. It must be on and connected.")
	}
	logins, err := p.accounts(ctx, portal, in.User)
	if err != nil {
		return err
	}
	if len(logins) == 0 || !p.permit.MayLogIn(in.User) {
		return say("None of your WhatsApp accounts is in this chat, so there is no phone of yours to ask.")
	}
	for _, login := range logins {
		if login.State != database.StateLoggedOut {
			lost.Login = login.ID
			break
		}
	}
	if err := p.askPhone(ctx, lost); err != nil {
		return err
	}
	return p.replaceNotice(ctx, lost, fmt.Sprintf("#wanted%d", lost.Tries+1), textAsked)
}

// isRecycle reports whether a reaction asks for a file: to the bridge, and not to people.
func isRecycle(emoji string) bool {
	switch variationselector.Remove(emoji) {
	case "♻", "🔁", "🔄":
		return true
	}
	return false
}

// wantsFile reports whether a reaction to a message asks for its file.
func (p *Portals) wantsFile(ctx context.Context, key database.MessageKey, emoji string) (bool, error) {
	if !isRecycle(emoji) {
		return false, nil
	}
	lost, err := p.db.LostFileByKey(ctx, key)
	if errors.Is(err, database.ErrNotFound) {
		return false, nil
	}
	return err == nil && lost.State != database.LostFound, err
}

// FileAnswered decides about what the phone says: the file takes the place of its notice, or the notice says that it is
// gone for good.
func (p *Portals) FileAnswered(ctx context.Context, in inbox.FileAnswered) error {
	lost, err := p.db.LostFileByKey(ctx, in.Message)
	if errors.Is(err, database.ErrNotFound) || err == nil && lost.State != database.LostAsked {
		return nil // it was found, or nobody waits for it
	} else if err != nil {
		return err
	}
	row, err := p.db.MessageByKey(ctx, in.Message)
	if err != nil || row.Removed {
		return unlessGone(err)
	}
	lost.State = database.LostRefused
	text := textFailed
	switch {
	case in.Path != "":
		lost.State = database.LostFound
		if err := p.db.PutLostFile(ctx, lost); err != nil {
			return err
		}
		return p.showFound(ctx, lost, in.Path)
	case in.Silent:
		lost.State, text = database.LostOffered, textSilent
	case in.Missing:
		text = textMissing
	}
	if err := p.db.PutLostFile(ctx, lost); err != nil {
		return err
	}
	return p.replaceNotice(ctx, lost, fmt.Sprintf("#answer%d", lost.Tries), text)
}

// showFound shows a file in the place of its notice.
func (p *Portals) showFound(ctx context.Context, lost database.LostFile, path string) error {
	plan, err := readPlan(lost)
	if err != nil {
		return err
	}
	file := *plan.Event.File
	file.Path = path
	content := &event.MessageEventContent{}
	if err := json.Unmarshal(plan.Event.Content, content); err != nil {
		return queue.Dead(fmt.Errorf("read what is to be shown for message %s: %w", lost.ID, err))
	}
	if inner := convert.NewContent(content); inner != nil {
		content = inner
	}
	fields := map[string]any{}
	if err := json.Unmarshal(plan.Event.Content, &fields); err != nil {
		return queue.Dead(fmt.Errorf("read what is to be shown for message %s: %w", lost.ID, err))
	}
	extra := map[string]any{}
	for _, name := range []string{fieldAlbum, fieldViewOnce, convert.ForwardedField} {
		if value, ok := fields[name]; ok {
			extra[name] = value
		}
	}
	return p.postEdit(ctx, lost, fmt.Sprintf("#found%d", lost.Tries), showing{file: &file, extra: extra}, content)
}

// replaceNotice says something else in the place of a file.
func (p *Portals) replaceNotice(ctx context.Context, lost database.LostFile, ending, text string) error {
	return p.postEdit(ctx, lost, ending, showing{}, notice(text))
}

// postEdit adds the event that replaces the one which stands in the place of a file.
func (p *Portals) postEdit(ctx context.Context, lost database.LostFile, ending string, s showing, content *event.MessageEventContent) error {
	author, err := p.db.PuppetByID(ctx, lost.Sender)
	if err != nil {
		return err
	}
	key := lost.MessageKey
	edit := database.Message{MessageKey: key, Kind: database.KindEdit, Sent: time.Now(), About: key.ID}
	edit.ID += ending
	if isNew, err := p.db.AddMessage(ctx, edit); err != nil || !isNew {
		return err
	}
	s.row, s.as, s.about = edit, author.UserID, &key
	return p.post(ctx, s, event.EventMessage, convert.EditToMatrix(content))
}
