package wire

import (
	"crypto/sha256"
	"fmt"
	"time"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/whatsmeow/proto/waCert"
	"go.mau.fi/whatsmeow/util/keys"
	"google.golang.org/protobuf/proto"
)

const (
	intermediateSerial = 7
	leafSerial         = 8
	certificateSlack   = time.Hour
	certificateLife    = 365 * 24 * time.Hour
)

// Identity is what the simulated server proves itself with: a static Noise key and the certificate chain from the root key to it.
type Identity struct {
	static *keys.KeyPair
	chain  []byte
}

// fixedKey derives one of the simulator's own key pairs. They are no secret: the root is the same in every process, because the
// client keeps the root it trusts in a variable of the whole process and several simulated networks may share one test binary.
func fixedKey(name string) *keys.KeyPair {
	return keys.NewKeyPairFromPrivateKey(sha256.Sum256([]byte("causeway simulator " + name)))
}

// RootKey is the public key that clients must trust (whatsmeow.WACertPubKey). It is the same for every simulated network.
func RootKey() [32]byte { return *fixedKey("root").Pub }

// NewIdentity makes a certificate chain that is valid from an hour before now for one year.
func NewIdentity(now time.Time) (*Identity, error) {
	root, intermediate, static := fixedKey("root"), fixedKey("intermediate"), fixedKey("static")
	notBefore, notAfter := uint64(now.Add(-certificateSlack).Unix()), uint64(now.Add(certificateLife).Unix())
	upper, err := certificate(root, &waCert.CertChain_NoiseCertificate_Details{
		Serial: proto.Uint32(intermediateSerial), IssuerSerial: proto.Uint32(0), Key: intermediate.Pub[:], NotBefore: &notBefore, NotAfter: &notAfter,
	})
	if err != nil {
		return nil, err
	}
	lower, err := certificate(intermediate, &waCert.CertChain_NoiseCertificate_Details{
		Serial: proto.Uint32(leafSerial), IssuerSerial: proto.Uint32(intermediateSerial), Key: static.Pub[:], NotBefore: &notBefore, NotAfter: &notAfter,
	})
	if err != nil {
		return nil, err
	}
	chain, err := proto.Marshal(&waCert.CertChain{Intermediate: upper, Leaf: lower})
	if err != nil {
		return nil, fmt.Errorf("encode certificate chain: %w", err)
	}
	return &Identity{static: static, chain: chain}, nil
}

func certificate(issuer *keys.KeyPair, details *waCert.CertChain_NoiseCertificate_Details) (*waCert.CertChain_NoiseCertificate, error) {
	raw, err := proto.Marshal(details)
	if err != nil {
		return nil, fmt.Errorf("encode certificate: %w", err)
	}
	signature := ecc.CalculateSignature(ecc.NewDjbECPrivateKey(*issuer.Priv), raw)
	return &waCert.CertChain_NoiseCertificate{Details: raw, Signature: signature[:]}, nil
}
