package simulator_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow"
)

// Clients look up the version of the web client on its start page.
func TestWebPageTellsTheVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	version, err := whatsmeow.GetLatestVersion(limit(t), w.HTTPClient())
	require.NoError(t, err)
	require.NotZero(t, version[2])
	require.Empty(t, w.Violations())
}
