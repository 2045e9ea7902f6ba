package portal

import (
	"cmp"
	"context"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/convert"
	"causeway/database"
)

// maxStrangers is how many people become known by being mentioned in one message. The members of a group are known; who
// names others could have the bridge make a ghost for each of thousands.
const maxStrangers = 50

// toMatrix converts what was said on WhatsApp, with those whom it mentions; nil when there is nothing for people in it.
func (p *Portals) toMatrix(ctx context.Context, s said) (*event.MessageEventContent, error) {
	people, err := p.mentionedOnWhatsApp(ctx, s)
	if err != nil {
		return nil, err
	}
	return convert.ToMatrixNaming(s.msg, people), nil
}

// mentionedOnWhatsApp finds who those are on Matrix whom a message mentions: users of the bridge who are in the chat are
// mentioned themselves, and not the ghosts of their accounts.
func (p *Portals) mentionedOnWhatsApp(ctx context.Context, s said) (convert.People, error) {
	mentioned := convert.MentionedOnWhatsApp(s.msg)
	if len(mentioned) == 0 {
		return nil, nil
	}
	rows, err := p.db.PuppetsByJID(ctx, mentioned)
	if err != nil {
		return nil, err
	}
	strangers := 0
	for _, jid := range mentioned {
		if _, known := rows[jid]; known || strangers >= maxStrangers {
			continue
		}
		strangers++
		if rows[jid], err = p.people.Ensure(ctx, jid, types.EmptyJID, ""); err != nil {
			return nil, err
		}
	}
	logins, err := p.db.PortalLogins(ctx, s.portal.ID)
	if err != nil {
		return nil, err
	}
	users := map[database.PuppetID]id.UserID{}
	for _, login := range logins {
		users[login.Puppet] = login.User
	}
	people := convert.People{}
	for jid, row := range rows {
		people[jid] = convert.Person{User: row.UserID, Name: row.Name}
		if user := users[row.ID]; user != "" {
			people[jid] = convert.Person{User: user, Name: cmp.Or(row.PushName, user.Localpart()), Real: true}
		}
	}
	return people, nil
}

// toWhatsApp converts what a Matrix user said, with those whom it mentions. The error is a queue.Reject if it cannot be
// sent.
func (p *Portals) toWhatsApp(ctx context.Context, portal database.Portal, content *event.MessageEventContent) (*waE2E.Message, error) {
	accounts, err := p.mentionedOnMatrix(ctx, portal, content)
	if err != nil {
		return nil, err
	}
	return sendable(convert.ToWhatsAppNaming(content, accounts))
}

// mentionedOnMatrix finds who those are on WhatsApp whom an event may mention: ghosts, and users whose account is in the
// chat.
func (p *Portals) mentionedOnMatrix(ctx context.Context, portal database.Portal, content *event.MessageEventContent) (convert.Accounts, error) {
	mentioned := convert.MentionedOnMatrix(content)
	if len(mentioned) == 0 {
		return nil, nil
	}
	var ghosts []id.UserID
	real := map[id.UserID]bool{}
	for _, user := range mentioned {
		if p.people.IsGhost(user) {
			ghosts = append(ghosts, user)
		} else {
			real[user] = true
		}
	}
	rows, err := p.db.PuppetsByUserID(ctx, ghosts)
	if err != nil {
		return nil, err
	}
	accounts := convert.Accounts{}
	for user, row := range rows {
		accounts[user] = convert.Account{JID: nameIn(portal, row), Name: row.Name}
	}
	logins, err := p.db.PortalLogins(ctx, portal.ID)
	if err != nil {
		return nil, err
	}
	for _, login := range logins {
		if _, known := accounts[login.User]; known || !real[login.User] {
			continue
		}
		row, err := p.db.PuppetByID(ctx, login.Puppet)
		if err != nil {
			return nil, err
		}
		accounts[login.User] = convert.Account{JID: nameIn(portal, row), Name: cmp.Or(row.PushName, login.User.Localpart())}
	}
	return accounts, nil
}

// isNotice reports whether an event is what a program says, or an edit of it.
func isNotice(evt *event.Event) bool {
	return evt.Type.Type == event.EventMessage.Type && evt.Content.AsMessage().MsgType == event.MsgNotice
}
