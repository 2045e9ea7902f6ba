package whatsapp

import (
	"context"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"

	"causeway/crashpoint"
	"causeway/database"
	"causeway/inbox"
)

// maxMissedKeepAlives is how many questions in a row WhatsApp may leave unanswered before the connection is given up.
// They are 20 to 30 seconds apart.
const maxMissedKeepAlives = 3

// handle takes one event from whatsmeow, and reports whether what caused it may be acknowledged. It must not wait for
// the network: nothing else of the login is handled meanwhile.
func (s *session) handle(ctx context.Context, event any) bool {
	if s.muted.Load() || ctx.Err() != nil {
		return false
	}
	switch event.(type) {
	case *events.KeepAliveTimeout, *events.Disconnected:
	default:
		s.heard()
	}
	if journaled(event) && s.current().broken.Load() {
		return false
	}
	var err error
	switch e := event.(type) {
	case *events.Message:
		err = s.message(ctx, e)
	case *events.JoinedGroup:
		err = s.edge.in.AddGroupChanged(ctx, joinedGroup(s.login, e))
	case *events.GroupInfo:
		if changed, ok := s.groupChanged(ctx, e); ok {
			err = s.edge.in.AddGroupChanged(ctx, changed)
		}
	case *events.PushName:
		err = s.pushName(ctx, e)
	case *events.Receipt:
		if e.IsFromMe && e.Sender.Device == 0 {
			s.phoneSeen(e.Timestamp)
		}
		err = s.receipt(ctx, e)
	case *events.ChatPresence:
		s.typing(e)
	case *events.UndecryptableMessage:
		s.undecrypted(ctx, e)
	case *events.MediaRetry:
		s.fileAnswered(ctx, e)
	case *events.DeleteForMe:
		s.deletedForMe(ctx, e)
	default:
		s.connectionEvent(ctx, event)
	}
	if err != nil {
		s.log.Error().Err(err).Type("event", event).Msg("An event cannot be journaled; it is not acknowledged")
		s.fail(err)
	}
	return err == nil
}

// connectionEvent follows what becomes of the connection.
func (s *session) connectionEvent(ctx context.Context, event any) {
	switch e := event.(type) {
	case *events.Connected:
		s.connected(ctx)
	case *events.AppStateSyncComplete:
		s.hide(ctx)
	case *events.Disconnected:
		// This event comes late, on a goroutine of its own: it may be about an earlier connection.
		if !s.client.IsConnected() {
			s.finish(fate{detail: "the connection was lost"})
		}
	case *events.KeepAliveTimeout:
		s.log.Debug().Int("missed", e.ErrorCount).Msg("WhatsApp does not answer")
		if e.ErrorCount >= maxMissedKeepAlives {
			s.finish(fate{detail: "WhatsApp does not answer any more"})
		}
	case *events.KeepAliveRestored:
		s.log.Debug().Msg("WhatsApp answers again")
	case *events.ManualLoginReconnect:
		s.finish(fate{detail: "WhatsApp asks to connect anew"})
	case *events.StreamError:
		s.finish(fate{detail: "stream error " + e.Code})
	case *events.ConnectFailure:
		s.finish(fate{detail: e.PermanentDisconnectDescription()})
	case *events.LoggedOut:
		s.finish(fate{state: database.StateLoggedOut, detail: e.PermanentDisconnectDescription()})
	case *events.StreamReplaced:
		s.finish(fate{state: database.StateReplaced, detail: "another program uses the same session"})
	case *events.ClientOutdated:
		s.finish(fate{state: database.StateOutdated, detail: "WhatsApp does not accept this version of the client any more"})
	case *events.TemporaryBan:
		end := fate{state: database.StateBanned, detail: e.Code.String()}
		if e.Expire > 0 {
			end.until = time.Now().Add(e.Expire)
		}
		s.finish(end)
	}
}

// journaled reports whether an event has its place in the order of a chat.
func journaled(event any) bool {
	switch event.(type) {
	case *events.Message, *events.JoinedGroup, *events.GroupInfo:
		return true
	}
	return false
}

func (s *session) connected(ctx context.Context) {
	select {
	case s.current().up <- struct{}{}:
	default:
	}
	s.hide(ctx)
}

// hide tells WhatsApp that nobody looks at this device, so that the phone goes on notifying. It needs the account's own
// name, which arrives some time after the first login.
func (s *session) hide(ctx context.Context) {
	if s.client.Store.PushName == "" {
		return
	}
	go func() {
		if err := s.client.SendPresence(ctx, types.PresenceUnavailable); err != nil {
			s.log.Debug().Err(err).Msg("The presence could not be set")
		}
	}()
}

// message journals a message. When nil is returned it is acknowledged.
func (s *session) message(ctx context.Context, e *events.Message) error {
	if s.stores.takeIncomplete() {
		return errIncomplete
	}
	if e.Info.IsFromMe && e.Info.Sender.Device == 0 {
		s.phoneSeen(e.Info.Timestamp)
	}
	recovered := e.RetryCount > 0 || e.UnavailableRequestID != ""
	if !forPeople(e) && !recovered {
		return nil
	}
	message, err := s.unsealed(ctx, e)
	if err != nil {
		return err
	}
	content, err := proto.Marshal(message)
	if err != nil {
		return fmt.Errorf("encode message %s: %w", e.Info.ID, err)
	}
	info := e.Info
	if err := s.completeNames(ctx, &info.MessageSource); err != nil {
		return err
	}
	crashpoint.Pass(crashpoint.WhatsAppDecrypted)
	if err := s.edge.in.AddWhatsApp(ctx, inbox.WhatsAppMessage{Login: s.login, Info: info, Message: content, Recovered: recovered, ViewOnce: e.IsViewOnce}); err != nil {
		return err
	}
	crashpoint.Pass(crashpoint.WhatsAppJournaled)
	return nil
}

// completeNames adds the other name of a direct chat when WhatsApp did not send it along but told it earlier, so that a
// chat is one portal whichever names it.
func (s *session) completeNames(ctx context.Context, source *types.MessageSource) error {
	if source.IsGroup {
		return nil
	}
	alt := &source.SenderAlt
	if source.IsFromMe {
		alt = &source.RecipientAlt
	}
	if !alt.IsEmpty() {
		return nil
	}
	other, err := s.client.Store.GetAltJID(ctx, source.Chat)
	if err != nil {
		return fmt.Errorf("look up the other name of %s: %w", source.Chat, err)
	}
	*alt = other
	return nil
}

func (s *session) pushName(ctx context.Context, e *events.PushName) error {
	changed := inbox.ContactChanged{PushName: e.NewPushName}
	for _, jid := range []types.JID{e.JID, e.JIDAlt} {
		switch jid.Server {
		case types.HiddenUserServer:
			changed.LID = jid.ToNonAD()
		case types.DefaultUserServer:
			changed.PN = jid.ToNonAD()
		}
	}
	if changed.LID.IsEmpty() && changed.PN.IsEmpty() {
		return nil
	}
	// whatsmeow tells a name only when it changes, so each time is an occasion of its own.
	key := fmt.Sprintf("%s/%d", e.JID.ToNonAD(), time.Now().UnixNano())
	return s.edge.in.AddContactChanged(ctx, s.login, key, changed)
}

// phoneSeen notes a sign of life of the account's phone.
func (s *session) phoneSeen(at time.Time) {
	select {
	case s.phone <- at:
	default:
	}
}
