// Package vcard reads business cards (vCard 2.1, 3.0, RFC 6350) as far as people want to see them in a chat: the name, the
// numbers and addresses. It is pure.
package vcard

import (
	"cmp"
	"io"
	"mime/quotedprintable"
	"slices"
	"strings"
	"unicode/utf8"
)

// What is read of a file: a bigger one is not read at all, and what is beyond is left out.
const (
	// MaxSize is how big a file of cards may be, in bytes. Photos in cards make them big.
	MaxSize = 1 << 20
	// MaxCards is how many cards one may have: WhatsApp sends up to 257 contacts at once.
	MaxCards = 257

	maxLines  = 20_000
	maxValues = 20
	maxValue  = 1 << 10
)

// Card is one card.
type Card struct {
	// Text is the card as it came.
	Text string
	// Name is whose it is; "" when it does not say.
	Name string
	// Numbers and Others are phone numbers, and e-mail addresses, organisations and web sites, as they stand there.
	Numbers, Others []string
}

// IsCard reports whether a text looks like a file of cards.
func IsCard(text string) bool {
	const begin = "begin:vcard"
	text = strings.TrimLeft(strings.TrimPrefix(text, "\ufeff"), " \t\r\n")
	return len(text) >= len(begin) && strings.EqualFold(text[:len(begin)], begin)
}

// Read reads the cards of a file. It returns none when there are none, or when it is too big.
func Read(text string) []Card {
	if len(text) > MaxSize {
		return nil
	}
	var cards []Card
	var lines []string
	for line := range strings.Lines(strings.ToValidUTF8(strings.ReplaceAll(text, "\r\n", "\n"), "\uFFFD")) {
		trimmed := strings.TrimSpace(line)
		switch {
		case strings.EqualFold(trimmed, "begin:vcard"), strings.EqualFold(trimmed, "\ufeffbegin:vcard"):
			lines = []string{}
			line = "BEGIN:VCARD\n"
		case lines == nil:
			continue
		}
		if len(lines) < maxLines {
			lines = append(lines, strings.TrimRight(line, "\r\n"))
		}
		if strings.EqualFold(trimmed, "end:vcard") {
			cards = append(cards, read(lines))
			lines = nil
			if len(cards) == MaxCards {
				break
			}
		}
	}
	return cards
}

// field is a line of a card, unfolded: [group.]name[;parameters]:value.
type field struct {
	name, params, value string
}

func read(lines []string) Card {
	card := Card{Text: strings.Join(lines, "\n") + "\n"}
	structured, organisation := "", ""
	for _, f := range unfold(lines) {
		value := f.text()
		if value == "" {
			continue
		}
		switch f.name {
		case "FN":
			card.Name = cmp.Or(card.Name, value)
		case "N":
			structured = cmp.Or(structured, nameOf(f.value))
		case "ORG":
			organisation = cmp.Or(organisation, strings.Join(strings.FieldsFunc(value, func(r rune) bool { return r == ';' }), ", "))
		case "TEL":
			card.Numbers = add(card.Numbers, strings.TrimPrefix(value, "tel:"))
		case "EMAIL", "URL", "NOTE":
			card.Others = add(card.Others, value)
		case "ADR":
			card.Others = add(card.Others, strings.Join(strings.FieldsFunc(value, func(r rune) bool { return r == ';' || r == '\n' }), ", "))
		}
	}
	if organisation != "" {
		card.Others = slices.Insert(card.Others, 0, organisation)
	}
	card.Name = cmp.Or(card.Name, structured, organisation)
	return card
}

func add(list []string, value string) []string {
	if len(list) >= maxValues || slices.Contains(list, value) || value == "" {
		return list
	}
	return append(list, value)
}

// unfold joins lines that go on in the next: in the newer versions one that begins with a space, in the oldest one that
// ends with an equals sign.
func unfold(lines []string) []field {
	var fields []field
	soft := false
	for _, line := range lines {
		last := len(fields) - 1
		switch {
		case last >= 0 && soft:
			fields[last].value += "\n" + line
		case last >= 0 && line != "" && (line[0] == ' ' || line[0] == '\t'):
			if len(fields[last].value) < 4*maxValue {
				fields[last].value += line[1:]
			}
			continue
		default:
			head, value, ok := strings.Cut(line, ":")
			if !ok {
				continue
			}
			name, params, _ := strings.Cut(head, ";")
			if _, after, grouped := strings.Cut(name, "."); grouped {
				name = after
			}
			fields = append(fields, field{strings.ToUpper(strings.TrimSpace(name)), strings.ToUpper(params), value})
			last = len(fields) - 1
		}
		soft = strings.Contains(fields[last].params, "QUOTED-PRINTABLE") && strings.HasSuffix(line, "=") && len(fields[last].value) < 4*maxValue
	}
	return fields
}

// text is the value for people: decoded, without escapes, of bounded length.
func (f field) text() string {
	value := f.value
	if strings.Contains(f.params, "QUOTED-PRINTABLE") {
		if plain, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(value))); err == nil {
			value = string(plain)
		}
	}
	value = strings.NewReplacer(`\n`, "\n", `\N`, "\n", `\,`, ",", `\;`, ";", `\\`, `\`).Replace(value)
	value = strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(value, "\x00", ""), "\uFFFD"))
	if len(value) > maxValue {
		end := maxValue
		for !utf8.RuneStart(value[end]) {
			end--
		}
		value = value[:end] + "…"
	}
	return strings.Join(strings.Fields(value), " ")
}

// nameOf makes a name of its parts: family, given, further, before, behind.
func nameOf(value string) string {
	parts := make([]string, 5)
	for i, part := range strings.SplitN(value, ";", len(parts)) {
		parts[i] = field{value: part}.text()
	}
	return strings.Join(strings.Fields(strings.Join([]string{parts[3], parts[1], parts[2], parts[0], parts[4]}, " ")), " ")
}
