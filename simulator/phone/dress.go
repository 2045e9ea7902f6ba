package phone

import (
	"fmt"
	"strings"

	"causeway/simulator/account"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// manyMentions bounds whom a message mentions.
const manyMentions = 20_000

// LinkPreview is what a text shows of a web page, whose address is in the text. Thumbnail is a small JPEG.
type LinkPreview struct {
	URL, Title, Description string
	Thumbnail               []byte
}

// Dress is what a message has besides its words.
type Dress struct {
	// Mentions are the numbers of those who are mentioned: "@number" in the text becomes "@LID", as phones write it. A JID is
	// taken as it is.
	Mentions []string
	// MentionAll mentions everybody in the chat.
	MentionAll bool
	// Forwarded is how often the message has been passed on.
	Forwarded uint32
	Preview   *LinkPreview
}

func (d Dress) isPlain() bool {
	return len(d.Mentions) == 0 && !d.MentionAll && d.Forwarded == 0 && d.Preview == nil
}

// dress puts what a message has besides its words into it.
func (p *Phone) dress(body *waE2E.Message, d Dress) (*waE2E.Message, error) {
	if d.isPlain() {
		return body, nil
	}
	if len(d.Mentions) > manyMentions {
		return nil, fmt.Errorf("%w mentions: at most %d", account.ErrInvalid, manyMentions)
	}
	if body.Conversation != nil {
		body = &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: body.Conversation}}
	}
	words, context := wordsOf(unwrap(body))
	if words == nil {
		return nil, fmt.Errorf("%w message: mentions, forwarded and preview go with text and media with captions only", account.ErrInvalid)
	}
	if *context == nil {
		*context = &waE2E.ContextInfo{}
	}
	for _, name := range d.Mentions {
		jid, err := p.mention(name, words)
		if err != nil {
			return nil, err
		}
		(*context).MentionedJID = append((*context).MentionedJID, jid)
	}
	if d.MentionAll {
		(*context).NonJIDMentions = proto.Uint32(1)
	}
	if d.Forwarded > 0 {
		(*context).IsForwarded, (*context).ForwardingScore = proto.Bool(true), &d.Forwarded
	}
	if d.Preview == nil {
		return body, nil
	}
	text := body.ExtendedTextMessage
	if text == nil {
		return nil, fmt.Errorf("%w message: a preview goes with text only", account.ErrInvalid)
	}
	text.MatchedText, text.Title, text.Description, text.JPEGThumbnail = &d.Preview.URL, &d.Preview.Title, &d.Preview.Description, d.Preview.Thumbnail
	return body, nil
}

// mention returns the JID of one who is mentioned, and writes its digits into the text.
func (p *Phone) mention(name string, words **string) (string, error) {
	if strings.Contains(name, "@") {
		return name, nil
	}
	jid, _, err := p.network.Resolve(name)
	if err != nil {
		return "", err
	}
	if *words != nil {
		*words = proto.String(strings.ReplaceAll(**words, "@"+name, "@"+jid.User))
	}
	return jid.String(), nil
}

// wordsOf finds the text or caption of a message, and its context; nil if it has none.
func wordsOf(m *waE2E.Message) (words **string, context **waE2E.ContextInfo) {
	switch {
	case m.ExtendedTextMessage != nil:
		return &m.ExtendedTextMessage.Text, &m.ExtendedTextMessage.ContextInfo
	case m.ImageMessage != nil:
		return &m.ImageMessage.Caption, &m.ImageMessage.ContextInfo
	case m.VideoMessage != nil:
		return &m.VideoMessage.Caption, &m.VideoMessage.ContextInfo
	case m.DocumentMessage != nil:
		return &m.DocumentMessage.Caption, &m.DocumentMessage.ContextInfo
	}
	return nil, nil
}

// Dressed is what a message has besides its words: of an edit, the new one. Mentions are by phone number where they are known.
func (p *Phone) Dressed(m Message) Dress {
	body := unwrap(m.Message)
	if change := body.GetProtocolMessage(); change.GetEditedMessage() != nil {
		body = unwrap(change.GetEditedMessage())
	}
	_, context := wordsOf(body)
	if context == nil {
		return Dress{}
	}
	d := Dress{MentionAll: (*context).GetNonJIDMentions() > 0, Forwarded: (*context).GetForwardingScore()}
	for _, name := range (*context).GetMentionedJID() {
		if jid, err := types.ParseJID(name); err == nil {
			if _, pn, err := p.network.Resolve(jid.String()); err == nil {
				name = pn.User
			}
		}
		d.Mentions = append(d.Mentions, name)
	}
	if text := body.GetExtendedTextMessage(); text.GetMatchedText() != "" {
		d.Preview = &LinkPreview{URL: text.GetMatchedText(), Title: text.GetTitle(), Description: text.GetDescription(), Thumbnail: text.GetJPEGThumbnail()}
	}
	return d
}
