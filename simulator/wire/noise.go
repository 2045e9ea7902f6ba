package wire

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.mau.fi/whatsmeow/util/keys"
	"golang.org/x/crypto/curve25519"
	"google.golang.org/protobuf/proto"
)

// pattern is the Noise protocol name, padded to exactly 32 bytes, which is why it is used unhashed (Noise specification 5.2).
const pattern = "Noise_XX_25519_AESGCM_SHA256\x00\x00\x00\x00"

const keySize = 32

var errClientKey = errors.New("client key is not 32 bytes")

// symmetric is the symmetric state of the Noise handshake, responder side (Noise specification 5.2).
type symmetric struct {
	hash    []byte
	chain   []byte
	aead    cipher.AEAD
	counter uint64
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func newSymmetric(prologue []byte) (*symmetric, error) {
	aead, err := newGCM([]byte(pattern))
	if err != nil {
		return nil, err
	}
	s := &symmetric{hash: []byte(pattern), chain: []byte(pattern), aead: aead}
	s.mixHash(prologue)
	return s, nil
}

func (s *symmetric) mixHash(data []byte) {
	h := sha256.New()
	h.Write(s.hash)
	h.Write(data)
	s.hash = h.Sum(nil)
}

func nonce(counter uint64) []byte {
	iv := make([]byte, 12)
	binary.BigEndian.PutUint64(iv[4:], counter)
	return iv
}

func expand(salt, secret []byte) (first, second []byte, err error) {
	out, err := hkdf.Key(sha256.New, secret, salt, "", 2*keySize)
	if err != nil {
		return nil, nil, err
	}
	return out[:keySize], out[keySize:], nil
}

func (s *symmetric) mixKey(private, public *[keySize]byte) error {
	shared, err := curve25519.X25519(private[:], public[:])
	if err != nil {
		return err
	}
	chain, key, err := expand(s.chain, shared)
	if err != nil {
		return err
	}
	aead, err := newGCM(key)
	if err != nil {
		return err
	}
	s.chain, s.aead, s.counter = chain, aead, 0
	return nil
}

func (s *symmetric) seal(plaintext []byte) []byte {
	out := s.aead.Seal(nil, nonce(s.counter), plaintext, s.hash)
	s.counter++
	s.mixHash(out)
	return out
}

func (s *symmetric) open(ciphertext []byte) ([]byte, error) {
	out, err := s.aead.Open(nil, nonce(s.counter), ciphertext, s.hash)
	if err != nil {
		return nil, err
	}
	s.counter++
	s.mixHash(ciphertext)
	return out, nil
}

// handshake runs the responder side of the handshake on a fresh connection.
func (c *Conn) handshake(id *Identity) error {
	state, err := newSymmetric(c.header)
	if err != nil {
		return err
	}
	ephemeral, err := c.readHello(state)
	if err != nil {
		return fmt.Errorf("read client hello: %w", err)
	}
	own := keys.NewKeyPair()
	if err := c.writeHello(state, id, own, ephemeral); err != nil {
		return fmt.Errorf("write server hello: %w", err)
	}
	if err := c.readFinish(state, own); err != nil {
		return fmt.Errorf("read client finish: %w", err)
	}
	return c.split(state)
}

func (c *Conn) readHello(state *symmetric) (*[keySize]byte, error) {
	msg, err := c.readHandshake()
	if err != nil {
		return nil, err
	}
	ephemeral := msg.GetClientHello().GetEphemeral()
	if len(ephemeral) != keySize {
		return nil, errClientKey
	}
	state.mixHash(ephemeral)
	return (*[keySize]byte)(ephemeral), nil
}

func (c *Conn) writeHello(state *symmetric, id *Identity, own *keys.KeyPair, client *[keySize]byte) error {
	state.mixHash(own.Pub[:])
	if err := state.mixKey(own.Priv, client); err != nil {
		return err
	}
	static := state.seal(id.static.Pub[:])
	if err := state.mixKey(id.static.Priv, client); err != nil {
		return err
	}
	out, err := proto.Marshal(&waWa6.HandshakeMessage{ServerHello: &waWa6.HandshakeMessage_ServerHello{
		Ephemeral: own.Pub[:], Static: static, Payload: state.seal(id.chain),
	}})
	if err != nil {
		return err
	}
	return c.writeFrame(out)
}

func (c *Conn) readFinish(state *symmetric, own *keys.KeyPair) error {
	msg, err := c.readHandshake()
	if err != nil {
		return err
	}
	static, err := state.open(msg.GetClientFinish().GetStatic())
	if err != nil {
		return err
	}
	if len(static) != keySize {
		return errClientKey
	}
	c.clientKey = [keySize]byte(static)
	if err = state.mixKey(own.Priv, &c.clientKey); err != nil {
		return err
	}
	payload, err := state.open(msg.GetClientFinish().GetPayload())
	if err != nil {
		return err
	}
	c.payload = &waWa6.ClientPayload{}
	return proto.Unmarshal(payload, c.payload)
}

// split derives the transport keys: the first half of the expansion is client to server.
func (c *Conn) split(state *symmetric) error {
	fromClient, toClient, err := expand(state.chain, nil)
	if err != nil {
		return err
	}
	if c.opener, err = newGCM(fromClient); err != nil {
		return err
	}
	c.sealer, err = newGCM(toClient)
	return err
}

func (c *Conn) readHandshake() (*waWa6.HandshakeMessage, error) {
	frame, err := c.readFrame()
	if err != nil {
		return nil, err
	}
	msg := &waWa6.HandshakeMessage{}
	return msg, proto.Unmarshal(frame, msg)
}
