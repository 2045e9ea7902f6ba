package matrix_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"causeway/matrix"
)

func TestListenOnAPortInUse(t *testing.T) {
	t.Parallel()
	first, err := matrix.Listen(t.Context(), "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = first.Close() }()
	_, err = matrix.Listen(t.Context(), first.Addr().String())
	require.ErrorContains(t, err, "appservice.listen: "+first.Addr().String()+" is in use by another program")
}

func TestListenWhereItCannotBe(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.1:29318":           "is no address of this machine",
		"nonsense":                  "cannot be listened on",
		"unix:/no/such/folder/sock": "cannot be listened on",
	} {
		_, err := matrix.Listen(t.Context(), address)
		require.ErrorContains(t, err, "appservice.listen: "+address)
		require.ErrorContains(t, err, want)
	}
}

func TestListenOnASocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	first, err := matrix.Listen(t.Context(), "unix:"+path)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o660), info.Mode().Perm())
	_, err = matrix.Listen(t.Context(), "unix:"+path)
	require.ErrorContains(t, err, "is in use by another program")

	first.(*net.UnixListener).SetUnlinkOnClose(false) // as when it was killed
	require.NoError(t, first.Close())
	second, err := matrix.Listen(t.Context(), "unix:"+path)
	require.NoError(t, err)
	require.NoError(t, second.Close())
}

func TestListenSparesFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "precious")
	require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
	_, err := matrix.Listen(t.Context(), "unix:"+path)
	require.ErrorContains(t, err, "is not a socket")
	require.FileExists(t, path)
}
