package whatsapp

import (
	"cmp"
	"fmt"
	"mime"
	"strings"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"

	"causeway/media"
	"causeway/outbox"
)

// isCard reports whether a file is said to be business cards.
func isCard(f outbox.FileOnMatrix) bool {
	kind, _, _ := mime.ParseMediaType(f.MIME)
	switch kind {
	case "text/vcard", "text/x-vcard", "text/directory":
		return true
	}
	return strings.HasSuffix(strings.ToLower(f.Name), ".vcf")
}

// asContacts makes a message that shows a file of business cards one of contacts, which goes without a file. It reports
// false, and changes nothing, when the file is another, or when there are words to it, for which contacts have no place.
func asContacts(part *waE2E.Message, file *media.File, f outbox.FileOnMatrix) (bool, error) {
	document := part.GetDocumentMessage()
	if document == nil || document.GetCaption() != "" || !isCard(f) {
		return false, nil
	}
	cards, err := file.Cards()
	if err != nil || len(cards) == 0 {
		return false, err
	}
	var contacts []*waE2E.ContactMessage
	for _, card := range cards {
		contacts = append(contacts, &waE2E.ContactMessage{DisplayName: proto.String(cmp.Or(card.Name, "Contact")), Vcard: proto.String(card.Text)})
	}
	part.DocumentMessage = nil
	if len(contacts) == 1 {
		part.ContactMessage = contacts[0]
		part.ContactMessage.ContextInfo = document.ContextInfo
		return true, nil
	}
	part.ContactsArrayMessage = &waE2E.ContactsArrayMessage{
		DisplayName: proto.String(fmt.Sprintf("%d contacts", len(contacts))), Contacts: contacts, ContextInfo: document.ContextInfo,
	}
	return true, nil
}
