package keys

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"gradseal/issuer"
)

const publicTitle = "gradseal public key v1"

// MaxPublic is the most bytes of a public key in a file.
const MaxPublic = 512

// Public is the public part of an officer's key, as it is handed to whoever makes
// the issuer file: one line,
//
//	gradseal public key v1 ISSUER BASE64 HOLDER
//
// Nothing signs it. Whoever takes it compares its Fingerprint with the officer's,
// by another way than the one on which it came.
type Public struct {
	Issuer string // the issuer's id
	Key    issuer.PublicKey
	Holder string // who has the secret key
}

// ParsePublic reads a public key file, strictly.
func ParsePublic(data []byte) (Public, error) {
	p, err := parsePublic(string(data))
	if err != nil {
		return Public{}, fmt.Errorf("malformed public key file: %w", err)
	}
	return p, nil
}

func parsePublic(text string) (p Public, err error) {
	if len(text) > MaxPublic {
		return Public{}, fmt.Errorf("more than %d bytes", MaxPublic)
	}
	line, ok := strings.CutSuffix(text, "\n")
	fields := strings.SplitN(line, " ", 7)
	if !ok || len(fields) != 7 || strings.Join(fields[:4], " ") != publicTitle {
		return Public{}, fmt.Errorf("want one line: %s ISSUER KEY HOLDER", publicTitle)
	}
	p.Issuer, p.Holder = fields[4], fields[6]
	if p.Key, err = issuer.ParsePublicKey(fields[5]); err != nil {
		return Public{}, err
	}
	return p, p.check()
}

func (p Public) check() error {
	if err := issuer.ValidID(p.Issuer); err != nil {
		return err
	}
	return issuer.ValidHolder(p.Holder)
}

// Marshal returns the text of the file.
func (p Public) Marshal() ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return p.line(), nil
}

func (p Public) line() []byte {
	return fmt.Appendf(nil, "%s %s %s %s\n", publicTitle, p.Issuer, p.Key, p.Holder)
}

// Fingerprint stands for the whole line: the first 160 bits of its SHA-256, as
// that of an issuer file.
func (p Public) Fingerprint() issuer.Fingerprint {
	sum := sha256.Sum256(p.line())
	return issuer.Fingerprint(sum[:len(issuer.Fingerprint{})])
}
