package approval

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/merkle"
)

// BenchmarkMillion is a request about a million documents: written, read and
// checked.
func BenchmarkMillion(b *testing.B) {
	o := newOffice(b, 2, 2)
	type row struct {
		entry [EntrySize]byte
		leaf  merkle.Hash
	}
	rows := make([]row, MaxEntries)
	for i := range rows {
		sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
		copy(rows[i].entry[:], sum[:])
		copy(rows[i].entry[32:], sum[:])
		rows[i].leaf = merkle.LeafHash(rows[i].entry[:])
	}
	slices.SortFunc(rows, func(x, y row) int { return bytes.Compare(x.leaf[:], y.leaf[:]) })
	r := o.draft(b, 2)
	r.Entries = nil
	for i := range rows {
		r.Entries = append(r.Entries, rows[i].entry[:]...)
	}
	r.Statement = o.sign(b, statementText(b, r.Entries, nil), 0)
	request, err := New(r)
	require.NoError(b, err)
	for b.Loop() {
		data, err := request.Marshal()
		require.NoError(b, err)
		again, err := Parse(data)
		require.NoError(b, err)
		require.NoError(b, o.check(again, base()))
		b.SetBytes(int64(len(data)))
	}
}
