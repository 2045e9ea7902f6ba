package signal

import (
	"context"
	"fmt"

	"causeway/simulator/wire"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/libsignal/keys/identity"
	"go.mau.fi/libsignal/keys/prekey"
	"go.mau.fi/libsignal/util/optional"
)

const (
	keySize       = 32
	signatureSize = 64
	preKeyIDSize  = 3
)

// PreKey is the public half of a prekey; Signature is set on signed prekeys only.
type PreKey struct {
	ID        uint32
	Public    []byte
	Signature []byte
}

// Bundle is what another device needs to begin a session. OneTime is nil when the server has none left.
type Bundle struct {
	Registration uint32
	Identity     []byte
	Signed       PreKey
	OneTime      *PreKey
}

// Check says what makes the public keys unusable.
func (b Bundle) Check() error {
	if len(b.Identity) != keySize || len(b.Signed.Public) != keySize || len(b.Signed.Signature) != signatureSize {
		return fmt.Errorf("check bundle: identity %d, signed prekey %d, signature %d bytes", len(b.Identity), len(b.Signed.Public), len(b.Signed.Signature))
	}
	if b.OneTime != nil && len(b.OneTime.Public) != keySize {
		return fmt.Errorf("check bundle: one-time prekey has %d bytes", len(b.OneTime.Public))
	}
	signed := append([]byte{ecc.DjbType}, b.Signed.Public...)
	if !ecc.VerifySignature(ecc.NewDjbECPublicKey([keySize]byte(b.Identity)), signed, [signatureSize]byte(b.Signed.Signature)) {
		return fmt.Errorf("check bundle: signature of the signed prekey does not verify")
	}
	return nil
}

func (b Bundle) libsignal(device uint32) *prekey.Bundle {
	public := func(raw []byte) ecc.ECPublicKeyable { return ecc.NewDjbECPublicKey([keySize]byte(raw)) }
	id, one := optional.NewEmptyUint32(), ecc.ECPublicKeyable(nil)
	if b.OneTime != nil {
		id, one = optional.NewOptionalUint32(b.OneTime.ID), public(b.OneTime.Public)
	}
	return prekey.NewBundle(b.Registration, device, id, b.Signed.ID, one, public(b.Signed.Public),
		[signatureSize]byte(b.Signed.Signature), identity.NewKey(public(b.Identity)))
}

// Bundle is the phone's own public part, without a one-time prekey.
func (c *Cipher) Bundle() Bundle {
	signed := c.device.SignedPreKey
	return Bundle{Registration: c.device.RegistrationID, Identity: c.device.IdentityKey.Pub[:],
		Signed: PreKey{ID: signed.KeyID, Public: signed.Pub[:], Signature: signed.Signature[:]}}
}

// NewPreKey makes a one-time prekey and returns its public half.
func (c *Cipher) NewPreKey(ctx context.Context) (PreKey, error) {
	key, err := c.memory.GenOnePreKey(ctx)
	if err != nil {
		return PreKey{}, err
	}
	return PreKey{ID: key.KeyID, Public: key.Pub[:]}, nil
}

// Node writes a prekey as a stanza part with the given tag (key or skey).
func (p PreKey) Node(tag string) wire.Node {
	content := []wire.Node{{Tag: "id", Content: wire.Number(p.ID, preKeyIDSize)}, {Tag: "value", Content: p.Public}}
	if p.Signature != nil {
		content = append(content, wire.Node{Tag: "signature", Content: p.Signature})
	}
	return wire.Node{Tag: tag, Content: content}
}

// ParsePreKey reads a key or skey part.
func ParsePreKey(n wire.Node) PreKey {
	return PreKey{ID: wire.ParseNumber(wire.Child(&n, "id")), Public: wire.Child(&n, "value"), Signature: wire.Child(&n, "signature")}
}
