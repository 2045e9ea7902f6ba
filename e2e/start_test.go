package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"causeway/e2e/person"
	"causeway/e2e/provision"
	"causeway/e2e/rig"
	"causeway/simulator"
)

// TestStartBeforeTheHomeserver: the bridge and its homeserver may be started in any order. What WhatsApp brings meanwhile is taken.
func TestStartBeforeTheHomeserver(t *testing.T) {
	t.Parallel()
	s := linked(t, rig.SQLite)
	device := s.bridgeDevice()
	require.NoError(t, s.rig.StopBridge())
	require.NoError(t, s.rig.Homeserver.Stop())
	s.alice.SignOut()

	s.step("start the bridge first")
	require.NoError(t, s.rig.LaunchBridge())
	sent, err := s.rig.Network.SendText(s.ctx, carolNumber, aliceNumber, "is anybody there?")
	require.NoError(t, err)
	_, err = s.rig.Network.WaitEvent(s.ctx, func(e simulator.Event) bool {
		return e.Kind == "receipt" && e.Device == device && e.ID == sent.ID
	})
	require.NoError(t, err, "the bridge has taken the message")
	require.ErrorContains(t, s.rig.Ready(s.ctx), "503", "it lives, and is not ready")
	log := provision.ReadTail(s.rig.Bridge().Log, 1<<20)
	require.Contains(t, log, "waiting for it")
	require.Contains(t, log, "homeserver.address")

	s.step("start the homeserver")
	require.NoError(t, shared.homeserver.Restart(s.ctx, s.rig.Homeserver))
	require.NoError(t, s.rig.WaitBridge(s.ctx))
	alice, err := person.SignIn(s.rig.Homeserver, provision.Account{
		UserID: s.alice.ID.String(), AccessToken: s.alice.Client.AccessToken, DeviceID: s.alice.Client.DeviceID.String(),
	})
	require.NoError(t, err)
	t.Cleanup(alice.SignOut)
	require.NoError(t, alice.WaitTexts(s.ctx, s.direct, rig.Ghost(carolNumber), "hello alice", "is anybody there?"))
	require.Equal(t, 1, strings.Count(provision.ReadTail(s.rig.Bridge().Log, 1<<20), "The homeserver is there\""))
}
