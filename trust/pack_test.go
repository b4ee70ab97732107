package trust_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/issuer"
	"gradseal/trust"
)

func marshal(t testing.TB, p *trust.Pack) []byte {
	t.Helper()
	data, err := p.Marshal()
	require.NoError(t, err)
	return data
}

func newPack(t testing.TB, file []byte, lists ...[]byte) *trust.Pack {
	t.Helper()
	return packWith(t, file, lists)
}

func packWith(t testing.TB, file []byte, lists [][]byte, segments ...[]byte) *trust.Pack {
	t.Helper()
	p, err := trust.NewPack(file, lists, segments)
	require.NoError(t, err)
	return p
}

// segment is a run of n headers of a network from a height on. They have no
// work: that is not for a pack to judge.
func segment(t testing.TB, network bitcoin.Network, from uint32, n int) []byte {
	t.Helper()
	s := &headers.Segment{Network: network, Source: "a test", From: from, Headers: make([]bitcoin.Header, n)}
	for i := range s.Headers {
		s.Headers[i][0] = 1
		if i > 0 {
			previous := s.Headers[i-1].Hash()
			copy(s.Headers[i][4:], previous[:])
		}
	}
	data, err := s.Marshal()
	require.NoError(t, err)
	return data
}

func TestPackWithHeaders(t *testing.T) {
	u := newUni(t, testID)
	for _, segments := range [][][]byte{
		{segment(t, bitcoin.Regtest, 0, 3)},
		{segment(t, bitcoin.Mainnet, 2016, 3), segment(t, bitcoin.Mainnet, 2020, 1), segment(t, bitcoin.Regtest, 0, 1)},
		{segment(t, bitcoin.Mainnet, headers.MaxHeight-1, 2), segment(t, bitcoin.Testnet4, 0, 2017)},
	} {
		p := packWith(t, u.data, [][]byte{u.network(t, bitcoin.Regtest)}, segments...)
		data := marshal(t, p)
		got, err := trust.ParsePack(data)
		require.NoError(t, err)
		require.Equal(t, segments, got.Headers)
		require.Equal(t, data, marshal(t, got))
		require.Len(t, got.Segments, len(segments))
		for i, s := range got.Segments {
			again, err := s.Marshal()
			require.NoError(t, err)
			require.Equal(t, segments[i], again)
		}
		require.NoError(t, got.Check(now))
	}
}

func TestPackHeadersRefused(t *testing.T) {
	u := newUni(t, testID)
	three := segment(t, bitcoin.Regtest, 0, 3)
	many := make([][]byte, trust.MaxSegments+1)
	for i := range many {
		many[i] = segment(t, bitcoin.Testnet3, uint32(2*i), 1)
	}
	packWith(t, u.data, nil, many[1:]...)
	tests := []struct {
		name     string
		segments [][]byte
		want     string
	}{
		{"empty", [][]byte{nil}, "header segment 1: malformed"},
		{"cut off", [][]byte{three[:len(three)-1]}, "header segment 1: malformed"},
		{"a byte more", [][]byte{append(bytes.Clone(three), 0)}, "header segment 1: malformed"},
		{"a status list", [][]byte{three, u.network(t, bitcoin.Regtest)}, "header segment 2: malformed"},
		{"networks out of order", [][]byte{three, segment(t, bitcoin.Mainnet, 0, 3)}, "header segment 2, of mainnet from height 0, is out of order"},
		{"heights out of order", [][]byte{segment(t, bitcoin.Mainnet, 2016, 3), segment(t, bitcoin.Mainnet, 0, 3)}, "header segment 2, of mainnet from height 0, is out of order"},
		{"one twice", [][]byte{three, three}, "header segment 2, of regtest from height 0, is out of order"},
		{"overlapping", [][]byte{three, segment(t, bitcoin.Regtest, 2, 3)}, "header segment 2, of regtest from height 2, is out of order"},
		{"without a gap", [][]byte{three, segment(t, bitcoin.Regtest, 3, 3)}, "header segment 2, of regtest from height 3, is out of order, or follows without a gap"},
		{"too many", many, "1025 header segments, want at most 1024"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, err := trust.NewPack(u.data, nil, test.segments)
			require.ErrorContains(t, err, test.want)
			require.Nil(t, p)

			p, err = trust.ParsePack(marshal(t, &trust.Pack{Issuer: u.data, Headers: test.segments}))
			require.ErrorContains(t, err, test.want)
			require.Nil(t, p)
		})
	}
}

// A pack that would be too large is not written, and not read.
func TestPackOfTooManyHeaders(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: hashes half a million headers")
	}
	u := newUni(t, testID)
	most := (trust.MaxPack - 4096) / 4 * 3 / 48
	p := packWith(t, u.data, nil, segment(t, bitcoin.Testnet4, 0, most))
	marshal(t, p)
	p = packWith(t, u.data, nil, segment(t, bitcoin.Testnet4, 0, most+200))
	_, err := p.Marshal()
	require.ErrorContains(t, err, "more than the format's 33554432")
}

func TestPackRoundTrip(t *testing.T) {
	u := newUni(t, testID)
	var all [][]byte
	for _, n := range bitcoin.Networks() {
		all = append(all, u.network(t, n))
	}
	for _, lists := range [][][]byte{nil, all[4:], {all[0], all[4]}, all} {
		data := marshal(t, newPack(t, u.data, lists...))
		p, err := trust.ParsePack(data)
		require.NoError(t, err)
		require.Equal(t, data, marshal(t, p))
		require.Equal(t, u.data, p.Issuer)
		require.Equal(t, u.file.Fingerprint(), p.File.Fingerprint())
		require.Len(t, p.Status, len(lists))
		require.Len(t, p.Lists, len(lists))
		for i, list := range p.Lists {
			want, note, err := issuer.ParseStatus(lists[i])
			require.NoError(t, err)
			require.Equal(t, trust.SignedList{StatusList: want, Note: note, Data: lists[i]}, list)
		}
	}
}

// What a store packs, another store takes in and packs again.
func TestPackFromStoreToStore(t *testing.T) {
	u := newUni(t, testID).rotated(t, now.Add(-10*day))
	s, dir := open(t, newUni(t, "other.example"), u)
	importList(t, s, u.network(t, bitcoin.Regtest))
	importList(t, s, u.network(t, bitcoin.Mainnet))
	before := snapshot(t, dir)
	data := marshal(t, must(s.Pack(testID, nil))(t))
	require.Equal(t, before, snapshot(t, dir), "packing changes nothing")

	p := must(trust.ParsePack(data))(t)
	require.Equal(t, bitcoin.Mainnet, p.Lists[0].Network)
	require.Equal(t, bitcoin.Regtest, p.Lists[1].Network)
	other, _ := open(t)
	_, err := other.Add(p.Issuer)
	require.NoError(t, err)
	for _, list := range p.Status {
		importList(t, other, list)
	}
	require.Equal(t, string(data), string(marshal(t, must(other.Pack(testID, nil))(t))))
}

func must[T any](v T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		require.NoError(t, err)
		return v
	}
}

func TestNewPackRefuses(t *testing.T) {
	u, v := newUni(t, testID), newUni(t, "other.example")
	mainnet, regtest := u.network(t, bitcoin.Mainnet), u.network(t, bitcoin.Regtest)
	six := [][]byte{}
	for _, n := range bitcoin.Networks() {
		six = append(six, u.network(t, n))
	}
	six = append(six, regtest)
	tests := []struct {
		name  string
		file  []byte
		lists [][]byte
		want  string
	}{
		{"no issuer file", nil, nil, "issuer file"},
		{"issuer file cut off", u.data[:len(u.data)-1], nil, "issuer file"},
		{"list in place of the issuer file", regtest, nil, "issuer file"},
		{"list cut off", u.data, [][]byte{regtest[:len(regtest)-1]}, "status list 1"},
		{"issuer file in place of a list", u.data, [][]byte{mainnet, u.data}, "status list 2"},
		{"list of another issuer", u.data, [][]byte{mainnet, v.network(t, bitcoin.Regtest)}, "status list 2 is of other.example"},
		{"out of order", u.data, [][]byte{regtest, mainnet}, "status list 2, for mainnet, is out of order"},
		{"one list twice", u.data, [][]byte{regtest, regtest}, "status list 2, for regtest, is out of order"},
		{"two lists for a network", u.data, [][]byte{regtest, u.list(t, 2, 1)}, "status list 2, for regtest, is out of order"},
		{"six lists", u.data, six, "6 status lists, want at most 5"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, err := trust.NewPack(test.file, test.lists, nil)
			require.ErrorContains(t, err, test.want)
			require.Nil(t, p)

			// The same content in a file of the right form.
			pack := &trust.Pack{Issuer: test.file, Status: test.lists}
			p, err = trust.ParsePack(marshal(t, pack))
			require.ErrorContains(t, err, test.want)
			require.Nil(t, p)
		})
	}
}

func TestParsePackIsStrict(t *testing.T) {
	u := newUni(t, testID)
	good := string(marshal(t, packWith(t, u.data, [][]byte{u.network(t, bitcoin.Regtest)}, segment(t, bitcoin.Regtest, 0, 1))))
	replace := func(old, new string) string {
		require.Contains(t, good, old)
		return strings.Replace(good, old, new, 1)
	}
	// member replaces the value of a member; empty: the member.
	member := func(name, value string) string {
		line := regexp.MustCompile(`(?s)  "` + name + `": \[\n.*?\n  \](,?)\n`)
		require.Len(t, line.FindAllString(good, -1), 1)
		if value == "" {
			return strings.ReplaceAll(line.ReplaceAllString(good, ""), "],\n}", "]\n}")
		}
		return line.ReplaceAllString(good, `  "`+name+`": `+value+"$1\n")
	}
	var compact bytes.Buffer
	require.NoError(t, json.Compact(&compact, []byte(good)))
	tests := map[string]string{
		"empty":                  "",
		"an issuer file":         string(u.data),
		"null":                   "null\n",
		"a list":                 "[]\n",
		"compact":                compact.String(),
		"no final line feed":     strings.TrimSuffix(good, "\n"),
		"two final line feeds":   good + "\n",
		"something after it":     good + "{}\n",
		"CRLF":                   strings.ReplaceAll(good, "\n", "\r\n"),
		"byte order mark":        "\ufeff" + good,
		"not UTF-8":              replace("University", "Universit\xff"),
		"tabs":                   strings.ReplaceAll(good, "  ", "\t"),
		"later format":           replace("gradseal-pack/1", "gradseal-pack/2"),
		"format of a proof":      replace("gradseal-pack/1", "gradseal-proof/1"),
		"upper-case key":         replace(`"format"`, `"Format"`),
		"unknown key":            replace("{\n", "{\n  \"version\": 1,\n"),
		"key twice":              replace("  \"issuer\"", "  \"format\": \"gradseal-pack/1\",\n  \"issuer\""),
		"key missing":            replace("  \"format\": \"gradseal-pack/1\",\n", ""),
		"keys in another order":  reorder(t, good),
		"status null":            member("status", "null"),
		"status missing":         member("status", ""),
		"status no list":         member("status", `""`),
		"headers null":           member("headers", "null"),
		"headers missing":        member("headers", ""),
		"headers no list":        member("headers", `""`),
		"null in the headers":    member("headers", "[\n    null\n  ]"),
		"number in the headers":  member("headers", "[\n    1\n  ]"),
		"base64 unpadded":        replace("=\"\n", "\"\n"),
		"base64 of a URL":        replace("Z3JhZHNlYWw", "Z3JhZHNlYW_"),
		"base64 with a line end": replace("Z3JhZHNlYWw", `Z3Jh\nZHNlYWw`),
		"base64 respelled":       respelled(t, good),
		"null in the list":       replace("    \"gradseal status", "    null,\n    \"gradseal status"),
		"an escape too much":     replace("University", `\u0055niversity`),
		"escaped slash":          replace("example/registrar", `example\/registrar`),
		"em dash as an escape":   replace("—", `\u2014`),
		"damaged list":           replace("sequence 1\\nasof", "sequence 01\\nasof"),
		"damaged issuer file":    replace("sequence 1\\nset", "sequence 2\\nset"),
		"unsigned issuer file":   replace(`\n\n— `, `\n`),
		"number for the issuer":  `{"format": "gradseal-pack/1", "issuer": 1, "status": [], "headers": []}`,
		"deeply nested":          strings.Repeat("[", 100_000),
		"one byte over the size": good + strings.Repeat(" ", trust.MaxPack+1-len(good)),
	}
	_, err := trust.ParsePack([]byte(good))
	require.NoError(t, err)
	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			require.NotEqual(t, good, data)
			p, err := trust.ParsePack([]byte(data))
			require.Error(t, err)
			require.Nil(t, p)
		})
	}
}

// respelled sets unused bits of the last base64 character before the padding.
func respelled(t *testing.T, good string) string {
	t.Helper()
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	end := strings.LastIndex(good, `="`)
	require.Positive(t, end)
	at := len(strings.TrimRight(good[:end], "=")) - 1
	return good[:at] + digits[strings.IndexByte(digits, good[at])+1:][:1] + good[at+1:]
}

// reorder puts the status key before the issuer key.
func reorder(t *testing.T, good string) string {
	t.Helper()
	var m map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(good), &m))
	var list []json.RawMessage
	require.NoError(t, json.Unmarshal(m["status"], &list))
	return "{\n  \"format\": \"gradseal-pack/1\",\n  \"status\": [\n    " + string(list[0]) + "\n  ],\n  \"issuer\": " + string(m["issuer"]) + ",\n  \"headers\": []\n}\n"
}

// No flip of a bit makes another pack of it: what still parses is the same
// issuer and the same lists under another signature line, which the trust store
// judges.
func TestParsePackDamaged(t *testing.T) {
	u := newUni(t, testID)
	good := marshal(t, newPack(t, u.data, u.network(t, bitcoin.Regtest)))
	want := must(trust.ParsePack(good))(t)
	s, dir := open(t, u)
	for i := range good {
		data := bytes.Clone(good)
		data[i] ^= 1 << (i % 8)
		p, err := trust.ParsePack(data)
		if err != nil {
			require.Nil(t, p)
			continue
		}
		require.Equal(t, want.File, p.File, "byte %d", i)
		require.Equal(t, data, marshal(t, p))
		err = requireRefused(t, dir, func() error { _, err := s.ImportStatus(p.Status[0], now); return err })
		require.ErrorContains(t, err, testID, "byte %d", i)
	}
}

func FuzzParsePack(f *testing.F) {
	u := newUni(f, testID)
	f.Add(marshal(f, newPack(f, u.data)))
	f.Add(marshal(f, newPack(f, u.data, u.network(f, bitcoin.Regtest))))
	f.Add(marshal(f, newPack(f, u.data, u.network(f, bitcoin.Mainnet), u.network(f, bitcoin.Signet))))
	f.Add(marshal(f, packWith(f, u.data, nil, segment(f, bitcoin.Mainnet, 878976, 3), segment(f, bitcoin.Regtest, 0, 1))))
	f.Add([]byte("{\n  \"format\": \"gradseal-pack/1\",\n  \"issuer\": \"\",\n  \"status\": [],\n  \"headers\": []\n}\n"))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := trust.ParsePack(data)
		if err != nil {
			require.Nil(t, p)
			return
		}
		again, err := p.Marshal()
		require.NoError(t, err)
		require.Equal(t, data, again)
		require.Len(t, p.Lists, len(p.Status))
		require.Len(t, p.Segments, len(p.Headers))
		for i, list := range p.Lists {
			require.Equal(t, p.File.ID, list.Issuer)
			require.True(t, i == 0 || p.Lists[i-1].Network < list.Network)
		}
	})
}
