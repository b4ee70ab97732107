// Package coinkey holds the key to the registrar's coins: one secret key, the
// output script that it can spend, and the file it is kept in.
//
// It is written as an output descriptor with its checksum (BIP 380): wpkh(KEY)
// for P2WPKH (BIP 382) or tr(KEY) for P2TR, spent by the key alone (BIP 386, the
// key tweaked as BIP 86 has it), where KEY is an extended secret key with an
// optional origin and a path; or as a key in WIF, which means wpkh. Everything
// else is ErrUnsupported: scripts, several keys, and descriptors of more than
// one address. All anchors of a registrar use the one address, so that there is
// one thing to look at and to fill up; there is nobody to hide from, as each
// names the issuer anyway.
//
// It is not the key of the issuer. Whoever steals the coins can spend them, and
// cannot forge a transcript.
//
// No secret is in an error, nor in what fmt prints of a Key.
package coinkey

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
	"github.com/btcsuite/btcd/txscript/v2"

	"gradseal/bitcoin"
)

// Type is the kind of output that a key can spend.
type Type uint8

// The types, by the name of their descriptors.
const (
	P2WPKH Type = iota + 1 // wpkh
	P2TR                   // tr
)

// ParseType reads "wpkh" or "tr".
func ParseType(name string) (Type, error) {
	for _, t := range []Type{P2WPKH, P2TR} {
		if t.String() == name {
			return t, nil
		}
	}
	return 0, fmt.Errorf("unknown type of output, want %s or %s", P2WPKH, P2TR)
}

// String is the name that ParseType takes.
func (t Type) String() string {
	switch t {
	case P2WPKH:
		return "wpkh"
	case P2TR:
		return "tr"
	}
	return fmt.Sprintf("unknown type %d", uint8(t))
}

// Script is the output script that the owner of the key can spend: 22 bytes of
// P2WPKH (BIP 141), or 34 of P2TR (BIP 341) with the key tweaked by no script
// (BIP 86).
func (t Type) Script(key *btcec.PublicKey) []byte {
	switch t {
	case P2WPKH:
		return append([]byte{txscript.OP_0, txscript.OP_DATA_20}, address.Hash160(key.SerializeCompressed())...)
	case P2TR:
		out := txscript.ComputeTaprootKeyNoScript(key)
		return append([]byte{txscript.OP_1, txscript.OP_DATA_32}, schnorr.SerializePubKey(out)...)
	}
	panic("coinkey: " + t.String())
}

// purpose is the first step of the path of a key (BIP 84, BIP 86), without its
// mark as hardened.
func (t Type) purpose() uint32 {
	if t == P2TR {
		return 86
	}
	return 84
}

// Key is a secret key for one address.
type Key struct {
	public  *Public
	private *btcec.PrivateKey
	text    string // descriptor or WIF
}

// ErrPublic is the error of Parse for what ParsePublic reads.
var ErrPublic = errors.New("the descriptor holds a public key, want the secret one (xprv… or tprv…)")

// Parse reads the secret descriptor, or WIF, of a key of the network.
func Parse(text string, n bitcoin.Network) (*Key, error) {
	if strings.ContainsAny(text, "()#") {
		return parseSecret(text, n)
	}
	private, err := wif(text, n)
	if err != nil {
		return nil, err
	}
	public, err := newPublic(P2WPKH, &expression{single: private.PubKey()}, n)
	if err != nil {
		return nil, err
	}
	return &Key{public: public, private: private, text: text}, nil
}

func parseSecret(text string, n bitcoin.Network) (*Key, error) {
	t, e, err := parseDescriptor(text, n)
	if err != nil {
		return nil, err
	}
	if !e.isPrivate() {
		return nil, ErrPublic
	}
	key, err := derive(e.extended, e.path)
	if err != nil {
		return nil, err
	}
	private, err := key.ECPrivKey()
	if err != nil {
		return nil, err
	}
	public, err := newPublic(t, e, n)
	if err != nil {
		return nil, err
	}
	return &Key{public: public, private: private, text: text}, nil
}

// Generate makes a key from the system's random source: a master key of 256
// bits, of which the first address is used, at m/84h/0h/0h/0/0 for wpkh and
// m/86h/0h/0h/0/0 for tr, with 1h in the second place on test networks.
func Generate(t Type, n bitcoin.Network) (*Key, error) {
	var seed [32]byte
	rand.Read(seed[:]) // never fails
	master, err := hdkeychain.NewMaster(seed[:], params(n))
	if err != nil {
		return nil, err
	}
	path := []uint32{hardened + t.purpose(), hardened, hardened, 0, 0}
	if n.IsTest() {
		path[1]++
	}
	e := &expression{extended: master, path: path}
	return parseSecret(withChecksum(t.String()+"("+e.String()+")"), n)
}

// Public is the key without its secret.
func (k *Key) Public() *Public { return k.public }

// Private is the secret key, before any tweak.
func (k *Key) Private() *btcec.PrivateKey { return k.private }

// Format keeps a key that is printed by mistake from showing its secret.
func (k Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, "coin key") }
