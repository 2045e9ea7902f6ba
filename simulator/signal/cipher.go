// Package signal is the end-to-end encryption of a simulated phone: libsignal sessions and sender keys over a store in memory,
// WhatsApp's padding, and the public keys that a device leaves with the server.
package signal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"

	"go.mau.fi/libsignal/groups"
	"go.mau.fi/libsignal/protocol"
	"go.mau.fi/libsignal/session"
	"go.mau.fi/libsignal/signalerror"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"
)

const (
	maxPadding      = 15
	maxRegistration = 0x3fff
	signedPreKeyID  = 1
)

// Ciphertext types as the stanzas name them.
const (
	TypePreKey    = "pkmsg"
	TypeSession   = "msg"
	TypeSenderKey = "skmsg"
)

// Errors of decryption.
var (
	ErrPadding = errors.New("padding is not 1 to 15 equal bytes")
	ErrType    = errors.New("unknown ciphertext type")
)

// Cipher holds the keys of one phone and encrypts and decrypts with them. It is one lock: two writers of one session would
// lose ratchet steps.
type Cipher struct {
	mu     sync.Mutex
	device *store.Device
	memory *memory
	self   types.JID
}

// NewCipher makes fresh keys for the phone with the given LID.
func NewCipher(pn, lid types.JID) *Cipher {
	m := newMemory()
	identity := keys.NewKeyPair()
	device := &store.Device{IdentityKey: identity, NoiseKey: keys.NewKeyPair(), RegistrationID: rand.Uint32N(maxRegistration) + 1,
		SignedPreKey: identity.CreateSignedPreKey(signedPreKeyID), ID: &pn, LID: lid}
	device.SetAllStores(m)
	return &Cipher{device: device, memory: m, self: lid}
}

// Identity is the phone's identity key pair, with which it signs its companions.
func (c *Cipher) Identity() *keys.KeyPair { return c.device.IdentityKey }

// Encrypt encrypts for one device. Bundle is asked for when there is no session with it, or fresh is set.
func (c *Cipher) Encrypt(ctx context.Context, to types.JID, plaintext []byte, fresh bool, bundle func() (Bundle, error)) (kind string, out []byte, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	address := to.SignalAddress()
	builder := session.NewBuilderFromSignal(c.device, address, store.SignalProtobufSerializer)
	known, err := c.device.ContainsSession(ctx, address)
	if err != nil {
		return "", nil, err
	}
	if !known || fresh {
		b, err := bundle()
		if err != nil {
			return "", nil, err
		}
		// The other side may have new keys since we last spoke; a phone trusts them and tells its owner.
		if err = c.memory.DeleteIdentity(ctx, address.String()); err != nil {
			return "", nil, err
		}
		if err = builder.ProcessBundle(ctx, b.libsignal(uint32(to.Device))); err != nil {
			return "", nil, fmt.Errorf("begin session with %s: %w", to, err)
		}
	}
	text, err := session.NewCipher(builder, address).Encrypt(ctx, pad(plaintext))
	if err != nil {
		return "", nil, fmt.Errorf("encrypt for %s: %w", to, err)
	}
	if text.Type() == protocol.PREKEY_TYPE {
		return TypePreKey, text.Serialize(), nil
	}
	return TypeSession, text.Serialize(), nil
}

// Decrypt opens a pairwise ciphertext of a device.
func (c *Cipher) Decrypt(ctx context.Context, from types.JID, kind string, raw []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	address := from.SignalAddress()
	cipher := session.NewCipher(session.NewBuilderFromSignal(c.device, address, store.SignalProtobufSerializer), address)
	switch kind {
	case TypePreKey:
		msg, err := protocol.NewPreKeySignalMessageFromBytes(raw, store.SignalProtobufSerializer.PreKeySignalMessage, store.SignalProtobufSerializer.SignalMessage)
		if err != nil {
			return nil, fmt.Errorf("read pkmsg: %w", err)
		}
		plain, err := cipher.DecryptMessage(ctx, msg)
		if errors.Is(err, signalerror.ErrUntrustedIdentity) {
			// Phones accept the new identity of a contact who installed anew.
			if err = errors.Join(c.memory.DeleteIdentity(ctx, address.String()), c.memory.DeleteSession(ctx, address.String())); err != nil {
				return nil, err
			}
			plain, err = cipher.DecryptMessage(ctx, msg)
		}
		return unpad(plain, err)
	case TypeSession:
		msg, err := protocol.NewSignalMessageFromBytes(raw, store.SignalProtobufSerializer.SignalMessage)
		if err != nil {
			return nil, fmt.Errorf("read msg: %w", err)
		}
		return unpad(cipher.Decrypt(ctx, msg))
	}
	return nil, fmt.Errorf("%w %q", ErrType, kind)
}

// EncryptGroup encrypts once for a group and returns the distribution message that lets members decrypt it.
func (c *Cipher) EncryptGroup(ctx context.Context, group types.JID, plaintext []byte) (distribution, out []byte, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := protocol.NewSenderKeyName(group.String(), c.self.SignalAddress())
	builder := groups.NewGroupSessionBuilder(c.device, store.SignalProtobufSerializer)
	key, err := builder.Create(ctx, name)
	if err != nil {
		return nil, nil, fmt.Errorf("make sender key for %s: %w", group, err)
	}
	text, err := groups.NewGroupCipher(builder, name, c.device).Encrypt(ctx, pad(plaintext))
	if err != nil {
		return nil, nil, fmt.Errorf("encrypt for group %s: %w", group, err)
	}
	signed, ok := text.(*protocol.SenderKeyMessage)
	if !ok {
		return nil, nil, fmt.Errorf("encrypt for group %s: %w %T", group, ErrType, text)
	}
	return key.Serialize(), signed.SignedSerialize(), nil
}

// Distribution is the current distribution message for a group, for a member that missed it.
func (c *Cipher) Distribution(ctx context.Context, group types.JID) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := protocol.NewSenderKeyName(group.String(), c.self.SignalAddress())
	key, err := groups.NewGroupSessionBuilder(c.device, store.SignalProtobufSerializer).Create(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("make sender key for %s: %w", group, err)
	}
	return key.Serialize(), nil
}

// ForgetGroup makes the next message to the group use a new sender key, as phones do when somebody left.
func (c *Cipher) ForgetGroup(group types.JID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.memory.deleteSenderKey(group.String(), c.self.SignalAddress().String())
}

// Learn takes in another device's sender key for a group.
func (c *Cipher) Learn(ctx context.Context, group string, from types.JID, distribution []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	msg, err := protocol.NewSenderKeyDistributionMessageFromBytes(distribution, store.SignalProtobufSerializer.SenderKeyDistributionMessage)
	if err != nil {
		return fmt.Errorf("read sender key of %s: %w", from, err)
	}
	name := protocol.NewSenderKeyName(group, from.SignalAddress())
	return groups.NewGroupSessionBuilder(c.device, store.SignalProtobufSerializer).Process(ctx, name, msg)
}

// DecryptGroup opens a sender key ciphertext of a member's device.
func (c *Cipher) DecryptGroup(ctx context.Context, group, from types.JID, raw []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	msg, err := protocol.NewSenderKeyMessageFromBytes(raw, store.SignalProtobufSerializer.SenderKeyMessage)
	if err != nil {
		return nil, fmt.Errorf("read skmsg: %w", err)
	}
	name := protocol.NewSenderKeyName(group.String(), from.SignalAddress())
	builder := groups.NewGroupSessionBuilder(c.device, store.SignalProtobufSerializer)
	return unpad(groups.NewGroupCipher(builder, name, c.device).Decrypt(ctx, msg))
}

func pad(plain []byte) []byte {
	n := rand.IntN(maxPadding) + 1
	return append(append([]byte(nil), plain...), bytes.Repeat([]byte{byte(n)}, n)...)
}

func unpad(plain []byte, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	if len(plain) == 0 {
		return nil, ErrPadding
	}
	n := int(plain[len(plain)-1])
	if n < 1 || n > maxPadding || n > len(plain) || bytes.Count(plain[len(plain)-n:], []byte{byte(n)}) != n {
		return nil, ErrPadding
	}
	return plain[:len(plain)-n], nil
}
