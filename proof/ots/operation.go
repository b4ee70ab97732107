package ots

import (
	"bytes"
	"cmp"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"

	//lint:ignore SA1019 the format has it, and no other package computes it
	"golang.org/x/crypto/ripemd160"
	"golang.org/x/crypto/sha3"
)

// The tags of operations.
const (
	tagSHA1      = 0x02
	tagRIPEMD160 = 0x03
	tagSHA256    = 0x08
	tagKeccak256 = 0x67
	tagAppend    = 0xf0
	tagPrepend   = 0xf1
	tagReverse   = 0xf2
	tagHexlify   = 0xf3
)

// Operation makes a message of another. Its zero value is none.
type Operation struct {
	Tag byte
	Arg string // 1 to MaxMessage bytes, of Append and Prepend; else empty
}

// The operations without argument.
var (
	SHA256    = Operation{Tag: tagSHA256}
	SHA1      = Operation{Tag: tagSHA1}
	RIPEMD160 = Operation{Tag: tagRIPEMD160}
	Keccak256 = Operation{Tag: tagKeccak256} // the original padding, as Ethereum's
	Reverse   = Operation{Tag: tagReverse}
	Hexlify   = Operation{Tag: tagHexlify}
)

// Append is the operation that puts b behind a message.
func Append(b []byte) Operation { return Operation{tagAppend, string(b)} }

// Prepend is the operation that puts b before a message.
func Prepend(b []byte) Operation { return Operation{tagPrepend, string(b)} }

// names are those of the reference implementation.
var names = map[byte]string{
	tagSHA1: "sha1", tagRIPEMD160: "ripemd160", tagSHA256: "sha256", tagKeccak256: "keccak256",
	tagAppend: "append", tagPrepend: "prepend", tagReverse: "reverse", tagHexlify: "hexlify",
}

// Name is the operation's name, without its argument.
func (o Operation) Name() string {
	return cmp.Or(names[o.Tag], fmt.Sprintf("unknown operation %#02x", o.Tag))
}

// String is the name, and the argument in hex.
func (o Operation) String() string {
	if o.Arg == "" {
		return o.Name()
	}
	return o.Name() + " " + hex.EncodeToString([]byte(o.Arg))
}

// IsCommitment reports whether the operation keeps whoever knows the result from
// finding another message for it, today: what a proof file may contain.
func (o Operation) IsCommitment() bool {
	return o.Tag == tagSHA256 || o.takesArgument()
}

func (o Operation) takesArgument() bool { return o.Tag == tagAppend || o.Tag == tagPrepend }

// compare gives the canonical order: by tag, then by argument.
func (o Operation) compare(with Operation) int {
	return cmp.Or(cmp.Compare(o.Tag, with.Tag), cmp.Compare(o.Arg, with.Arg))
}

// New returns the hash of an operation that is one; nil for any other.
func (o Operation) New() hash.Hash {
	switch o.Tag {
	case tagSHA1:
		return sha1.New()
	case tagRIPEMD160:
		return ripemd160.New()
	case tagSHA256:
		return sha256.New()
	case tagKeccak256:
		return sha3.NewLegacyKeccak256()
	}
	return nil
}

// digestSize is the length in bytes of what a hash gives; 0 for other operations.
func (o Operation) digestSize() int {
	switch o.Tag {
	case tagSHA1, tagRIPEMD160:
		return 20
	case tagSHA256, tagKeccak256:
		return 32
	}
	return 0
}

// resultSize is the length of the result for a message of size bytes.
func (o Operation) resultSize(size int) (int, error) {
	result := size
	if _, known := names[o.Tag]; known && o.takesArgument() != (o.Arg != "") {
		return 0, malformed("%s has an argument of %d bytes", o.Name(), len(o.Arg))
	}
	switch {
	case o.digestSize() > 0:
		result = o.digestSize()
	case o.takesArgument():
		result = size + len(o.Arg)
	case o.Tag == tagHexlify:
		result = 2 * size
	case o.Tag != tagReverse:
		return 0, fmt.Errorf("%w: operation %#02x", ErrUnknown, o.Tag)
	}
	if size < 1 || size > MaxMessage || result > MaxMessage {
		return 0, malformed("%s makes a message of %d bytes of one of %d, want 1 to %d", o.Name(), result, size, MaxMessage)
	}
	return result, nil
}

// Apply returns what the operation makes of the message. It fails where message
// or result are longer than the format allows.
func (o Operation) Apply(message []byte) ([]byte, error) {
	if _, err := o.resultSize(len(message)); err != nil {
		return nil, err
	}
	switch o.Tag {
	case tagAppend:
		return append(bytes.Clone(message), o.Arg...), nil
	case tagPrepend:
		return append([]byte(o.Arg), message...), nil
	case tagReverse:
		reversed := bytes.Clone(message)
		slices.Reverse(reversed)
		return reversed, nil
	case tagHexlify:
		return hex.AppendEncode(nil, message), nil
	case tagSHA256:
		h := sha256.Sum256(message)
		return h[:], nil
	}
	h := o.New()
	h.Write(message)
	return h.Sum(nil), nil
}
