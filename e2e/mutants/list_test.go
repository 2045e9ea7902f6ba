package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestEveryGuardIsThere: the list names code that is there, each once. It would else be noticed only when the mutants are tried, which
// takes long.
func TestEveryGuardIsThere(t *testing.T) {
	t.Parallel()
	for _, m := range mutants() {
		source, err := os.ReadFile(filepath.Join("..", "..", m.file))
		require.NoError(t, err, m.name)
		assert.Equal(t, 1, bytes.Count(source, []byte(m.old)), "%s: %s", m.name, m.file)
	}
}
