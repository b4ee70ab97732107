package merkle_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/transparency-dev/merkle/rfc6962"

	"gradseal/merkle"
)

func TestHashString(t *testing.T) {
	h := merkle.Hash{0: 0x01, 1: 0xab, 31: 0xf0}
	require.Equal(t, "01ab0000000000000000000000000000000000000000000000000000000000f0", h.String())
}

// The wanted values are those of sha256sum over the prefixed bytes.
func TestHashesAreSHA256BehindAPrefix(t *testing.T) {
	tests := []struct {
		name string
		got  merkle.Hash
		want string
	}{
		{"empty entry", merkle.LeafHash(nil), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
		{"entry of one zero byte", merkle.LeafHash([]byte{0}), "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"},
		{"node over two zero hashes", merkle.NodeHash(merkle.Hash{}, merkle.Hash{}), "ae0798d0ecaed2b778eddebf18f071a561c53658c05e76cedecc27cafbdbc577"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, test.got.String())
		})
	}
}

// Entries of a batch have 64 or 32 bytes; the others cross the sizes at which
// the buffer or the number of SHA-256 blocks changes.
func TestLeafHashAgreesWithOracle(t *testing.T) {
	for size := range 200 {
		entry := bytes.Repeat([]byte{byte(size)}, size)
		got := merkle.LeafHash(entry)
		require.Equal(t, rfc6962.DefaultHasher.HashLeaf(entry), got[:], "entry of %d bytes", size)
	}
}

func TestLeafHashLeavesEntryAlone(t *testing.T) {
	backing := bytes.Repeat([]byte{0xaa}, 128)
	merkle.LeafHash(backing[:64])
	require.Equal(t, bytes.Repeat([]byte{0xaa}, 128), backing)
}

func TestNodeHashAgreesWithOracle(t *testing.T) {
	for i := range 100 {
		left, right := merkle.LeafHash([]byte{byte(i)}), merkle.LeafHash([]byte{byte(i), 1})
		got := merkle.NodeHash(left, right)
		require.Equal(t, rfc6962.DefaultHasher.HashChildren(left[:], right[:]), got[:])
		require.NotEqual(t, got, merkle.NodeHash(right, left))
	}
}

// An entry that spells out two child hashes must not have the hash of their node.
func TestLeavesAndNodesAreApart(t *testing.T) {
	left, right := merkle.LeafHash([]byte("a")), merkle.LeafHash([]byte("b"))
	require.NotEqual(t, merkle.NodeHash(left, right), merkle.LeafHash(append(left[:], right[:]...)))
}

func TestHashingDoesNotAllocate(t *testing.T) {
	entry := make([]byte, 64)
	var h merkle.Hash
	require.Zero(t, testing.AllocsPerRun(100, func() {
		h = merkle.NodeHash(merkle.LeafHash(entry), h)
	}))
}
