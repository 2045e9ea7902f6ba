package person

import (
	"strings"
	"testing"

	"github.com/skip2/go-qrcode"
	"github.com/stretchr/testify/require"
)

func TestReadQR(t *testing.T) {
	t.Parallel()
	// As long as WhatsApp's: a reference and three keys.
	text := "2@" + strings.Repeat("aB3/+", 30) + "," + strings.Repeat("k", 44) + "=," + strings.Repeat("Z", 43) + "=," + strings.Repeat("9", 43) + "="
	for _, size := range []int{256, 400, 512, -4} {
		data, err := qrcode.Encode(text, qrcode.Low, size)
		require.NoError(t, err)
		got, err := ReadQR(data)
		require.NoError(t, err, size)
		require.Equal(t, text, got)
	}
	_, err := ReadQR([]byte("not a picture"))
	require.Error(t, err)
}
