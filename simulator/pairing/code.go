package pairing

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.mau.fi/whatsmeow/util/hkdfutil"
	"go.mau.fi/whatsmeow/util/keys"
	"golang.org/x/crypto/curve25519"
)

const (
	codeLength   = 8
	codeAlphabet = "123456789ABCDEFGHJKLMNPQRSTVWXYZ"
	codeRounds   = 2 << 16
	saltSize     = 32
	ivSize       = 16
	gcmNonceSize = 12
	wrappedSize  = saltSize + ivSize + keySize
	bundleSize   = 3 * keySize
)

// Errors of linking by code.
var (
	ErrCodeForm  = errors.New("a pairing code is eight characters without I, O, U and 0")
	ErrWrongCode = errors.New("wrong pairing code")
)

// Exchange is the phone's half of linking by code.
type Exchange struct {
	// Wrapped is the phone's ephemeral key, encrypted with the code, for the companion.
	Wrapped   []byte
	ephemeral *keys.KeyPair
	companion []byte
	account   *keys.KeyPair
}

// NewExchange begins with the code as typed and the companion's wrapped ephemeral key. A wrong code is not noticed yet.
func NewExchange(account *keys.KeyPair, code string, wrapped []byte) (*Exchange, error) {
	code = strings.ToUpper(strings.ReplaceAll(strings.TrimSpace(code), "-", ""))
	if len(code) != codeLength || strings.Trim(code, codeAlphabet) != "" {
		return nil, ErrCodeForm
	}
	if len(wrapped) != wrappedSize {
		return nil, fmt.Errorf("unwrap companion key: %d bytes", len(wrapped))
	}
	companion, err := wrap(code, wrapped[:saltSize], wrapped[saltSize:saltSize+ivSize], wrapped[saltSize+ivSize:])
	if err != nil {
		return nil, err
	}
	own := keys.NewKeyPair()
	salt := make([]byte, saltSize+ivSize)
	if _, err = rand.Read(salt); err != nil {
		return nil, err
	}
	sealed, err := wrap(code, salt[:saltSize], salt[saltSize:], own.Pub[:])
	if err != nil {
		return nil, err
	}
	return &Exchange{Wrapped: slices.Concat(salt, sealed), ephemeral: own, companion: companion, account: account}, nil
}

// wrap encrypts and decrypts alike: AES in counter mode under a key stretched from the code.
func wrap(code string, salt, iv, in []byte) ([]byte, error) {
	key, err := pbkdf2.Key(sha256.New, code, salt, codeRounds, keySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	out := make([]byte, len(in))
	cipher.NewCTR(block, iv).XORKeyStream(out, in)
	return out, nil
}

// Secret opens the companion's key bundle and derives the secret for Grant. ErrWrongCode says that the code was another one.
func (x *Exchange) Secret(bundle, companion []byte) ([]byte, error) {
	if len(bundle) < saltSize+gcmNonceSize {
		return nil, fmt.Errorf("open key bundle: %d bytes", len(bundle))
	}
	shared, err := curve25519.X25519(x.ephemeral.Priv[:], x.companion)
	if err != nil {
		return nil, ErrWrongCode
	}
	key := hkdfutil.SHA256(shared, bundle[:saltSize], []byte("link_code_pairing_key_bundle_encryption_key"), keySize)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	plain, err := gcm.Open(nil, bundle[saltSize:saltSize+gcmNonceSize], bundle[saltSize+gcmNonceSize:], nil)
	if err != nil {
		return nil, ErrWrongCode
	}
	if len(plain) != bundleSize || !slices.Equal(plain[:keySize], companion) || !slices.Equal(plain[keySize:2*keySize], x.account.Pub[:]) {
		return nil, fmt.Errorf("open key bundle: the identities in it are not those of the two sides")
	}
	identity, err := curve25519.X25519(x.account.Priv[:], companion)
	if err != nil {
		return nil, err
	}
	return hkdfutil.SHA256(slices.Concat(shared, identity, plain[2*keySize:]), nil, []byte("adv_secret"), keySize), nil
}
