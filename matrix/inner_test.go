package matrix

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix"
)

func TestTxnID(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, txn := range []string{"plain-1_A", "a/b", "a b", "ä", "", strings.Repeat("x", 101), "%2F"} {
		got := txnID(txn)
		require.Equal(t, got, txnID(txn))
		require.NotEmpty(t, got)
		require.Empty(t, strings.Trim(got, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"))
		require.LessOrEqual(t, len(got), maxTxnID)
		require.False(t, seen[got])
		seen[got] = true
	}
	require.Equal(t, "plain-1_A", txnID("plain-1_A"))
}

func TestAskedWait(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		header string
		field  any
		want   time.Duration
	}{
		{"", nil, 0}, {"7", nil, 7 * time.Second}, {"", 1500.0, 1500 * time.Millisecond}, {"7", 1500.0, 7 * time.Second},
		{"", 1e300, maxAskedWait}, {"99999999", nil, maxAskedWait}, {"soon", "later", 0},
	} {
		failed := mautrix.HTTPError{
			Response:  &http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {c.header}}},
			RespError: &mautrix.RespError{ExtraData: map[string]any{"retry_after_ms": c.field}},
		}
		require.Equal(t, c.want, askedWait(failed), "%v", c)
	}
}

func TestRecentStaysSmall(t *testing.T) {
	t.Parallel()
	r := newRecent(10)
	r.add("kept")
	for i := range 1000 {
		r.add(fmt.Sprint(i))
		require.True(t, r.has("kept"), "what is used is not forgotten")
		require.True(t, r.has(fmt.Sprint(i)))
		require.LessOrEqual(t, len(r.now)+len(r.old), 10)
	}
	require.False(t, r.has("1"))
	r.remove("kept")
	require.False(t, r.has("kept"))
}

func TestTokensDoNotShow(t *testing.T) {
	t.Parallel()
	cfg := Config{ASToken: "one-secret", HSToken: "two-secret"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		require.NotContains(t, fmt.Sprintf(format, cfg), "-secret")
	}
}
