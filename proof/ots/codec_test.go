package ots_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/proof/ots"
)

// Items as they stand in a timestamp, written by hand.
const (
	bitcoin5 = "\x00\x05\x88\x96\x0d\x73\xd7\x19\x01\x01\x05"
	bitcoin6 = "\x00\x05\x88\x96\x0d\x73\xd7\x19\x01\x01\x06"
	unknown  = "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x00"
)

// block and pending are attestations with a payload that need not be one.
func block(payload string) string {
	return attested(ots.Attestation{Tag: ots.TagBitcoin, Payload: payload})
}

func pending(payload string) string {
	return attested(ots.Attestation{Tag: ots.TagPending, Payload: payload})
}

func unknownOf(size int) string {
	return attested(ots.Attestation{Tag: tagUnknown, Payload: strings.Repeat("x", size)})
}

// full is a timestamp of exactly MaxSize+more bytes.
func full(more int) string {
	var b strings.Builder
	for i := range 7 {
		payload := fmt.Sprint(i) + strings.Repeat("x", ots.MaxPayload-1)
		b.WriteString("\xff" + attested(ots.Attestation{Tag: tagUnknown, Payload: payload}))
	}
	rest := ots.MaxSize - b.Len() - 11 + more // after its tags and the two bytes of its length
	return b.String() + unknownOf(rest)
}

// All of this is read, and written as it was.
func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		size int
		data string
	}{
		"a block":                    {32, bitcoin5},
		"two blocks":                 {32, "\xff" + bitcoin5 + bitcoin6},
		"two blocks, backwards":      {32, "\xff" + bitcoin6 + bitcoin5},
		"a block, then a branch":     {32, "\xff" + bitcoin5 + "\x08" + bitcoin5},
		"branches backwards":         {32, "\xff\xf1\x01a" + bitcoin5 + "\xff\x08" + bitcoin5 + "\x02" + bitcoin5},
		"one operation, two things":  {32, "\xff\xf0\x01a" + bitcoin5 + "\xf0\x01b" + bitcoin5},
		"one thing, two operations":  {32, "\xff\xf0\x01a" + bitcoin5 + "\xf1\x01a" + bitcoin5},
		"every operation":            {32, "\xf0\x01a\xf1\x02bc\xf2\xf3\x02\x03\x08\x67" + bitcoin5},
		"height 0":                   {32, block("\x00")},
		"height 127":                 {32, block("\x7f")},
		"height 128":                 {32, block("\x80\x01")},
		"height 2^64-1":              {32, block("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
		"no URI":                     {32, pending("\x00")},
		"a URI of 1000 bytes":        {32, pending("\xe8\x07" + strings.Repeat("x", 1000))},
		"all that a URI may have":    {32, pending(counted(uriCharacters))},
		"unknown, empty":             {32, unknown},
		"unknown, 8192 bytes":        {32, unknownOf(8192)},
		"unknown, like a block's":    {32, attested(ots.Attestation{Tag: tagUnknown, Payload: "\x80\x00"})},
		"a message of 1 byte":        {1, "\x08" + bitcoin5},
		"a message of 4096 bytes":    {4096, "\xf2" + bitcoin5},
		"append to 4096 bytes":       {32, "\xf0\xe0\x1f" + strings.Repeat("x", 4064) + bitcoin5},
		"append 4095 bytes":          {1, "\xf0\xff\x1f" + strings.Repeat("x", 4095) + bitcoin5},
		"prepend to 4096 bytes":      {4095, "\xf1\x01x" + bitcoin5},
		"hexlify 2048 bytes":         {2048, "\xf3" + bitcoin5},
		"hexlify 16 bytes, 8 times":  {16, strings.Repeat("\xf3", 8) + bitcoin5},
		"256 nested":                 {32, strings.Repeat("\xf2", 255) + bitcoin5},
		"256 nested, then a branch":  {32, "\xff" + strings.Repeat("\xf2", 255) + bitcoin5 + "\x08" + bitcoin5},
		"as many bytes as there may": {32, full(0)},
	} {
		got, err := ots.Parse([]byte(c.data), c.size)
		require.NoError(t, err, name)
		again, err := got.Marshal(c.size)
		require.NoError(t, err, name)
		require.Equal(t, c.data, string(again), name)
		require.Equal(t, c.data, encode(got), name)

		if c.size == 32 && len(c.data)+65 <= ots.MaxSize {
			file, err := ots.ParseFile([]byte(fileHead + "\x08" + strings.Repeat("d", 32) + c.data))
			require.NoError(t, err, name)
			require.Equal(t, got, file.Timestamp, name)
		}
	}
}

// All of this is refused, most of it one byte beyond what is read above.
func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		size int
		data string
		err  string // after "malformed timestamp: "
	}{
		"nothing":                    {32, "", "it ends too early"},
		"a fork and nothing":         {32, "\xff", "it ends too early"},
		"a fork and a fork":          {32, "\xff\xff" + bitcoin5 + bitcoin6, "a fork stands behind a fork"},
		"a fork and a fork, within":  {32, "\x08\xff" + bitcoin5 + "\xff\xff", "a fork stands behind a fork"},
		"a fork and one attestation": {32, "\xff" + bitcoin5, "it ends too early"},
		"an operation and nothing":   {32, "\x08", "it ends too early"},
		"a byte too many":            {32, bitcoin5 + "\x00", "1 bytes follow its end"},
		"a timestamp too many":       {32, bitcoin5 + bitcoin6, "11 bytes follow its end"},
		"a message of 0 bytes":       {0, bitcoin5, "a message of 0 bytes, want 1 to 4096"},
		"a message of 4097 bytes":    {4097, bitcoin5, "a message of 4097 bytes, want 1 to 4096"},
		"a message of -1 bytes":      {-1, "\x08" + bitcoin5, "a message of -1 bytes, want 1 to 4096"},
		"append to 4097 bytes":       {32, "\xf0\xe1\x1f" + strings.Repeat("x", 4065) + bitcoin5, "append makes a message of 4097 bytes of one of 32, want 1 to 4096"},
		"prepend to 4097 bytes":      {4096, "\xf1\x01x" + bitcoin5, "prepend makes a message of 4097 bytes of one of 4096, want 1 to 4096"},
		"append 4096 bytes":          {1, "\xf0\x80\x20" + strings.Repeat("x", 4096) + bitcoin5, "append makes a message of 4097 bytes of one of 1, want 1 to 4096"},
		"append 4097 bytes":          {1, "\xf0\x81\x20" + strings.Repeat("x", 4097) + bitcoin5, "a length of 4097, want 1 to 4096"},
		"append nothing":             {32, "\xf0\x00" + bitcoin5, "a length of 0, want 1 to 4096"},
		"prepend nothing":            {32, "\xf1\x00" + bitcoin5, "a length of 0, want 1 to 4096"},
		"append more than there is":  {32, "\xf0\x09" + "12345678", "it ends too early"},
		"append 2^64-1 bytes":        {32, "\xf0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" + bitcoin5, "a length of 18446744073709551615, want 1 to 4096"},
		"append 2^63 bytes":          {32, "\xf0\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01" + bitcoin5, "a length of 9223372036854775808, want 1 to 4096"},
		"append 2^64 bytes":          {32, "\xf0\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02" + bitcoin5, "a number of more than 64 bits"},
		"a length in two bytes":      {32, "\xf0\x81\x00a" + bitcoin5, "a number that is not in its shortest form"},
		"hexlify 2049 bytes":         {2049, "\xf3" + bitcoin5, "hexlify makes a message of 4098 bytes of one of 2049, want 1 to 4096"},
		"hexlify 16 bytes, 9 times":  {16, strings.Repeat("\xf3", 9) + bitcoin5, "hexlify makes a message of 8192 bytes of one of 4096, want 1 to 4096"},
		"257 nested":                 {32, strings.Repeat("\xf2", 256) + bitcoin5, "it is nested deeper than 256"},
		"a million nested":           {32, strings.Repeat("\xf2", 60000), "it is nested deeper than 256"},
		"a payload of 8193 bytes":    {32, unknownOf(8193), "a length of 8193, want 0 to 8192"},
		"height 0 in two bytes":      {32, block("\x80\x00"), "the block attestation has no height"},
		"height 127 in two bytes":    {32, block("\xff\x00"), "the block attestation has no height"},
		"height 0 in eleven bytes":   {32, block(strings.Repeat("\x80", 10) + "\x00"), "the block attestation has no height"},
		"height 2^64":                {32, block("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02"), "the block attestation has no height"},
		"height 2^70":                {32, block(strings.Repeat("\x80", 10) + "\x01"), "the block attestation has no height"},
		"no height":                  {32, block(""), "the block attestation has no height"},
		"half a height":              {32, block("\x80"), "the block attestation has no height"},
		"a height and more":          {32, block("\x05\x00"), "the block attestation has no height"},
		"no height, Litecoin":        {32, attested(ots.Attestation{Tag: ots.TagLitecoin}), "the block attestation has no height"},
		"a calendar without length":  {32, pending(""), "the pending attestation has no URI of a calendar"},
		"a calendar cut off":         {32, pending("\x05http"), "the pending attestation has no URI of a calendar"},
		"a calendar and more":        {32, pending("\x04http:"), "the pending attestation has no URI of a calendar"},
		"a URI of 1001 bytes":        {32, pending("\xe9\x07" + strings.Repeat("x", 1001)), "the pending attestation has no URI of a calendar"},
	} {
		got, err := ots.Parse([]byte(c.data), c.size)
		require.EqualError(t, err, "malformed timestamp: "+c.err, name)
		require.ErrorIs(t, err, ots.ErrMalformed, name)
		require.Nil(t, got, name)

		if c.size != 32 || len(c.data) > ots.MaxSize {
			continue
		}
		file, err := ots.ParseFile([]byte(fileHead + "\x08" + strings.Repeat("d", 32) + c.data))
		require.EqualError(t, err, "malformed timestamp: "+c.err, name)
		require.Nil(t, file, name)
	}
}

// All of this the reference implementation reads, and this package does not: it is
// refused, and not called malformed.
func TestParseUnsupported(t *testing.T) {
	for name, c := range map[string]struct {
		data string
		err  string // after "unsupported timestamp: "
	}{
		"65537 bytes":                 {full(1), "it has more than 65536 bytes"},
		"an attestation twice":        {"\xff" + bitcoin5 + bitcoin5, "an attestation stands there twice"},
		"an attestation twice, apart": {"\xff" + bitcoin5 + "\xff" + bitcoin6 + bitcoin5, "an attestation stands there twice"},
		"an unknown one twice":        {"\xff" + unknown + unknown, "an attestation stands there twice"},
		"an operation twice":          {"\xff\x08" + bitcoin5 + "\x08" + bitcoin6, "an operation stands there twice"},
		"an operation twice, apart":   {"\xff\x08" + bitcoin5 + "\xff\x02" + bitcoin5 + "\x08" + bitcoin6, "an operation stands there twice"},
		"an argument twice":           {"\xff\xf0\x01a" + bitcoin5 + "\xf0\x01a" + bitcoin6, "an operation stands there twice"},
		"a branch before the block":   {"\xff\x08" + bitcoin5 + bitcoin6, "an attestation stands behind an operation"},
		"a block between branches":    {"\xff\x08" + bitcoin5 + "\xff" + bitcoin5 + "\x02" + bitcoin5, "an attestation stands behind an operation"},
		"an operation twice, within":  {"\x08\xff\xf2" + bitcoin5 + "\xf2" + bitcoin6, "an operation stands there twice"},
	} {
		got, err := ots.Parse([]byte(c.data), 32)
		require.EqualError(t, err, "unsupported timestamp: "+c.err, name)
		require.ErrorIs(t, err, ots.ErrUnsupported, name)
		require.NotErrorIs(t, err, ots.ErrMalformed, name)
		require.Nil(t, got, name)
		file, err := ots.ParseFile([]byte(fileHead + "\x08" + strings.Repeat("d", 32) + c.data))
		require.EqualError(t, err, "unsupported timestamp: "+c.err, name)
		require.Nil(t, file, name)
	}
}

// Each of the 256 bytes that an item can begin with.
func TestTags(t *testing.T) {
	known := []byte{0x02, 0x03, 0x08, 0x67, 0xf2, 0xf3}
	for tag := range 256 {
		data := []byte{byte(tag)}
		data = append(data, bitcoin5...)
		_, err := ots.Parse(data, 32)
		switch {
		case slices.Contains(known, byte(tag)):
			require.NoError(t, err, "%#02x", tag)
		case tag == 0x00 || tag == 0xf0 || tag == 0xf1 || tag == 0xff:
			require.ErrorIs(t, err, ots.ErrMalformed, "%#02x", tag)
		default:
			require.ErrorIs(t, err, ots.ErrUnknown, "%#02x", tag)
			require.NotErrorIs(t, err, ots.ErrMalformed, "%#02x", tag)
		}
		_, err = ots.Parse(append([]byte("\xff\x08"+bitcoin5), data...), 32)
		if tag == 0x08 {
			require.ErrorIs(t, err, ots.ErrUnsupported, "%#02x twice", tag)
		}
	}
}

// uriCharacters are the 67 that the reference implementation allows.
const uriCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._/:"

func TestURICharacters(t *testing.T) {
	for c := range 256 {
		s := string([]byte{byte(c)})
		got, err := ots.Parse([]byte(pending(counted("http://a/"+s))), 32)
		if strings.Contains(uriCharacters, s) {
			require.NoError(t, err, "%q", s)
			uri, ok := got.Attestations[0].URI()
			require.True(t, ok)
			require.Equal(t, "http://a/"+s, uri)
			continue
		}
		require.ErrorIs(t, err, ots.ErrMalformed, "%q", s)
		require.Nil(t, got)
	}
}

// realFile has the shape of a file that two calendars have completed: what they
// share, a fork, and two ways through a transaction to a block.
func realFile() *ots.File {
	sha, tx := ots.SHA256, ots.Prepend(zeros(120))
	path := func(height uint64, n byte) *ots.Timestamp {
		return line(ots.Bitcoin(height), sha, ots.Append([]byte{n, 2, 3, 4}), sha, tx, ots.Append(zeros(4)),
			sha, sha, ots.Append(zeros(32)), sha, sha, ots.Prepend(zeros(32)), sha, sha)
	}
	fork := &ots.Timestamp{Branches: []ots.Branch{
		{Op: ots.Append([]byte{1}), Then: path(900000, 1)},
		{Op: ots.Append([]byte{2}), Then: line(ots.Pending("https://b.example"), sha)},
		{Op: ots.Prepend([]byte{3}), Then: path(900001, 3)},
	}}
	fork.Attestations = []ots.Attestation{{Tag: tagUnknown, Payload: "payload"}}
	return &ots.File{Hash: sha, Digest: zeros(32), Timestamp: fork.After([]ots.Operation{ots.Append(zeros(16)), sha})}
}

// A file that is cut off anywhere is malformed: never of a later format, never
// half a timestamp.
func TestTruncated(t *testing.T) {
	data, err := realFile().Marshal()
	require.NoError(t, err)
	for n := range data {
		f, err := ots.ParseFile(data[:n])
		require.ErrorIs(t, err, ots.ErrMalformed, "%d of %d bytes", n, len(data))
		require.NotErrorIs(t, err, ots.ErrUnknown)
		require.Nil(t, f)
	}
	f, err := ots.ParseFile(data)
	require.NoError(t, err)
	require.Equal(t, realFile(), f)
	f, err = ots.ParseFile(append(data, 0))
	require.EqualError(t, err, "malformed timestamp: 1 bytes follow its end")
	require.Nil(t, f)
}

func TestParseFile(t *testing.T) {
	for _, hash := range hashes {
		digest := newGenerator(1).bytes(hash.New().Size())
		data := fileHead + string([]byte{hash.Tag}) + string(digest) + bitcoin5
		read := []byte(data)
		f, err := ots.ParseFile(read)
		require.NoError(t, err, hash)
		clear(read) // the caller's to use again
		require.Equal(t, &ots.File{Hash: hash, Digest: digest, Timestamp: line(ots.Bitcoin(5))}, f)
		again, err := f.Marshal()
		require.NoError(t, err)
		require.Equal(t, data, string(again))
		require.True(t, ots.IsFile([]byte(data)))
	}
}

func TestParseFileRefuses(t *testing.T) {
	digest, magic := strings.Repeat("d", 32), strings.TrimSuffix(fileHead, "\x01")
	for name, c := range map[string]struct{ data, err string }{
		"nothing":                {"", "malformed timestamp: it does not begin as an OpenTimestamps file does"},
		"a bare timestamp":       {bitcoin5, "malformed timestamp: it does not begin as an OpenTimestamps file does"},
		"magic only":             {magic, "malformed timestamp: it ends too early"},
		"other magic":            {"\x01" + fileHead[1:] + "\x08" + digest + bitcoin5, "malformed timestamp: it does not begin as an OpenTimestamps file does"},
		"version 0":              {magic + "\x00\x08" + digest + bitcoin5, "unknown timestamp format: version 0, want 1"},
		"version 2":              {magic + "\x02\x08" + digest + bitcoin5, "unknown timestamp format: version 2, want 1"},
		"version 300":            {magic + "\xac\x02\x08" + digest + bitcoin5, "unknown timestamp format: version 300, want 1"},
		"version 1 in two bytes": {magic + "\x81\x00\x08" + digest + bitcoin5, "malformed timestamp: a number that is not in its shortest form"},
		"keccak256":              {fileHead + "\x67" + digest + bitcoin5, "unknown timestamp format: hash 0x67 of the document, want sha256, sha1 or ripemd160"},
		"reverse":                {fileHead + "\xf2" + digest + bitcoin5, "unknown timestamp format: hash 0xf2 of the document, want sha256, sha1 or ripemd160"},
		"append":                 {fileHead + "\xf0" + digest + bitcoin5, "unknown timestamp format: hash 0xf0 of the document, want sha256, sha1 or ripemd160"},
		"no hash":                {fileHead + "\x00" + digest + bitcoin5, "unknown timestamp format: hash 0x00 of the document, want sha256, sha1 or ripemd160"},
		"a longer digest":        {fileHead + "\x02" + digest + bitcoin5, "unknown timestamp format: operation 0x64"},
		"65537 bytes":            {fileHead + "\x08" + digest + full(-64), "unsupported timestamp: it has more than 65536 bytes"},
	} {
		f, err := ots.ParseFile([]byte(c.data))
		require.EqualError(t, err, c.err, name)
		require.Nil(t, f, name)
	}
	f, err := ots.ParseFile([]byte(fileHead + "\x08" + digest + full(-65)))
	require.NoError(t, err, "one byte less")
	data, err := f.Marshal()
	require.NoError(t, err)
	require.Len(t, data, ots.MaxSize)
}

// What Parse would not read is not written.
func TestMarshalRefuses(t *testing.T) {
	five, six := ots.Bitcoin(5), ots.Bitcoin(6)
	attestations := func(all ...ots.Attestation) *ots.Timestamp { return &ots.Timestamp{Attestations: all} }
	branches := func(op ots.Operation, all ...*ots.Timestamp) *ots.Timestamp {
		t := new(ots.Timestamp)
		for _, then := range all {
			t.Branches = append(t.Branches, ots.Branch{Op: op, Then: then})
		}
		return t
	}
	tooLong, err := ots.Parse([]byte(full(0)), 32)
	require.NoError(t, err)
	tooLong.Attestations[7].Payload += "x"
	for name, c := range map[string]struct {
		t    *ots.Timestamp
		size int
		err  string
	}{
		"nil":                     {nil, 32, "malformed timestamp: it has a branch without attestation"},
		"empty":                   {attestations(), 32, "malformed timestamp: it has a branch without attestation"},
		"an empty branch":         {branches(ots.SHA256, attestations()), 32, "malformed timestamp: it has a branch without attestation"},
		"a branch that is none":   {branches(ots.SHA256, nil), 32, "malformed timestamp: it has a branch without attestation"},
		"no message":              {attestations(five), 0, "malformed timestamp: a message of 0 bytes, want 1 to 4096"},
		"a message of 4097 bytes": {attestations(five), 4097, "malformed timestamp: a message of 4097 bytes, want 1 to 4096"},
		"a result of 4097 bytes":  {line(five, ots.Append(zeros(4065))), 32, "malformed timestamp: append makes a message of 4097 bytes of one of 32, want 1 to 4096"},
		"append nothing":          {line(five, ots.Append(nil)), 32, "malformed timestamp: append has an argument of 0 bytes"},
		"an argument too many":    {line(five, ots.Operation{Tag: ots.Reverse.Tag, Arg: "a"}), 32, "malformed timestamp: reverse has an argument of 1 bytes"},
		"no operation":            {line(five, ots.Operation{}), 32, "unknown timestamp format: operation 0x00"},
		"257 nested":              {line(five, repeated(ots.Reverse, 256)...), 32, "malformed timestamp: it is nested deeper than 256"},
		"an attestation twice":    {attestations(five, six, five), 32, "unsupported timestamp: an attestation stands there twice"},
		"an operation twice":      {branches(ots.SHA256, attestations(five), attestations(six)), 32, "unsupported timestamp: an operation stands there twice"},
		"a URI with a question":   {attestations(ots.Pending("http://a/?b")), 32, "malformed timestamp: the pending attestation has no URI of a calendar"},
		"a URI of 1001 bytes":     {attestations(ots.Pending(strings.Repeat("a", 1001))), 32, "malformed timestamp: the pending attestation has no URI of a calendar"},
		"a payload of 8193 bytes": {attestations(ots.Attestation{Tag: tagUnknown, Payload: strings.Repeat("a", 8193)}), 32, "malformed timestamp: an attestation has 8193 bytes, want at most 8192"},
		"a block without height":  {attestations(ots.Attestation{Tag: ots.TagBitcoin}), 32, "malformed timestamp: the block attestation has no height"},
		"65537 bytes":             {tooLong, 32, "unsupported timestamp: it has more than 65536 bytes"},
		"65538 bytes in a tree":   {branches(ots.SHA256, tooLong), 32, "unsupported timestamp: it has more than 65536 bytes"},
	} {
		data, err := c.t.Marshal(c.size)
		require.EqualError(t, err, c.err, name)
		require.Nil(t, data, name)
	}
}

func TestMarshalFileRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		f   ots.File
		err string
	}{
		"no hash":          {ots.File{Digest: zeros(32), Timestamp: line(ots.Bitcoin(5))}, "unknown timestamp format: hash 0x00 of the document, want sha256, sha1 or ripemd160"},
		"keccak256":        {ots.File{Hash: ots.Keccak256, Digest: zeros(32), Timestamp: line(ots.Bitcoin(5))}, "unknown timestamp format: hash 0x67 of the document, want sha256, sha1 or ripemd160"},
		"append":           {ots.File{Hash: ots.Append([]byte("a")), Timestamp: line(ots.Bitcoin(5))}, "unknown timestamp format: hash 0xf0 of the document, want sha256, sha1 or ripemd160"},
		"no digest":        {ots.File{Hash: ots.SHA256, Timestamp: line(ots.Bitcoin(5))}, "malformed timestamp: a digest of 0 bytes, want the 32 of sha256"},
		"another's digest": {ots.File{Hash: ots.SHA1, Digest: zeros(32), Timestamp: line(ots.Bitcoin(5))}, "malformed timestamp: a digest of 32 bytes, want the 20 of sha1"},
		"no timestamp":     {ots.File{Hash: ots.SHA1, Digest: zeros(20)}, "malformed timestamp: it has a branch without attestation"},
	} {
		data, err := c.f.Marshal()
		require.EqualError(t, err, c.err, name)
		require.Nil(t, data, name)
	}
}
