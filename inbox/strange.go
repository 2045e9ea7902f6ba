package inbox

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"go.mau.fi/whatsmeow/types"

	"causeway/database"
	"causeway/queue"
)

// maxKey is how long the key of an entry may be, in bytes: Postgres indexes no more than a third of a page of 8 KiB, and a
// message's ID is as long as its sender likes.
const maxKey = 1024

// bounded is the key, or what stands for one that is too long.
func bounded(key string) string {
	if len(key) <= maxKey {
		return key
	}
	return fmt.Sprintf("%s/%x", strings.ToValidUTF8(key[:maxKey/2], ""), sha256.Sum256([]byte(key)))
}

// maxJID is how long the name of a person or a chat may be, in bytes. Those of WhatsApp have up to 50.
const maxJID = 255

// isStrange reports whether one of the names is none that every database takes.
func isStrange(names ...types.JID) bool {
	for _, jid := range names {
		name := jid.String()
		if len(name) > maxJID || !utf8.ValidString(name) || strings.ContainsRune(name, 0) {
			return true
		}
	}
	return false
}

// namesIn lists the names that the bridge makes rows of.
func namesIn(info types.MessageInfo) []types.JID {
	return []types.JID{info.Chat, info.Sender, info.SenderAlt, info.RecipientAlt}
}

func (g GroupChanged) names() []types.JID {
	list := []types.JID{g.Group, g.By}
	members := [][]GroupMember{g.Join, g.Leave}
	if g.Whole != nil {
		members = append(members, g.Whole.Members)
	}
	for _, some := range members {
		for _, m := range some {
			list = append(list, m.LID, m.PN)
		}
	}
	return list
}

// addStrange keeps the beginning of what no row can be made of as a dead letter: refused, it would come again for ever.
func (in *Inbox) addStrange(ctx context.Context, login database.LoginID, kind string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", kind, err)
	}
	payload, err := json.Marshal(strings.ToValidUTF8(string(raw[:min(len(raw), maxUnreadable)]), "?"))
	if err != nil {
		return fmt.Errorf("encode %s: %w", kind, err)
	}
	return in.AddDead(ctx, "it names a person or a chat in a way that is no name on WhatsApp", queue.Entry{
		Lane: LoginLane(login), Key: fmt.Sprintf("strange/%s/%x", kind, sha256.Sum256(raw)), Kind: kind, Payload: payload,
	})
}
