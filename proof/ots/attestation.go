package ots

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"fmt"
	"strings"
)

// Tag says of what kind an attestation is.
type Tag [8]byte

// The kinds that this package can read.
var (
	TagPending  = Tag{0x83, 0xdf, 0xe3, 0x0d, 0x2e, 0xf9, 0x0c, 0x8e} // a calendar will have it
	TagBitcoin  = Tag{0x05, 0x88, 0x96, 0x0d, 0x73, 0xd7, 0x19, 0x01} // the message is the Merkle root of a block
	TagLitecoin = Tag{0x06, 0x86, 0x9a, 0x0d, 0x73, 0xd7, 0x1b, 0x45} // the same, of Litecoin
)

// Attestation says when a message existed. Of a kind that is not known here it
// is kept as it is.
type Attestation struct {
	Tag     Tag
	Payload string // 0 to MaxPayload bytes; URI and Height read it
}

// Pending is the attestation of a calendar that has not anchored the message yet.
func Pending(uri string) Attestation {
	return Attestation{TagPending, string(append(appendUint(nil, uint64(len(uri))), uri...))}
}

// Bitcoin is the attestation that the message is the Merkle root of the block
// at a height. The format names no network.
func Bitcoin(height uint64) Attestation {
	return Attestation{TagBitcoin, string(appendUint(nil, height))}
}

// URI is that of the calendar in a pending attestation, and false of any other.
func (a Attestation) URI() (string, bool) {
	if a.Tag != TagPending {
		return "", false
	}
	r := &reader{[]byte(a.Payload)}
	uri, err := r.bytes(0, MaxURI)
	if err != nil || r.end() != nil || !isURI(uri) {
		return "", false
	}
	return string(uri), true
}

// Height is that of the block of a Bitcoin or a Litecoin attestation, and false
// of any other.
func (a Attestation) Height() (uint64, bool) {
	if a.Tag != TagBitcoin && a.Tag != TagLitecoin {
		return 0, false
	}
	r := &reader{[]byte(a.Payload)}
	height, err := r.uint()
	if err != nil || r.end() != nil {
		return 0, false
	}
	return height, true
}

// BitcoinHeight is Height of a Bitcoin attestation only.
func (a Attestation) BitcoinHeight() (uint64, bool) {
	if a.Tag != TagBitcoin {
		return 0, false
	}
	return a.Height()
}

// String says of what kind it is, and of which block or calendar.
func (a Attestation) String() string {
	if uri, ok := a.URI(); ok {
		return "pending at " + uri
	}
	if height, ok := a.Height(); ok {
		chain := "Bitcoin"
		if a.Tag == TagLitecoin {
			chain = "Litecoin"
		}
		return fmt.Sprintf("%s block %d", chain, height)
	}
	return "unknown attestation " + hex.EncodeToString(a.Tag[:])
}

// check refuses a payload that is not as its kind has it.
func (a Attestation) check() error {
	if len(a.Payload) > MaxPayload {
		return malformed("an attestation has %d bytes, want at most %d", len(a.Payload), MaxPayload)
	}
	switch a.Tag {
	case TagPending:
		if _, ok := a.URI(); !ok {
			return malformed("the pending attestation has no URI of a calendar")
		}
	case TagBitcoin, TagLitecoin:
		if _, ok := a.Height(); !ok {
			return malformed("the block attestation has no height")
		}
	}
	return nil
}

// compare gives the canonical order: by kind, then by height, URI or payload.
func (a Attestation) compare(with Attestation) int {
	if a.Tag != with.Tag {
		return bytes.Compare(a.Tag[:], with.Tag[:])
	}
	if x, ok := a.Height(); ok {
		y, _ := with.Height()
		return cmp.Compare(x, y)
	}
	if x, ok := a.URI(); ok {
		y, _ := with.URI()
		return cmp.Compare(x, y)
	}
	return cmp.Compare(a.Payload, with.Payload)
}

// isURI reports whether a URI has only characters that the format allows: none
// for queries, passwords, escapes.
func isURI(uri []byte) bool {
	const marks = "-._/:"
	for _, c := range uri {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && !strings.ContainsRune(marks, rune(c)) {
			return false
		}
	}
	return true
}
