package convert

import (
	"strings"
	"unicode/utf8"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// maxMentions is how many people a message may mention; those beyond are not looked at. WhatsApp's groups have up to 1,024.
const maxMentions = 10_000

// Person is who somebody on WhatsApp is on Matrix.
type Person struct {
	User id.UserID
	Name string
	// Real says that it is a Matrix user's own account, not a ghost.
	Real bool
}

// People are those whom a message mentions, by each name on WhatsApp that it mentions them by.
type People map[types.JID]Person

// mentionedBy are those of the people whom a message mentions: other numbers in its text are numbers.
func (p People) mentionedBy(msg *waE2E.Message) People {
	mentioned := People{}
	for _, jid := range MentionedOnWhatsApp(msg) {
		if person, ok := p[jid]; ok {
			mentioned[jid] = person
		}
	}
	return mentioned
}

// byDigits maps what follows the @ in a text.
func (p People) byDigits() map[string]Person {
	people := make(map[string]Person, len(p))
	for jid, person := range p {
		if person.Name != "" && person.User != "" {
			people[jid.User] = person
		}
	}
	return people
}

// MentionedOnWhatsApp lists whom a message mentions, each once.
func MentionedOnWhatsApp(msg *waE2E.Message) []types.JID {
	var list []types.JID
	named := contextOf(unwrap(msg)).GetMentionedJID()
	seen := map[types.JID]bool{}
	for _, text := range named[:min(len(named), maxMentions)] {
		if jid := person(text); !jid.IsEmpty() && !seen[jid] {
			seen[jid] = true
			list = append(list, jid)
		}
	}
	return list
}

// eachMention divides a text into what mentions somebody and what does not. Only whole numbers are taken.
func eachMention(text string, people map[string]Person, each func(text string, who *Person)) {
	plain := 0
	for at := 0; at < len(text) && len(people) > 0; at++ {
		if text[at] != '@' {
			continue
		}
		end := at + 1
		for end < len(text) && text[end] >= '0' && text[end] <= '9' {
			end++
		}
		who, ok := people[text[at+1:end]]
		if !ok {
			continue
		}
		if plain < at {
			each(text[plain:at], nil)
		}
		each(text[at:end], &who)
		plain, at = end, end-1
	}
	if plain < len(text) {
		each(text[plain:], nil)
	}
}

// maxMentionSize is how much of an event may be the names of those it mentions, in bytes.
const maxMentionSize = 8 << 10

// mentions says whom clients are to notify (Client-Server API, "User and room mentions"). Ghosts come last, for they are
// nobody's clients: where an event has no place for all it has one for those who are on Matrix.
func mentions(msg *waE2E.Message, people People) *event.Mentions {
	about := contextOf(unwrap(msg))
	m := &event.Mentions{Room: about.GetNonJIDMentions() > 0 || len(about.GetGroupMentions()) > 0}
	seen, size := map[id.UserID]bool{}, 0
	mentioned := MentionedOnWhatsApp(msg)
	for _, real := range []bool{true, false} {
		for _, jid := range mentioned {
			who, ok := people[jid]
			if !ok || who.Real != real || seen[who.User] || size+len(who.User) > maxMentionSize {
				continue
			}
			seen[who.User] = true
			size += len(who.User) + len(`"",`)
			m.UserIDs = append(m.UserIDs, who.User)
		}
	}
	return m
}

// Account is who somebody on Matrix is on WhatsApp.
type Account struct {
	JID  types.JID
	Name string // as which they are shown on Matrix
}

// Accounts are those whom an event may mention, and who are on WhatsApp.
type Accounts map[id.UserID]Account

// MentionedOnMatrix lists whom an event may mention, each once: those that it names for that, and those in its text.
func MentionedOnMatrix(content *event.MessageEventContent) []id.UserID {
	var list []id.UserID
	seen := map[id.UserID]bool{}
	add := func(user id.UserID) {
		if !seen[user] && len(seen) < maxMentions && len(user) <= maxIDLength {
			seen[user] = true
			list = append(list, user)
		}
	}
	if content.Mentions != nil {
		for _, user := range content.Mentions.UserIDs {
			add(user)
		}
	}
	if content.Format == event.FormatHTML {
		for _, user := range pillsIn(content.FormattedBody) {
			add(user)
		}
	}
	return list
}

// userOf reads the user that an address stands for; "" when it stands for something else.
func userOf(address string) id.UserID {
	if !strings.HasPrefix(address, "https://matrix.to/") && !strings.HasPrefix(address, "matrix:") {
		return ""
	}
	uri, err := id.ParseMatrixURIOrMatrixToURL(address)
	if err != nil || uri == nil {
		return ""
	}
	return uri.UserID()
}

// maxNamesInText is for how many people a plain text is searched for their names.
const maxNamesInText = 100

// everybody is how WhatsApp's programs write that all of a group are mentioned, where Matrix' write "@room".
const everybody = "@all"

// everybodyToWhatsApp writes the mention of everybody as WhatsApp's programs do.
func everybodyToWhatsApp(content *event.MessageEventContent, text string) string {
	if content.Mentions == nil || !content.Mentions.Room {
		return text
	}
	return strings.ReplaceAll(text, "@room", everybody)
}

// mentionsToWhatsApp says who is mentioned, nil when nobody is. Besides those in the text these are the ones whom clients
// are to notify, but in an answer: its author is then named by clients, and WhatsApp notifies them anyway.
func mentionsToWhatsApp(content *event.MessageEventContent, accounts Accounts, mentioned []Account) *waE2E.ContextInfo {
	about := &waE2E.ContextInfo{}
	seen := map[types.JID]bool{}
	add := func(account Account) {
		if jid := account.JID.ToNonAD(); !seen[jid] && len(seen) < maxMentions {
			seen[jid] = true
			about.MentionedJID = append(about.MentionedJID, jid.String())
		}
	}
	for _, account := range mentioned {
		add(account)
	}
	if named := content.Mentions; named != nil {
		if named.Room {
			about.NonJIDMentions = proto.Uint32(1)
		}
		for _, user := range named.UserIDs {
			if account, ok := accounts[user]; ok && content.RelatesTo.GetReplyTo() == "" {
				add(account)
			}
		}
	}
	if len(about.MentionedJID) == 0 && about.NonJIDMentions == nil {
		return nil
	}
	return about
}

// mentionInText writes, in a plain text, the digits that mention people in place of their names or IDs. Those are named by
// m.mentions only, for plain text has no pills.
func mentionInText(text string, content *event.MessageEventContent, accounts Accounts) (string, []Account) {
	if content.Mentions == nil || len(accounts) == 0 {
		return text, nil
	}
	var mentioned []Account
	users := content.Mentions.UserIDs
	for _, user := range users[:min(len(users), maxNamesInText)] {
		account, ok := accounts[user]
		if !ok {
			continue
		}
		for _, name := range []string{user.String(), "@" + account.Name, account.Name} {
			at := wordIn(text, name)
			if at < 0 {
				continue
			}
			text = text[:at] + "@" + account.JID.User + text[at+len(name):]
			mentioned = append(mentioned, account)
			break
		}
	}
	return text, mentioned
}

// wordIn finds a name that stands by itself in a text; -1 when it does not.
func wordIn(text, name string) int {
	if strings.Trim(name, "@ ") == "" {
		return -1
	}
	for from := 0; ; {
		at := strings.Index(text[from:], name)
		if at < 0 {
			return -1
		}
		at += from
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		after, _ := utf8.DecodeRuneInString(text[at+len(name):])
		if (at == 0 || !isWord(before) && before != '@') && (at+len(name) == len(text) || !isWord(after)) {
			return at
		}
		from = at + len(name)
	}
}
