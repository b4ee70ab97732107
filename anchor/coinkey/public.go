package coinkey

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/txscript/v2"

	"gradseal/bitcoin"
)

// Public is an address of a network, with what is known of its key but the
// secret. It is enough to look for coins, and to ask another signer.
type Public struct {
	network bitcoin.Network
	typ     Type
	script  []byte
	text    string           // descriptor, or address
	key     *btcec.PublicKey // nil where only the address is known
	origin  origin           // of key
}

// ParsePublic reads what there is to know of a key whose secret is elsewhere:
// wpkh(KEY) or tr(KEY) with the checksum (BIP 380), where KEY is xpub… or tpub…
// with optional origin and a path, or a public key in hex; or an address of a
// witness public key hash or a taproot output. A descriptor with a secret in it
// is an error.
func ParsePublic(text string, n bitcoin.Network) (*Public, error) {
	if !strings.ContainsAny(text, "()#") {
		return parseAddress(text, n)
	}
	t, e, err := parseDescriptor(text, n)
	if err != nil {
		return nil, err
	}
	if e.isPrivate() {
		return nil, errors.New("the descriptor holds a secret key, want the public one (xpub… or tpub…)")
	}
	if slices.ContainsFunc(e.path, func(step uint32) bool { return step >= hardened }) {
		return nil, errors.New("invalid descriptor: a public key has no hardened children")
	}
	return newPublic(t, e, n)
}

// newPublic takes the secret out of e, where it has one.
func newPublic(t Type, e *expression, n bitcoin.Network) (*Public, error) {
	e, err := e.public()
	if err != nil {
		return nil, err
	}
	key := e.single
	if e.extended != nil {
		last, err := derive(e.extended, e.path)
		if err != nil {
			return nil, err
		}
		if key, err = last.ECPubKey(); err != nil {
			return nil, err
		}
	}
	from, err := e.from()
	if err != nil {
		return nil, err
	}
	text := withChecksum(t.String() + "(" + e.String() + ")")
	return &Public{network: n, typ: t, script: t.Script(key), text: text, key: key, origin: *from}, nil
}

// parseAddress reads an address in Bech32 (BIP 173) or Bech32m (BIP 350).
func parseAddress(text string, n bitcoin.Network) (*Public, error) {
	a, err := address.DecodeAddress(text, params(n))
	if err != nil {
		return nil, fmt.Errorf("malformed address: %w", err)
	}
	p := &Public{network: n, text: text}
	switch a.(type) {
	case *address.AddressWitnessPubKeyHash:
		p.typ = P2WPKH
	case *address.AddressTaproot:
		p.typ = P2TR
	default:
		return nil, errors.New("unsupported address, want one of a witness public key hash (wpkh) or of taproot (tr)")
	}
	if p.script, err = txscript.PayToAddrScript(a); err != nil {
		return nil, err
	}
	if !a.IsForNet(params(n)) {
		return nil, fmt.Errorf("invalid address: it is none of %s", n)
	}
	if text != p.Address() {
		return nil, errors.New("malformed address: want it in lower case")
	}
	return p, nil
}

// Network is where the coins are.
func (p *Public) Network() bitcoin.Network { return p.network }

// Type is the kind of output.
func (p *Public) Type() Type { return p.typ }

// Script is the output script.
func (p *Public) Script() []byte { return slices.Clone(p.script) }

// String is the descriptor with its checksum, or the address, as ParsePublic
// reads it.
func (p *Public) String() string { return p.text }

// Address is the address of the script: in Bech32 (BIP 173) for P2WPKH, in
// Bech32m (BIP 350) for P2TR.
func (p *Public) Address() string {
	program := p.script[2:]
	var a address.Address
	var err error
	if p.typ == P2TR {
		a, err = address.NewAddressTaproot(program, params(p.network))
	} else {
		a, err = address.NewAddressWitnessPubKeyHash(program, params(p.network))
	}
	if err != nil {
		panic("coinkey: " + err.Error()) // the length is that of the type
	}
	return a.EncodeAddress()
}

// PublicKey is the public key before any tweak; nil where only the address is
// known.
func (p *Public) PublicKey() *btcec.PublicKey { return p.key }

// Origin is where a wallet finds the key: the fingerprint of its master key and
// the path from there (BIP 32), both empty where only the address is known.
func (p *Public) Origin() (fingerprint [4]byte, path []uint32) {
	return p.origin.fingerprint, slices.Clone(p.origin.path)
}
