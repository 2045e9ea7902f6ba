package rig

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"causeway/e2e/provision"
)

// TestNetwork starts the simulated network as a program, and two phones in it write to each other.
func TestNetwork(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cache, err := provision.Open(func(line string) { t.Log(line) })
	require.NoError(t, err)
	dir := t.TempDir()
	r := &Rig{options: Options{Dir: dir, Binaries: Binaries{Wasim: dir + "/wasim"}}}
	require.NoError(t, cache.BuildGo(ctx, ".", "./cmd/wasim", r.options.Binaries.Wasim))
	require.NoError(t, r.startNetwork(ctx))
	t.Cleanup(func() { require.NoError(t, r.Stop()) })

	for number, name := range map[string]string{"491713920001": "Alice", "491713920002": "Carol"} {
		_, err := r.Network.AddPhone(ctx, number, name)
		require.NoError(t, err)
	}
	_, err = r.Network.SendText(ctx, "491713920002", "491713920001", "hello")
	require.NoError(t, err)
	message, err := r.Network.WaitText(ctx, "491713920001", "hello")
	require.NoError(t, err)
	require.Equal(t, "491713920002@s.whatsapp.net", message.Sender)
	require.NoError(t, r.Network.Faultless(ctx))
}
