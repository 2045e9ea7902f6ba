package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/e2e/person"
	"causeway/e2e/rig"
	"causeway/simulator/control/api"
)

// TestText shows what texts can have besides their words, each way.
func TestText(t *testing.T) {
	t.Parallel()
	s := linked(t, rig.SQLite)
	s.formats()
	s.meetInAGroup()
	s.mentionsFromWhatsApp()
	s.mentionsFromMatrix()
	s.forwarded()
	s.previews()
	s.quotes()
	s.comments()
	s.threads()
	s.talkAfter()
}

// written waits for a message of a sender in a room.
func (s *story) written(room id.RoomID, sender id.UserID, what string, fits func(m *event.MessageEventContent) bool) person.Seen {
	s.Helper()
	seen, err := s.alice.WaitEvent(s.ctx, what, func(e person.Seen) bool {
		m := e.Message()
		return e.RoomID == room && e.Sender == sender && m != nil && fits(m)
	})
	require.NoError(s, err)
	return seen
}

// posts lets Alice write something that is more than a plain text.
func (s *story) posts(room id.RoomID, content *event.MessageEventContent) id.EventID {
	s.Helper()
	sent, err := s.alice.Client.SendMessageEvent(s.ctx, room, event.EventMessage, content)
	require.NoError(s, err)
	return sent.EventID
}

func inHTML(body, markup string) *event.MessageEventContent {
	return &event.MessageEventContent{MsgType: event.MsgText, Body: body, Format: event.FormatHTML, FormattedBody: markup}
}

// formats: HTML and WhatsApp's formatting.
func (s *story) formats() {
	s.step("formats")
	text := "*bold* _it_ ~no~ `co*de*` 2*3*4\n- one\n- two\n> quoted\n```a\nb```"
	s.phoneSays(carolNumber, aliceNumber, text)
	seen := s.written(s.direct, rig.Ghost(carolNumber), "a formatted text", func(m *event.MessageEventContent) bool { return m.Body == text })
	require.Equal(s, event.FormatHTML, seen.Message().Format)
	require.Equal(s, "<strong>bold</strong> <em>it</em> <del>no</del> <code>co*de*</code> 2*3*4<ul><li>one</li><li>two</li></ul>"+
		"<blockquote>quoted</blockquote><pre><code>a\nb</code></pre>", seen.Message().FormattedBody)
	s.posts(s.direct, inHTML("plain", `<h1>Title</h1><p><b>bold</b> and <em>it</em>, h<b>a</b>lf</p><ol><li>one</li><li>two</li></ol><blockquote>quoted</blockquote>`+
		"<pre><code>a\nb</code></pre>"+`<table><tr><th>x</th><td>y</td></tr></table><span data-mx-spoiler="plot">he dies</span> <a href="https://a.example/b">there</a>`))
	s.onPhone(carolNumber, withText("*Title*\n\n*bold* and _it_, half\n\n1. one\n2. two\n> quoted\n```a\nb```\n\n*x* | y\n\n[Spoiler (plot): he dies] there (https://a.example/b)"))
}

// meetInAGroup makes a group of Alice, Carol and Dave.
func (s *story) meetInAGroup() {
	s.step("meet in a group")
	group, err := s.rig.Network.CreateGroup(s.ctx, api.NewGroup{Subject: "Mentions", Creator: carolNumber, Participants: []string{aliceNumber, daveNumber}})
	require.NoError(s, err)
	s.group = group.JID
	s.phoneSays(daveNumber, s.group, "hello all")
	invitation, err := s.alice.AcceptInvite(s.ctx, "the group", func(person.Invitation) bool { return true })
	require.NoError(s, err)
	s.shared = invitation.Room
}

func (s *story) mentionsFromWhatsApp() {
	s.step("mentions from WhatsApp")
	dave, carol := rig.Ghost(daveNumber), rig.Ghost(carolNumber)
	s.does(carolNumber, api.Send{Chat: s.group, Text: "ask @" + daveNumber + " or @" + aliceNumber + ", not @123", Dress: api.Dress{Mentions: []string{daveNumber, aliceNumber}}})
	said := s.written(s.shared, carol, "mentions", func(m *event.MessageEventContent) bool { return strings.HasPrefix(m.Body, "ask ") }).Message()
	require.Contains(s, said.FormattedBody, `<a href="https://matrix.to/#/`+dave.String()+`">`)
	require.Contains(s, said.FormattedBody, `<a href="https://matrix.to/#/`+s.alice.ID.String()+`">`)
	require.Contains(s, said.FormattedBody, "not @123")
	require.NotContains(s, said.Body, daveNumber)
	require.Equal(s, []id.UserID{s.alice.ID, dave}, said.Mentions.UserIDs)

	sent := s.does(carolNumber, api.Send{Chat: s.group, Text: "@all lunch", Dress: api.Dress{MentionAll: true}})
	said = s.written(s.shared, carol, "everybody", func(m *event.MessageEventContent) bool { return m.Body == "@all lunch" }).Message()
	require.True(s, said.Mentions.Room)
	s.does(carolNumber, api.Send{Chat: s.group, Edit: sent.ID, Text: "@" + daveNumber + " *lunch*", Dress: api.Dress{Mentions: []string{daveNumber}}})
	said = s.written(s.shared, carol, "an edit", func(m *event.MessageEventContent) bool { return m.NewContent != nil }).Message().NewContent
	require.Contains(s, said.FormattedBody, dave.String()+`">`)
	require.Contains(s, said.FormattedBody, "<strong>lunch</strong>")
	require.Equal(s, []id.UserID{dave}, said.Mentions.UserIDs)

	s.does(carolNumber, api.Send{Chat: s.group, Media: &api.OutgoingMedia{Kind: "image", MIME: "image/jpeg", Data: s.picture(40, 20), Caption: "for @" + daveNumber},
		Dress: api.Dress{Mentions: []string{daveNumber}}})
	said = s.written(s.shared, carol, "a caption", func(m *event.MessageEventContent) bool { return m.MsgType == event.MsgImage }).Message()
	require.Equal(s, []id.UserID{dave}, said.Mentions.UserIDs)
	require.Contains(s, said.FormattedBody, dave.String())
}

func (s *story) picture(width, height int) []byte {
	var out bytes.Buffer
	require.NoError(s, jpeg.Encode(&out, image.NewGray(image.Rect(0, 0, width, height)), nil))
	return out.Bytes()
}

func (s *story) mentionsFromMatrix() {
	s.step("mentions from Matrix")
	dave := rig.Ghost(daveNumber)
	pill := fmt.Sprintf(`<a href="https://matrix.to/#/%s">Dave</a>`, dave)
	content := inHTML("Dave: and @room", pill+": and @room")
	content.Mentions = &event.Mentions{UserIDs: []id.UserID{dave}, Room: true}
	sent := s.posts(s.shared, content)
	m := s.onPhone(daveNumber, func(m api.Message) bool { return strings.HasSuffix(m.Text, ": and @all") })
	require.True(s, m.MentionAll)
	require.Equal(s, []string{daveNumber}, m.Mentions)
	require.Regexp(s, `^@\d+: and @all$`, m.Text)

	edit := inHTML("* Dave?", "* "+pill+"?")
	edit.NewContent, edit.RelatesTo = inHTML("Dave?", pill+"?"), &event.RelatesTo{Type: event.RelReplace, EventID: sent}
	s.posts(s.shared, edit)
	changed := s.onPhone(daveNumber, func(e api.Message) bool { return e.EditOf == m.ID })
	require.Equal(s, []string{daveNumber}, changed.Mentions)
	require.Regexp(s, `^@\d+\?$`, changed.Text)

	uploaded, err := s.alice.Client.UploadBytes(s.ctx, s.picture(40, 20), "image/jpeg")
	require.NoError(s, err)
	captioned := inHTML("Dave, look", pill+", <b>look</b>")
	captioned.MsgType, captioned.FileName, captioned.URL = event.MsgImage, "x.jpg", uploaded.ContentURI.CUString()
	s.posts(s.shared, captioned)
	m = s.onPhone(daveNumber, func(m api.Message) bool {
		return m.Media != nil && strings.HasSuffix(m.Text, "*look*")
	})
	require.Equal(s, []string{daveNumber}, m.Mentions)
}

func (s *story) forwarded() {
	s.step("forwarded")
	s.does(carolNumber, api.Send{Chat: aliceNumber, Text: "a _joke_", Dress: api.Dress{Forwarded: 6}})
	seen := s.written(s.direct, rig.Ghost(carolNumber), "a forwarded text", func(m *event.MessageEventContent) bool { return strings.HasSuffix(m.Body, "a _joke_") })
	require.Equal(s, "↪ Forwarded many times\na _joke_", seen.Message().Body)
	require.Contains(s, seen.Message().FormattedBody, "<em>joke</em>")
	require.Equal(s, map[string]any{"times": 6.0}, seen.Content.Raw["chat.causeway.forwarded"])
}

func (s *story) previews() {
	s.step("previews")
	picture := s.picture(80, 40)
	s.does(carolNumber, api.Send{Chat: aliceNumber, Text: "see https://a.example", Dress: api.Dress{
		Preview: &api.LinkPreview{URL: "https://a.example", Title: "A page", Description: "About it", Thumbnail: picture}}})
	seen := s.written(s.direct, rig.Ghost(carolNumber), "a preview", func(m *event.MessageEventContent) bool { return len(m.BeeperLinkPreviews) > 0 })
	preview := seen.Message().BeeperLinkPreviews[0]
	require.Equal(s, []string{"https://a.example", "A page", "About it"}, []string{preview.MatchedURL, preview.Title, preview.Description})
	address, err := preview.ImageURL.Parse()
	require.NoError(s, err)
	content, err := s.alice.Client.DownloadBytes(s.ctx, address)
	require.NoError(s, err)
	require.Equal(s, picture, content)

	uploaded, err := s.alice.Client.UploadBytes(s.ctx, s.picture(640, 320), "image/jpeg")
	require.NoError(s, err)
	s.posts(s.direct, &event.MessageEventContent{MsgType: event.MsgText, Body: "no, https://b.example", BeeperLinkPreviews: []*event.BeeperLinkPreview{{
		MatchedURL: "https://b.example", LinkPreview: event.LinkPreview{Title: "B page", Description: "Better", ImageURL: uploaded.ContentURI.CUString()},
	}}})
	got := s.onPhone(carolNumber, withText("no, https://b.example")).Preview
	require.NotNil(s, got)
	require.Equal(s, []string{"https://b.example", "B page", "Better"}, []string{got.URL, got.Title, got.Description})
	config, err := jpeg.DecodeConfig(bytes.NewReader(got.Thumbnail))
	require.NoError(s, err)
	require.Equal(s, 2*config.Height, config.Width)
}

// quotes: what is answered can be read where the message itself is not there.
func (s *story) quotes() {
	s.step("quotes")
	s.sendsRaw(`{"extendedTextMessage": {"text": "I *agree*", "contextInfo": {"stanzaID": "LONGAGO", "participant": "` + daveNumber + `@s.whatsapp.net",
		"quotedMessage": {"conversation": "tea is better"}}}}`)
	seen := s.written(s.direct, rig.Ghost(carolNumber), "a quotation", func(m *event.MessageEventContent) bool { return strings.HasSuffix(m.Body, "I *agree*") })
	require.Regexp(s, `^> .*tea is better\n\nI`, seen.Message().Body)
	require.Contains(s, seen.Message().FormattedBody, "tea is better</blockquote>I <strong>agree</strong>")
	raw, err := json.Marshal(seen.Content.Raw)
	require.NoError(s, err)
	require.NotContains(s, string(raw), "m.in_reply_to")
}

// comments: what is said about an announcement is in its thread.
func (s *story) comments() {
	s.step("comments")
	carol, dave := rig.Ghost(carolNumber), rig.Ghost(daveNumber)
	secret := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	announcement := s.does(carolNumber, api.Send{Chat: s.group, Message: json.RawMessage(`{"conversation": "we move", "messageContextInfo": {"messageSecret": "` + secret + `"}}`)})
	root := s.written(s.shared, carol, "the announcement", func(m *event.MessageEventContent) bool { return m.Body == "we move" })
	s.onPhone(daveNumber, func(m api.Message) bool { return m.ID == announcement.ID })
	s.does(daveNumber, api.Send{Chat: s.group, Text: "when?", CommentOn: announcement.ID})
	comment := s.written(s.shared, dave, "the comment", func(m *event.MessageEventContent) bool { return m.Body == "when?" }).Message()
	require.Equal(s, root.ID, comment.RelatesTo.GetThreadParent())
	require.Equal(s, root.ID, comment.RelatesTo.GetReplyTo())
	s.does(daveNumber, api.Send{Chat: s.group, React: &api.Reaction{ID: announcement.ID, Emoji: "🎉"}, Sealed: true})
	_, err := s.alice.WaitEvent(s.ctx, "the sealed reaction", func(e person.Seen) bool {
		about, key := e.Reaction()
		return e.Sender == dave && about == root.ID && key == "🎉"
	})
	require.NoError(s, err)
}

// threads: what is said in a thread answers what the thread is about.
func (s *story) threads() {
	s.step("threads")
	s.phoneSays(carolNumber, aliceNumber, "shall we?")
	root := s.written(s.direct, rig.Ghost(carolNumber), "a question", func(m *event.MessageEventContent) bool { return m.Body == "shall we?" })
	question := s.onPhone(carolNumber, withText("shall we?"))
	s.posts(s.direct, &event.MessageEventContent{MsgType: event.MsgText, Body: "in a thread", RelatesTo: &event.RelatesTo{Type: event.RelThread, EventID: root.ID}})
	require.Contains(s, string(s.onPhone(carolNumber, withText("in a thread")).Message), question.ID)
}
