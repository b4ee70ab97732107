package proof_test

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/proof"
	"gradseal/proof/ots"
)

func marshalTimestamp(t testing.TB, o *proof.OpenTimestamps) []byte {
	t.Helper()
	data, err := o.Marshal()
	require.NoError(t, err)
	return data
}

// path is one of the operations given, to the block of a height.
func path(height uint64, ops ...ots.Operation) ots.Path {
	return ots.Path{Ops: ops, Attestation: ots.Bitcoin(height)}
}

func TestOpenTimestampsRoundTrip(t *testing.T) {
	for name, o := range map[string]*proof.OpenTimestamps{
		"usual":          newTimestamp(),
		"no operation":   {Height: 1},
		"height 0":       {Ops: []ots.Operation{ots.SHA256}},
		"10,000 bytes":   largestTimestamp(t),
		"255 operations": {Ops: slices.Repeat([]ots.Operation{ots.SHA256}, 255), Height: 127},
		"4,096 bytes":    {Ops: []ots.Operation{ots.Append(make([]byte, 4064)), ots.SHA256}, Height: 128},
	} {
		t.Run(name, func(t *testing.T) {
			data := marshalTimestamp(t, o)
			require.Equal(t, writeTimestamp(o), data, "the writer of the tests agrees")
			again, err := proof.ParseOpenTimestamps(data)
			require.NoError(t, err)
			require.Equal(t, o, again)
			made, err := proof.NewOpenTimestamps(path(uint64(o.Height), o.Ops...))
			require.NoError(t, err)
			require.Equal(t, o, made)
		})
	}
}

func TestParseOpenTimestampsRefuses(t *testing.T) {
	good := string(marshalTimestamp(t, newTimestamp()))
	end := string(writeTimestamp(&proof.OpenTimestamps{Height: 7}))
	pending := "\x00\x83\xdf\xe3\x0d\x2e\xf9\x0c\x8e\x02\x01c"
	for name, test := range map[string]struct{ data, want string }{
		"empty":               {"", "it ends too early"},
		"cut off":             {good[:len(good)-1], "it ends too early"},
		"a byte more":         {good + "\x00", "1 bytes follow its end"},
		"10,001 bytes":        {strings.Repeat("\x08", proof.MaxTimestamp+1), "the timestamp has 10001 bytes, want at most 10000"},
		"256 operations":      {strings.Repeat("\x08", 256) + end, "nested deeper than 256"},
		"two blocks":          {"\x08\xff" + end + string(writeTimestamp(&proof.OpenTimestamps{Height: 8})), "the timestamp has forks, want one path to one attestation"},
		"pending and a block": {"\x08\xff" + pending + "\x08" + end, "the timestamp has forks, want one path"},
		"pending":             {"\x08" + pending, `the timestamp ends in pending at c, want a Bitcoin block of height 0 to 4294967295`},
		"litecoin":            {"\x08\x00\x06\x86\x9a\x0d\x73\xd7\x1b\x45\x01\x07", "the timestamp ends in Litecoin block 7, want a Bitcoin block"},
		"unknown attestation": {"\x08\x00\x01\x02\x03\x04\x05\x06\x07\x08\x01\x07", "the timestamp ends in unknown attestation 0102030405060708, want a Bitcoin block"},
		"height 2^32":         {"\x08\x00\x05\x88\x96\x0d\x73\xd7\x19\x01\x05\x80\x80\x80\x80\x10", "the timestamp ends in Bitcoin block 4294967296, want a Bitcoin block of height 0 to 4294967295"},
		"sha1":                {"\x02\x08" + end, "the timestamp has the operation sha1, want sha256, append and prepend only"},
		"ripemd160":           {"\x03\x08" + end, "the operation ripemd160, want"},
		"keccak256":           {"\x67" + end, "the operation keccak256, want"},
		"reverse":             {"\xf2" + end, "the operation reverse, want"},
		"hexlify":             {"\xf3\x08" + end, "the operation hexlify, want"},
		"unknown operation":   {"\x09" + end, "unknown timestamp format: operation 0x09"},
		"33 bytes":            {"\x08\xf0\x01x" + end, "the timestamp attests to 33 bytes, want the 32 of a Merkle root"},
		"message too long":    {"\xf0\x80\x20" + strings.Repeat("x", 4096) + "\x08" + end, "append makes a message of 4128 bytes of one of 32, want 1 to 4096"},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := proof.ParseOpenTimestamps([]byte(test.data))
			require.ErrorContains(t, err, test.want)
			require.Nil(t, o)
		})
	}
}

// What came from a calendar is asked the same as what stands in a file.
func TestNewOpenTimestampsRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		path ots.Path
		want string
	}{
		"pending":     {ots.Path{Attestation: ots.Pending("https://calendar.example")}, "ends in pending at https://calendar.example, want a Bitcoin block"},
		"height 2^32": {path(1 << 32), "ends in Bitcoin block 4294967296, want"},
		"sha1":        {path(7, ots.SHA1, ots.SHA256), "has the operation sha1, want"},
		"64 bytes":    {path(7, ots.Append(make([]byte, 32))), "attests to 64 bytes, want the 32"},
		"zero value":  {ots.Path{}, "want a Bitcoin block"},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := proof.NewOpenTimestamps(test.path)
			require.ErrorContains(t, err, test.want)
			require.Nil(t, o)
		})
	}
}

func TestMarshalOpenTimestampsRefuses(t *testing.T) {
	large := largestTimestamp(t)
	large.Ops[0] = ots.Append(make([]byte, 4064))
	large.Ops = append(large.Ops, ots.SHA256)
	_, err := large.Marshal()
	require.EqualError(t, err, "the timestamp has 10001 bytes, want at most 10000")
	p := newProof(t)
	p.OpenTimestamps = large
	data, err := proof.Marshal(p)
	require.ErrorContains(t, err, "the timestamp has 10001 bytes")
	require.Nil(t, data)

	deep := &proof.OpenTimestamps{Ops: slices.Repeat([]ots.Operation{ots.SHA256}, 256)}
	_, err = deep.Marshal()
	require.ErrorContains(t, err, "nested deeper than 256")
}

func TestMerkleRoot(t *testing.T) {
	root := hash(0x11)
	one := sha256.Sum256(append(root[:], "a nonce"...))
	two := sha256.Sum256(append([]byte("before"), one[:]...))
	o := &proof.OpenTimestamps{Ops: []ots.Operation{ots.Append([]byte("a nonce")), ots.SHA256, ots.Prepend([]byte("before")), ots.SHA256}}
	got, err := o.MerkleRoot(root)
	require.NoError(t, err)
	require.Equal(t, bitcoin.Hash(two), got)

	got, err = new(proof.OpenTimestamps).MerkleRoot(root)
	require.NoError(t, err)
	require.Equal(t, bitcoin.Hash(root), got)
	require.Equal(t, hash(0x11), root, "the batch root is left as it was")

	for want, ops := range map[string][]ots.Operation{
		"attests to 33 bytes, want the 32":      {ots.Append([]byte("x"))},
		"makes a message of 4097 bytes":         {ots.Append(make([]byte, 4065)), ots.SHA256},
		"unknown timestamp format: operation 0": {{}},
	} {
		got, err := (&proof.OpenTimestamps{Ops: ops}).MerkleRoot(root)
		require.ErrorContains(t, err, want)
		require.Zero(t, got)
	}
}

// Whatever bit of a timestamp is flipped, it leads elsewhere, to another height
// or nowhere.
func TestTimestampFlippedBits(t *testing.T) {
	root := hash(0x11)
	o := newTimestamp()
	want, err := o.MerkleRoot(root)
	require.NoError(t, err)
	good := marshalTimestamp(t, o)
	for i := range 8 * len(good) {
		data := bytes.Clone(good)
		data[i/8] ^= 1 << (i % 8)
		got, err := proof.ParseOpenTimestamps(data)
		if err != nil {
			require.Nil(t, got)
			continue
		}
		leads, err := got.MerkleRoot(root)
		require.NoError(t, err)
		require.False(t, leads == want && got.Height == o.Height, "bit %d", i)
		require.Equal(t, data, marshalTimestamp(t, got))
	}
}
