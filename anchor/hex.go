package anchor

import (
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"

	"gradseal/bitcoin"
)

// ParseHexTransaction reads any transaction in hex, as nodes write it, and
// returns it without its witness, with its id. It checks that counts and lengths
// end where the bytes do, and nothing else.
func ParseHexTransaction(text string) (stripped []byte, id bitcoin.Hash, err error) {
	raw, err := hex.DecodeString(text)
	if err == nil {
		stripped, err = strip(raw)
	}
	if err != nil {
		return nil, bitcoin.Hash{}, fmt.Errorf("malformed transaction: %w", err)
	}
	return stripped, bitcoin.Hash(chainhash.DoubleHashH(stripped)), nil
}

// strip takes marker, flag and witnesses out (BIP 144). It allocates no more
// than the bytes it is given, whatever their counts say; the decoder of package
// wire does.
func strip(raw []byte) ([]byte, error) {
	r := &reader{left: raw}
	version := r.take(4)
	witness := len(r.left) >= segwitMarker && r.left[0] == 0 && r.left[1] == 1
	if witness {
		r.skip(segwitMarker)
	}
	body := r.left
	inputs := r.body()
	body = body[:len(body)-len(r.left)]
	for i := uint64(0); witness && i < inputs; i++ {
		for range r.count(minItem) {
			r.skipString()
		}
	}
	lockTime := r.take(4)
	if err := r.end(); err != nil {
		return nil, err
	}
	return slices.Concat(version, body, lockTime), nil
}

// ParseHexHeader reads a block header in hex, as nodes write it.
func ParseHexHeader(text string) (bitcoin.Header, error) {
	if len(text) != 2*bitcoin.HeaderSize {
		return bitcoin.Header{}, fmt.Errorf("malformed block header: %d characters, want %d", len(text), 2*bitcoin.HeaderSize)
	}
	b, err := hex.DecodeString(text)
	if err != nil {
		return bitcoin.Header{}, fmt.Errorf("malformed block header: %w", err)
	}
	return bitcoin.ParseHeader(b)
}
