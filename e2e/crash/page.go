package crash

import (
	"slices"
	"strings"

	"causeway/simulator"
	"causeway/simulator/homeserver"
)

// page is what a room or a phone shows of a chat, read from the beginning.
type page struct {
	heard []Heard
	// items are what is shown, by message or event ID, and handles those IDs by mark.
	items   map[string]item
	handles map[string]string
	// text is the last text of each line by its name, reactions those that stand at last.
	text map[string]string
	// notices are who said what is no line: the bot says that a message is delayed, and takes that back.
	notices   map[string]string
	reactions map[string][]string
	// digest looks up the digest of a file on Matrix, as files does.
	digest func(address string) []byte
}

// item is a line's text, or a reaction to one.
type item struct {
	line     Line // the zero line is one that nobody knows
	reaction string
}

// unknown is the name of a line that is not there.
const unknown = "what is not there"

func (i item) name() string {
	if i.line.Number == 0 {
		return unknown
	}
	return i.line.Name()
}

func newPage() *page {
	return &page{items: map[string]item{}, handles: map[string]string{}, text: map[string]string{}, notices: map[string]string{}, reactions: map[string][]string{}}
}

func (p *page) show(id, mark, from string) {
	p.heard = append(p.heard, Heard{Text: mark, From: from})
	if p.handles[mark] == "" {
		p.handles[mark] = id
	}
}

// say shows a line, with the digest of its file if it has one.
func (p *page) say(id, text, from string, digest []byte) {
	text, _, _ = strings.Cut(text, padMark)
	line, ok := parseLine(text)
	if !ok {
		p.notices[id] = from
		return
	}
	p.items[id] = item{line: line}
	p.text[line.Name()] = text
	if digest != nil {
		text = markFile(text, digest)
	}
	p.show(id, text, from)
}

func (p *page) edit(id, of, text, from string) {
	name := p.items[of].name()
	p.text[name] = text
	p.show(id, markEdit(text, name), from)
}

func (p *page) react(id, of, emoji, from string) {
	target := p.items[of]
	emoji = strings.ReplaceAll(emoji, "\ufe0f", "") // how an emoji is drawn
	p.items[id] = item{line: target.line, reaction: emoji}
	p.reactions[target.name()] = append(p.reactions[target.name()], emoji)
	p.show(id, markReaction(emoji, target.name()), from)
}

func (p *page) takeBack(id, of, emoji, from string) {
	name := p.items[of].name()
	p.reactions[name] = slices.DeleteFunc(p.reactions[name], func(shown string) bool { return shown == emoji })
	p.show(id, markTakenBack(emoji, name), from)
}

func (p *page) remove(id, of, from string) {
	name := p.items[of].name()
	p.text[name] = ""
	p.show(id, markRemoved(name), from)
}

// last is how each line looks at last.
func (p *page) last() map[string]string {
	last := map[string]string{}
	for name, text := range p.text {
		last[name] = strings.Join(append([]string{text}, p.reactions[name]...), " ")
	}
	return last
}

// lines are the last texts that were said, the newest last.
func (p *page) lines(most int) []Line {
	var lines []Line
	for _, h := range p.heard {
		if line, ok := parseLine(h.Text); ok {
			lines = append(lines, line)
		}
	}
	return lines[max(0, len(lines)-most):]
}

// addEvent reads the next event of a room.
func (p *page) addEvent(e homeserver.Event) {
	relation, _ := e.Content["m.relates_to"].(map[string]any)
	about, _ := relation["event_id"].(string)
	switch e.Type {
	case "m.room.message":
		body, _ := e.Content["body"].(string)
		if relation["rel_type"] != "m.replace" {
			var digest []byte
			if address, _ := e.Content["url"].(string); address != "" {
				digest = p.digest(address)
			}
			p.say(e.ID, body, e.Sender, digest)
			return
		}
		inner, _ := e.Content["m.new_content"].(map[string]any)
		body, _ = inner["body"].(string)
		p.edit(e.ID, about, body, e.Sender)
	case "m.reaction":
		key, _ := relation["key"].(string)
		p.react(e.ID, about, key, e.Sender)
	case "m.room.redaction":
		of := e.Redacts
		if inContent, ok := e.Content["redacts"].(string); ok { // where room version 11 has it
			of = inContent
		}
		if target := p.items[of]; p.notices[of] == e.Sender {
			return
		} else if target.reaction != "" {
			p.takeBack(e.ID, of, target.reaction, e.Sender)
		} else {
			p.remove(e.ID, of, e.Sender)
		}
	}
}

// addMessage reads the next message of a phone. A plus sign behind the number tells that it came from a companion device.
func (p *page) addMessage(m simulator.Message) {
	from := m.Sender.User
	if m.Device != 0 {
		from += "+"
	}
	reaction := m.Message.GetReactionMessage()
	switch {
	case m.EditOf != "":
		p.edit(m.ID, m.EditOf, m.Text, from)
	case m.Revoked != "":
		p.remove(m.ID, m.Revoked, from)
	case reaction == nil:
		p.say(m.ID, m.Text, from, digestIn(m))
	default:
		// A person has one reaction to a message, and only one person reacts to each here.
		of := reaction.GetKey().GetID()
		name := p.items[of].name()
		var before string
		if shown := p.reactions[name]; len(shown) > 0 {
			before = shown[0]
		}
		if reaction.GetText() == "" {
			p.takeBack(m.ID, of, before, from)
			return
		}
		p.reactions[name] = nil
		p.react(m.ID, of, reaction.GetText(), from)
	}
}
