package matrix_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"causeway/matrix"
	"causeway/simulator/homeserver"
)

// journal stands for the inbox where only what reaches it counts.
type journal struct {
	got [][]json.RawMessage
	err error
}

func (j *journal) AddMatrix(_ context.Context, events, _ []json.RawMessage) error {
	if j.err == nil {
		j.got = append(j.got, events)
	}
	return j.err
}

// ask makes one request of the server and returns status, errcode and headers.
func ask(t *testing.T, s http.Handler, method, path, token string, body io.Reader) (int, string, http.Header) {
	t.Helper()
	r := httptest.NewRequest(method, path, body)
	if token != "" {
		r.Header.Set("Authorization", token)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	var answer map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer), "every answer is a JSON object: %s", w.Body)
	code, _ := answer["errcode"].(string)
	return w.Code, code, w.Header()
}

const (
	transactions = "/_matrix/app/v1/transactions/1"
	goodToken    = "Bearer hs-token"
)

func TestBadTransactions(t *testing.T) {
	t.Parallel()
	large := `{"events":[],"x":"` + strings.Repeat("x", 65<<20) + `"}`
	for name, c := range map[string]struct {
		path, token, body string
		status            int
		code              string
	}{
		"no token":            {transactions, "", `{"events":[]}`, 401, "M_MISSING_TOKEN"},
		"other scheme":        {transactions, "Basic hs-token", `{"events":[]}`, 401, "M_MISSING_TOKEN"},
		"wrong token":         {transactions, "Bearer wrong", `{"events":[]}`, 403, "M_FORBIDDEN"},
		"as_token":            {transactions, "Bearer as-token", `{"events":[]}`, 403, "M_FORBIDDEN"},
		"wrong query token":   {transactions + "?access_token=wrong", "", `{"events":[]}`, 403, "M_FORBIDDEN"},
		"empty":               {transactions, goodToken, ``, 400, "M_NOT_JSON"},
		"not JSON":            {transactions, goodToken, `{"events":[`, 400, "M_NOT_JSON"},
		"more than JSON":      {transactions, goodToken, `{"events":[]}{}`, 400, "M_NOT_JSON"},
		"too deep":            {transactions, goodToken, `{"events":[` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `]}`, 400, "M_NOT_JSON"},
		"a list":              {transactions, goodToken, `[]`, 400, "M_BAD_JSON"},
		"events is a string":  {transactions, goodToken, `{"events":"x"}`, 400, "M_BAD_JSON"},
		"events is an object": {transactions, goodToken, `{"events":{}}`, 400, "M_BAD_JSON"},
		"too large":           {transactions, goodToken, large, 413, "M_TOO_LARGE"},
		"unknown endpoint":    {"/_matrix/app/v1/nothing", goodToken, `{}`, 404, "M_UNRECOGNIZED"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := &journal{}
			s := matrix.NewServer(matrix.Config{HSToken: "hs-token"}, j, nil, zerolog.Nop())
			status, code, _ := ask(t, s, "PUT", c.path, c.token, strings.NewReader(c.body))
			require.Equal(t, c.status, status)
			require.Equal(t, c.code, code)
			require.Empty(t, j.got)
		})
	}
}

func TestBodyOfUnknownLength(t *testing.T) {
	t.Parallel()
	s := matrix.NewServer(matrix.Config{HSToken: "hs-token"}, &journal{}, nil, zerolog.Nop())
	endless := io.MultiReader(strings.NewReader(`{"x":"`), endlessly{})
	status, code, _ := ask(t, s, "POST", "/_matrix/app/v1/ping", goodToken, endless)
	require.Equal(t, 413, status)
	require.Equal(t, "M_TOO_LARGE", code)
}

// endlessly never stops sending.
type endlessly struct{}

func (endlessly) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestGoodTransactions(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	j := &journal{}
	s := matrix.NewServer(b.cfg, j, b.db, zerolog.Nop())
	for _, c := range []struct {
		path, token, body string
		events            int
	}{
		{transactions, goodToken, `{"events":[{"type":"m.room.message"},{}]}`, 2},
		{transactions, "bearer hs-token", `{"events":[]}`, 0},
		{transactions + "?access_token=hs-token", "", `{"events":[{}]}`, 1},
		{"/transactions/7?access_token=hs-token", "", `{"events":[{}]}`, 1},
		{transactions, goodToken, `{"events":[1,"two",null,[],{}]}`, 5}, // what is no event is for the inbox to bury
		{transactions, goodToken, `{"events":[{}],"ephemeral":[{"type":"m.typing"}],"de.sorunome.msc2409.to_device":[{}],"org.matrix.msc3202.device_lists":{}}`, 1},
		{transactions, goodToken, `{}`, 0},
	} {
		status, _, _ := ask(t, s, "PUT", c.path, c.token, strings.NewReader(c.body))
		require.Equal(t, 200, status, c.body)
		require.Len(t, j.got[len(j.got)-1], c.events, c.body)
	}
	require.JSONEq(t, `null`, string(j.got[4][2]), "elements arrive as they came")

	j.err = errors.New("disk full")
	status, _, header := ask(t, s, "PUT", transactions, goodToken, strings.NewReader(`{"events":[{}]}`))
	require.Equal(t, 503, status)
	require.NotEmpty(t, header.Get("Retry-After"))
}

func TestServerWithoutToken(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.cfg.HSToken = ""
	s := matrix.NewServer(b.cfg, &journal{}, b.db, zerolog.Nop())
	for _, token := range []string{"", "Bearer ", "Bearer x"} {
		status, _, _ := ask(t, s, "PUT", transactions, token, strings.NewReader(`{"events":[]}`))
		require.GreaterOrEqual(t, status, 400, "an empty hs_token lets nobody in")
	}
}

func TestUsersAndRooms(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.puppet(carol, "Carol", "15550101")
	for path, want := range map[string]int{
		"/_matrix/app/v1/users/@whatsapp_15550101:test.local":     200,
		"/_matrix/app/v1/users/%40whatsapp_15550101%3Atest.local": 200,
		"/users/%40whatsapp_15550101%3Atest.local":                200,
		"/_matrix/app/v1/users/@whatsapp_999:test.local":          404,
		"/_matrix/app/v1/users/@whatsapp_15550101:other.domain":   404,
		"/_matrix/app/v1/users/@whatsappbot:test.local":           404,
		"/_matrix/app/v1/users/nonsense":                          404,
		"/_matrix/app/v1/rooms/%23whatsapp_portal_1%3Atest.local": 404,
	} {
		status, code, _ := ask(t, b.server, "GET", path, goodToken, nil)
		require.Equal(t, want, status, path)
		if want == 404 {
			require.Equal(t, "M_NOT_FOUND", code, path)
		}
		status, _, _ = ask(t, b.server, "GET", path, "", nil)
		require.Equal(t, 401, status, path)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	status := func(path string) int {
		status, _, _ := ask(t, b.server, "GET", path, "", nil)
		return status
	}
	require.Equal(t, 200, status("/live"))
	require.Equal(t, 200, status("/_matrix/mau/live"))
	require.Equal(t, 503, status("/ready"))
	b.server.SetReady(true)
	require.Equal(t, 200, status("/ready"))
	require.Equal(t, 200, status("/_matrix/mau/ready"))
	require.NoError(t, b.db.Close())
	require.Equal(t, 503, status("/ready"))
}

// What the homeserver pushes is in the inbox once, whatever it repeats and however it numbers.
func TestPushedEventsAreJournaledOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.serve()
	ctx := b.context()
	room := b.management()
	_, err := b.hs.SendText(alice.String(), room.String(), "help")
	require.NoError(t, err)
	require.NoError(t, b.hs.WaitPushed(ctx))
	counts, err := b.in.Counts(ctx)
	require.NoError(t, err)
	require.Positive(t, counts.Open)

	sent := b.hs.Transactions()
	b.hs.Push(sent...)
	for i := range sent {
		sent[i].ID = "other" + sent[i].ID
	}
	b.hs.Push(sent...)
	b.hs.Push(homeserver.Transaction{ID: "odd", Raw: []byte(`{"events":[7,{"type":5},{"event_id":"$x"}]}`)})
	require.NoError(t, b.hs.WaitPushed(ctx))
	again, err := b.in.Counts(ctx)
	require.NoError(t, err)
	require.Equal(t, counts.Open, again.Open)
	require.Equal(t, 3, again.Dead, "what cannot be read is kept, and holds up nothing")

	b.hs.ResetTransactionIDs()
	_, err = b.hs.SendText(alice.String(), room.String(), "again")
	require.NoError(t, err)
	require.NoError(t, b.hs.WaitPushed(ctx))
	again, err = b.in.Counts(ctx)
	require.NoError(t, err)
	require.Equal(t, counts.Open+1, again.Open, "a transaction ID that was seen before is no reason to drop events")
}

// While the journal cannot be written the homeserver keeps the events and tries again.
func TestPushIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	gate := &gate{next: b.in, closed: true}
	b.server = matrix.NewServer(b.cfg, gate, b.db, zerolog.Nop())
	b.serve()
	ctx := b.context()
	b.management()
	require.NoError(t, b.hs.Wait(ctx, func() bool { return b.hs.PushTries() >= 2 }))
	require.Empty(t, b.hs.Transactions())
	gate.open()
	require.NoError(t, b.hs.WaitPushed(ctx))
	counts, err := b.in.Counts(ctx)
	require.NoError(t, err)
	require.Positive(t, counts.Open)
}
