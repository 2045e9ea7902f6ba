package convert

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
)

// What WhatsApp's programs take in a poll, in characters and options.
const (
	MaxPollOptions  = 12
	minPollOptions  = 2
	maxPollQuestion = 255
	maxPollOption   = 100
)

// What is shown of a poll from WhatsApp, in options and bytes: Matrix clients show up to 20 options (MSC3381).
const (
	maxShownOptions = 20
	maxShownText    = 1 << 10
)

// Poll is a question with answers to choose from. Its JSON is kept with the message.
type Poll struct {
	Question string   `json:"question"`
	Options  []Option `json:"options"`
	Max      int      `json:"max"` // how many may be chosen; 0 is any number
	// Notes is what else is said about it, for people: that it is a quiz, when it closes.
	Notes []string `json:"notes,omitempty"`
	// Hidden says that its results are to be seen only when it is over.
	Hidden bool `json:"hidden,omitempty"`
}

// Option is an answer of a poll.
type Option struct {
	ID   string `json:"id"` // on Matrix
	Name string `json:"name"`
	Hash string `json:"hash"` // on WhatsApp: the SHA-256 of its name, in hexadecimal digits
}

func hashOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

// Names lists what the options of some IDs say.
func (p Poll) Names(chosen []string) []string {
	var names []string
	for _, o := range p.Options {
		if slices.Contains(chosen, o.ID) {
			names = append(names, o.Name)
		}
	}
	return names
}

// PollFromWhatsApp reads a poll; it reports false for anything else. The ID of an option is the digest by which
// WhatsApp's votes name it.
func PollFromWhatsApp(msg *waE2E.Message) (Poll, bool) {
	made := pollOf(unwrap(msg))
	if made == nil {
		return Poll{}, false
	}
	p := Poll{Question: clip(oneLine(made.GetName()), maxShownText), Max: int(made.GetSelectableOptionsCount()), Notes: notesOf(made)}
	for _, o := range made.GetOptions()[:min(len(made.GetOptions()), maxShownOptions)] {
		hash := hashOf(o.GetOptionName())
		option := Option{ID: hash, Name: clip(oneLine(o.GetOptionName()), maxShownText), Hash: hash}
		if !slices.Contains(p.Options, option) {
			p.Options = append(p.Options, option)
		}
	}
	if p.Max < 0 || p.Max >= len(p.Options) {
		p.Max = 0
	}
	return p, len(p.Options) > 0
}

// pollOf finds the poll in a message. WhatsApp's versions of it differ in what older programs could not show.
func pollOf(msg *waE2E.Message) *waE2E.PollCreationMessage {
	return cmp.Or(msg.GetPollCreationMessage(), msg.GetPollCreationMessageV2(), msg.GetPollCreationMessageV3(),
		msg.GetPollCreationMessageV5(), msg.GetPollCreationMessageV6())
}

// notesOf says what a Matrix poll has no field for.
func notesOf(made *waE2E.PollCreationMessage) (notes []string) {
	if made.GetPollType() == waE2E.PollType_QUIZ {
		notes = append(notes, "a quiz")
	}
	if made.GetHideParticipantName() {
		notes = append(notes, "names are hidden on WhatsApp")
	}
	if made.GetAllowAddOption() {
		notes = append(notes, "options can be added on WhatsApp")
	}
	if end := made.GetEndTime(); end > 0 {
		notes = append(notes, "closes "+inUTC(unixTime(end)))
	}
	return notes
}

// maxPlausible is the latest time that WhatsApp may mean, in seconds: the year 9999.
const maxPlausible = 253402300799

// unixTime reads a time in seconds, or in milliseconds as some of WhatsApp's fields have it.
func unixTime(at int64) time.Time {
	if at > maxPlausible/100 {
		at /= 1000
	}
	return time.Unix(min(max(at, 0), maxPlausible), 0)
}

// inUTC writes a time for people everywhere.
func inUTC(at time.Time) string { return at.UTC().Format("2006-01-02 15:04 UTC") }

// oneLine makes a text one line without what cannot be seen.
func oneLine(text string) string { return strings.Join(strings.Fields(clean(text)), " ") }

// title is the question with the notes.
func (p Poll) title() string {
	title := cmp.Or(p.Question, "A poll")
	if len(p.Notes) > 0 {
		title += " (" + strings.Join(p.Notes, "; ") + ")"
	}
	return title
}

// Text is a poll for where there are none.
func (p Poll) Text() string {
	how := "Choose one:"
	switch {
	case p.Max == 0:
		how = "Choose any:"
	case p.Max > 1:
		how = fmt.Sprintf("Choose up to %d:", p.Max)
	}
	lines := []string{"📊 " + p.title(), how}
	for _, o := range p.Options {
		lines = append(lines, "• "+o.Name)
	}
	return strings.Join(lines, "\n")
}

// The types of Matrix's polls. Clients write the ones of MSC3381 while it was a proposal, and read those only; the
// specification has the others since its version 1.7 proposals.
const (
	TypePollStart      = "m.poll.start"
	TypePollResponse   = "m.poll.response"
	TypePollEnd        = "m.poll.end"
	UnstablePollPrefix = "org.matrix.msc3381.poll."
	unstableStart      = UnstablePollPrefix + "start"
	unstableResponse   = UnstablePollPrefix + "response"
	unstableEnd        = UnstablePollPrefix + "end"
	unstableText       = "org.matrix.msc1767.text"
)

// PollToMatrix makes the content of a poll's event. What the poll is as a text, with whatever that answers, is shown where
// there are no polls.
func PollToMatrix(p Poll, text *event.MessageEventContent) map[string]any {
	answers := make([]map[string]any, 0, len(p.Options))
	for _, o := range p.Options {
		answers = append(answers, map[string]any{"id": o.ID, unstableText: cmp.Or(o.Name, "(no text)")})
	}
	kind := UnstablePollPrefix + "disclosed"
	if p.Hidden {
		kind = UnstablePollPrefix + "undisclosed"
	}
	content := map[string]any{
		unstableStart: map[string]any{
			"kind": kind, "max_selections": cmp.Or(p.Max, len(p.Options)),
			"question": map[string]any{unstableText: p.title(), "body": p.title(), "msgtype": event.MsgText},
			"answers":  answers,
		},
		unstableText: text.Body, "body": text.Body, "msgtype": event.MsgText, "m.mentions": map[string]any{},
	}
	if text.RelatesTo != nil {
		content["m.relates_to"] = text.RelatesTo
	}
	return content
}

// PollEditToMatrix makes the content of an event that replaces a poll's, which is still to be filled in.
func PollEditToMatrix(p Poll) map[string]any {
	content := PollToMatrix(p, textToMatrix(p.Text()))
	content["m.new_content"] = PollToMatrix(p, textToMatrix(p.Text()))
	content["m.relates_to"] = event.RelatesTo{Type: event.RelReplace}
	return content
}

// VoteToMatrix makes the content of a vote: who had voted before has then voted anew, and who votes for nothing has
// taken their vote back. The event of the poll is still to be filled in.
func VoteToMatrix(chosen []string) map[string]any {
	if chosen == nil {
		chosen = []string{}
	}
	return map[string]any{
		"m.relates_to":   event.RelatesTo{Type: event.RelReference},
		unstableResponse: map[string]any{"answers": chosen},
	}
}

// PollToWhatsApp makes the message of a poll. The error is a Refusal.
func PollToWhatsApp(p Poll, secret []byte) (*waE2E.Message, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	made := &waE2E.PollCreationMessage{Name: proto.String(p.Question), SelectableOptionsCount: proto.Uint32(uint32(p.Max))}
	for _, o := range p.Options {
		made.Options = append(made.Options, &waE2E.PollCreationMessage_Option{OptionName: proto.String(o.Name)})
	}
	return &waE2E.Message{PollCreationMessage: made, MessageContextInfo: &waE2E.MessageContextInfo{MessageSecret: secret}}, nil
}

// check says what WhatsApp would not take.
func (p Poll) check() error {
	const not = "This poll was not sent to WhatsApp, "
	names := map[string]bool{}
	for _, o := range p.Options {
		switch {
		case o.Name == "":
			return Refusal{"poll_option", not + "because one of its options has no text. Make it again with a text for each option."}
		case len([]rune(o.Name)) > maxPollOption:
			return Refusal{"poll_option", fmt.Sprintf(not+"where an option may have %d characters. Make it again with shorter options.", maxPollOption)}
		case names[o.Name]:
			return Refusal{"poll_option", fmt.Sprintf(not+"where each option can be there only once: %q is there twice. Make it again without that.", o.Name)}
		}
		names[o.Name] = true
	}
	switch {
	case p.Question == "":
		return Refusal{"poll_question", not + "because it asks nothing. Make it again with a question."}
	case len([]rune(p.Question)) > maxPollQuestion:
		return Refusal{"poll_question", fmt.Sprintf(not+"where a question may have %d characters. Make it again with a shorter one.", maxPollQuestion)}
	case len(p.Options) > MaxPollOptions:
		return Refusal{"poll_options", fmt.Sprintf(not+"where a poll has at most %d options; this one has %d. Make it again with fewer.", MaxPollOptions, len(p.Options))}
	case len(p.Options) < minPollOptions:
		return Refusal{"poll_options", not + "where a poll has at least two options. Make it again with more."}
	}
	return nil
}

// Vote is an answer to a poll, sealed so that only those can read it who have the poll.
type Vote struct {
	Target Target
	Sealed Sealed
	At     time.Time // when it was made; zero if that is not said
}

// VoteFromWhatsApp reads a vote; it reports false for anything else.
func VoteFromWhatsApp(msg *waE2E.Message) (Vote, bool) {
	update := unwrap(msg).GetPollUpdateMessage()
	target, ok := targetOf(update.GetPollCreationMessageKey())
	v := Vote{Target: target, Sealed: Sealed{update.GetVote().GetEncPayload(), update.GetVote().GetEncIV()}}
	if at := update.GetSenderTimestampMS(); at > 0 && at/1000 < maxPlausible {
		v.At = time.UnixMilli(at)
	}
	return v, ok && update.GetVote() != nil && len(v.Sealed.Payload) <= maxSealed && len(v.Sealed.IV) <= SecretSize
}

// Chosen lists the options that an opened vote names, by their IDs on Matrix. Options that the poll does not have, as when
// they were added to it, are counted as others.
func (p Poll) Chosen(vote []byte) (chosen []string, others int, err error) {
	v := &waE2E.PollVoteMessage{}
	if err := proto.Unmarshal(vote, v); err != nil {
		return nil, 0, fmt.Errorf("read a vote: %w", err)
	}
	named := map[string]bool{}
	for _, hash := range v.GetSelectedOptions() {
		named[hex.EncodeToString(hash)] = true
	}
	for _, o := range p.Options {
		if named[o.Hash] {
			chosen = append(chosen, o.ID)
			delete(named, o.Hash)
		}
	}
	return chosen, len(named), nil
}

// VoteToWhatsApp makes the message of a vote for options, by their IDs on Matrix.
func (p Poll) VoteToWhatsApp(chat types.JID, target Target, seal Seal, occasion string, chosen []string, at time.Time) (*waE2E.Message, error) {
	vote := &waE2E.PollVoteMessage{SelectedOptions: [][]byte{}}
	for _, o := range p.Options {
		if !slices.Contains(chosen, o.ID) {
			continue
		}
		hash, err := hex.DecodeString(o.Hash)
		if err != nil {
			return nil, fmt.Errorf("read the options of the poll %s: %w", target.ID, err)
		}
		vote.SelectedOptions = append(vote.SelectedOptions, hash)
	}
	plain, err := proto.MarshalOptions{Deterministic: true}.Marshal(vote)
	if err != nil {
		return nil, fmt.Errorf("write a vote: %w", err)
	}
	sealed, err := seal.Close(plain, occasion)
	if err != nil {
		return nil, err
	}
	return &waE2E.Message{PollUpdateMessage: &waE2E.PollUpdateMessage{
		PollCreationMessageKey: keyTo(chat, target), Vote: &waE2E.PollEncValue{EncPayload: sealed.Payload, EncIV: sealed.IV},
		SenderTimestampMS: milliseconds(at),
	}}, nil
}

// Result is how often each option of a poll was chosen, in the order of the options.
func (p Poll) Result(votes [][]string) string {
	lines := []string{"📊 This poll is closed: " + cmp.Or(p.Question, "a poll")}
	for _, o := range p.Options {
		count := 0
		for _, chosen := range votes {
			if slices.Contains(chosen, o.ID) {
				count++
			}
		}
		lines = append(lines, tally(o.Name, int64(count)))
	}
	return strings.Join(lines, "\n")
}

func tally(option string, count int64) string {
	if count == 1 {
		return "• " + clip(oneLine(option), maxShownText) + ": 1 vote"
	}
	return fmt.Sprintf("• %s: %d votes", clip(oneLine(option), maxShownText), max(count, 0))
}

// snapshotToMatrix shows what a poll has come to, as somebody shares it.
func snapshotToMatrix(msg *waE2E.Message) *event.MessageEventContent {
	snapshot := cmp.Or(msg.GetPollResultSnapshotMessage(), msg.GetPollResultSnapshotMessageV3())
	if snapshot == nil {
		return nil
	}
	lines := []string{"📊 Results of the poll “" + clip(oneLine(snapshot.GetName()), maxShownText) + "”:"}
	for _, v := range snapshot.GetPollVotes()[:min(len(snapshot.GetPollVotes()), maxShownOptions)] {
		lines = append(lines, tally(v.GetOptionName(), v.GetOptionVoteCount()))
	}
	return textToMatrix(strings.Join(lines, "\n"))
}
