package convert

import (
	"encoding/json"
	"slices"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// maxAnswers bounds what is read of a poll or a vote from Matrix, in answers. A poll of more than WhatsApp's twelve is
// refused, with their number.
const maxAnswers = 1000

// PollPart says which part of a poll's life an event of Matrix is.
type PollPart int

// The parts of a poll.
const (
	NoPoll PollPart = iota
	PollStart
	PollResponse
	PollEnd
)

// PollPartOf reads it from the type of an event.
func PollPartOf(kind string) PollPart {
	switch kind {
	case TypePollStart, unstableStart:
		return PollStart
	case TypePollResponse, unstableResponse:
		return PollResponse
	case TypePollEnd, unstableEnd:
		return PollEnd
	}
	return NoPoll
}

// words is a text as Matrix's polls have had it: in fields of the proposal (MSC1767), or as a list of the same text in
// several forms (the specification's m.text).
type words struct {
	Plain  string          `json:"org.matrix.msc1767.text"`
	Body   string          `json:"body"`
	Text   json.RawMessage `json:"m.text"`
	Parts  json.RawMessage `json:"org.matrix.msc1767.message"`
	ID     string          `json:"id"`
	Stable string          `json:"m.id"`
}

func (w words) String() string {
	for _, raw := range []json.RawMessage{w.Text, w.Parts} {
		var forms []struct {
			Body string `json:"body"`
			MIME string `json:"mimetype"`
		}
		if json.Unmarshal(raw, &forms) != nil {
			var plain string
			if json.Unmarshal(raw, &plain) == nil && plain != "" {
				return oneLine(plain)
			}
			continue
		}
		for _, f := range forms {
			if f.MIME == "" || f.MIME == "text/plain" {
				return oneLine(f.Body)
			}
		}
	}
	if w.Plain != "" {
		return oneLine(w.Plain)
	}
	return oneLine(w.Body)
}

// ballot is a poll as it stands in an event, by the names of the proposal and of the specification, which are the same
// but for the outermost.
type ballot struct {
	Kind     string  `json:"kind"`
	Max      float64 `json:"max_selections"`
	Question words   `json:"question"`
	Answers  []words `json:"answers"`
}

// field returns the first of some fields of a JSON object that is there.
func field(raw []byte, names ...string) json.RawMessage {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return nil
	}
	for _, name := range names {
		if value, ok := fields[name]; ok {
			return value
		}
	}
	return nil
}

// PollFromMatrix reads the content of a poll's event. It reports false when there is no poll in it.
func PollFromMatrix(content []byte) (Poll, bool) {
	var b ballot
	if json.Unmarshal(field(content, "m.poll", TypePollStart, unstableStart), &b) != nil || len(b.Answers) > maxAnswers {
		return Poll{}, false
	}
	p := Poll{Question: b.Question.String(), Max: 1, Hidden: b.Kind == UnstablePollPrefix+"undisclosed" || b.Kind == "m.undisclosed"}
	for _, a := range b.Answers {
		option := Option{ID: a.ID, Name: a.String()}
		if option.ID == "" {
			option.ID = a.Stable
		}
		option.Hash = hashOf(option.Name)
		p.Options = append(p.Options, option)
	}
	switch {
	case b.Max >= float64(len(p.Options)):
		p.Max = 0
	case b.Max > 1:
		p.Max = int(b.Max)
	}
	return p, len(b.Answers) > 0
}

// PollReference is the event of the poll that a vote or an end is about.
func PollReference(content []byte) id.EventID {
	var relation struct {
		Type  event.RelationType `json:"rel_type"`
		Event id.EventID         `json:"event_id"`
	}
	if json.Unmarshal(field(content, "m.relates_to"), &relation) != nil || relation.Type != event.RelReference {
		return ""
	}
	return relation.Event
}

// VoteFromMatrix reads which options a vote is for. A vote for what is no option counts for nothing, and of one for too
// many the first count (MSC3381).
func (p Poll) VoteFromMatrix(content []byte) (chosen []string) {
	var answers []string
	if json.Unmarshal(field(content, "m.selections"), &answers) != nil {
		var response struct {
			Answers []string `json:"answers"`
		}
		if json.Unmarshal(field(content, TypePollResponse, unstableResponse), &response) != nil {
			return nil
		}
		answers = response.Answers
	}
	for _, answer := range answers[:min(len(answers), maxAnswers)] {
		known := slices.ContainsFunc(p.Options, func(o Option) bool { return o.ID == answer })
		if !known {
			return nil
		}
		if !slices.Contains(chosen, answer) && (p.Max == 0 || len(chosen) < p.Max) {
			chosen = append(chosen, answer)
		}
	}
	return chosen
}
