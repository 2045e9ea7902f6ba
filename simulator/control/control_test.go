package control_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"causeway/simulator"
	"causeway/simulator/control"
	"causeway/simulator/control/api"
	"causeway/simulator/control/client"

	"github.com/stretchr/testify/require"
)

const (
	anna = "491700000001"
	bob  = "491700000002"
	carl = "491700000003"
)

func TestMain(m *testing.M) {
	simulator.Trust()
	os.Exit(m.Run())
}

// serve starts a network with three phones and its control API.
func serve(t *testing.T) (*client.Client, string, *simulator.Network) {
	t.Helper()
	network, err := simulator.Start(simulator.Options{Seed: 3})
	require.NoError(t, err)
	server := httptest.NewServer(control.Handler(network))
	t.Cleanup(func() {
		server.Close()
		require.NoError(t, network.Close())
	})
	c := client.New(server.URL)
	for _, number := range []string{anna, bob, carl} {
		_, err = c.AddPhone(limit(t), number, "Name "+number)
		require.NoError(t, err)
	}
	return c, server.URL, network
}

func limit(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func status(err error) int {
	var refusal *client.Refusal
	if errors.As(err, &refusal) {
		return refusal.Status
	}
	return 0
}

func TestPhonesAndMessages(t *testing.T) {
	t.Parallel()
	c, _, network := serve(t)
	ctx := limit(t)
	dora, err := c.AddPhone(ctx, "491700000004", "Dora")
	require.NoError(t, err)
	require.Equal(t, "491700000004@s.whatsapp.net", dora.JID)
	require.True(t, strings.HasSuffix(dora.LID, "@lid"))
	require.NotContains(t, dora.LID, "491700000004")
	_, err = c.AddPhone(ctx, "491700000004", "Dora")
	require.Equal(t, http.StatusConflict, status(err))
	_, err = c.AddPhone(ctx, "+49 170", "Dora")
	require.Equal(t, http.StatusBadRequest, status(err))

	sent, err := c.Send(ctx, anna, api.Send{Chat: bob, Text: "hello", ID: "3AMYID", Timestamp: 1700000000})
	require.NoError(t, err)
	require.Equal(t, api.Sent{ID: "3AMYID", Timestamp: 1700000000}, sent)
	m, err := c.WaitText(ctx, bob, "hello")
	require.NoError(t, err)
	require.JSONEq(t, `{"conversation":"hello"}`, string(m.Message))
	m.Message = nil
	require.Equal(t, api.Message{Seq: 1, Chat: anna + "@s.whatsapp.net", Sender: anna + "@s.whatsapp.net", ID: "3AMYID", Timestamp: 1700000000, Text: "hello"}, m)

	lid, err := network.Phone(anna)
	require.NoError(t, err)
	_, err = c.Send(ctx, bob, api.Send{Chat: lid.LID().String(), Message: []byte(`{"extendedTextMessage":{"text":"by LID"}}`), ReplyTo: ""})
	require.NoError(t, err)
	_, err = c.WaitText(ctx, anna, "by LID")
	require.NoError(t, err)
	own, err := c.Messages(ctx, anna, bob, 0, 0)
	require.NoError(t, err)
	require.Len(t, own, 2)
	require.True(t, own[0].FromMe)
	none, err := c.Messages(ctx, anna, carl, 0, 0)
	require.NoError(t, err)
	require.Empty(t, none)

	require.NoError(t, c.Receipts(ctx, bob, anna, "read", "3AMYID"))
	_, err = c.WaitEvent(ctx, func(e simulator.Event) bool { return e.Kind == "receipt" && e.ID == "3AMYID" && e.Detail == "read" })
	require.NoError(t, err)
	require.NoError(t, c.Typing(ctx, bob, anna, "composing"))
	require.NoError(t, c.SetContact(ctx, anna, bob, "Bobby"))
	until, yes := int64(2000000000), true
	require.NoError(t, c.PatchChat(ctx, anna, bob, api.ChatPatch{MutedUntil: &until, Pinned: &yes, Archived: &yes, Unread: &yes}))
	require.NoError(t, c.Presence(ctx, bob, api.Presence{State: "unavailable", LastSeen: 1700000000}))
	off, name := false, "Robert"
	require.NoError(t, c.PatchPhone(ctx, bob, api.PhonePatch{Online: &off, Name: &name}))
	_, err = c.SendText(ctx, bob, anna, "no battery")
	require.Equal(t, http.StatusConflict, status(err))
	stats, err := c.Stats(ctx)
	require.NoError(t, err)
	require.Empty(t, stats.Violations)
	require.Contains(t, stats.Devices, anna+":0")
}

func TestMedia(t *testing.T) {
	t.Parallel()
	c, _, _ := serve(t)
	ctx := limit(t)
	content := []byte("a very small picture")
	sent, err := c.Send(ctx, anna, api.Send{Chat: bob, Media: &api.OutgoingMedia{Kind: "image", MIME: "image/png", Data: content, Caption: "see"}})
	require.NoError(t, err)
	m, err := c.WaitMessage(ctx, bob, func(m api.Message) bool { return m.ID == sent.ID })
	require.NoError(t, err)
	require.Equal(t, "see", m.Text)
	require.Equal(t, "image/png", m.Media.MIME)
	require.EqualValues(t, len(content), m.Media.Size)
	got, err := c.File(ctx, m.Media.SHA256)
	require.NoError(t, err)
	require.Equal(t, content, got)
	_, err = c.File(ctx, "00")
	require.Equal(t, http.StatusNotFound, status(err))
	require.NoError(t, c.Fault(ctx, api.Fault{Kind: "media_status", Code: 404}))
	require.NoError(t, c.Fault(ctx, api.Fault{Kind: "slow_media", DelayMS: 5}))
}

func TestLongPoll(t *testing.T) {
	t.Parallel()
	c, _, _ := serve(t)
	ctx := limit(t)
	arrived := make(chan []api.Message, 1)
	go func() {
		found, _ := c.Messages(ctx, bob, anna, 0, 20*time.Second)
		arrived <- found
	}()
	// The waiting call must not be woken by a message of another chat.
	_, err := c.SendText(ctx, carl, bob, "other chat")
	require.NoError(t, err)
	_, err = c.WaitText(ctx, bob, "other chat")
	require.NoError(t, err)
	require.Empty(t, arrived)
	_, err = c.SendText(ctx, anna, bob, "wake up")
	require.NoError(t, err)
	found := <-arrived
	require.Len(t, found, 1)
	require.Equal(t, "wake up", found[0].Text)
	begin := time.Now()
	found, err = c.Messages(ctx, bob, anna, found[0].Seq, 200*time.Millisecond)
	require.NoError(t, err)
	require.Empty(t, found)
	require.GreaterOrEqual(t, time.Since(begin), 200*time.Millisecond)
}

func TestGroups(t *testing.T) {
	t.Parallel()
	c, _, _ := serve(t)
	ctx := limit(t)
	g, err := c.CreateGroup(ctx, api.NewGroup{Subject: "Friends", Creator: anna, Participants: []string{bob}, Topic: "us"})
	require.NoError(t, err)
	require.Equal(t, "us", g.Topic)
	require.Len(t, g.Participants, 2)
	require.Equal(t, "superadmin", g.Participants[0].Role)
	require.NoError(t, c.Participants(ctx, g.JID, api.Participants{By: anna, Action: "add", Participants: []string{carl}}))
	require.Equal(t, http.StatusConflict, status(c.Participants(ctx, g.JID, api.Participants{By: anna, Action: "add", Participants: []string{carl}})))
	_, err = c.SendText(ctx, carl, g.JID, "hi all")
	require.NoError(t, err)
	m, err := c.WaitText(ctx, bob, "hi all")
	require.NoError(t, err)
	require.Equal(t, g.JID, m.Chat)
	subject := "Enemies"
	require.NoError(t, c.PatchGroup(ctx, g.JID, api.GroupPatch{By: bob, Subject: &subject}))
	require.NoError(t, c.Participants(ctx, g.JID, api.Participants{By: bob, Action: "leave"}))
	g, err = c.Group(ctx, g.JID)
	require.NoError(t, err)
	require.Equal(t, subject, g.Subject)
	require.Len(t, g.Participants, 2)
	_, err = c.Group(ctx, "12036300000@g.us")
	require.Equal(t, http.StatusNotFound, status(err))
	picture := "AAAA"
	require.Equal(t, http.StatusNotImplemented, status(c.PatchGroup(ctx, g.JID, api.GroupPatch{By: anna, Picture: &picture})))
}

// TestErrors asks for what is wrong, unknown or not built, as a program in another language would.
func TestErrors(t *testing.T) {
	t.Parallel()
	_, base, _ := serve(t)
	phone := "/v1/phones/" + anna
	for _, test := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/v1/phones", `{"phone":"491700000009","name":"X","color":"red"}`, 400},
		{"POST", "/v1/phones", `{"phone":"491700000009"}`, 400},
		{"POST", "/v1/phones", `{"phone":"491700000009","name":"X"} {}`, 400},
		{"POST", "/v1/phones", `nonsense`, 400},
		{"POST", "/v1/phones/49170000000/link", `{"qr":"x"}`, 404},
		{"POST", phone + "/link", `{}`, 400},
		{"POST", phone + "/link", `{"qr":"x"}`, 400},
		{"POST", phone + "/link", `{"code":"ABCD-2345"}`, 409},
		{"DELETE", phone + "/devices/7", ``, 404},
		{"DELETE", phone + "/devices/x", ``, 400},
		{"POST", phone + "/messages", `{"chat":"` + bob + `","message":{"nonsense":1}}`, 400},
		{"POST", phone + "/messages", `{"chat":"` + bob + `","media":{"kind":"image"}}`, 400},
		{"POST", phone + "/messages", `{"chat":"49999999999","text":"x"}`, 404},
		{"GET", phone + "/messages?wait=1000", ``, 400},
		{"GET", phone + "/messages?after=-1", ``, 400},
		{"GET", phone + "/messages?limit=1", ``, 400},
		{"POST", phone + "/receipts", `{"chat":"` + bob + `","ids":["X"],"type":"eaten"}`, 400},
		{"POST", phone + "/typing", `{"chat":"` + bob + `","state":"dancing"}`, 400},
		{"POST", phone + "/presence", `{"state":"asleep"}`, 400},
		{"PATCH", phone, `{"picture":"AAAA"}`, 501},
		{"PUT", phone + "/contacts/" + bob, `{"name":""}`, 400},
		{"PUT", phone + "/contacts/4999999999", `{"name":"B"}`, 404},
		{"POST", phone + "/history", `{}`, 501},
		{"POST", phone + "/calls", `{}`, 501},
		{"DELETE", "/v1/calls/1", ``, 501},
		{"GET", "/v1/media/00", ``, 404},
		{"POST", "/v1/groups", `{"subject":"","creator":"` + anna + `","participants":[]}`, 400},
		{"POST", "/v1/groups", `{"subject":"x","creator":"` + anna + `","participants":[],"community":true}`, 501},
		{"POST", "/v1/faults", `{"kind":"earthquake"}`, 400},
		{"POST", "/v1/faults", `{"kind":"nack"}`, 400},
		{"POST", "/v1/faults", `{"kind":"media_status"}`, 400},
		{"POST", "/v1/faults", `{"kind":"bad_mac"}`, 501},
		{"POST", "/v1/faults", `{"kind":"logout","device":"` + anna + `:9"}`, 404},
		{"GET", "/v1/nowhere", ``, 404},
		{"POST", "/v1/phones", `{"phone":"` + strings.Repeat("1", 65<<20) + `"}`, 413},
	} {
		request, err := http.NewRequestWithContext(limit(t), test.method, base+test.path, strings.NewReader(test.body))
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		raw, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		name := test.method + " " + test.path + " " + test.body[:min(len(test.body), 60)]
		require.Equal(t, test.status, response.StatusCode, "%s: %s", name, raw)
		require.Contains(t, string(raw), `"error":`, name)
	}
}
