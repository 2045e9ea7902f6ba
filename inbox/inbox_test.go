package inbox_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/proto/waVnameCert"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/database/databasetest"
	"causeway/inbox"
	"causeway/queue"
)

const bot = id.UserID("@whatsappbot:localhost")

func each(t *testing.T, test func(t *testing.T, db *database.DB, in *inbox.Inbox)) {
	t.Helper()
	databasetest.Each(t, func(t *testing.T, db *database.DB) { test(t, db, inbox.New(db, bot)) })
}

// stored is what a test wants to know of an entry.
type stored struct{ lane, key, kind string }

func open(t *testing.T, db *database.DB) (list []stored) {
	t.Helper()
	rows, err := db.Query(t.Context(), `SELECT lane, dedup_key, kind FROM queue_entry WHERE queue='inbox' AND state=0 ORDER BY id`)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var s stored
		require.NoError(t, rows.Scan(&s.lane, &s.key, &s.kind))
		list = append(list, s)
	}
	require.NoError(t, rows.Err())
	return list
}

func dead(t *testing.T, in *inbox.Inbox) (causes []string) {
	t.Helper()
	list, err := in.DeadLetters(t.Context(), 100)
	require.NoError(t, err)
	for _, e := range list {
		causes = append(causes, e.Error)
		e, _, err := in.DeadLetter(t.Context(), e.ID)
		require.NoError(t, err)
		require.True(t, json.Valid(e.Payload))
		require.Less(t, len(e.Payload), 3*4096)
	}
	return causes
}

func evt(id, room, kind, sender, content string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"event_id":%q,"room_id":%q,"type":%q,"sender":%q,"content":%s}`, id, room, kind, sender, content))
}

func portalOf(t *testing.T, db *database.DB, chat string) database.Portal {
	t.Helper()
	p, err := db.EnsurePortal(t.Context(), "", types.NewJID(chat, types.GroupServer))
	require.NoError(t, err)
	return p
}

func TestMatrixEventsOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, in *inbox.Inbox) {
		a := evt("$a", "!r:localhost", "m.room.message", "@alice:localhost", `{"body":"<&>"}`)
		b := evt("$b", "!r:localhost", "m.room.message", "@alice:localhost", `{"body":"é"}`)
		require.NoError(t, in.AddMatrix(t.Context(), nil, nil))
		require.NoError(t, in.AddMatrix(t.Context(), []json.RawMessage{a, a}, nil))
		require.NoError(t, in.AddMatrix(t.Context(), []json.RawMessage{a, b}, nil)) // the transaction before it, and more
		require.Equal(t, []stored{
			{"room/!r:localhost", "matrix/$a", inbox.KindMatrixEvent},
			{"room/!r:localhost", "matrix/$b", inbox.KindMatrixEvent},
		}, open(t, db))
		var payload []byte
		require.NoError(t, db.QueryRow(t.Context(), `SELECT payload FROM queue_entry WHERE dedup_key='matrix/$a'`).Scan(&payload))
		var m inbox.MatrixEvent
		require.NoError(t, json.Unmarshal(payload, &m))
		require.JSONEq(t, string(a), string(m.Event))
		require.Empty(t, dead(t, in))
	})
}

// The homeserver sends one transaction from several workers at once when it lost the answer.
func TestMatrixEventsAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, in *inbox.Inbox) {
		var events []json.RawMessage
		for n := range 20 {
			events = append(events, evt(fmt.Sprint("$", n), "!r:localhost", "m.room.message", "@alice:localhost", `{}`))
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := in.AddMatrix(t.Context(), events, nil); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		list := open(t, db)
		require.Len(t, list, 20)
		for n, s := range list {
			require.Equal(t, fmt.Sprint("matrix/$", n), s.key)
		}
	})
}

func TestMatrixLanes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, in *inbox.Inbox) {
		p := portalOf(t, db, "1")
		_, err := db.SetPortalRoom(t.Context(), p.ID, "!p:localhost")
		require.NoError(t, err)
		require.NoError(t, in.AddMatrix(t.Context(), []json.RawMessage{
			evt("$1", "!p:localhost", "m.room.message", "@alice:localhost", `{}`),
			evt("$2", "!other:localhost", "m.room.message", "@alice:localhost", `{}`),
		}, nil))
		list := open(t, db)
		require.Equal(t, string(inbox.ChatLane(p.ID)), list[0].lane)
		require.Equal(t, string(inbox.RoomLane("!other:localhost")), list[1].lane)
	})
}

func TestCreateEventSettlesRoom(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, in *inbox.Inbox) {
		p, q := portalOf(t, db, "1"), portalOf(t, db, "2")
		create := func(n int, room, sender string, content string) json.RawMessage {
			return evt(fmt.Sprint("$create", n), room, "m.room.create", sender, content)
		}
		claim := func(number any, of database.Portal) string {
			return fmt.Sprintf(`{%q:%v,%q:%q}`, inbox.PortalField, number, inbox.ChatField, inbox.ChatOf(of))
		}
		content := claim(p.ID, p)
		room := func(p database.Portal) id.RoomID {
			p, err := db.PortalByID(t.Context(), p.ID)
			require.NoError(t, err)
			return p.RoomID
		}
		// Somebody else's room is not the portal's, whatever it says.
		spoofed := json.RawMessage(strings.Replace(string(create(2, "!evil:evil", "@eve:evil", content)), `"sender"`, `"Sender":"`+bot.String()+`","sender"`, 1))
		spoofed2 := json.RawMessage(strings.Replace(string(create(3, "!evil:evil", "@eve:evil", content)), `"content"`, `"ſender":"`+bot.String()+`","content"`, 1))
		require.NoError(t, in.AddMatrix(t.Context(), []json.RawMessage{create(1, "!evil:evil", "@eve:evil", content), spoofed, spoofed2}, nil))
		require.Empty(t, room(p))
		require.Equal(t, []stored{{"room/!evil:evil", "matrix/$create1", inbox.KindMatrixEvent}}, open(t, db))
		require.Len(t, dead(t, in), 2)

		// The bot's own settles it, and what is said next is on the chat's lane already.
		require.NoError(t, in.AddMatrix(t.Context(), []json.RawMessage{
			create(4, "!a:localhost", bot.String(), content),
			evt("$m", "!a:localhost", "m.room.message", "@alice:localhost", `{}`),
			create(5, "!b:localhost", bot.String(), content),           // a second room
			create(6, "!a:localhost", bot.String(), claim(q.ID, q)),    // a second portal
			create(7, "!c:localhost", bot.String(), `{}`),              // a management room
			create(8, "!d:localhost", bot.String(), claim(`"x"`, q)),   //
			create(9, "!e:localhost", bot.String(), claim(99999, q)),   //
			create(10, "!f:localhost", bot.String(), claim("1e99", q)), //
			create(12, "!h:localhost", bot.String(), claim(q.ID, p)),   // of an earlier database
			create(11, "!g:localhost", bot.String(), `[]`),             //
			create(4, "!a:localhost", bot.String(), content),           // a repeat
		}, nil))
		require.Equal(t, id.RoomID("!a:localhost"), room(p))
		require.Empty(t, room(q))
		require.Equal(t, string(inbox.ChatLane(p.ID)), open(t, db)[1].lane)
		require.Len(t, open(t, db), 2)
	})
}

func TestUnreadableEvents(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, in *inbox.Inbox) {
		long := strings.Repeat("é", inbox.MaxEventSize/2)
		good := evt("$good", "!r:localhost", "m.room.message", "@alice:localhost", `{}`)
		bad := map[string]json.RawMessage{
			"bytes":      evt("$1", "!r:localhost", "m.room.message", "@alice:localhost", `{"body":"`+long+`"}`),
			"no event":   evt("", "!r:localhost", "m.room.message", "@alice:localhost", `{}`),
			"no room":    evt("$2", "", "m.room.message", "@alice:localhost", `{}`),
			"no type":    evt("$3", "!r:localhost", "", "@alice:localhost", `{}`),
			"no sender":  evt("$4", "!r:localhost", "m.room.message", "", `{}`),
			"too long":   evt("$5"+long[:2000], "!r:localhost", "m.room.message", "@alice:localhost", `{}`),
			"number":     json.RawMessage(`{"event_id":1}`),
			"null":       json.RawMessage(`null`),
			"empty":      json.RawMessage(``),
			"list":       json.RawMessage(`[1]`),
			"broken":     json.RawMessage(`{"event_id":"$6`),
			"bytes \xff": json.RawMessage("\xff\x00\xfe"),
			"nul room":   json.RawMessage(`{"event_id":"$7","room_id":"!\u0000","type":"m","sender":"@a:b"}`),
			"nul id":     json.RawMessage(`{"event_id":"$\u00008","room_id":"!r:localhost","type":"m","sender":"@a:b"}`),
		}
		for name, raw := range bad {
			require.NoError(t, in.AddMatrix(t.Context(), []json.RawMessage{raw, good}, nil), name)
			require.NoError(t, in.AddMatrix(t.Context(), []json.RawMessage{raw, raw, good}, nil), name)
		}
		require.Len(t, dead(t, in), len(bad))
		require.Len(t, open(t, db), 1)
	})
}

func message(login database.LoginID, chat, sender, alt types.JID, fromMe bool, msg types.MessageID) inbox.WhatsAppMessage {
	m := inbox.WhatsAppMessage{Login: login, Message: []byte{1, 2, 3}}
	m.Info.Chat, m.Info.Sender, m.Info.IsFromMe, m.Info.ID = chat, sender, fromMe, msg
	m.Info.IsGroup = chat.Server == types.GroupServer
	if fromMe {
		m.Info.RecipientAlt = alt
	} else {
		m.Info.SenderAlt = alt
	}
	return m
}

// What the homeserver says about an event differs each time that it is pushed.
func TestUnreadableEventsOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, in *inbox.Inbox) {
		push := func(format string, args ...any) {
			require.NoError(t, in.AddMatrix(t.Context(), []json.RawMessage{[]byte(fmt.Sprintf(format, args...))}, nil))
		}
		for age := range 3 {
			push(`{"event_id":"$a","content":{"body":"x"},"age":%d,"unsigned":{"age":%d}}`, age, age)
			push(`{"unsigned":{"age":%d},"content":{"body":"x"},"event_id":"$a"}`, age)
			push(`{"event_id":"$a","sender":"@a:b","Sender":"@c:d","Unsigned":{"age":%d}}`, age)
			push(`[1]`)
		}
		require.Len(t, dead(t, in), 3)
		push(`{"event_id":"$a","content":{"body":"y"}}`)
		push(`{"event_id":"$b","content":{"body":"x"}}`)
		require.Len(t, dead(t, in), 5, "different events are different letters")
	})
}

func TestWhatsAppChats(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, in *inbox.Inbox) {
		pn, lid := types.NewJID("4912", types.DefaultUserServer), types.NewJID("99", types.HiddenUserServer)
		me, group := types.NewJID("4911", types.DefaultUserServer), types.NewJID("1-2", types.GroupServer)
		device := pn
		device.Device = 5
		add := func(m inbox.WhatsAppMessage) string {
			before := len(open(t, db))
			require.NoError(t, in.AddWhatsApp(t.Context(), m))
			list := open(t, db)
			require.Len(t, list, before+1)
			require.NoError(t, in.AddWhatsApp(t.Context(), m), "again")
			require.Len(t, open(t, db), before+1)
			return list[before].lane
		}
		lane := add(message("4911", pn, device, types.EmptyJID, false, "1")) // by number
		for n, m := range []inbox.WhatsAppMessage{
			message("4911", pn, device, lid, false, "2"), // the LID becomes known
			message("4911", lid, lid, pn, false, "3"),
			message("4911", lid, lid, types.EmptyJID, false, "4"),
			message("4911", lid, me, types.EmptyJID, true, "5"),
			message("4911", pn, me, lid, true, "6"),
		} {
			require.Equal(t, lane, add(m), "message %d", n)
		}
		require.NotEqual(t, lane, add(message("4913", pn, device, lid, false, "1")), "another login's chat")
		shared := add(message("4911", group, device, lid, false, "1"))
		require.NotEqual(t, lane, shared)
		require.Equal(t, shared, add(message("4913", group, device, lid, false, "1")), "logins share a group")
		portal, err := db.PortalByChat(t.Context(), "4911", lid)
		require.NoError(t, err)
		require.Equal(t, string(inbox.ChatLane(portal.ID)), lane)
		_, err = db.PortalByChat(t.Context(), "", lid)
		require.ErrorIs(t, err, database.ErrNotFound, "a sender is no name of a group")

		require.NoError(t, in.AddGroupChanged(t.Context(), inbox.GroupChanged{Login: "4911", Group: group, Key: "k"}))
		require.NoError(t, in.AddGroupChanged(t.Context(), inbox.GroupChanged{Login: "4911", Group: group, Key: "k"}))
		list := open(t, db)
		require.Equal(t, stored{shared, "group/4911/1-2@g.us/k", inbox.KindGroupChanged}, list[len(list)-1])
	})
}

// What whatsmeow tells of a message comes back as it was, the certificate of a business included.
func TestWhatsAppMessageIsKept(t *testing.T) {
	t.Parallel()
	db := databasetest.Memory(t)
	in := inbox.New(db, bot)
	m := message("4911", types.NewJID("1", types.HiddenUserServer), types.NewJID("1", types.HiddenUserServer), types.EmptyJID, false, "3EB0")
	m.Info.Timestamp = time.Unix(1770000000, 0).UTC()
	m.Info.PushName = "Zoë"
	m.Info.VerifiedName = &types.VerifiedName{
		Certificate: &waVnameCert.VerifiedNameCertificate{Details: []byte{1}},
		Details:     &waVnameCert.VerifiedNameCertificate_Details{VerifiedName: proto.String("Shop")},
	}
	require.NoError(t, in.AddWhatsApp(t.Context(), m))
	var payload []byte
	require.NoError(t, db.QueryRow(t.Context(), `SELECT payload FROM queue_entry`).Scan(&payload))
	var got inbox.WhatsAppMessage
	require.NoError(t, json.Unmarshal(payload, &got))
	require.Equal(t, "Shop", got.Info.VerifiedName.Details.GetVerifiedName())
	m.Info.VerifiedName, got.Info.VerifiedName = nil, nil
	require.Equal(t, m, got)
}

func TestSetAside(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, in *inbox.Inbox) {
		target := database.MessageKey{Portal: 7, Sender: 8, ID: "3EB0"}
		has, err := in.HasLate(t.Context(), target)
		require.NoError(t, err)
		require.False(t, has)
		until := time.Unix(1770000000, 0)
		for _, message := range []string{"A", "B", "A"} {
			m := inbox.WhatsAppMessage{Login: "4911", Info: types.MessageInfo{ID: message, MessageSource: types.MessageSource{Sender: types.NewJID("1", types.HiddenUserServer)}}}
			require.NoError(t, in.SetAside(t.Context(), target, m, until))
		}
		list := open(t, db)
		require.Len(t, list, 2)
		require.Equal(t, stored{"late/7/8/3EB0", "late/7/8/3EB0/1@lid/A", inbox.KindWhatsAppMessage}, list[0])
		require.Equal(t, queue.Subject{Portal: 7}, inbox.Subject(queue.Lane(list[0].lane)))
		has, err = in.HasLate(t.Context(), target)
		require.NoError(t, err)
		require.True(t, has)
		target.ID = "3EB1"
		has, err = in.HasLate(t.Context(), target)
		require.NoError(t, err)
		require.False(t, has)
	})
}

func TestOtherArrivals(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, in *inbox.Inbox) {
		ctx, at := t.Context(), time.Unix(1770000000, 5)
		p := portalOf(t, db, "1")
		for range 2 { // each is journaled once
			require.NoError(t, in.AddContactChanged(ctx, "4911", "k", inbox.ContactChanged{PushName: "a"}))
			require.NoError(t, in.AddLoginChanged(ctx, inbox.LoginChanged{Login: "4911", State: database.StateConnected, At: at}))
			require.NoError(t, in.AddLoginChanged(ctx, inbox.LoginChanged{Login: "4911", State: database.StateDisconnected, At: at}))
			require.NoError(t, in.AddPairing(ctx, inbox.Pairing{User: "@a:localhost", Flow: "f", Serial: 1, Step: inbox.PairingQR}))
			require.NoError(t, in.AddPairing(ctx, inbox.Pairing{User: "@a:localhost", Flow: "f", Serial: 2, Step: inbox.PairingQR}))
			require.NoError(t, in.AddNumberLookedUp(ctx, inbox.NumberLookedUp{User: "@a:localhost", Key: "k"}))
			require.NoError(t, in.AddSendFailed(ctx, inbox.SendFailed{Message: database.MessageKey{Portal: p.ID, ID: "m"}}))
			require.NoError(t, in.AddSentOtherwise(ctx, inbox.SentOtherwise{Message: database.MessageKey{Portal: p.ID, ID: "m"}}))
		}
		var lanes, kinds []string
		for _, s := range open(t, db) {
			lanes, kinds = append(lanes, s.lane), append(kinds, s.kind)
		}
		login, user := string(inbox.LoginLane("4911")), string(inbox.UserLane("@a:localhost"))
		require.Equal(t, []string{login, login, login, user, user, user, string(inbox.ChatLane(p.ID)), string(inbox.ChatLane(p.ID))}, lanes)
		require.Equal(t, []string{
			inbox.KindContactChanged, inbox.KindLoginChanged, inbox.KindLoginChanged, inbox.KindPairing, inbox.KindPairing,
			inbox.KindNumberLookedUp, inbox.KindSendFailed, inbox.KindSentOtherwise,
		}, kinds)
	})
}
