// Package token signs with an issuer's key that stays in a PKCS#11 token: a
// smart card, a USB token, an HSM. Ed25519 only (PKCS #11 v3.0 §2.3.13), as
// signatures of gradseal are.
//
// It needs cgo and the build tag pkcs11. Without them every function returns
// ErrNotBuilt, and everything else of gradseal is there. A Reference can be read
// either way.
package token

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"gradseal/bitcoin"
	"gradseal/issuer"
)

var (
	// ErrNotBuilt says that this program cannot speak to tokens.
	ErrNotBuilt = errors.New("this program was built without PKCS#11 (it needs cgo, and: go build -tags pkcs11)")
	// ErrPIN says that the token refused the PIN. Trying again by itself could
	// lock it.
	ErrPIN = errors.New("wrong PIN")
	// ErrLocked says that the token has seen too many wrong PINs.
	ErrLocked = errors.New("the token is locked: too many wrong PINs")
	// ErrNoToken says that no token with that label or serial number is there.
	ErrNoToken = errors.New("no such token")
	// ErrNoKey says that the token has no such Ed25519 key.
	ErrNoKey = errors.New("no such Ed25519 key in the token")
)

const (
	title = "gradseal token key v1"

	// MaxReference is the most bytes of a Reference.
	MaxReference = 4 << 10

	maxModule = 1024 // bytes of a path
	maxLabel  = 32   // bytes of a token's label; PKCS #11 pads it to these
	maxSerial = 16   // bytes of a serial number
	maxKeyID  = 64   // bytes of a CKA_ID
)

// Reference says where a key is. It holds no secret. As a text:
//
//	gradseal token key v1
//	issuer ID
//	module PATH      of the PKCS#11 library, absolute
//	token LABEL      of the token, 1 to 32 bytes
//	serial TEXT      of the token, 1 to 16 bytes; or -
//	id HEX           CKA_ID of the key pair, 1 to 64 bytes
//	key BASE64       the public key, which what the token says is held against
type Reference struct {
	Issuer string
	Module string
	Label  string
	Serial string // empty where the token has none
	KeyID  []byte
	Public issuer.PublicKey
}

// ParseReference reads a reference, strictly.
func ParseReference(data []byte) (Reference, error) {
	if len(data) > MaxReference {
		return Reference{}, fmt.Errorf("malformed token reference: more than %d bytes", MaxReference)
	}
	r, err := parseReference(string(data))
	if err != nil {
		return Reference{}, fmt.Errorf("malformed token reference: %w", err)
	}
	return r, nil
}

func parseReference(text string) (r Reference, err error) {
	var id, key string
	rest, ok := strings.CutPrefix(text, title+"\n")
	if !ok {
		return Reference{}, fmt.Errorf("its first line is not %q", title)
	}
	for _, line := range []struct {
		name  string
		value *string
	}{{"issuer", &r.Issuer}, {"module", &r.Module}, {"token", &r.Label}, {"serial", &r.Serial}, {"id", &id}, {"key", &key}} {
		value, tail, ended := strings.Cut(rest, "\n")
		*line.value, ok = strings.CutPrefix(value, line.name+" ")
		if !ended || !ok {
			return Reference{}, fmt.Errorf("no line %q where it belongs", line.name)
		}
		rest = tail
	}
	if r.KeyID, err = hex.DecodeString(id); err != nil {
		return Reference{}, fmt.Errorf("id: %w", err)
	}
	if r.Public, err = issuer.ParsePublicKey(key); err != nil {
		return Reference{}, err
	}
	if r.Serial == "-" {
		r.Serial = ""
	}
	again, err := r.Marshal()
	if err != nil {
		return Reference{}, err
	}
	if !bytes.Equal(again, []byte(text)) {
		return Reference{}, errors.New("not in its one spelling")
	}
	return r, nil
}

// Marshal returns the text of the reference.
func (r Reference) Marshal() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	serial := r.Serial
	if serial == "" {
		serial = "-"
	}
	return fmt.Appendf(nil, "%s\nissuer %s\nmodule %s\ntoken %s\nserial %s\nid %x\nkey %s\n",
		title, r.Issuer, r.Module, r.Label, serial, r.KeyID, r.Public), nil
}

func (r Reference) check() error {
	if err := issuer.ValidID(r.Issuer); err != nil {
		return err
	}
	if !filepath.IsAbs(r.Module) {
		return fmt.Errorf("module %q is not an absolute path", r.Module)
	}
	for _, field := range []struct {
		name, value string
		least, most int
	}{{"module", r.Module, 1, maxModule}, {"token", r.Label, 1, maxLabel}, {"serial", r.Serial, 0, maxSerial}} {
		if n := len(field.value); n < field.least || n > field.most {
			return fmt.Errorf("%s has %d bytes, want %d to %d", field.name, n, field.least, field.most)
		}
		if strings.ContainsFunc(field.value, func(c rune) bool { return c < ' ' || c == 0x7f || c == 0xfffd }) {
			return fmt.Errorf("%s %q has a control character, or is not UTF-8", field.name, field.value)
		}
	}
	if r.Serial == "-" {
		return errors.New(`serial "-" stands for none`)
	}
	if n := len(r.KeyID); n < 1 || n > maxKeyID {
		return fmt.Errorf("id has %d bytes, want 1 to %d", n, maxKeyID)
	}
	return nil
}

// Place is a token, and the PIN of its user.
type Place struct {
	Module string // path of the PKCS#11 library
	Label  string // of the token
	PIN    func() (string, error)
}

// Key is a key in a token. It is a keys.Signer. The token asks for no PIN again
// until the program ends.
type Key struct {
	note.Signer
	public    issuer.PublicKey
	reference Reference
}

// PublicKey returns the public key.
func (k *Key) PublicKey() issuer.PublicKey { return k.public }

// Reference says where the key is.
func (k *Key) Reference() Reference { return k.reference }

// Allows is nil: nobody can copy this key, so it signs for every network.
func (k *Key) Allows(bitcoin.Network) error { return nil }
