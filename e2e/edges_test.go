package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/e2e/person"
	"causeway/e2e/rig"
	"causeway/simulator/control/api"
)

// TestEdges is about messages that are not quite like others: long, wrapped, unreadable, of a kind that one side does not have.
func TestEdges(t *testing.T) {
	t.Parallel()
	s := linked(t, rig.SQLite)
	s.longTexts()
	s.emotes()
	s.envelopes()
	s.undecryptable()
	s.viewOnce()
	s.noticesOfKinds()
	s.refusals()
	s.talkAfter()
}

// longTexts: what is too long for one event becomes several; what is as long as an event can be arrives whole.
func (s *story) longTexts() {
	s.step("long texts")
	carol := rig.Ghost(carolNumber)
	s.seenText(s.alice, s.direct, carol, "hello alice")
	mark := s.alice.Mark()
	long := strings.Repeat("some words ", 9_000)
	s.phoneSays(carolNumber, aliceNumber, long)
	var got strings.Builder
	_, err := s.alice.WaitAfter(s.ctx, mark, "all parts", func(e person.Seen) bool {
		if e.RoomID == s.direct && e.Sender == carol && e.Message() != nil {
			got.WriteString(e.Text())
		}
		return got.Len() >= len(long)
	})
	require.NoError(s, err)
	require.Equal(s, long, got.String())

	long = strings.Repeat("other words ", 5_000)
	s.writes(s.direct, long)
	s.onPhone(carolNumber, withText(long))
}

// emotes: what only Matrix has is written as people write it on WhatsApp.
func (s *story) emotes() {
	s.step("emotes and notices")
	for text, content := range map[string]event.MessageEventContent{
		"_waves_":         {MsgType: event.MsgEmote, Body: "waves"},
		"the bus is late": {MsgType: event.MsgNotice, Body: "the bus is late"},
	} {
		_, err := s.alice.Client.SendMessageEvent(s.ctx, s.direct, event.EventMessage, &content)
		require.NoError(s, err)
		s.onPhone(carolNumber, withText(text))
	}
}

// sendsRaw lets Carol send Alice any message, given as JSON of its protobuf.
func (s *story) sendsRaw(message string) {
	s.Helper()
	_, err := s.rig.Network.Send(s.ctx, carolNumber, api.Send{Chat: aliceNumber, Message: json.RawMessage(message)})
	require.NoError(s, err)
}

// carolSays waits for a message by Carol that is no edit, of a type and with a text in it.
func (s *story) carolSays(mark int, kind event.MessageType, part string) id.EventID {
	s.Helper()
	seen, err := s.alice.WaitAfter(s.ctx, mark, "Carol to say "+part, func(e person.Seen) bool {
		m := e.Message()
		return e.RoomID == s.direct && e.Sender == rig.Ghost(carolNumber) && m != nil && m.MsgType == kind && m.NewContent == nil && strings.Contains(m.Body, part)
	})
	require.NoError(s, err)
	return seen.ID
}

// envelopes: what says how a message is to be treated does not hide it.
func (s *story) envelopes() {
	s.step("envelopes")
	mark := s.alice.Mark()
	for envelope, text := range map[string]string{
		"ephemeralMessage": "gone in a week", "groupMentionedMessage": "to all groups", "botInvokeMessage": "to a bot",
	} {
		s.sendsRaw(`{"` + envelope + `":{"message":{"conversation":"` + text + `"}}}`)
		s.carolSays(mark, event.MsgText, text)
	}
}

// bridgeDevice is the bridge among the devices of Alice's account, as faults name it.
func (s *story) bridgeDevice() string {
	s.Helper()
	stats, err := s.rig.Network.Stats(s.ctx)
	require.NoError(s, err)
	return fmt.Sprintf("%s:%d", aliceNumber, companion(s, stats.Devices, aliceNumber))
}

// undecryptable: a notice holds the place of a message until it comes again.
func (s *story) undecryptable() {
	s.step("what cannot be decrypted")
	mark := s.alice.Mark()
	require.NoError(s, s.rig.Network.Fault(s.ctx, api.Fault{Kind: "undecryptable", Device: s.bridgeDevice(), Count: 1}))
	s.phoneSays(carolNumber, aliceNumber, "say that again")
	notice := s.carolSays(mark, event.MsgNotice, "Waiting for this message")
	_, err := s.alice.WaitAfter(s.ctx, mark, "the message itself", func(e person.Seen) bool {
		m := e.Message()
		return m != nil && m.RelatesTo.GetReplaceID() == notice && m.NewContent != nil && m.NewContent.Body == "say that again"
	})
	require.NoError(s, err)
}

// viewOnce: what WhatsApp gives to phones only is named.
func (s *story) viewOnce() {
	s.step("what is seen only once")
	mark := s.alice.Mark()
	require.NoError(s, s.rig.Network.Fault(s.ctx, api.Fault{Kind: "view_once", Device: s.bridgeDevice(), Count: 1}))
	s.phoneSays(carolNumber, aliceNumber, "for your eyes only")
	s.carolSays(mark, event.MsgNotice, "seen only once")
}

// noticesOfKinds: what the bridge cannot show is named.
func (s *story) noticesOfKinds() {
	s.step("kinds that are only named")
	for message, part := range map[string]string{
		`{"stickerPackMessage":{"name":"cats"}}`:                                                     "",
		`{"requestPaymentMessage":{"noteMessage":{"conversation":"for lunch"},"amount1000":"5000"}}`: "",
		`{"callLogMesssage":{"isVideo":true}}`:                                                       "",
	} {
		mark := s.alice.Mark()
		s.sendsRaw(message)
		s.carolSays(mark, event.MsgNotice, part)
	}
}

// refusals: what the bridge cannot send is answered with the reason.
func (s *story) refusals() {
	s.step("what is not sent")
	for kind, content := range map[event.Type]map[string]any{
		event.EventMessage:   {"msgtype": "m.key.verification.request", "body": "verify me", "from_device": "X", "methods": []string{}, "to": rig.Bot},
		event.EventEncrypted: {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x", "session_id": "x"},
	} {
		sent, err := s.alice.Client.SendMessageEvent(s.ctx, s.direct, kind, content)
		require.NoError(s, err)
		s.notice(s.direct, sent.EventID, "not sent to WhatsApp")
	}
}
