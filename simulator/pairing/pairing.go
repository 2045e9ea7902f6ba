// Package pairing is the cryptography by which a phone links a companion: the QR text, the eight-character code, and the signed
// device identity that proves to the companion that the phone which scanned it owns the account.
package pairing

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/whatsmeow/proto/waAdv"
	"go.mau.fi/whatsmeow/util/keys"
	"google.golang.org/protobuf/proto"
)

const (
	keySize       = 32
	signatureSize = 64
	qrFields      = 5
	// rawID names the account's device list; any constant will do.
	rawID = 1234
)

// Errors of linking.
var (
	ErrQR        = errors.New("this is not a linking QR text")
	ErrSignature = errors.New("the companion's device signature does not verify")
)

// QR is the content of a linking QR code.
type QR struct {
	// Ref names the waiting connection.
	Ref string
	// Noise and Identity are the companion's public keys, Secret the key of the HMAC that only phone and companion know.
	Noise, Identity, Secret []byte
}

// ParseQR reads a QR text: after the hash five parts with commas between them; older clients show the parts alone.
func ParseQR(text string) (QR, error) {
	parts := strings.Split(text[strings.IndexByte(text, '#')+1:], ",")
	if len(parts) != qrFields && len(parts) != qrFields-1 {
		return QR{}, fmt.Errorf("%w: %d parts", ErrQR, len(parts))
	}
	q := QR{Ref: parts[0]}
	for i, field := range []*[]byte{&q.Noise, &q.Identity, &q.Secret} {
		raw, err := base64.StdEncoding.DecodeString(parts[i+1])
		if err != nil || len(raw) != keySize {
			return QR{}, fmt.Errorf("%w: part %d is not a key", ErrQR, i+2)
		}
		*field = raw
	}
	return q, nil
}

// Grant signs a companion into the account: the device-identity of pair-success. Secret is what the QR text or the code gave.
func Grant(account *keys.KeyPair, index uint32, companion, secret []byte, now time.Time) ([]byte, error) {
	details, err := proto.Marshal(&waAdv.ADVDeviceIdentity{RawID: proto.Uint32(rawID), Timestamp: proto.Uint64(uint64(now.Unix())), KeyIndex: &index,
		AccountType: waAdv.ADVEncryptionType_E2EE.Enum(), DeviceType: waAdv.ADVEncryptionType_E2EE.Enum()})
	if err != nil {
		return nil, err
	}
	signature := ecc.CalculateSignature(ecc.NewDjbECPrivateKey(*account.Priv), slices.Concat([]byte{6, 0}, details, companion))
	signed, err := proto.Marshal(&waAdv.ADVSignedDeviceIdentity{Details: details, AccountSignatureKey: account.Pub[:], AccountSignature: signature[:]})
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(signed)
	return proto.Marshal(&waAdv.ADVSignedDeviceIdentityHMAC{Details: signed, HMAC: mac.Sum(nil)})
}

// Verify checks the companion's own signature under its identity, which it returns in pair-device-sign.
func Verify(account *keys.KeyPair, companion, identity []byte) error {
	var got waAdv.ADVSignedDeviceIdentity
	if err := proto.Unmarshal(identity, &got); err != nil {
		return fmt.Errorf("read signed identity: %w", err)
	}
	signed := slices.Concat([]byte{6, 1}, got.GetDetails(), companion, account.Pub[:])
	if len(companion) != keySize || len(got.GetDeviceSignature()) != signatureSize ||
		!ecc.VerifySignature(ecc.NewDjbECPublicKey([keySize]byte(companion)), signed, [signatureSize]byte(got.GetDeviceSignature())) {
		return ErrSignature
	}
	return nil
}
