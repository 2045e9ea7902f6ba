package attachment_test

import (
	"bytes"
	"testing"

	"causeway/simulator/attachment"

	"github.com/stretchr/testify/require"
)

func TestFilesOpenAsTheyWereSealed(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 15, 16, 17, 100_000} {
		plain := bytes.Repeat([]byte{7}, size)
		f, sealed, err := attachment.Seal(attachment.Video, plain)
		require.NoError(t, err)
		got, err := f.Open(sealed)
		require.NoError(t, err)
		require.True(t, bytes.Equal(plain, got), size)
	}
	_, _, err := attachment.Seal("smell", nil)
	require.Error(t, err)
}

func TestBrokenFilesAreRefused(t *testing.T) {
	t.Parallel()
	f, sealed, err := attachment.Seal(attachment.Image, []byte("a picture"))
	require.NoError(t, err)
	other, otherSealed, err := attachment.Seal(attachment.Image, []byte("another one"))
	require.NoError(t, err)
	for name, broken := range map[string]func(attachment.File) (attachment.File, []byte){
		"damaged":    func(f attachment.File) (attachment.File, []byte) { return f, append([]byte{1}, sealed[1:]...) },
		"cut off":    func(f attachment.File) (attachment.File, []byte) { return f, sealed[:10] },
		"other file": func(f attachment.File) (attachment.File, []byte) { return f, otherSealed },
		"other key":  func(f attachment.File) (attachment.File, []byte) { f.Key = other.Key; return f, sealed },
		"no key":     func(f attachment.File) (attachment.File, []byte) { f.Key = nil; return f, sealed },
		"other kind": func(f attachment.File) (attachment.File, []byte) { f.Kind = attachment.Audio; return f, sealed },
		"other hash": func(f attachment.File) (attachment.File, []byte) { f.SHA256 = other.SHA256; return f, sealed },
		"other size": func(f attachment.File) (attachment.File, []byte) { f.Size++; return f, sealed },
	} {
		said, raw := broken(f)
		_, err := said.Open(raw)
		require.ErrorIs(t, err, attachment.ErrBroken, name)
	}
}
