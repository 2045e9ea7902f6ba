package convert

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
)

// SecretSize is the size of the secret that comes with a message which others may answer, in bytes.
const SecretSize = 32

// maxSealed bounds what is opened, in bytes. A vote for all twelve options has some 400.
const maxSealed = 16 << 10

// Purpose says what a sealed answer is. The names are those of WhatsApp's key derivation (whatsmeow, MsgSecretType).
type Purpose string

// The purposes of sealed answers.
const (
	PurposeVote  Purpose = "Poll Vote"
	PurposeEvent Purpose = "Event Response"
)

// Sealed is an answer that only those can read who have the message which it answers.
type Sealed struct {
	Payload, IV []byte
}

// ErrSealed says that a sealed answer cannot be opened with the secret and the names at hand.
var ErrSealed = errors.New("the answer cannot be opened")

// Seal is what an answer is sealed with. Author and By go by whichever of their names they had in the chat at the time.
type Seal struct {
	Purpose Purpose
	Secret  []byte          // of the message that is answered
	ID      types.MessageID // of that message
	Author  types.JID       // who wrote that
	By      types.JID       // who answers
}

// cipher derives the key (HKDF-SHA256 over the names of all concerned) and what is authenticated beside the answer; as
// whatsmeow's generateMsgSecretKey does.
func (s Seal) cipher() (cipher.AEAD, []byte, error) {
	by := s.By.ToNonAD().String()
	key, err := hkdf.Key(sha256.New, s.Secret, nil, s.ID+s.Author.ToNonAD().String()+by+string(s.Purpose), SecretSize)
	if err != nil {
		return nil, nil, fmt.Errorf("derive the key of an answer to %s: %w", s.ID, err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, nil, fmt.Errorf("derive the key of an answer to %s: %w", s.ID, err)
	}
	gcm, err := cipher.NewGCM(block)
	return gcm, []byte(s.ID + "\x00" + by), err
}

// Close seals an answer. occasion names it: the same answer on the same occasion is sealed into the same bytes, because
// a repeat must be the same message, and no two occasions share what would give the answer away.
func (s Seal) Close(answer []byte, occasion string) (Sealed, error) {
	gcm, about, err := s.cipher()
	if err != nil {
		return Sealed{}, err
	}
	iv, err := hkdf.Key(sha256.New, s.Secret, nil, "causeway "+occasion, gcm.NonceSize())
	if err != nil {
		return Sealed{}, fmt.Errorf("seal an answer to %s: %w", s.ID, err)
	}
	return Sealed{Payload: gcm.Seal(nil, iv, answer, about), IV: iv}, nil
}

// Open opens a sealed answer. The error is ErrSealed when the seal is another.
func (s Seal) Open(sealed Sealed) ([]byte, error) {
	gcm, about, err := s.cipher()
	if err != nil {
		return nil, err
	}
	if len(sealed.IV) != gcm.NonceSize() || len(sealed.Payload) > maxSealed {
		return nil, ErrSealed
	}
	answer, err := gcm.Open(nil, sealed.IV, sealed.Payload, about)
	if err != nil {
		return nil, ErrSealed
	}
	return answer, nil
}

// OpenAny opens a sealed answer with the first pair of names that fits: each person goes by a LID and a phone number, and
// which of them was meant nobody says.
func (s Seal) OpenAny(sealed Sealed, authors, by []types.JID) ([]byte, error) {
	for _, s.Author = range authors {
		for _, s.By = range by {
			if s.Author.IsEmpty() || s.By.IsEmpty() {
				continue
			}
			answer, err := s.Open(sealed)
			if !errors.Is(err, ErrSealed) {
				return answer, err
			}
		}
	}
	return nil, ErrSealed
}

// SecretOf is the secret that came with a message; nil when there is none. It stands in whichever envelope its sender
// put it into.
func SecretOf(msg *waE2E.Message) []byte {
	for range 5 {
		if secret := msg.GetMessageContextInfo().GetMessageSecret(); len(secret) == SecretSize {
			return secret
		}
		inner := unwrapOne(msg)
		if inner == nil {
			break
		}
		msg = inner
	}
	return nil
}
