package homeserver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"causeway/simulator/homeserver"
)

const (
	bot    = "@whatsappbot:test.local"
	ghost  = "@whatsapp_1:test.local"
	client = "/_matrix/client/v3"
)

func start(t *testing.T) *homeserver.Homeserver {
	t.Helper()
	hs, err := homeserver.Start(homeserver.Options{})
	require.NoError(t, err)
	t.Cleanup(hs.Close)
	return hs
}

// ask makes a request of the application service, as a user, and returns status and answer.
func ask(t *testing.T, hs *homeserver.Homeserver, method, path, as string, body any) (int, map[string]any) {
	t.Helper()
	text, err := json.Marshal(body)
	require.NoError(t, err)
	r, err := http.NewRequestWithContext(t.Context(), method, hs.URL()+path+"?user_id="+as, bytes.NewReader(text))
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer as-token")
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = w.Body.Close() }()
	var answer map[string]any
	data, err := io.ReadAll(w.Body)
	require.NoError(t, err)
	_ = json.Unmarshal(data, &answer)
	return w.StatusCode, answer
}

func register(t *testing.T, hs *homeserver.Homeserver, name string) (int, map[string]any) {
	t.Helper()
	return ask(t, hs, "POST", client+"/register", "", map[string]any{"type": "m.login.application_service", "username": name, "inhibit_login": true})
}

func createRoom(t *testing.T, hs *homeserver.Homeserver, alias string) (int, map[string]any) {
	t.Helper()
	return ask(t, hs, "POST", client+"/createRoom", bot, map[string]any{"room_alias_name": alias, "preset": "private_chat"})
}

// What a bridge does wrong must fail here, as it would on a real homeserver.
func TestRulesAreKept(t *testing.T) {
	t.Parallel()
	hs := start(t)
	expect := func(status int, code string) func(int, map[string]any) {
		return func(gotStatus int, answer map[string]any) {
			t.Helper()
			require.Equal(t, status, gotStatus, "%v", answer)
			if code != "" {
				require.Equal(t, code, answer["errcode"])
			}
		}
	}
	expect(403, "M_FORBIDDEN")(ask(t, hs, "GET", client+"/account/whoami", ghost, nil))
	expect(200, "")(register(t, hs, "whatsapp_1"))
	expect(400, "M_USER_IN_USE")(register(t, hs, "whatsapp_1"))
	expect(400, "M_EXCLUSIVE")(register(t, hs, "other_1"))
	expect(403, "M_FORBIDDEN")(ask(t, hs, "GET", client+"/account/whoami", "@alice:test.local", nil))
	expect(400, "M_EXCLUSIVE")(createRoom(t, hs, "other_alias"))
	expect(200, "")(createRoom(t, hs, "whatsapp_portal_1"))
	expect(400, "M_ROOM_IN_USE")(createRoom(t, hs, "whatsapp_portal_1"))
	require.Len(t, hs.Rooms(), 1)

	room := client + "/rooms/" + hs.Rooms()[0]
	hello := map[string]any{"body": "hello", "msgtype": "m.text"}
	expect(403, "M_FORBIDDEN")(ask(t, hs, "PUT", room+"/send/m.room.message/1", ghost, hello))
	expect(403, "M_FORBIDDEN")(ask(t, hs, "POST", room+"/join", ghost, nil))
	expect(200, "")(ask(t, hs, "POST", room+"/invite", bot, map[string]any{"user_id": ghost}))
	expect(403, "M_FORBIDDEN")(ask(t, hs, "PUT", room+"/send/m.room.message/1", ghost, hello))
	expect(200, "")(ask(t, hs, "POST", room+"/join", ghost, nil))
	expect(200, "")(ask(t, hs, "POST", room+"/join", ghost, nil))
	expect(403, "M_FORBIDDEN")(ask(t, hs, "POST", room+"/invite", bot, map[string]any{"user_id": ghost}))
	expect(200, "")(ask(t, hs, "PUT", room+"/send/m.room.message/1", ghost, hello))
	expect(403, "M_FORBIDDEN")(ask(t, hs, "PUT", room+"/state/m.room.topic", ghost, map[string]any{"topic": "x"}))
	expect(403, "M_FORBIDDEN")(ask(t, hs, "POST", room+"/kick", ghost, map[string]any{"user_id": bot}))
	expect(413, "M_TOO_LARGE")(ask(t, hs, "PUT", room+"/send/m.room.message/2", ghost, map[string]any{"body": string(make([]byte, 20_000))}))
	expect(200, "")(ask(t, hs, "POST", room+"/leave", ghost, nil))
	expect(403, "M_FORBIDDEN")(ask(t, hs, "POST", room+"/leave", ghost, nil))
	expect(404, "M_UNRECOGNIZED")(ask(t, hs, "GET", "/_matrix/nothing", bot, nil))
}

// A transaction ID makes a repeat harmless, whoever repeats it, until the homeserver restarts.
func TestTransactionIDs(t *testing.T) {
	t.Parallel()
	hs := start(t)
	createRoom(t, hs, "whatsapp_portal_1")
	id := hs.Rooms()[0]
	send := func() {
		_, _ = ask(t, hs, "PUT", client+"/rooms/"+id+"/send/m.room.message/1", bot, map[string]any{"body": "hello"})
	}
	hs.Inject(homeserver.Fault{Match: "/send/", LoseAnswer: true})
	send()
	send()
	require.Len(t, hs.Messages(id), 1)
	hs.ForgetTransactions()
	send()
	require.Len(t, hs.Messages(id), 2, "after that a repeat is a second message: only then can a test of the bridge fail")
}

func TestFaults(t *testing.T) {
	t.Parallel()
	hs := start(t)
	hs.Inject(homeserver.Fault{Match: "/createRoom", Times: 2, Status: 429, Code: "M_LIMIT_EXCEEDED", RetryAfter: 1500 * time.Millisecond})
	hs.Inject(homeserver.Fault{Match: "/createRoom"})
	for range 2 {
		status, answer := createRoom(t, hs, "whatsapp_a")
		require.Equal(t, 429, status)
		require.EqualValues(t, 1500, answer["retry_after_ms"])
	}
	status, _ := createRoom(t, hs, "whatsapp_a")
	require.Zero(t, status)
	require.Empty(t, hs.Rooms(), "refused requests change nothing")
	hs.Inject(homeserver.Fault{Match: "/createRoom", LoseAnswer: true})
	status, _ = createRoom(t, hs, "whatsapp_a")
	require.Zero(t, status)
	require.Len(t, hs.Rooms(), 1, "a lost answer is to something that was done")
	hs.SetDown(true)
	status, _ = ask(t, hs, "GET", "/_matrix/client/versions", "", nil)
	require.Zero(t, status)
	hs.SetDown(false)
	status, _ = createRoom(t, hs, "whatsapp_b")
	require.Equal(t, 200, status)
	require.Equal(t, 5, hs.Requests("POST "+client+"/createRoom"))
}

// Faults that last go on until they are taken back, and befall no more requests than they should.
func TestLastingFaults(t *testing.T) {
	t.Parallel()
	hs := start(t)
	hs.Inject(homeserver.Fault{Status: 502, Times: homeserver.Always, Every: 2})
	for _, want := range []int{200, 502, 200, 502} {
		status, _ := ask(t, hs, "GET", "/_matrix/client/versions", "", nil)
		require.Equal(t, want, status)
	}
	hs.ClearFaults()
	require.NoError(t, hs.Refuse(true))
	status, _ := ask(t, hs, "GET", "/_matrix/client/versions", "", nil)
	require.Zero(t, status)
	require.NoError(t, hs.Refuse(false))
	for range 2 {
		status, _ := ask(t, hs, "GET", "/_matrix/client/versions", "", nil)
		require.Equal(t, 200, status)
	}
}

// receiver is an application service that takes transactions only when it is told to.
type receiver struct {
	mu     sync.Mutex
	refuse int
	got    []string
}

func (s *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var body struct {
		Events []homeserver.Event `json:"events"`
	}
	if s.refuse > 0 || r.Header.Get("Authorization") != "Bearer hs-token" || json.NewDecoder(r.Body).Decode(&body) != nil {
		s.refuse--
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	for _, e := range body.Events {
		s.got = append(s.got, e.ID)
	}
}

func TestPush(t *testing.T) {
	t.Parallel()
	hs := start(t)
	s := &receiver{refuse: 3}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)

	alice := hs.AddUser("alice")
	private, err := hs.MakeRoom(alice, false)
	require.NoError(t, err)
	_, err = hs.SendText(alice, private, "of nobody's concern")
	require.NoError(t, err)
	createRoom(t, hs, "whatsapp_portal_1")
	hs.PushTo(server.URL)
	require.NoError(t, hs.WaitPushed(ctx))
	var want []string
	for _, e := range hs.Events(hs.RoomByAlias("#whatsapp_portal_1:test.local")) {
		want = append(want, e.ID)
	}
	require.Equal(t, want, s.got, "in order, the room's creation first, each once though it was refused")
	require.Equal(t, 4, hs.PushTries())
	require.Equal(t, "m.room.create", hs.Transactions()[0].Events[0].Type)

	hs.LosePushAnswers(1)
	hs.Push(hs.Transactions()...)
	require.NoError(t, hs.WaitPushed(ctx))
	require.Equal(t, slices.Concat(want, want, want), s.got, "again, and once more because it was not heard that it was taken")
}

// TestHistory: what was redacted is gone from the room, and still known as what was sent.
func TestHistory(t *testing.T) {
	t.Parallel()
	hs := start(t)
	alice := hs.AddUser("alice")
	room, err := hs.MakeRoom(alice, false)
	require.NoError(t, err)
	sent, err := hs.SendText(alice, room, "oops")
	require.NoError(t, err)
	_, err = hs.Redact(alice, room, sent)
	require.NoError(t, err)
	shown, said := hs.Events(room), hs.History(room)
	require.Len(t, said, len(shown))
	last := len(said) - 2
	require.Empty(t, shown[last].Content)
	require.Equal(t, "oops", said[last].Content["body"])
	require.Equal(t, sent, said[last+1].Redacts)
}
