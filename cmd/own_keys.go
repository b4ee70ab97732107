package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"gradseal/issuer"
	"gradseal/keys"
	"gradseal/keys/token"
)

// The ends of the names of secret keys: of a file with the key, and of one that
// says in which token the key is.
const (
	keySuffix   = ".key"
	tokenSuffix = ".token"
)

// ownKey is a secret key in this home, or in a token that this home knows. Over
// time an issuer has several.
type ownKey struct {
	path   string
	issuer string
	// keyID is in the names of all but the first key of an issuer; of that one it
	// is in the issuer file beside it. Where not even that is there, it is not
	// known until the key is opened.
	keyID uint32
	known bool
}

func (k ownKey) inToken() bool { return strings.HasSuffix(k.path, tokenSuffix) }

// in returns the key as it stands in a set.
func (k ownKey) in(set []issuer.Key) (issuer.Key, bool) {
	i := slices.IndexFunc(set, func(other issuer.Key) bool { return k.known && other.Public.ID(k.issuer) == k.keyID })
	if i < 0 {
		return issuer.Key{}, false
	}
	return set[i], true
}

// ownKeys returns all keys of this home, ordered by their names.
func (a *app) ownKeys() ([]ownKey, error) {
	names, err := os.ReadDir(a.home.keyDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var own []ownKey
	for _, name := range names {
		k, ok := parseKeyName(name.Name())
		if !ok {
			continue
		}
		k.path = filepath.Join(a.home.keyDir(), name.Name())
		if !k.known {
			k.keyID, k.known = a.firstKeyID(k.issuer)
		}
		own = append(own, k)
	}
	return own, nil
}

// parseKeyName takes id_ISSUER[+KEYID].key or .token apart.
func parseKeyName(name string) (k ownKey, ok bool) {
	name, ok = strings.CutPrefix(name, keyPrefix)
	if !ok {
		return ownKey{}, false
	}
	stem, ok := strings.CutSuffix(name, keySuffix)
	if !ok {
		if stem, ok = strings.CutSuffix(name, tokenSuffix); !ok {
			return ownKey{}, false
		}
	}
	slug, hex, later := strings.Cut(stem, "+")
	k.issuer = strings.ReplaceAll(slug, "_", "/")
	if !later {
		return k, true
	}
	id, err := strconv.ParseUint(hex, 16, 32)
	k.keyID, k.known = uint32(id), true
	return k, err == nil && fmt.Sprintf("%08x", id) == hex
}

// firstKeyID is the key id of the key that "issuer create" made, from the issuer
// file that it wrote before: the first key in it.
func (a *app) firstKeyID(id string) (keyID uint32, known bool) {
	data, err := os.ReadFile(a.home.ownIssuerFile(id))
	if err != nil {
		return 0, false
	}
	f, err := issuer.ParseFile(data)
	if err != nil || f.ID != id {
		return 0, false
	}
	return f.Sets[0].Keys[0].Public.ID(id), true
}

// keysOf returns the keys of this home for an issuer.
func (a *app) keysOf(id string) ([]ownKey, error) {
	all, err := a.ownKeys()
	return slices.DeleteFunc(all, func(k ownKey) bool { return k.issuer != id }), err
}

// ownIssuers returns the ids of the issuers whose keys are in this home.
func (a *app) ownIssuers() ([]string, error) {
	all, err := a.ownKeys()
	var ids []string
	for _, k := range all {
		ids = append(ids, k.issuer)
	}
	slices.Sort(ids)
	return slices.Compact(ids), err
}

// readKeys opens the keys of this home that are in the issuer's key set in force.
func (a *app) readKeys(ctx context.Context, f *issuer.File, passphraseFile string) ([]keys.Signer, error) {
	own, err := a.keysOf(f.ID)
	if err != nil {
		return nil, err
	}
	var signers []keys.Signer
	if set := f.InForce(time.Now()); set != nil {
		for _, k := range own {
			s, err := a.openOwnKey(ctx, k, set.Keys, passphraseFile)
			if err != nil {
				return nil, err
			}
			if s != nil {
				signers = append(signers, s)
			}
		}
	}
	if len(signers) == 0 {
		return nil, errNoKeyInForce(f, own)
	}
	return signers, nil
}

// openOwnKey opens a key of this home that is in the set, and returns nil for one
// that is not.
func (a *app) openOwnKey(ctx context.Context, k ownKey, set []issuer.Key, passphraseFile string) (keys.Signer, error) {
	key, ok := k.in(set)
	if k.known && !ok {
		return nil, nil
	}
	s, err := a.readKey(ctx, k, key.Holder, passphraseFile)
	if err != nil {
		return nil, err
	}
	public := s.PublicKey()
	if !slices.ContainsFunc(set, func(other issuer.Key) bool { return other.Public == public }) {
		return nil, nil
	}
	return s, nil
}

// errNoKeyInForce says which keys of the issuer this home has, and what became
// of them.
func errNoKeyInForce(f *issuer.File, own []ownKey) error {
	var have []string
	for _, k := range own {
		have = append(have, k.inFile(f))
	}
	if len(have) == 0 {
		return hinted(fmt.Errorf("this home has no key of %s", f.ID), "an officer's key is made with: gradseal issuer key")
	}
	return hinted(fmt.Errorf("no key of this home signs for %s now: %s", f.ID, strings.Join(have, "; ")),
		"look at: gradseal issuer show %s. If a newer issuer file is published, add it: gradseal trust add PACK", f.ID)
}

// inFile says where an issuer file has the key.
func (k ownKey) inFile(f *issuer.File) string {
	name := filepath.Base(k.path)
	for _, set := range slices.Backward(f.Sets) {
		key, ok := k.in(set.Keys)
		switch {
		case !ok:
		case set.Until.IsZero():
			return fmt.Sprintf("%s, %s, is in force from %s", name, quoted(key.Holder), set.From.Format(time.RFC3339))
		default:
			return fmt.Sprintf("%s, %s, was in force until %s", name, quoted(key.Holder), set.Until.Format(time.RFC3339))
		}
	}
	return fmt.Sprintf("%s is not in issuer file %d", name, f.Sequence)
}

// readKey opens a key. The holder's name is for the question; empty where it is
// not known.
func (a *app) readKey(ctx context.Context, k ownKey, holder, passphraseFile string) (keys.Signer, error) {
	of := "the signing key of " + k.issuer
	if holder != "" {
		of += ", " + quoted(holder)
	}
	if k.inToken() {
		return a.openToken(ctx, k, of, passphraseFile)
	}
	key, err := a.readKeyFile(ctx, k.path, of, passphraseFile)
	if err != nil {
		return nil, err
	}
	if key.Name() != k.issuer || k.known && key.KeyHash() != k.keyID {
		return nil, fmt.Errorf("%s: holds key %08x of %s", k.path, key.KeyHash(), key.Name())
	}
	return key, nil
}

// readKeyFile opens a key file. Somebody who types the passphrase has three
// tries.
func (a *app) readKeyFile(ctx context.Context, path, of, passphraseFile string) (*keys.Key, error) {
	ask := func() (string, error) { return a.secretOf(ctx, "Passphrase of "+of, "passphrase", passphraseFile) }
	key, err := keys.Read(path, ask)
	for range 2 {
		if passphraseFile != "" || !errors.Is(err, keys.ErrPassphrase) {
			break
		}
		a.ui.warn("that is not the passphrase of this key")
		key, err = keys.Read(path, ask)
	}
	if errors.Is(err, keys.ErrPassphrase) {
		return nil, hinted(err, "it is the one that was chosen when the key was made. If it is lost: gradseal issuer close-key --help")
	}
	return key, err
}

// secretOf takes a passphrase or a PIN from a file, or asks for it.
func (a *app) secretOf(ctx context.Context, question, what, file string) (string, error) {
	if file != "" {
		return readPassphraseFile(file)
	}
	p, err := a.ui.askSecret(ctx, question+": ")
	if errors.Is(err, errNoTerminal) {
		err = hinted(fmt.Errorf("needs a %s, and there is no terminal to ask at", what), "give --passphrase-file FILE")
	}
	return p, err
}

// openToken opens a key in a token. A wrong PIN is not tried again: after a few
// of them a token locks itself.
func (a *app) openToken(ctx context.Context, k ownKey, of, pinFile string) (keys.Signer, error) {
	data, err := readCapped(k.path, token.MaxReference)
	if err != nil {
		return nil, err
	}
	ref, err := token.ParseReference(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.path, err)
	}
	if ref.Issuer != k.issuer || k.known && ref.Public.ID(ref.Issuer) != k.keyID {
		return nil, fmt.Errorf("%s: is of key %08x of %s", k.path, ref.Public.ID(ref.Issuer), ref.Issuer)
	}
	s, err := token.Open(ref, func() (string, error) {
		return a.secretOf(ctx, fmt.Sprintf("PIN of the token %s, which has %s", quoted(ref.Label), of), "PIN", pinFile)
	})
	if errors.Is(err, token.ErrPIN) {
		err = hinted(err, "it was tried once: after a few wrong PINs a token locks itself. Be sure of the PIN before you run this again")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.path, err)
	}
	return s, nil
}
