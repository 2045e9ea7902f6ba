package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"

	"causeway/crashpoint"
	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/queue"
)

const (
	// sendLimit is how long a message waits for its login to be connected.
	sendLimit = 24 * time.Hour
	// askLimit is how long a question of a user waits for that.
	askLimit = 30 * time.Second
	// actionTimeout bounds one try of an action, ackTimeout the wait for WhatsApp's answer within it.
	actionTimeout = 3 * time.Minute
	ackTimeout    = 60 * time.Second
	// encryptTries is how often a message is encrypted again because others came in meanwhile.
	encryptTries = 5
	// logOutTries is how often WhatsApp is asked to unlink a device before it is only forgotten here.
	logOutTries = 3
)

// Sender carries out the outbox's actions on WhatsApp's side.
type Sender struct{ sessions *Sessions }

// NewSender returns the sender that uses these connections.
func NewSender(s *Sessions) *Sender { return &Sender{s} }

// Perform implements queue.Handler for the lanes of which outbox.OnWhatsApp is true.
func (s *Sender) Perform(ctx context.Context, e queue.Entry) (queue.Settle, error) {
	ctx, cancel := context.WithTimeout(ctx, actionTimeout)
	defer cancel()
	switch e.Kind {
	case outbox.KindSendWhatsApp:
		return perform(ctx, e, s.send)
	case outbox.KindPair:
		return perform(ctx, e, s.pair)
	case outbox.KindStopPairing:
		return perform(ctx, e, s.stopPairing)
	case outbox.KindLogOut:
		return perform(ctx, e, s.logOut)
	case outbox.KindLookUpNumber:
		return perform(ctx, e, s.lookUpNumber)
	case outbox.KindFetchGroup:
		return perform(ctx, e, s.fetchGroup)
	}
	return nil, queue.Dead(fmt.Errorf("carry out an action of unknown kind %q", e.Kind))
}

func perform[T any](ctx context.Context, e queue.Entry, do func(context.Context, queue.Entry, T) (queue.Settle, error)) (queue.Settle, error) {
	a, err := outbox.Decode[T](e)
	if err != nil {
		return nil, err
	}
	return do(ctx, e, a)
}

// connected returns a login's connection, or the error that says what is to be done without: to wait for it until
// limit after the action was added, or to tell the user.
func (s *Sender) connected(ctx context.Context, e queue.Entry, login database.LoginID, limit time.Duration) (*session, error) {
	live := s.sessions.get(login)
	if live != nil && live.ready.Load() {
		return live, nil
	}
	if live == nil {
		if err := s.ended(ctx, login); err != nil {
			return nil, err
		}
	}
	if time.Since(e.Added) > limit {
		return nil, &queue.Reject{Code: "not_connected", Text: "The WhatsApp account is not connected. Please try again later."}
	}
	return nil, &queue.Park{Name: outbox.ConnectionOf(login), Limit: limit + time.Hour}
}

// send sends a message with the ID that was chosen for it: WhatsApp passes over a repeat.
func (s *Sender) send(ctx context.Context, e queue.Entry, a outbox.SendWhatsApp) (queue.Settle, error) {
	var message waE2E.Message
	if err := proto.Unmarshal(a.Content, &message); err != nil {
		return nil, queue.Dead(fmt.Errorf("decode message %s: %w", a.Message.ID, err))
	}
	live, err := s.connected(ctx, e, a.Login, sendLimit)
	if err != nil {
		return nil, err
	}
	if err = live.send(ctx, a.Chat.ToNonAD(), &message, a.Message.ID); err == nil {
		crashpoint.Pass(crashpoint.WhatsAppSent)
	}
	return nil, sendError(e, a, err)
}

// send encrypts and sends a message. When another one comes in from a recipient meanwhile it is encrypted again.
func (s *session) send(ctx context.Context, chat types.JID, message *waE2E.Message, id types.MessageID) error {
	for try := 1; ; try++ {
		sendCtx, cancel := context.WithCancelCause(ctx)
		sendCtx = context.WithValue(sendCtx, sendingKey{}, cancel)
		_, err := s.client.SendMessage(sendCtx, chat, message, whatsmeow.SendRequestExtra{ID: id, Timeout: ackTimeout})
		if cause := context.Cause(sendCtx); err != nil && cause != nil {
			err = fmt.Errorf("%w (%w)", err, cause)
		}
		cancel(nil)
		if try < encryptTries && isMoved(err) {
			continue
		}
		return err
	}
}

func (s *Sender) pair(ctx context.Context, _ queue.Entry, a outbox.Pair) (queue.Settle, error) {
	s.sessions.pair(ctx, a)
	return nil, nil
}

func (s *Sender) stopPairing(_ context.Context, _ queue.Entry, a outbox.StopPairing) (queue.Settle, error) {
	stopped := inbox.Pairing{User: a.User, Flow: a.Flow, Serial: s.sessions.stopPairing(a), Step: inbox.PairingStopped}
	return func(ctx context.Context) error { return s.sessions.edge.in.AddPairing(ctx, stopped) }, nil
}

func (s *Sender) lookUpNumber(ctx context.Context, e queue.Entry, a outbox.LookUpNumber) (queue.Settle, error) {
	answer := inbox.NumberLookedUp{User: a.User, Login: a.Login, Room: a.Room, Number: a.Number, Key: a.Key}
	err := s.lookUp(ctx, e, a, &answer)
	refusal, refused := errors.AsType[*queue.Reject](err)
	switch {
	case refused:
		answer.Problem = refusal.Text
	case err != nil && time.Since(e.Added) > askLimit:
		answer.Problem = "WhatsApp does not answer. Please try again later."
	case err != nil:
		return nil, err
	}
	return func(ctx context.Context) error { return s.sessions.edge.in.AddNumberLookedUp(ctx, answer) }, nil
}

// lookUp asks WhatsApp for a number and fills in the answer.
func (s *Sender) lookUp(ctx context.Context, e queue.Entry, a outbox.LookUpNumber, answer *inbox.NumberLookedUp) error {
	live, err := s.connected(ctx, e, a.Login, askLimit)
	if err != nil {
		return err
	}
	found, err := live.client.IsOnWhatsApp(ctx, []string{"+" + a.Number})
	if err != nil {
		return askError(fmt.Errorf("look up a number: %w", err))
	}
	for _, person := range found {
		if person.IsIn {
			m := member(person.JID, person.PhoneNumber)
			answer.Found, answer.LID, answer.PN = true, m.LID, m.PN
		}
	}
	return nil
}

func (s *Sender) fetchGroup(ctx context.Context, e queue.Entry, a outbox.FetchGroup) (queue.Settle, error) {
	live, err := s.connected(ctx, e, a.Login, sendLimit)
	if err != nil {
		return nil, err
	}
	changed := inbox.GroupChanged{Login: a.Login, Group: a.Group, Key: a.Key}
	info, err := live.client.GetGroupInfo(ctx, a.Group)
	switch reason := groupRefusal(err); {
	case reason != "":
		changed.Reason = reason
	case err != nil:
		return nil, askError(fmt.Errorf("ask for group %s: %w", a.Group, err))
	default:
		changed.Whole = wholeGroup(*info)
	}
	return func(ctx context.Context) error { return s.sessions.edge.in.AddGroupChanged(ctx, changed) }, nil
}
