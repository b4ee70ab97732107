package issuer

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

const (
	// MaxSignatures is the greatest number of signature lines of a note.
	MaxSignatures = 16

	// maxSignature is the greatest length of a signature in bytes, without its
	// key id. An Ed25519 signature has 64; the rest is room for the signature
	// types of others, which a reader passes over.
	maxSignature = 512

	// keyIDSize is the length in bytes of the key id before a signature.
	keyIDSize = 4

	// maxBase64 is the length of the longest signature in base64, exactly: 516
	// bytes are 172 groups of 3.
	maxBase64 = (keyIDSize + maxSignature) / 3 * 4
)

// sigPrefix starts a signature line: an em dash and a space.
const sigPrefix = "— "

// Note is a C2SP signed note (https://c2sp.org/signed-note): a text, and
// signatures of that text. That it parsed says nothing of the signatures.
type Note struct {
	Text       string // as signed; ends in a line feed
	Signatures []Signature
}

// Signature is one signature line of a note. Name and KeyID are hints at a key;
// nothing binds them to it but that the signature verifies.
type Signature struct {
	Name  string // 1 to 100 bytes of U+0021–U+007E without '+'
	KeyID uint32
	Bytes []byte // 1 to 512 bytes; 64 for Ed25519
}

// Signer signs a text: a note.Signer that also says which public key its
// signatures are to be verified with, so that nothing leaves SignNote that does
// not verify. KeyHash must be PublicKey().ID(Name()), and Sign must return the
// 64 bytes of an Ed25519 signature of exactly the given bytes.
type Signer interface {
	note.Signer
	PublicKey() PublicKey
}

// ParseNote reads a signed note of at most maxSize bytes, strictly:
//
//   - The file is the text, an empty line, and 1 to 16 signature lines. The text
//     has at least one line, no empty line, and ends in a line feed.
//   - A signature line is "— NAME BASE64": NAME has 1 to 100 bytes of printable
//     ASCII without space and '+', BASE64 is standard, padded and canonical, and
//     stands for a key id of 4 bytes and a signature of 1 to 512 bytes.
//   - No two lines have the same name and key id.
//   - The whole is UTF-8 and has no control character but the line feed, no
//     U+2028, U+2029 or U+FEFF, and no bidirectional control.
//
// All that ParseNote accepts, golang.org/x/mod/sumdb/note parses too; that
// package's Open (v0.42.0) has no limit on the size of a note and one of 100
// signature lines. ParseNote verifies no signature.
func ParseNote(data []byte, maxSize int) (*Note, error) {
	n, err := parseNote(data, maxSize)
	if err != nil {
		return nil, fmt.Errorf("malformed signed note: %w", err)
	}
	return n, nil
}

func parseNote(data []byte, maxSize int) (*Note, error) {
	if len(data) > maxSize {
		return nil, fmt.Errorf("%d bytes, want at most %d", len(data), maxSize)
	}
	if err := checkCharacters(data); err != nil {
		return nil, err
	}
	text, lines, ok := bytes.Cut(data, []byte("\n\n"))
	if !ok {
		return nil, errors.New("no empty line before the signatures")
	}
	if len(text) == 0 || text[0] == '\n' {
		return nil, errors.New("text starts with an empty line")
	}
	n := &Note{Text: string(data[:len(text)+1])}
	if err := n.parseSignatures(string(lines)); err != nil {
		return nil, err
	}
	// The text was taken as it is, so this compares the whole file.
	if !bytes.Equal(n.appendSignatures(nil), lines) {
		return nil, errors.New("signature lines are not in their canonical form")
	}
	return n, nil
}

func (n *Note) parseSignatures(lines string) error {
	if lines == "" {
		return errors.New("no signature lines")
	}
	for lines != "" {
		line, rest, ok := strings.Cut(lines, "\n")
		number := len(n.Signatures) + 1
		if !ok {
			return fmt.Errorf("signature line %d does not end in a line feed", number)
		}
		if number > MaxSignatures {
			return fmt.Errorf("more than %d signature lines", MaxSignatures)
		}
		sig, err := parseSignature(line)
		if err != nil {
			return fmt.Errorf("signature line %d: %w", number, err)
		}
		if n.has(sig.Name, sig.KeyID) {
			return fmt.Errorf("signature line %d: a second signature with name %s and key id %08x", number, quote(sig.Name), sig.KeyID)
		}
		n.Signatures = append(n.Signatures, sig)
		lines = rest
	}
	return nil
}

func parseSignature(line string) (Signature, error) {
	line, ok := strings.CutPrefix(line, sigPrefix)
	if !ok {
		return Signature{}, fmt.Errorf("no %q at its start", sigPrefix)
	}
	name, b64, ok := strings.Cut(line, " ")
	if !ok {
		return Signature{}, errors.New("no space after the name")
	}
	if err := validName(name); err != nil {
		return Signature{}, err
	}
	if len(b64) > maxBase64 {
		return Signature{}, fmt.Errorf("base64 has %d characters, want at most %d", len(b64), maxBase64)
	}
	raw, err := decodeBase64(b64)
	if err != nil {
		return Signature{}, err
	}
	if len(raw) <= keyIDSize {
		return Signature{}, fmt.Errorf("key id and signature have %d bytes, want at least %d", len(raw), keyIDSize+1)
	}
	return Signature{Name: name, KeyID: binary.BigEndian.Uint32(raw), Bytes: raw[keyIDSize:]}, nil
}

// validName returns an error unless name can stand in a signature line. Issuer
// ids are a subset.
func validName(name string) error {
	if len(name) < 1 || len(name) > maxID {
		return fmt.Errorf("name has %d bytes, want 1 to %d", len(name), maxID)
	}
	for i := 0; i < len(name); i++ {
		if name[i] <= 0x20 || name[i] >= 0x7f || name[i] == '+' {
			return fmt.Errorf("name %s has a character that is not printable ASCII, a space or a '+'", quote(name))
		}
	}
	return nil
}

func (n *Note) has(name string, keyID uint32) bool {
	for _, sig := range n.Signatures {
		if sig.Name == name && sig.KeyID == keyID {
			return true
		}
	}
	return false
}

// Marshal returns the bytes of the note. Those of a note that ParseNote returned
// are the bytes that it was given; those of another may not parse.
func (n *Note) Marshal() []byte {
	out := make([]byte, 0, len(n.Text)+1+200*len(n.Signatures))
	out = append(out, n.Text...)
	out = append(out, '\n')
	return n.appendSignatures(out)
}

func (n *Note) appendSignatures(dst []byte) []byte {
	for _, sig := range n.Signatures {
		dst = append(dst, sigPrefix...)
		dst = append(dst, sig.Name...)
		dst = append(dst, ' ')
		raw := binary.BigEndian.AppendUint32(nil, sig.KeyID)
		dst = base64.StdEncoding.AppendEncode(dst, append(raw, sig.Bytes...))
		dst = append(dst, '\n')
	}
	return dst
}

// SignNote signs text with every signer and returns the signed note, signature
// lines in the order of signers. It parses the note and verifies each signature
// before it returns: a signer that signs something else, two signers with one
// name and key, or a note of more than maxSize bytes is an error.
func SignNote(text string, maxSize int, signers ...Signer) ([]byte, error) {
	n := &Note{Text: text}
	for _, s := range signers {
		if err := n.sign(s); err != nil {
			return nil, err
		}
	}
	return n.finish(maxSize)
}

// AddSignature adds one more signature below those of a signed note. That a
// second officer signs later changes the bytes of a statement, and with them its
// batch root: all signatures of a statement must be there before its anchor is
// made. The signatures already there are kept as they are and are not verified.
// A second signature under the same name and key id is an error.
func AddSignature(signed []byte, maxSize int, signer Signer) ([]byte, error) {
	n, err := ParseNote(signed, maxSize)
	if err != nil {
		return nil, err
	}
	if n.has(signer.Name(), signer.KeyHash()) {
		return nil, fmt.Errorf("the note is already signed by key %08x of %s", signer.KeyHash(), quote(signer.Name()))
	}
	if err := n.sign(signer); err != nil {
		return nil, err
	}
	return n.finish(maxSize)
}

// sign appends the signature of s and verifies it.
func (n *Note) sign(s Signer) error {
	name, key := s.Name(), s.PublicKey()
	if err := key.check(); err != nil {
		return fmt.Errorf("sign as %s: public key %s: %w", quote(name), key, err)
	}
	if id := key.ID(name); s.KeyHash() != id {
		return fmt.Errorf("sign as %s: the signer has key id %08x, want %08x", quote(name), s.KeyHash(), id)
	}
	sig, err := s.Sign([]byte(n.Text))
	if err != nil {
		return fmt.Errorf("sign as %s: %w", quote(name), err)
	}
	if len(sig) != ed25519.SignatureSize || !key.verify([]byte(n.Text), sig) {
		return fmt.Errorf("sign as %s: the signer returned %d bytes that are no signature of the text by key %s", quote(name), len(sig), key)
	}
	n.Signatures = append(n.Signatures, Signature{Name: name, KeyID: s.KeyHash(), Bytes: bytes.Clone(sig)})
	return nil
}

// finish encodes a note that was put together here and reads it back.
func (n *Note) finish(maxSize int) ([]byte, error) {
	out := n.Marshal()
	again, err := ParseNote(out, maxSize)
	if err != nil {
		return nil, err
	}
	// A text with signature lines of its own at its end reads back as a shorter
	// one, which nobody signed.
	if again.Text != n.Text {
		return nil, errors.New("malformed signed note: the text holds signature lines")
	}
	return out, nil
}
