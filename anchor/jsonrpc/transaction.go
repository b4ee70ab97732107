package jsonrpc

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"

	"gradseal/bitcoin"
)

// ParseTransaction reads any transaction in hex and returns it without its
// witness, with its id. It checks that counts and lengths end where the bytes
// do, and nothing else.
func ParseTransaction(text string) (stripped []byte, id bitcoin.Hash, err error) {
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, bitcoin.Hash{}, fmt.Errorf("malformed transaction: %w", err)
	}
	stripped, err = strip(raw)
	if err != nil {
		return nil, bitcoin.Hash{}, fmt.Errorf("malformed transaction: %w", err)
	}
	return stripped, bitcoin.Hash(chainhash.DoubleHashH(stripped)), nil
}

// strip takes marker, flag and witnesses out (BIP 144). It allocates no more
// than the bytes it is given, whatever their counts say; the decoder of package
// wire does.
func strip(raw []byte) ([]byte, error) {
	r := &walker{raw: raw}
	r.skip(4) // version
	witness := len(raw) > 5 && raw[4] == 0 && raw[5] == 1
	if witness {
		r.skip(2)
	}
	begin := r.at
	inputs := r.number()
	for i := uint64(0); i < inputs && r.err == nil; i++ {
		r.skip(36) // outpoint
		r.skip(r.number())
		r.skip(4) // sequence
	}
	outputs := r.number()
	for i := uint64(0); i < outputs && r.err == nil; i++ {
		r.skip(8) // value
		r.skip(r.number())
	}
	end := r.at
	for i := uint64(0); witness && i < inputs && r.err == nil; i++ {
		items := r.number()
		for j := uint64(0); j < items && r.err == nil; j++ {
			r.skip(r.number())
		}
	}
	lockTime := r.at
	r.skip(4)
	if r.err != nil {
		return nil, r.err
	}
	if r.at != len(raw) {
		return nil, fmt.Errorf("%d bytes left over", len(raw)-r.at)
	}
	stripped := make([]byte, 0, 4+end-begin+4)
	stripped = append(stripped, raw[:4]...)
	stripped = append(stripped, raw[begin:end]...)
	return append(stripped, raw[lockTime:]...), nil
}

// walker walks over bytes. After its first error it stands still.
type walker struct {
	raw []byte
	at  int
	err error
}

func (r *walker) skip(n uint64) {
	if r.err == nil && n > uint64(len(r.raw)-r.at) {
		r.err = errors.New("it ends too early")
	}
	if r.err == nil {
		r.at += int(n)
	}
}

// number reads Bitcoin's integer of 1, 3, 5 or 9 bytes; zero after an error.
func (r *walker) number() uint64 {
	first := r.at
	r.skip(1)
	if r.err != nil {
		return 0
	}
	if r.raw[first] < 0xfd {
		return uint64(r.raw[first])
	}
	r.skip(2 << (r.raw[first] - 0xfd))
	if r.err != nil {
		return 0
	}
	var wide [8]byte
	copy(wide[:], r.raw[first+1:r.at])
	return binary.LittleEndian.Uint64(wide[:])
}
