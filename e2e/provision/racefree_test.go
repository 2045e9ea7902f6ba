package provision

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRaceFree(t *testing.T) {
	t.Parallel()
	cache := testCache(t)
	modfile, err := cache.RaceFree(testContext(t))
	require.NoError(t, err)
	list := exec.Command("go", "list", "-modfile="+modfile, "-m", "-f", "{{.Replace.Dir}}", racing)
	list.Dir = cache.Root
	out, err := list.Output()
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(string(out[:len(out)-1]), racingFile))
	require.NoError(t, err)
	require.Contains(t, string(text), unraced)

	source := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(source, "exsync"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(source, racingFile), []byte("package exsync"), 0o600))
	require.ErrorContains(t, mendRace(source, t.TempDir()), "it is not what it was")
}
