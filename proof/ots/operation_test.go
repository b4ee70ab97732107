package ots_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/proof/ots"
)

// The answers are those of FIPS 180-4 (SHA-1, SHA-256), of the paper that
// defines RIPEMD-160, and of the Keccak submission before NIST changed its
// padding.
func TestApply(t *testing.T) {
	for _, c := range []struct {
		op      ots.Operation
		message string
		want    string // hex
	}{
		{ots.SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
		{ots.RIPEMD160, "abc", "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"},
		{ots.SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{ots.Keccak256, "abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"},
		{ots.Append([]byte("de")), "abc", "6162636465"},
		{ots.Prepend([]byte("de")), "abc", "6465616263"},
		{ots.Reverse, "abc", "636261"},
		{ots.Reverse, "a", "61"},
		{ots.Hexlify, "\x00\xaf", "30306166"},
	} {
		message := []byte(c.message)
		got, err := c.op.Apply(message)
		require.NoError(t, err, c.op)
		require.Equal(t, c.want, hex.EncodeToString(got), c.op)
		require.Equal(t, c.message, string(message), "%s changes its message", c.op)
		if h := c.op.New(); h != nil {
			h.Write(message)
			require.Equal(t, c.want, hex.EncodeToString(h.Sum(nil)), c.op)
		}
	}
}

// New hashes documents, and the empty one is one.
func TestNewOfNothing(t *testing.T) {
	for op, want := range map[ots.Operation]string{
		ots.SHA1:      "da39a3ee5e6b4b0d3255bfef95601890afd80709",
		ots.RIPEMD160: "9c1185a5c5e9fc54612808977ee8f548b2258d31",
		ots.SHA256:    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		ots.Keccak256: "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
	} {
		require.Equal(t, want, hex.EncodeToString(op.New().Sum(nil)), op)
	}
	for _, op := range []ots.Operation{ots.Reverse, ots.Hexlify, ots.Append([]byte("a")), {}} {
		require.Nil(t, op.New(), op)
	}
}

func TestApplyRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		op   ots.Operation
		size int
		err  string
	}{
		"nothing hashed":          {ots.SHA256, 0, "malformed timestamp: sha256 makes a message of 32 bytes of one of 0, want 1 to 4096"},
		"nothing reversed":        {ots.Reverse, 0, "malformed timestamp: reverse makes a message of 0 bytes of one of 0, want 1 to 4096"},
		"nothing appended to":     {ots.Append([]byte("a")), 0, "malformed timestamp: append makes a message of 1 bytes of one of 0, want 1 to 4096"},
		"long message":            {ots.SHA1, 4097, "malformed timestamp: sha1 makes a message of 20 bytes of one of 4097, want 1 to 4096"},
		"long hex":                {ots.Hexlify, 2049, "malformed timestamp: hexlify makes a message of 4098 bytes of one of 2049, want 1 to 4096"},
		"long result":             {ots.Prepend([]byte("a")), 4096, "malformed timestamp: prepend makes a message of 4097 bytes of one of 4096, want 1 to 4096"},
		"long argument":           {ots.Append(zeros(4096)), 1, "malformed timestamp: append makes a message of 4097 bytes of one of 1, want 1 to 4096"},
		"no argument":             {ots.Append(nil), 1, "malformed timestamp: append has an argument of 0 bytes"},
		"an argument too many":    {ots.Operation{Tag: ots.SHA256.Tag, Arg: "a"}, 1, "malformed timestamp: sha256 has an argument of 1 bytes"},
		"no operation":            {ots.Operation{}, 1, "unknown timestamp format: operation 0x00"},
		"an unknown one":          {ots.Operation{Tag: 0x66}, 1, "unknown timestamp format: operation 0x66"},
		"a fork is no operation ": {ots.Operation{Tag: 0xff}, 1, "unknown timestamp format: operation 0xff"},
	} {
		got, err := c.op.Apply(zeros(c.size))
		require.EqualError(t, err, c.err, name)
		require.Nil(t, got, name)
	}
}

// One byte less than what is refused.
func TestApplyAtLimit(t *testing.T) {
	for _, c := range []struct {
		op   ots.Operation
		size int
		want int
	}{
		{ots.SHA256, 4096, 32},
		{ots.RIPEMD160, 1, 20},
		{ots.Reverse, 4096, 4096},
		{ots.Hexlify, 2048, 4096},
		{ots.Append([]byte("a")), 4095, 4096},
		{ots.Prepend(zeros(4095)), 1, 4096},
	} {
		got, err := c.op.Apply(bytes.Repeat([]byte("x"), c.size))
		require.NoError(t, err, c.op.Name())
		require.Len(t, got, c.want, c.op.Name())
	}
}

func TestOperationString(t *testing.T) {
	for want, op := range map[string]ots.Operation{
		"sha1": ots.SHA1, "ripemd160": ots.RIPEMD160, "sha256": ots.SHA256, "keccak256": ots.Keccak256,
		"reverse": ots.Reverse, "hexlify": ots.Hexlify, "append 00ff": ots.Append([]byte{0, 0xff}),
		"prepend 61": ots.Prepend([]byte("a")), "unknown operation 0x05": {Tag: 5},
	} {
		require.Equal(t, want, op.String())
	}
}

func TestIsCommitment(t *testing.T) {
	for _, op := range []ots.Operation{ots.SHA256, ots.Append([]byte("a")), ots.Prepend([]byte("a"))} {
		require.True(t, op.IsCommitment(), op)
	}
	for _, op := range []ots.Operation{ots.SHA1, ots.RIPEMD160, ots.Keccak256, ots.Reverse, ots.Hexlify, {}} {
		require.False(t, op.IsCommitment(), op)
	}
}
