package convert

import (
	"cmp"
	"fmt"
	"strings"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"maunium.net/go/mautrix/event"

	"causeway/vcard"
)

// CardType is the MIME type of business cards.
const CardType = "text/vcard"

// cardsOf lists the business cards of a message, with what their sender calls them; nil when it has none.
func cardsOf(msg *waE2E.Message) []*waE2E.ContactMessage {
	if msg.ContactMessage != nil {
		return []*waE2E.ContactMessage{msg.ContactMessage}
	}
	list := msg.GetContactsArrayMessage().GetContacts()
	return list[:min(len(list), vcard.MaxCards)]
}

// contactsToMatrix shows business cards: a file with all of them, as clients can open it, and what people want to know of
// them as its caption.
func contactsToMatrix(msg *waE2E.Message) *event.MessageEventContent {
	file, ok := cardFile(msg)
	if !ok {
		return nil
	}
	var lines []string
	for _, c := range cardsOf(msg) {
		lines = append(lines, cardLines(c)...)
	}
	return &event.MessageEventContent{
		MsgType: event.MsgFile, Body: strings.Join(lines, "\n"), FileName: file.Name, Mentions: &event.Mentions{},
		Info: &event.FileInfo{MimeType: CardType, Size: len(file.Data)},
	}
}

// cardLines says what is on a card.
func cardLines(c *waE2E.ContactMessage) []string {
	name, lines := oneLine(c.GetDisplayName()), []string(nil)
	for _, card := range vcard.Read(c.GetVcard()) {
		name = cmp.Or(name, card.Name)
		for _, value := range append(card.Numbers, card.Others...) {
			lines = append(lines, clip(oneLine(value), maxShownText))
		}
	}
	return append([]string{"👤 " + clip(cmp.Or(name, "A contact"), maxShownText)}, lines...)
}

// cardFile is the file of the cards of a message.
func cardFile(msg *waE2E.Message) (FileOnWhatsApp, bool) {
	cards := cardsOf(msg)
	f := FileOnWhatsApp{Kind: "contact", MIME: CardType}
	name := ""
	for _, c := range cards {
		text := clean(c.GetVcard())
		if len(f.Data)+len(text) > vcard.MaxSize || !vcard.IsCard(text) {
			continue
		}
		f.Data = append(f.Data, strings.TrimRight(text, "\r\n")+"\n"...)
		name = cmp.Or(name, oneLine(c.GetDisplayName()))
	}
	f.Name = fileName(cmp.Or(name, "Contact")) + ".vcf"
	if len(cards) > 1 {
		f.Name = fmt.Sprintf("%d contacts.vcf", len(cards))
	}
	f.Size = uint64(len(f.Data))
	return f, len(f.Data) > 0
}

// cardsWithoutFile shows cards that are no business cards, as what is said of them.
func cardsWithoutFile(msg *waE2E.Message) *event.MessageEventContent {
	var lines []string
	for _, c := range cardsOf(msg) {
		if c.GetDisplayName() != "" {
			lines = append(lines, cardLines(c)...)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return textToMatrix(clip(strings.Join(lines, "\n"), maxBody/2))
}
