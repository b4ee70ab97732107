// Package secretfile keeps a short secret text in a file: encrypted with a
// passphrase (age, scrypt), or as it is. What the text means, and what a secret
// may be used for that lay in a file as it is, is for the caller to say.
//
// No secret and no passphrase is in an error.
package secretfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"filippo.io/age"
	"filippo.io/age/armor"

	"gradseal/internal/atomicfile"
)

const (
	maxFile       = 16 << 10 // bytes of a file, and of the text in it
	maxWorkFactor = 20       // log2 of scrypt's N that reading accepts: 1 GiB of memory
	// MinPassphrase is the least length of a passphrase in bytes. It stops
	// slips of the finger, not bad choices.
	MinPassphrase = 8
)

// ErrPassphrase says that a passphrase does not open the file.
var ErrPassphrase = errors.New("wrong passphrase")

// Write saves the text under the passphrase in a new file, readable by its
// owner only. A file that exists is not touched: the error is fs.ErrExist.
func Write(path, text, passphrase string) error {
	if len(passphrase) < MinPassphrase {
		return fmt.Errorf("the passphrase has %d bytes, want at least %d", len(passphrase), MinPassphrase)
	}
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return err
	}
	var buf bytes.Buffer
	armored := armor.NewWriter(&buf)
	w, err := age.Encrypt(armored, recipient)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := armored.Close(); err != nil {
		return err
	}
	return atomicfile.WriteNew(path, buf.Bytes(), 0o600)
}

// WriteUnsafe is Write without encryption.
func WriteUnsafe(path, text string) error {
	return atomicfile.WriteNew(path, []byte(text), 0o600)
}

// Read returns the text in a file of at most 16 KiB, and whether it was
// encrypted. passphrase is called only if it is; a wrong one is ErrPassphrase.
func Read(path string, passphrase func() (string, error)) (text string, encrypted bool, err error) {
	data, err := readCapped(path)
	if err != nil {
		return "", false, err
	}
	if !bytes.HasPrefix(data, []byte(armor.Header)) {
		return string(data), false, nil
	}
	if data, err = decrypt(data, passphrase); err != nil {
		return "", false, fmt.Errorf("%s: %w", path, err)
	}
	return string(data), true, nil
}

func readCapped(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s: more than %d bytes, not a key file", path, maxFile)
	}
	return data, err
}

func decrypt(data []byte, passphrase func() (string, error)) ([]byte, error) {
	p, err := passphrase()
	if err != nil {
		return nil, err
	}
	identity, err := age.NewScryptIdentity(p)
	if err != nil {
		return nil, err
	}
	identity.SetMaxWorkFactor(maxWorkFactor)
	r, err := age.Decrypt(armor.NewReader(bufio.NewReader(bytes.NewReader(data))), identity)
	var noMatch *age.NoIdentityMatchError
	if errors.As(err, &noMatch) && slices.Contains(noMatch.StanzaTypes, "scrypt") {
		return nil, ErrPassphrase
	}
	if err != nil {
		return nil, fmt.Errorf("malformed key file: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(r, maxFile))
	if err != nil {
		return nil, fmt.Errorf("malformed key file: %w", err)
	}
	return text, nil
}
