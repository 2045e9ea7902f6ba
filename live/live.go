// Package live carries what is worth something only now: who is typing. It is kept in memory, in a bounded way, and may be
// dropped: nothing of it is journaled.
package live

import (
	"context"
	"time"

	"github.com/rs/zerolog"
	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/id"

	"causeway/database"
)

const (
	// maxWaiting is how many signs may wait in each direction. A side that is that far behind gets no more.
	maxWaiting = 256
	// deliverTime bounds the handing over of one sign.
	deliverTime = 5 * time.Second
	// shownTime is how long a ghost is shown as typing, if WhatsApp says nothing more. WhatsApp's own programs repeat
	// themselves every ten seconds or so.
	shownTime = 20 * time.Second
	// repeatEvery is how often WhatsApp is told that somebody still types, and mostTyping for how long: a homeserver says
	// when typing ends, unless that is lost.
	repeatEvery = 10 * time.Second
	mostTyping  = 2 * time.Minute
)

// Matrix shows signs in rooms. matrix.Signs is one.
type Matrix interface {
	// Typing shows, for a time, that a user is typing, or that they are not any more.
	Typing(ctx context.Context, room id.RoomID, user id.UserID, shown time.Duration) error
}

// WhatsApp shows signs in chats. whatsapp.Sessions is one.
type WhatsApp interface {
	// Typing says that a login's user is typing, or not any more. Without a connection it does nothing.
	Typing(ctx context.Context, login database.LoginID, chat types.JID, typing bool) error
}

// OnWhatsApp is a sign of somebody on WhatsApp.
type OnWhatsApp struct {
	Login  database.LoginID
	Chats  []types.JID // the names that the chat goes by
	Sender types.JID
	Typing bool
}

// onMatrix is who is typing in a room: all of them.
type onMatrix struct {
	room  id.RoomID
	users []id.UserID
}

// Signs carries signs both ways.
type Signs struct {
	db       *database.DB
	matrix   Matrix
	whatsapp WhatsApp
	log      zerolog.Logger

	toMatrix   chan OnWhatsApp
	toWhatsApp chan onMatrix
}

// New returns what carries signs between the two. They go nowhere before Run.
func New(db *database.DB, matrix Matrix, whatsapp WhatsApp, log zerolog.Logger) *Signs {
	return &Signs{db: db, matrix: matrix, whatsapp: whatsapp, log: log,
		toMatrix: make(chan OnWhatsApp, maxWaiting), toWhatsApp: make(chan onMatrix, maxWaiting)}
}

// FromWhatsApp takes a sign. It does not wait.
func (s *Signs) FromWhatsApp(sign OnWhatsApp) {
	select {
	case s.toMatrix <- sign:
	default:
	}
}

// FromMatrix takes the list of those who are typing in a room. It does not wait.
func (s *Signs) FromMatrix(room id.RoomID, users []id.UserID) {
	select {
	case s.toWhatsApp <- onMatrix{room, users}:
	default:
	}
}

// Run carries signs until ctx ends.
func (s *Signs) Run(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.showOnMatrix(ctx)
	}()
	s.showOnWhatsApp(ctx)
	<-done
	return nil
}

// dropped logs why a sign went nowhere.
func (s *Signs) dropped(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		s.log.Debug().Err(err).Msg("A sign was dropped")
	}
}
