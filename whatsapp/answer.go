package whatsapp

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.mau.fi/whatsmeow"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
)

// post sends a message and waits for WhatsApp's answer. whatsmeow sends one message of a login at a time and holds its
// lock until the answer has come, so that one chat whose answers are late would delay all others. So after a while it is
// handed an empty answer, which ends its wait and frees the lock, and the true one is waited for here (see DESIGN.md).
func (s *session) post(ctx context.Context, chat types.JID, message *waE2E.Message, extra whatsmeow.SendRequestExtra) error {
	w := &answerWait{client: s.client, id: extra.ID, every: s.edge.timing.Hold}
	extra.Timeout = s.edge.timing.Ack + actionTimeout // never reached: the empty answer comes first
	w.start()
	_, err := s.client.SendMessage(ctx, chat, message, extra)
	if late := w.stop(); err == nil && late != nil {
		return s.lateAnswer(ctx, late)
	}
	return err
}

// lateAnswer waits for what WhatsApp says to a message that whatsmeow has let go of. A waiter that is given up is left
// where it is, for whatsmeow may be about to write to it; the next try takes its place.
func (s *session) lateAnswer(ctx context.Context, answer <-chan *waBinary.Node) error {
	timeout := time.NewTimer(s.edge.timing.Ack)
	defer timeout.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timeout.C:
		return whatsmeow.ErrMessageTimedOut
	case node := <-answer:
		if node == nil || node.Tag != "ack" {
			return &whatsmeow.DisconnectedError{Action: "message send", Node: node}
		}
		if code := node.AttrGetter().OptionalInt("error"); code != 0 {
			return fmt.Errorf("%w %d", whatsmeow.ErrServerReturnedError, code)
		}
		return nil
	}
}

// answerWait takes the wait for the answer to one message out of whatsmeow's hands.
type answerWait struct {
	client *whatsmeow.Client
	id     types.MessageID
	every  time.Duration

	mu      sync.Mutex
	timer   *time.Timer
	stopped bool
	answer  chan *waBinary.Node // the true answer, once whatsmeow does not wait for it any more
}

func (w *answerWait) start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(w.every, w.take)
}

// take hands whatsmeow an empty answer if it waits for one, and waits in its place. If not, it may later: the message
// waits for others before it, or is sent once more by whatsmeow itself on a new connection.
func (w *answerWait) take() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return
	}
	internals := w.client.DangerousInternals() //nolint:staticcheck // nothing else ends the wait
	if internals.ReceiveResponse(context.Background(), &waBinary.Node{Tag: "ack", Attrs: waBinary.Attrs{"id": w.id}}) {
		w.answer = internals.WaitResponse(w.id)
		return
	}
	w.timer = time.AfterFunc(w.every, w.take)
}

// stop ends it, and returns where the true answer will come from; nil when whatsmeow has had it.
func (w *answerWait) stop() <-chan *waBinary.Node {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.timer.Stop()
	return w.answer
}
