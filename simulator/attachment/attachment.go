// Package attachment is the form in which files travel on WhatsApp: encrypted with a key of their own, authenticated, named by
// the hash of what the server stores. Phones make and open them; the server sees ciphertext only.
package attachment

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"causeway/simulator/account"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/util/cbcutil"
	"go.mau.fi/whatsmeow/util/hkdfutil"
)

// Sizes in bytes.
const (
	keySize, macSize, expanded = 32, 10, 112
	ivEnd, cipherEnd, macEnd   = 16, 48, 80
)

// ErrBroken says that a file is not what its message says.
var ErrBroken = errors.New("broken file")

// Kind is a class of files, as the upload addresses name it. Each has keys of its own.
type Kind string

// Kinds of files. Stickers are images to the server, and voice messages are audio.
const (
	Image    Kind = "image"
	Video    Kind = "video"
	Audio    Kind = "audio"
	Document Kind = "document"
	History  Kind = "md-msg-hist"
	AppState Kind = "md-app-state"
)

// info is what the keys of a kind are derived for; "" when there is no such kind.
func (k Kind) info() whatsmeow.MediaType {
	switch k {
	case Image:
		return whatsmeow.MediaImage
	case Video:
		return whatsmeow.MediaVideo
	case Audio:
		return whatsmeow.MediaAudio
	case Document:
		return whatsmeow.MediaDocument
	case History:
		return whatsmeow.MediaHistory
	case AppState:
		return whatsmeow.MediaAppState
	}
	return ""
}

// Known says whether there is such a kind.
func (k Kind) Known() bool { return k.info() != "" }

// File is what a message says about its file.
type File struct {
	Kind Kind
	// Path is where the server has it.
	Path string
	Key  []byte
	// SHA256 is over the plaintext, EncSHA256 over what the server stores.
	SHA256, EncSHA256 []byte
	Size              uint64
}

type keys struct{ iv, cipher, mac []byte }

func (f File) keys() keys {
	all := hkdfutil.SHA256(f.Key, nil, []byte(f.Kind.info()), expanded)
	return keys{iv: all[:ivEnd], cipher: all[ivEnd:cipherEnd], mac: all[cipherEnd:macEnd]}
}

func (k keys) sum(ciphertext []byte) []byte {
	h := hmac.New(sha256.New, k.mac)
	h.Write(k.iv)
	h.Write(ciphertext)
	return h.Sum(nil)[:macSize]
}

// Seal encrypts a file under a new key. The path is for the caller to fill in.
func Seal(kind Kind, plain []byte) (File, []byte, error) {
	if !kind.Known() {
		return File{}, nil, fmt.Errorf("%w kind of file %q", account.ErrInvalid, kind)
	}
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // crypto/rand never fails
	f := File{Kind: kind, Key: key, Size: uint64(len(plain))}
	k := f.keys()
	sealed, err := cbcutil.Encrypt(k.cipher, k.iv, bytes.Clone(plain))
	if err != nil {
		return File{}, nil, err
	}
	sealed = append(sealed, k.sum(sealed)...)
	plainSum, sum := sha256.Sum256(plain), sha256.Sum256(sealed)
	f.SHA256, f.EncSHA256 = plainSum[:], sum[:]
	return f, sealed, nil
}

// Open decrypts a file and checks everything that its message says about it.
func (f File) Open(sealed []byte) ([]byte, error) {
	if len(f.Key) != keySize || len(sealed) <= macSize {
		return nil, fmt.Errorf("%w: no key, or too short", ErrBroken)
	}
	if sum := sha256.Sum256(sealed); !bytes.Equal(sum[:], f.EncSHA256) {
		return nil, fmt.Errorf("%w: not what its hash says", ErrBroken)
	}
	k, end := f.keys(), len(sealed)-macSize
	if !hmac.Equal(k.sum(sealed[:end]), sealed[end:]) {
		return nil, fmt.Errorf("%w: its authentication code is wrong", ErrBroken)
	}
	plain, err := cbcutil.Decrypt(k.cipher, k.iv, bytes.Clone(sealed[:end]))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	if sum := sha256.Sum256(plain); !bytes.Equal(sum[:], f.SHA256) {
		return nil, fmt.Errorf("%w: its content is not what its hash says", ErrBroken)
	}
	if uint64(len(plain)) != f.Size {
		return nil, fmt.Errorf("%w: it has %d bytes, and its message says %d", ErrBroken, len(plain), f.Size)
	}
	return plain, nil
}
