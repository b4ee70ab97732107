//go:build pkcs11 && cgo

package token

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/miekg/pkcs11"

	"gradseal/issuer"
)

// What PKCS #11 v3.0 has for Ed25519 and the library of v2.40 does not name.
const (
	keyTypeEdwards    = 0x00000040 // CKK_EC_EDWARDS
	mechanismGenerate = 0x00001055 // CKM_EC_EDWARDS_KEY_PAIR_GEN
	mechanismSign     = 0x00001057 // CKM_EDDSA; without a parameter it is Ed25519 of RFC 8032
)

// The two spellings of the curve in CKA_EC_PARAMS, DER: its name as a
// PrintableString, and its object identifier 1.3.101.112.
var (
	curveName = append([]byte{0x13, 0x0c}, "edwards25519"...)
	curveOID  = []byte{0x06, 0x03, 0x2b, 0x65, 0x70}
)

// Built reports whether this program can speak to tokens.
func Built() bool { return true }

// Open opens the key that the reference names. The PIN is asked for once, and not
// at all where this program has given it to the token before. A wrong one is
// ErrPIN. A key other than the reference's is an error.
func Open(r Reference, pin func() (string, error)) (*Key, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	s, err := openSession(Place{r.Module, r.Label, pin}, r.Serial)
	if err != nil {
		return nil, err
	}
	k, err := s.key(r.Issuer, pkcs11.NewAttribute(pkcs11.CKA_ID, r.KeyID))
	if err != nil {
		return nil, fmt.Errorf("key %x: %w", r.KeyID, err)
	}
	if k.public != r.Public {
		return nil, fmt.Errorf("the token has the key %s under this id, want %s", k.public, r.Public)
	}
	return k, nil
}

// Find opens the one Ed25519 key with that label, for the issuer. A key that could
// be taken out of the token is refused.
func Find(p Place, id, label string) (*Key, error) {
	s, err := openSession(p, "")
	if err != nil {
		return nil, err
	}
	k, err := s.key(id, pkcs11.NewAttribute(pkcs11.CKA_LABEL, label))
	if err != nil {
		return nil, fmt.Errorf("key %q: %w", label, err)
	}
	return k, nil
}

// Generate makes a key in the token, which never leaves it, for the issuer.
func Generate(p Place, id, label string) (*Key, error) {
	s, err := openSession(p, "")
	if err != nil {
		return nil, err
	}
	keyID := make([]byte, 16)
	rand.Read(keyID) // never fails
	public := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_VERIFY, true),
		pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, curveName),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, label),
		pkcs11.NewAttribute(pkcs11.CKA_ID, keyID),
	}
	private := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true),
		pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true),
		pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false),
		pkcs11.NewAttribute(pkcs11.CKA_SIGN, true),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, label),
		pkcs11.NewAttribute(pkcs11.CKA_ID, keyID),
	}
	mechanism := []*pkcs11.Mechanism{pkcs11.NewMechanism(mechanismGenerate, nil)}
	if _, _, err := s.ctx.GenerateKeyPair(s.handle, mechanism, public, private); err != nil {
		return nil, fmt.Errorf("the token made no Ed25519 key: %w", err)
	}
	return s.key(id, pkcs11.NewAttribute(pkcs11.CKA_ID, keyID))
}

// session is a session with a token whose user is logged in. It lasts until the
// program ends.
type session struct {
	ctx    *pkcs11.Ctx
	handle pkcs11.SessionHandle
	place  Place
	serial string
}

func openSession(p Place, serial string) (*session, error) {
	module, err := filepath.Abs(p.Module)
	if err != nil {
		return nil, err
	}
	p.Module = module
	ctx := pkcs11.New(module)
	if ctx == nil {
		return nil, fmt.Errorf("%s: cannot be loaded as a PKCS#11 library", module)
	}
	if err := ctx.Initialize(); err != nil && !errors.Is(err, pkcs11.Error(pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED)) {
		return nil, fmt.Errorf("%s: %w", module, err)
	}
	s := &session{ctx: ctx, place: p}
	slot, err := s.slot(serial)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", module, err)
	}
	if s.handle, err = ctx.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION); err != nil {
		return nil, fmt.Errorf("token %q: %w", p.Label, err)
	}
	if err := s.login(slot); err != nil {
		return nil, fmt.Errorf("token %q: %w", p.Label, err)
	}
	return s, nil
}

// slot finds the one token with the label, and with the serial number unless that
// is empty.
func (s *session) slot(serial string) (uint, error) {
	slots, err := s.ctx.GetSlotList(true)
	if err != nil {
		return 0, err
	}
	var found []uint
	var others []string
	for _, slot := range slots {
		info, err := s.ctx.GetTokenInfo(slot)
		if err != nil {
			continue // such as a token that is being taken out
		}
		label, number := unpad(info.Label), unpad(info.SerialNumber)
		if label == s.place.Label && (serial == "" || number == serial) {
			found, s.serial = append(found, slot), number
		} else if label != "" {
			others = append(others, fmt.Sprintf("%q", label))
		}
	}
	switch {
	case len(found) > 1:
		return 0, fmt.Errorf("%d tokens have the label %q: take the others out", len(found), s.place.Label)
	case len(found) == 1:
		return found[0], nil
	case len(others) > 0:
		return 0, fmt.Errorf("%w: %q; there are %s", ErrNoToken, s.place.Label, strings.Join(others, ", "))
	}
	return 0, fmt.Errorf("%w: %q; there is none", ErrNoToken, s.place.Label)
}

// unpad takes away what fills a field of PKCS #11: spaces, or zeros in the tokens
// of some makers.
func unpad(s string) string { return strings.TrimRight(s, " \x00") }

// login asks for the PIN and gives it to the token, once.
func (s *session) login(slot uint) error {
	state, err := s.ctx.GetSessionInfo(s.handle)
	if err != nil {
		return err
	}
	if state.State == pkcs11.CKS_RW_USER_FUNCTIONS {
		return nil
	}
	if s.has(slot, pkcs11.CKF_USER_PIN_LOCKED) {
		return ErrLocked
	}
	pin, err := s.place.PIN()
	if err != nil {
		return err
	}
	if pin == "" {
		return errors.New("no PIN was given")
	}
	err = s.ctx.Login(s.handle, pkcs11.CKU_USER, pin)
	var code pkcs11.Error
	if !errors.As(err, &code) {
		return err
	}
	switch code {
	case pkcs11.CKR_PIN_INCORRECT, pkcs11.CKR_PIN_INVALID, pkcs11.CKR_PIN_LEN_RANGE:
		switch {
		case s.has(slot, pkcs11.CKF_USER_PIN_LOCKED):
			return fmt.Errorf("%w, and now %w", ErrPIN, ErrLocked)
		case s.has(slot, pkcs11.CKF_USER_PIN_FINAL_TRY):
			return fmt.Errorf("%w; one more locks the token", ErrPIN)
		}
		return ErrPIN
	case pkcs11.CKR_PIN_LOCKED:
		return ErrLocked
	}
	return err
}

// has reports a flag of the token.
func (s *session) has(slot uint, flag uint) bool {
	info, err := s.ctx.GetTokenInfo(slot)
	return err == nil && info.Flags&flag != 0
}

// key returns the one Ed25519 key pair with the attribute.
func (s *session) key(id string, by *pkcs11.Attribute) (*Key, error) {
	handle, err := s.one(pkcs11.CKO_PRIVATE_KEY, by)
	if err != nil {
		return nil, err
	}
	if err := s.checkPrivate(handle); err != nil {
		return nil, err
	}
	keyID, err := s.attribute(handle, pkcs11.CKA_ID)
	if err != nil {
		return nil, err
	}
	pair, err := s.one(pkcs11.CKO_PUBLIC_KEY, pkcs11.NewAttribute(pkcs11.CKA_ID, keyID))
	if err != nil {
		return nil, fmt.Errorf("its public key: %w", err)
	}
	public, err := s.publicKey(pair)
	if err != nil {
		return nil, err
	}
	k := &Key{public: public}
	k.reference = Reference{Issuer: id, Module: s.place.Module, Label: s.place.Label, Serial: s.serial, KeyID: keyID, Public: public}
	k.Signer = &signer{id, public, func(message []byte) ([]byte, error) { return s.sign(handle, message) }}
	return k, k.reference.check()
}

// one returns the one Edwards key of a class with the attribute.
func (s *session) one(class uint, by *pkcs11.Attribute) (pkcs11.ObjectHandle, error) {
	template := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, class),
		pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, keyTypeEdwards),
		by,
	}
	if err := s.ctx.FindObjectsInit(s.handle, template); err != nil {
		return 0, err
	}
	found, _, err := s.ctx.FindObjects(s.handle, 2)
	if err := errors.Join(err, s.ctx.FindObjectsFinal(s.handle)); err != nil {
		return 0, err
	}
	switch len(found) {
	case 0:
		return 0, ErrNoKey
	case 1:
		return found[0], nil
	}
	return 0, errors.New("the token has several Ed25519 keys under that name")
}

func (s *session) attribute(object pkcs11.ObjectHandle, kind uint) ([]byte, error) {
	got, err := s.ctx.GetAttributeValue(s.handle, object, []*pkcs11.Attribute{pkcs11.NewAttribute(kind, nil)})
	if err != nil {
		return nil, err
	}
	return got[0].Value, nil
}

// checkPrivate refuses a key that does not stay in the token.
func (s *session) checkPrivate(object pkcs11.ObjectHandle) error {
	for _, want := range []struct {
		kind  uint
		value byte
	}{{pkcs11.CKA_SENSITIVE, 1}, {pkcs11.CKA_EXTRACTABLE, 0}} {
		got, err := s.attribute(object, want.kind)
		if err != nil {
			return err
		}
		if !bytes.Equal(got, []byte{want.value}) {
			return errors.New("this key can be taken out of the token: it is not one to sign with")
		}
	}
	return nil
}

// publicKey reads CKA_EC_POINT, which is the 32 bytes in a DER OCTET STRING, or
// in the tokens of some makers without it.
func (s *session) publicKey(object pkcs11.ObjectHandle) (issuer.PublicKey, error) {
	curve, err := s.attribute(object, pkcs11.CKA_EC_PARAMS)
	if err != nil {
		return issuer.PublicKey{}, err
	}
	if !bytes.Equal(curve, curveName) && !bytes.Equal(curve, curveOID) {
		return issuer.PublicKey{}, fmt.Errorf("the curve of this key is %x, want edwards25519", curve)
	}
	point, err := s.attribute(object, pkcs11.CKA_EC_POINT)
	if err != nil {
		return issuer.PublicKey{}, err
	}
	var k issuer.PublicKey
	if len(point) == 2+len(k) {
		point, _ = bytes.CutPrefix(point, []byte{0x04, byte(len(k))})
	}
	if len(point) != len(k) {
		return issuer.PublicKey{}, fmt.Errorf("the token has a public key of %d bytes, want %d", len(point), len(k))
	}
	copy(k[:], point)
	return issuer.ParsePublicKey(k.String()) // looks at the point
}

func (s *session) sign(key pkcs11.ObjectHandle, message []byte) ([]byte, error) {
	if err := s.ctx.SignInit(s.handle, []*pkcs11.Mechanism{pkcs11.NewMechanism(mechanismSign, nil)}, key); err != nil {
		return nil, err
	}
	return s.ctx.Sign(s.handle, message)
}

// signer is a note.Signer whose signatures are made by sign.
type signer struct {
	name   string
	public issuer.PublicKey
	sign   func(message []byte) ([]byte, error)
}

func (s *signer) Name() string                        { return s.name }
func (s *signer) KeyHash() uint32                     { return s.public.ID(s.name) }
func (s *signer) Sign(message []byte) ([]byte, error) { return s.sign(message) }
