package convert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

func secret() []byte { return bytes.Repeat([]byte{7}, SecretSize) }

// lunch is a poll from Matrix whose options have IDs of their own.
func lunch() Poll {
	return Poll{Question: "Lunch?", Options: []Option{
		{ID: "a", Name: "Pizza", Hash: hashOf("Pizza")}, {ID: "b", Name: "Soup", Hash: hashOf("Soup")}, {ID: "c", Name: "None", Hash: hashOf("None")},
	}}
}

func TestVotesAreSealedForThoseWithThePoll(t *testing.T) {
	t.Parallel()
	author, voter := types.NewJID("1", types.HiddenUserServer), types.NewJID("2", types.HiddenUserServer)
	seal := Seal{Purpose: PurposeVote, Secret: secret(), ID: "POLL", Author: author, By: voter}
	chat := types.NewJID("9", types.GroupServer)
	target := Target{ID: "POLL", Participant: author}
	at := time.UnixMilli(1_700_000_000_123)
	msg, err := lunch().VoteToWhatsApp(chat, target, seal, "$1", []string{"c", "a"}, at)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := lunch().VoteToWhatsApp(chat, target, seal, "$1", []string{"c", "a"}, at)
	other, _ := lunch().VoteToWhatsApp(chat, target, seal, "$2", []string{"c", "a"}, at)
	if !proto.Equal(msg, again) || bytes.Equal(msg.PollUpdateMessage.Vote.EncIV, other.PollUpdateMessage.Vote.EncIV) {
		t.Error("a repeat differs, or another vote has the same nonce")
	}
	vote, ok := VoteFromWhatsApp(&waE2E.Message{EphemeralMessage: &waE2E.FutureProofMessage{Message: msg}})
	if !ok || vote.Target != target || !vote.At.Equal(at) {
		t.Fatalf("got %+v", vote)
	}
	// Whoever opens it tries the names that all concerned go by.
	phone := types.NewJID("49", types.DefaultUserServer)
	plain, err := Seal{Purpose: PurposeVote, Secret: secret(), ID: "POLL"}.OpenAny(vote.Sealed, []types.JID{phone, {}, author}, []types.JID{phone, voter})
	if err != nil {
		t.Fatal(err)
	}
	if chosen, others, err := lunch().Chosen(plain); err != nil || others != 0 || !slices.Equal(chosen, []string{"a", "c"}) {
		t.Errorf("got %v, %d, %v", chosen, others, err)
	}
	less := Poll{Options: lunch().Options[:1]}
	if chosen, others, _ := less.Chosen(plain); others != 1 || len(chosen) != 1 {
		t.Errorf("got %v, %d", chosen, others)
	}
	for name, wrong := range map[string]Seal{
		"purpose": {PurposeEvent, secret(), "POLL", author, voter}, "secret": {PurposeVote, secret()[1:], "POLL", author, voter},
		"message": {PurposeVote, secret(), "P", author, voter}, "author": {PurposeVote, secret(), "POLL", phone, voter},
		"voter": {PurposeVote, secret(), "POLL", author, phone},
	} {
		if _, err := wrong.Open(vote.Sealed); err == nil {
			t.Errorf("opened with another %s", name)
		}
	}
	for _, sealed := range []Sealed{{}, {Payload: make([]byte, maxSealed+1), IV: make([]byte, 12)}, {Payload: []byte{1}, IV: make([]byte, 12)}} {
		if _, err := seal.Open(sealed); err == nil {
			t.Errorf("opened %d bytes", len(sealed.Payload))
		}
	}
}

func TestVotesFromMatrix(t *testing.T) {
	t.Parallel()
	one := lunch()
	one.Max = 1
	for raw, want := range map[string]struct {
		poll Poll
		want []string
	}{
		`{"org.matrix.msc3381.poll.response":{"answers":["c","a","a"]}}`: {lunch(), []string{"c", "a"}},
		`{"m.poll.response":{"answers":["b"]}}`:                          {lunch(), []string{"b"}},
		`{"m.selections":["a","b"]}`:                                     {one, []string{"a"}},
		`{"m.selections":["a","x"]}`:                                     {lunch(), nil},
		`{"m.selections":"a"}`:                                           {lunch(), nil},
		`{"org.matrix.msc3381.poll.response":{"answers":[]}}`:            {lunch(), nil},
		`{"org.matrix.msc3381.poll.response":[]}`:                        {lunch(), nil},
		`[]`: {lunch(), nil},
	} {
		if got := want.poll.VoteFromMatrix([]byte(raw)); !slices.Equal(got, want.want) {
			t.Errorf("%s: got %v", raw, got)
		}
	}
	if got := PollReference([]byte(`{"m.relates_to":{"rel_type":"m.reference","event_id":"$1"}}`)); got != "$1" {
		t.Errorf("got %s", got)
	}
	for _, raw := range []string{`{}`, `{"m.relates_to":{"rel_type":"m.thread","event_id":"$1"}}`, `{"m.relates_to":{"rel_type":"m.reference","event_id":1}}`} {
		if got := PollReference([]byte(raw)); got != "" {
			t.Errorf("%s: got %s", raw, got)
		}
	}
}

func TestPollsThatWhatsAppDoesNotTake(t *testing.T) {
	t.Parallel()
	many := lunch()
	for n := range 10 {
		many.Options = append(many.Options, Option{Name: fmt.Sprint(n)})
	}
	long := strings.Repeat("é", maxPollQuestion+1)
	for code, polls := range map[string][]Poll{
		"poll_options":  {many, {Question: "?", Options: lunch().Options[:1]}},
		"poll_question": {{Options: lunch().Options}, {Question: long, Options: lunch().Options}},
		"poll_option": {
			{Question: "?", Options: []Option{{Name: "a"}, {Name: ""}}}, {Question: "?", Options: []Option{{Name: "a"}, {Name: "a"}}},
			{Question: "?", Options: []Option{{Name: "a"}, {Name: long[:2*(maxPollOption+1)]}}},
		},
	} {
		for _, p := range polls {
			_, err := PollToWhatsApp(p, secret())
			if refusal, ok := err.(Refusal); !ok || refusal.Code != code || !strings.HasSuffix(refusal.Text, ".") { //nolint:errorlint // it is no wrapped one
				t.Errorf("%s: got %v", code, err)
			}
		}
	}
}

func TestPollResult(t *testing.T) {
	t.Parallel()
	want := "📊 This poll is closed: Lunch?\n• Pizza: 2 votes\n• Soup: 1 vote\n• None: 0 votes"
	if got := lunch().Result([][]string{{"a", "b"}, {"a"}, {}, nil}); got != want {
		t.Errorf("got %s", got)
	}
}

// pollToJSON is a poll's event as golden files have it.
func pollToJSON(t *testing.T, p Poll) []byte {
	t.Helper()
	raw, err := json.Marshal(PollToMatrix(p, textToMatrix(p.Text())))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// checkPollToWhatsApp compares what a poll's event becomes; the secret is always the same.
func (g golden) checkPollToWhatsApp(t *testing.T, p Poll) {
	t.Helper()
	msg, err := PollToWhatsApp(p, secret())
	if why, refused := strings.CutPrefix(g.whatsapp, "refused: "); refused {
		if err == nil || err.Error() != why {
			t.Errorf("expected the refusal %q, got %v", why, err)
		}
		return
	}
	expected := fromJSON(t, g.whatsapp)
	if err != nil || !proto.Equal(msg, expected) {
		t.Errorf("to WhatsApp: got %s, %v", protojson.Format(msg), err)
	}
}
