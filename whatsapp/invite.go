package whatsapp

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"causeway/outbox"
	"causeway/queue"
)

// acceptInvite joins a group by an invitation, and says what came of it. Who is in the group already, as after a kill
// before that was written down, has joined.
func (s *Sender) acceptInvite(ctx context.Context, e queue.Entry, a outbox.AcceptInvite) (queue.Settle, error) {
	live, err := s.connected(ctx, e, a.Login, askLimit)
	if err == nil {
		if err = live.client.JoinGroupWithInvite(ctx, a.Group, a.By, a.Code, a.Expires); err != nil {
			if _, known := live.client.GetGroupInfo(ctx, a.Group); known == nil {
				err = nil
			}
		}
		if err != nil && isDisconnect(err) {
			return nil, &queue.Park{Name: outbox.ConnectionOf(a.Login), Limit: askLimit + parkMargin}
		}
		if err != nil {
			err = askError(fmt.Errorf("accept an invitation to %s: %w", a.Group, err))
		}
	}
	text := fmt.Sprintf("You are in the group “%s” now. Its room opens as soon as WhatsApp has told who is in it.", cmp.Or(a.Name, "without a name"))
	refusal, refused := errors.AsType[*queue.Reject](err)
	switch {
	case refused && refusal.Code == "refused":
		text = "WhatsApp does not take this invitation any more: it has expired or was taken back. Ask for another one."
	case refused:
		text = refusal.Text
	case err != nil:
		return nil, err
	}
	return func(ctx context.Context) error {
		if err == nil {
			fetch := outbox.FetchGroup{Login: a.Login, Group: a.Group, Key: "accepted/" + a.Event.String()}
			if err := s.sessions.edge.out.FetchGroup(ctx, fetch); err != nil {
				return err
			}
		}
		return s.sessions.edge.out.SendNotice(ctx, outbox.SendNotice{Room: a.Room, Txn: "accept-" + a.Event.String(), Text: text, ReplyTo: a.Event})
	}, nil
}
