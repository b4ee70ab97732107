package coinkey

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/address/v2/base58"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
	"github.com/btcsuite/btcd/chaincfg/v2"

	"gradseal/bitcoin"
)

// maxText is the length in bytes of the longest descriptor that is read: room
// for an extended key of 111 characters, its origin, and paths of 30 steps.
const maxText = 512

// ErrUnsupported says that a descriptor is one for something else than a single
// P2WPKH or P2TR address with one key.
var ErrUnsupported = errors.New("unsupported descriptor")

// hardened is the first of the indices of hardened derivation (BIP 32).
const hardened = hdkeychain.HardenedKeyStart

// origin says which key of which wallet a key is: the fingerprint of the
// wallet's master key and the path from there.
type origin struct {
	fingerprint [4]byte
	path        []uint32
}

// expression is the key expression (BIP 380) of a descriptor.
type expression struct {
	origin   *origin                 // nil where none is written
	extended *hdkeychain.ExtendedKey // nil where single is the key
	single   *btcec.PublicKey
	xonly    bool // single was written without its first byte
	path     []uint32
}

// parseDescriptor reads wpkh(KEY)#CHECKSUM or tr(KEY)#CHECKSUM.
func parseDescriptor(text string, n bitcoin.Network) (Type, *expression, error) {
	if len(text) > maxText {
		return 0, nil, fmt.Errorf("malformed descriptor: %d bytes, want at most %d", len(text), maxText)
	}
	text, err := cutChecksum(text)
	if err != nil {
		return 0, nil, err
	}
	name, key, _ := strings.Cut(text, "(")
	key, closed := strings.CutSuffix(key, ")")
	if !closed {
		return 0, nil, errors.New("malformed descriptor: it does not end in a parenthesis")
	}
	t, err := ParseType(name)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: want wpkh(KEY) or tr(KEY)", ErrUnsupported)
	}
	if strings.ContainsAny(key, "({,") {
		return 0, nil, fmt.Errorf("%w: want one key in it and nothing else", ErrUnsupported)
	}
	e, err := parseExpression(key, t, n)
	return t, e, err
}

func parseExpression(text string, t Type, n bitcoin.Network) (*expression, error) {
	e := new(expression)
	if rest, found := strings.CutPrefix(text, "["); found {
		from, key, closed := strings.Cut(rest, "]")
		if !closed {
			return nil, errors.New("malformed descriptor: the key origin does not end in ]")
		}
		var err error
		if e.origin, err = parseOrigin(from); err != nil {
			return nil, err
		}
		text = key
	}
	key, path, steps := strings.Cut(text, "/")
	if err := e.setKey(key, t, n); err != nil {
		return nil, err
	}
	if !steps {
		return e, nil
	}
	if e.extended == nil {
		return nil, errors.New("malformed descriptor: a path behind a key that is not an extended one")
	}
	var err error
	e.path, err = parsePath(path)
	return e, err
}

// setKey reads an extended key, or a public key in hex: 33 bytes, or without
// the first of them in tr().
func (e *expression) setKey(text string, t Type, n bitcoin.Network) (err error) {
	raw, notHex := hex.DecodeString(text)
	if notHex != nil {
		e.extended, err = parseExtended(text, n)
		return err
	}
	if hex.EncodeToString(raw) != text {
		return errors.New("malformed public key: want lower-case hex")
	}
	switch {
	case len(raw) == schnorr.PubKeyBytesLen && t == P2TR:
		e.xonly = true
		e.single, err = schnorr.ParsePubKey(raw)
	case len(raw) == btcec.PubKeyBytesLenCompressed:
		e.single, err = btcec.ParsePubKey(raw)
	default:
		return fmt.Errorf("malformed public key of %d bytes, want %d", len(raw), btcec.PubKeyBytesLenCompressed)
	}
	if err != nil {
		return errors.New("invalid public key: it is no point of the curve")
	}
	return nil
}

// parseExtended reads an extended key of the network (BIP 32): xprv and xpub of
// mainnet, tprv and tpub of all others.
func parseExtended(text string, n bitcoin.Network) (*hdkeychain.ExtendedKey, error) {
	key, err := hdkeychain.NewKeyFromString(text)
	if err != nil || key.String() != text { // the second spelling is that of ignored characters
		return nil, errors.New("malformed key: want an extended key in base58 (xprv…, tprv…, xpub…, tpub…)")
	}
	of := hdVersion(n, key.IsPrivate())
	if got := [4]byte(key.Version()); got != of {
		if got == hdVersion(otherKind(n), key.IsPrivate()) {
			return nil, fmt.Errorf("invalid key: it is one of %s, want one of %s", kind(otherKind(n)), kind(n))
		}
		return nil, fmt.Errorf("%w: want a key that begins with xprv, tprv, xpub or tpub", ErrUnsupported)
	}
	if key.Depth() == 0 && (key.ParentFingerprint() != 0 || key.ChildIndex() != 0) {
		return nil, errors.New("invalid key: a master key that has a parent")
	}
	return key, nil
}

func hdVersion(n bitcoin.Network, private bool) [4]byte {
	if private {
		return params(n).HDPrivateKeyID
	}
	return params(n).HDPublicKeyID
}

// otherKind is a network whose extended keys and WIF are not those of n.
func otherKind(n bitcoin.Network) bitcoin.Network {
	if n.IsTest() {
		return bitcoin.Mainnet
	}
	return bitcoin.Regtest
}

func kind(n bitcoin.Network) string {
	if n.IsTest() {
		return "the test networks"
	}
	return n.String()
}

// params are the address parameters of a network. They are all that is used of
// them.
func params(n bitcoin.Network) *chaincfg.Params {
	switch n {
	case bitcoin.Mainnet:
		return &chaincfg.MainNetParams
	case bitcoin.Testnet3:
		return &chaincfg.TestNet3Params
	case bitcoin.Testnet4:
		return &chaincfg.TestNet4Params
	case bitcoin.Signet:
		return &chaincfg.SigNetParams
	case bitcoin.Regtest:
		return &chaincfg.RegressionNetParams
	}
	panic("coinkey: " + n.String())
}

// parseOrigin reads what is between the brackets: FINGERPRINT/STEP/STEP…
func parseOrigin(text string) (*origin, error) {
	fingerprint, path, steps := strings.Cut(text, "/")
	o := new(origin)
	raw, err := hex.DecodeString(fingerprint)
	if err != nil || len(raw) != len(o.fingerprint) {
		return nil, errors.New("malformed key origin: want a fingerprint of 8 hex digits")
	}
	o.fingerprint = [4]byte(raw)
	if steps {
		o.path, err = parsePath(path)
	}
	return o, err
}

// parsePath reads steps such as 84h/1h/0h/0/0, at least one.
func parsePath(text string) ([]uint32, error) {
	var path []uint32
	for step := range strings.SplitSeq(text, "/") {
		if strings.ContainsAny(step, "*<>;") {
			return nil, fmt.Errorf("%w: it is for many addresses; write the number of one, such as /0, in place of %s", ErrUnsupported, step)
		}
		digits := strings.TrimRight(step, "h'")
		index, err := strconv.ParseUint(digits, 10, 31)
		if err != nil || strconv.FormatUint(index, 10) != digits || len(step)-len(digits) > 1 {
			return nil, errors.New("malformed path: want numbers from 0 to 2147483647, each with at most one h or ' behind it")
		}
		if digits != step {
			index += hardened
		}
		path = append(path, uint32(index))
	}
	return path, nil
}

// formatPath writes a path as parsePath reads it, with a slash before each step.
func formatPath(path []uint32) string {
	var b strings.Builder
	for _, step := range path {
		fmt.Fprintf(&b, "/%d", step&^hardened)
		if step >= hardened {
			b.WriteByte('h')
		}
	}
	return b.String()
}

// isPrivate tells whether the expression holds a secret.
func (e *expression) isPrivate() bool { return e.extended != nil && e.extended.IsPrivate() }

// derive follows steps of the path.
func derive(key *hdkeychain.ExtendedKey, path []uint32) (*hdkeychain.ExtendedKey, error) {
	var err error
	for _, step := range path {
		if key, err = key.Derive(step); err != nil {
			return nil, fmt.Errorf("the key has no child at %s: %w", formatPath([]uint32{step}), err)
		}
	}
	return key, nil
}

// public is the expression without secrets. Hardened steps need the secret key,
// so that all up to the last of them move into the origin.
func (e *expression) public() (*expression, error) {
	if e.extended == nil {
		return e, nil
	}
	split := 0
	for i, step := range e.path {
		if step >= hardened {
			split = i + 1
		}
	}
	at, err := derive(e.extended, e.path[:split])
	if err != nil {
		return nil, err
	}
	if at, err = at.Neuter(); err != nil {
		return nil, err
	}
	out := &expression{origin: e.origin, extended: at, path: e.path[split:]}
	if split == 0 {
		return out, nil
	}
	from, err := e.from()
	if err != nil {
		return nil, err
	}
	out.origin = &origin{from.fingerprint, from.path[:len(from.path)-len(out.path)]}
	return out, nil
}

// from is the origin of the key itself. An extended key that says of no origin
// is taken for a master key, and a single one for the only key of its wallet,
// as Bitcoin Core does.
func (e *expression) from() (*origin, error) {
	o := new(origin)
	if e.origin != nil {
		*o = *e.origin
	} else {
		first := e.single
		if e.extended != nil {
			var err error
			if first, err = e.extended.ECPubKey(); err != nil {
				return nil, err
			}
		}
		o.fingerprint = [4]byte(address.Hash160(first.SerializeCompressed()))
	}
	o.path = append(o.path[:len(o.path):len(o.path)], e.path...)
	return o, nil
}

// String is the expression as it is parsed. It shows the secret of one that
// holds a secret.
func (e *expression) String() string {
	var b strings.Builder
	if e.origin != nil {
		fmt.Fprintf(&b, "[%x%s]", e.origin.fingerprint, formatPath(e.origin.path))
	}
	switch {
	case e.extended != nil:
		b.WriteString(e.extended.String())
	case e.xonly:
		fmt.Fprintf(&b, "%x", schnorr.SerializePubKey(e.single))
	default:
		fmt.Fprintf(&b, "%x", e.single.SerializeCompressed())
	}
	return b.String() + formatPath(e.path)
}

// wif reads a secret key in the Wallet Import Format: the byte of the network,
// the key, the byte that says that its public key is a compressed one, and a
// checksum, in base58.
func wif(text string, n bitcoin.Network) (*btcec.PrivateKey, error) {
	payload, version, err := base58.CheckDecode(text)
	malformed := err != nil || base58.CheckEncode(payload, version) != text
	switch want, other := params(n).PrivateKeyID, params(otherKind(n)).PrivateKeyID; {
	case malformed || version != want && version != other:
		return nil, errors.New("malformed key: want a descriptor with its checksum, or a key in WIF")
	case version != want:
		return nil, fmt.Errorf("invalid key: it is one of %s, want one of %s", kind(otherKind(n)), kind(n))
	case len(payload) == btcec.PrivKeyBytesLen:
		return nil, errors.New("unsupported key: it is for an uncompressed public key, which no witness program can have")
	case len(payload) != btcec.PrivKeyBytesLen+1 || payload[btcec.PrivKeyBytesLen] != 1:
		return nil, errors.New("malformed key: not of the length of a key in WIF")
	}
	var scalar btcec.ModNScalar
	if overflow := scalar.SetByteSlice(payload[:btcec.PrivKeyBytesLen]); overflow || scalar.IsZero() {
		return nil, errors.New("invalid key: its number is out of range")
	}
	return btcec.PrivKeyFromScalar(&scalar), nil
}
