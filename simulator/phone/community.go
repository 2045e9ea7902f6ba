package phone

import (
	"time"

	"causeway/simulator/wire"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// composeComment makes a comment on a message, which has to have a secret.
func (p *Phone) composeComment(chat, pn types.JID, on string, body *waE2E.Message) (*waE2E.Message, wire.Attrs, error) {
	m, ok := p.find(pn, on)
	if !ok {
		return nil, nil, unknownMessage(on)
	}
	s, err := p.seal(m, purposeComment, body)
	return &waE2E.Message{EncCommentMessage: &waE2E.EncCommentMessage{TargetMessageKey: p.key(chat, m), EncPayload: s.payload, EncIV: s.iv}}, wire.Attrs{}, err
}

// composeSealedReaction makes a reaction as in the announcements of a community.
func (p *Phone) composeSealedReaction(chat types.JID, m Message, emoji string) (*waE2E.Message, wire.Attrs, error) {
	s, err := p.seal(m, purposeReaction, &waE2E.ReactionMessage{Text: &emoji, SenderTimestampMS: proto.Int64(time.Now().UnixMilli())})
	return &waE2E.Message{EncReactionMessage: &waE2E.EncReactionMessage{TargetMessageKey: p.key(chat, m), EncPayload: s.payload, EncIV: s.iv}}, wire.Attrs{}, err
}
