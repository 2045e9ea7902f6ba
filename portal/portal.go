// Package portal decides what happens in a chat and in the room that shows it.
//
// It only decides: it reads and writes rows and adds actions to the outbox, in the transaction of its caller. A file
// is a kind of event and holds both directions.
package portal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/queue"
)

// People knows who is who. The puppet package has it.
type People interface {
	// Ensure finds or adds the person who goes by a LID, a phone number or both.
	Ensure(ctx context.Context, lid, pn types.JID, pushName string) (database.Puppet, error)
	// IsGhost reports whether a Matrix user stands for a person on WhatsApp.
	IsGhost(user id.UserID) bool
}

// Permissions says who may do what. The configuration has it.
type Permissions interface {
	// MayLogIn reports whether a user may use WhatsApp accounts of their own.
	MayLogIn(user id.UserID) bool
}

// Config is what the decider must know of the configuration.
type Config struct {
	Bot      id.UserID
	Feedback Feedback
	// Prefix is how commands begin, as in "!wa".
	Prefix string
	// ReadReceipts says that each side is told what was read on the other.
	ReadReceipts bool
	// AskPreviews has the homeserver asked for previews of pages that come without one.
	AskPreviews bool
	// IgnoreNotices leaves notices (m.notice) of Matrix users on Matrix.
	IgnoreNotices bool
	Life          Life
}

// Life says what becomes of messages.
type Life struct {
	// ShowViewOnce shows files that may be seen only once, if WhatsApp gives them to the bridge; else a notice names them.
	ShowViewOnce bool
	// KeepVanished keeps in the room what disappears on WhatsApp.
	KeepVanished bool
	// MarkDeleted answers what was deleted on WhatsApp with a notice, KeepDeleted leaves it alone; else it is removed.
	MarkDeleted, KeepDeleted bool
	// AskPhone asks the phone at once for files that WhatsApp has no more; else somebody must want it, unless NeverAsk.
	AskPhone, NeverAsk bool
}

// Portals decides for all portals. It keeps no state of its own.
type Portals struct {
	db     *database.DB
	in     *inbox.Inbox
	out    *outbox.Outbox
	permit Permissions
	people People
	cfg    Config
}

// New returns the decider.
func New(db *database.DB, in *inbox.Inbox, out *outbox.Outbox, people People, cfg Config, permit Permissions) *Portals {
	cfg.Feedback = cfg.Feedback.WithStandardTimes()
	return &Portals{db: db, in: in, out: out, people: people, cfg: cfg, permit: permit}
}

// loginLimit is how long an arrival waits for the login that it came by to be written down. That happens on another
// lane, right after a user has logged in.
const loginLimit = time.Minute

// login finds the login that something came by, and reports false when its user has logged out: what still comes by it
// is of no use to anybody.
func (p *Portals) login(ctx context.Context, login database.LoginID) (database.Login, bool, error) {
	row, err := p.db.LoginByID(ctx, login)
	if !errors.Is(err, database.ErrNotFound) {
		return row, err == nil, err
	}
	by, err := p.db.Setting(ctx, database.UnlinkedBy(login))
	if err == nil && by == "" {
		err = &queue.Park{Name: inbox.LoginOf(login), Limit: loginLimit}
	}
	return row, false, err
}

// enter notes that a login is in a chat, and asks the login's user into the room when the room is there already; a new
// room is made with an invitation for every login.
func (p *Portals) enter(ctx context.Context, portal database.Portal, login database.Login, occasion string) error {
	isNew, err := p.db.AddPortalLogin(ctx, portal.ID, login.ID)
	if err != nil || !isNew || portal.RoomID == "" {
		return err
	}
	return p.out.Invite(ctx, occasion, outbox.Invite{Portal: portal.ID, User: login.User})
}

// ensureRoom sees to it that the portal will have a room.
func (p *Portals) ensureRoom(ctx context.Context, portal database.Portal) error {
	if portal.RoomID != "" {
		return nil
	}
	return p.out.CreateRoom(ctx, outbox.CreateRoom{Portal: portal.ID})
}

// ensureDetails asks for a group's name and members when they are not known. An answer may never come, as when the
// login is unlinked: what is said an hour later asks again.
func (p *Portals) ensureDetails(ctx context.Context, portal database.Portal, login database.LoginID, at time.Time) error {
	if portal.HasDetails {
		return nil
	}
	key := fmt.Sprintf("first/%d/%s/%d", portal.ID, login, at.Unix()/3600)
	return p.out.FetchGroup(ctx, outbox.FetchGroup{Login: login, Group: portal.Chat, Key: key})
}

// direct makes sure that a direct chat knows the person it is with.
func (p *Portals) direct(ctx context.Context, portal database.Portal, other database.PuppetID) (database.Portal, error) {
	if !portal.IsDirect() || portal.Other == other || other == 0 {
		return portal, nil
	}
	portal.Other = other
	return portal, p.db.SetPortalOther(ctx, portal.ID, other)
}
