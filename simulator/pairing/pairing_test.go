package pairing_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"causeway/simulator/pairing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/whatsmeow/proto/waAdv"
	"go.mau.fi/whatsmeow/util/keys"
	"google.golang.org/protobuf/proto"
)

func TestParseQR(t *testing.T) {
	t.Parallel()
	key := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for _, text := range []string{"2@ref," + strings.Join([]string{key, key, key}, ","),
		"https://wa.me/settings/linked_devices#2@ref," + strings.Join([]string{key, key, key, "1"}, ",")} {
		q, err := pairing.ParseQR(text)
		require.NoError(t, err)
		require.Equal(t, "2@ref", q.Ref)
	}
	for _, text := range []string{"", "2@ref", "2@ref,a,b,c", "2@ref," + key + "," + key + ",AAAA"} {
		_, err := pairing.ParseQR(text)
		require.ErrorIs(t, err, pairing.ErrQR, text)
	}
}

// TestGrant plays the companion: it checks the phone's grant and signs it.
func TestGrant(t *testing.T) {
	t.Parallel()
	account, companion, secret := keys.NewKeyPair(), keys.NewKeyPair(), []byte("secret")
	grant, err := pairing.Grant(account, 3, companion.Pub[:], secret, time.Now())
	require.NoError(t, err)
	var container waAdv.ADVSignedDeviceIdentityHMAC
	require.NoError(t, proto.Unmarshal(grant, &container))
	mac := hmac.New(sha256.New, secret)
	mac.Write(container.GetDetails())
	require.Equal(t, mac.Sum(nil), container.GetHMAC())
	var identity waAdv.ADVSignedDeviceIdentity
	require.NoError(t, proto.Unmarshal(container.GetDetails(), &identity))
	signed := slices.Concat([]byte{6, 0}, identity.GetDetails(), companion.Pub[:])
	require.True(t, ecc.VerifySignature(ecc.NewDjbECPublicKey(*account.Pub), signed, [64]byte(identity.GetAccountSignature())))

	answer := slices.Concat([]byte{6, 1}, identity.GetDetails(), companion.Pub[:], account.Pub[:])
	signature := ecc.CalculateSignature(ecc.NewDjbECPrivateKey(*companion.Priv), answer)
	identity.DeviceSignature = signature[:]
	raw, err := proto.Marshal(&identity)
	require.NoError(t, err)
	require.NoError(t, pairing.Verify(account, companion.Pub[:], raw))
	require.ErrorIs(t, pairing.Verify(account, account.Pub[:], raw), pairing.ErrSignature)
	identity.DeviceSignature[5] ^= 1
	raw, err = proto.Marshal(&identity)
	require.NoError(t, err)
	require.ErrorIs(t, pairing.Verify(account, companion.Pub[:], raw), pairing.ErrSignature)
	require.Error(t, pairing.Verify(account, companion.Pub[:], []byte{0xff}))
}

func TestCodeForm(t *testing.T) {
	t.Parallel()
	account := keys.NewKeyPair()
	for _, code := range []string{"", "ABCD", "ABCD-EFG0", "ABCD-EFGI", "ABCD-EFGH-J"} {
		_, err := pairing.NewExchange(account, code, make([]byte, 80))
		require.ErrorIs(t, err, pairing.ErrCodeForm, code)
	}
	_, err := pairing.NewExchange(account, "ABCD-EFGH", make([]byte, 79))
	require.Error(t, err)
	x, err := pairing.NewExchange(account, "abcd-efgh", make([]byte, 80))
	require.NoError(t, err)
	require.Len(t, x.Wrapped, 80)
	_, err = x.Secret(make([]byte, 140), account.Pub[:])
	require.ErrorIs(t, err, pairing.ErrWrongCode)
	_, err = x.Secret(nil, account.Pub[:])
	require.Error(t, err)
}
