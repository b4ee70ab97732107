// Package keys holds the secret signing keys of an issuer: Ed25519 keys in
// files that are encrypted with a passphrase (age, scrypt). No verifier
// imports it.
//
// A file without encryption exists for rehearsals: its key signs for regtest
// and for no other network.
package keys

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"gradseal/bitcoin"
	"gradseal/internal/secretfile"
	"gradseal/issuer"
)

const (
	title         = "gradseal secret key v1"
	unsafeTitle   = title + ", NOT ENCRYPTED, for regtest only"
	recoveryTitle = title + ", RECOVERY: print this, lock it away, delete the file"
	// MinPassphrase is the least length of a passphrase in bytes.
	MinPassphrase = secretfile.MinPassphrase
)

// ErrPassphrase says that a passphrase does not open the key file.
var ErrPassphrase = secretfile.ErrPassphrase

// Key is one secret key. It is a note.Signer.
type Key struct {
	note.Signer
	public    issuer.PublicKey
	text      string // note's encoding of the key pair, PRIVATE+KEY+…
	encrypted bool
}

// Generate makes a key for the issuer with the given id, from the system's
// random source.
func Generate(id string) (*Key, error) {
	if err := issuer.ValidID(id); err != nil {
		return nil, err
	}
	text, _, err := note.GenerateKey(rand.Reader, id)
	if err != nil {
		return nil, err
	}
	return parse(text)
}

// PublicKey returns the public key.
func (k *Key) PublicKey() issuer.PublicKey { return k.public }

// Format keeps a key that is printed by mistake from showing its secret.
func (k Key) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "secret key of %s", k.Name()) }

// Allows reports, as an error, that this key must not sign for the network: a
// key whose file anyone could have read signs for regtest only.
func (k *Key) Allows(n bitcoin.Network) error {
	if !k.encrypted && n != bitcoin.Regtest {
		return fmt.Errorf("the key of %s is not encrypted: it signs for regtest only, not for %s", k.Name(), n)
	}
	return nil
}

// Write saves the key under the passphrase in a new file, readable by its
// owner only. A file that exists is not touched: the error is fs.ErrExist.
func (k *Key) Write(path, passphrase string) error {
	if err := secretfile.Write(path, k.fileText(title), passphrase); err != nil {
		return err
	}
	k.encrypted = true
	return nil
}

// WriteUnsafe saves the key without encryption, for regtest only.
func (k *Key) WriteUnsafe(path string) error {
	return secretfile.WriteUnsafe(path, k.fileText(unsafeTitle))
}

// WriteRecovery saves the key as plain text to be printed, locked away and
// deleted. As long as it lies in a file it signs for regtest only.
func (k *Key) WriteRecovery(path string) error {
	return secretfile.WriteUnsafe(path, k.fileText(recoveryTitle))
}

func (k *Key) fileText(title string) string {
	return title + "\n" + k.text + "\n"
}

// Read opens a key file. passphrase is called only for an encrypted one. A
// wrong passphrase is ErrPassphrase.
func Read(path string, passphrase func() (string, error)) (*Key, error) {
	text, encrypted, err := secretfile.Read(path, passphrase)
	if err != nil {
		return nil, err
	}
	k, err := parseFile(text, encrypted)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

func parseFile(text string, encrypted bool) (*Key, error) {
	first, rest, _ := strings.Cut(text, "\n")
	line, tail, ended := strings.Cut(rest, "\n")
	known := first == title || first == unsafeTitle || first == recoveryTitle
	if !known || !ended || tail != "" {
		return nil, errors.New("malformed key file: not a gradseal secret key")
	}
	k, err := parse(line)
	if err != nil {
		return nil, err
	}
	k.encrypted = encrypted
	return k, nil
}

// parse reads note's encoding of a key pair,
// PRIVATE+KEY+name+hash+base64(1 || seed).
func parse(text string) (*Key, error) {
	signer, err := note.NewSigner(text)
	if err != nil {
		return nil, fmt.Errorf("malformed key file: %w", err)
	}
	if err := issuer.ValidID(signer.Name()); err != nil {
		return nil, err
	}
	encoded := strings.SplitN(text, "+", 5)[4] // base64 may hold more plus signs
	seed, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("malformed key file: %w", err)
	}
	again := fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", signer.Name(), signer.KeyHash(), base64.StdEncoding.EncodeToString(seed))
	if again != text {
		return nil, errors.New("malformed key file: the key is not in its one spelling")
	}
	private := ed25519.NewKeyFromSeed(seed[1:])
	return &Key{Signer: signer, public: issuer.PublicKey(private.Public().(ed25519.PublicKey)), text: text}, nil
}
