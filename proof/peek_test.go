package proof_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/proof"
)

// Peek finds every file that Parse takes, by its first bytes alone.
func TestPeek(t *testing.T) {
	p := newProof(t)
	data := marshal(t, p)
	digest, ok := proof.Peek([]byte(data[:proof.PeekSize]))
	require.True(t, ok)
	require.Equal(t, p.Digest, digest)
	digest, ok = proof.Peek([]byte(data))
	require.True(t, ok)
	require.Equal(t, p.Digest, digest)
	// Each of the bytes decides: none but a digit of the digest may be another.
	at := strings.Index(data, "sha256\": \"") + len("sha256\": \"")
	for i := range proof.PeekSize {
		changed := []byte(data[:proof.PeekSize])
		changed[i] = '0'
		isDigit := i >= at && i < at+64
		_, ok := proof.Peek(changed)
		require.Equal(t, isDigit, ok, "byte %d", i)
		changed[i] = 'A' // what Parse takes has no capitals
		_, ok = proof.Peek(changed)
		require.False(t, ok, "byte %d", i)
	}
	for n := range proof.PeekSize {
		digest, ok := proof.Peek([]byte(data[:n]))
		require.False(t, ok, n)
		require.Zero(t, digest)
	}
	_, ok = proof.Peek(bytes.Repeat([]byte{'{'}, proof.PeekSize))
	require.False(t, ok)
}
