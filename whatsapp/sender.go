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
	// askLimit is how long a question of a user waits for that.
	askLimit = 30 * time.Second
	// actionTimeout bounds what one try of an action may take beyond the wait for WhatsApp's answer.
	actionTimeout = 2 * time.Minute
	// encryptTries is how often a message is encrypted again because others came in meanwhile.
	encryptTries = 5
	// logOutTries is how often WhatsApp is asked to unlink a device before it is only forgotten here.
	logOutTries = 3
)

// Sender carries out the outbox's actions on WhatsApp's side.
type Sender struct {
	sessions *Sessions
	media    Media
}

// NewSender returns the sender that uses these connections, and moves files.
func NewSender(s *Sessions, m Media) *Sender { return &Sender{s, m} }

// Perform implements queue.Handler for the lanes of which outbox.OnWhatsApp is true.
func (s *Sender) Perform(ctx context.Context, e queue.Entry) (queue.Settle, error) {
	if e.Kind == outbox.KindSendWhatsApp {
		return perform(ctx, e, s.send) // its file may take any time
	}
	ctx, cancel := context.WithTimeout(ctx, actionTimeout+s.timing().Ack)
	defer cancel()
	switch e.Kind {
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
	case outbox.KindSendReceipt:
		return perform(ctx, e, s.sendReceipt)
	case outbox.KindRequestFile:
		return perform(ctx, e, s.requestFile)
	case outbox.KindAcceptInvite:
		return perform(ctx, e, s.acceptInvite)
	case outbox.KindRequestMessage:
		return perform(ctx, e, s.requestMessage)
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

func (s *Sender) timing() Timing { return s.sessions.edge.timing }

// connected returns a login's connection, or the error that says what is to be done without: to wait for it until
// limit after the action was added, or to tell the user. After that time nothing is tried any more.
func (s *Sender) connected(ctx context.Context, e queue.Entry, login database.LoginID, limit time.Duration) (*session, error) {
	live := s.sessions.get(login)
	ready := live != nil && live.ready.Load()
	if live == nil || live.over.Load() {
		if err := s.sessions.ended(ctx, login); err != nil {
			return nil, err
		}
	}
	switch age := time.Since(e.Added); {
	case age > limit:
		return nil, expired(e.Kind, limit, ready)
	case !ready:
		return nil, &queue.Park{Name: outbox.ConnectionOf(login), Limit: limit - age + parkMargin}
	}
	return live, nil
}

// parkMargin is how much longer an action may be parked than it may wait, so that it is refused with a sentence and
// does not become a dead letter.
const parkMargin = time.Hour

// send sends a message with the ID that was chosen for it: WhatsApp passes over a repeat.
func (s *Sender) send(ctx context.Context, e queue.Entry, a outbox.SendWhatsApp) (queue.Settle, error) {
	var message waE2E.Message
	if err := proto.Unmarshal(a.Content, &message); err != nil {
		return nil, queue.Dead(fmt.Errorf("decode message %s: %w", a.Message.ID, err))
	}
	a, err := s.attach(ctx, e, a, &message)
	if err != nil {
		return nil, err
	}
	if err := s.illustrate(ctx, e, a, &message); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, actionTimeout+s.timing().Ack)
	defer cancel()
	live, err := s.connected(ctx, e, a.Login, s.timing().MaxAge)
	if err == nil {
		err = s.after(ctx, e, a, live)
	}
	if err != nil {
		return nil, err
	}
	if err := live.send(ctx, a.Chat.ToNonAD(), &message, whatsmeow.SendRequestExtra{ID: a.Message.ID}); err != nil {
		live.refresh(ctx, a.Chat, err)
		return nil, s.sendError(e, a, err)
	}
	crashpoint.Pass(crashpoint.WhatsAppSent)
	return s.remarked(a), nil
}

// send encrypts and sends a message. When another one comes in from a recipient meanwhile it is encrypted again.
func (s *session) send(ctx context.Context, chat types.JID, message *waE2E.Message, extra whatsmeow.SendRequestExtra) error {
	for try := 1; ; try++ {
		sendCtx, cancel := context.WithCancelCause(ctx)
		sendCtx = context.WithValue(sendCtx, sendingKey{}, cancel)
		err := s.post(sendCtx, chat, message, extra)
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
	live, err := s.connected(ctx, e, a.Login, s.timing().MaxAge)
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
