package headers

import (
	"encoding/binary"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/internal/strictjson"
)

func TestSegmentRoundTrip(t *testing.T) {
	r := testRules(func(r *rules) { r.network, r.fixed = bitcoin.Regtest, true })
	hs := testChain(t, r, 2100, 0)
	path := filepath.Join(t.TempDir(), "headers")
	syncTo(t, path, r, newSource(hs...), named("a"))
	c, err := openChain(path, r)
	require.NoError(t, err)
	defer c.Close()
	for _, span := range [][2]uint32{{0, 0}, {0, 2100}, {1, 1}, {2016, 2100}, {2100, 2100}, {700, 1500}} {
		s, err := c.Segment(span[0], span[1])
		require.NoError(t, err)
		require.Equal(t, part(t, r, hs, span[0], span[1]), s)
		data, err := s.Marshal()
		require.NoError(t, err)
		require.Len(t, data, 20+1+1+1+4+32+32+4+48*int(span[1]-span[0]+1))
		parsed, err := ParseSegment(data)
		require.NoError(t, err)
		require.Equal(t, s, parsed)
	}
	for _, span := range [][2]uint32{{2, 1}, {0, 2101}, {2101, 2101}, {0, math.MaxUint32}, {math.MaxUint32, math.MaxUint32}} {
		_, err := c.Segment(span[0], span[1])
		require.ErrorIs(t, err, ErrNotHeld)
	}
}

// TestSegmentAcrossGap: a segment is of one range.
func TestSegmentAcrossGap(t *testing.T) {
	r, hs := listed(t, bitcoin.Mainnet)
	path := filepath.Join(t.TempDir(), "headers")
	importTo(t, path, r, part(t, r, hs, 2016, 4032))
	c, err := openChain(path, r)
	require.NoError(t, err)
	defer c.Close()
	for _, span := range [][2]uint32{{2016, 4032}, {2017, 3000}, {6048, 6048}} {
		s, err := c.Segment(span[0], span[1])
		require.NoError(t, err)
		want := part(t, r, hs, span[0], span[1])
		require.Equal(t, want, s)
	}
	for _, span := range [][2]uint32{{2015, 2016}, {4032, 4033}, {4032, 6048}, {6048, 6049}} {
		_, err := c.Segment(span[0], span[1])
		require.ErrorIs(t, err, ErrNotHeld)
	}
}

func sampleSegment(t testing.TB) (*Segment, []byte) {
	t.Helper()
	r := testRules(func(r *rules) { r.network, r.fixed = bitcoin.Regtest, true })
	hs := testChain(t, r, 5, 0)
	s := &Segment{Network: bitcoin.Regtest, Source: "a source", From: 2, Before: mustExpand(easy).work, Headers: hs[2:]}
	data, err := s.Marshal()
	require.NoError(t, err)
	return s, data
}

func TestParseSegmentRefuses(t *testing.T) {
	_, good := sampleSegment(t)
	const source, from, work, count = 21, 30, 66, 98 // offsets
	change := func(f func(b []byte) []byte) []byte { return f(append([]byte{}, good...)) }
	set := func(at int, v byte) []byte { return change(func(b []byte) []byte { b[at] = v; return b }) }
	set32 := func(at int, v uint32) []byte {
		return change(func(b []byte) []byte { binary.LittleEndian.PutUint32(b[at:], v); return b })
	}
	for _, test := range []struct {
		name string
		data []byte
		want string
	}{
		{"nothing", nil, "does not begin with"},
		{"another version", set(18, '2'), "does not begin with"},
		{"no network", set(20, 0), "unknown network 0"},
		{"no such network", set(20, 6), "unknown network 6"},
		{"no source", change(func(b []byte) []byte { b[source] = 0; return append(b[:22], b[30:]...) }), "malformed source"},
		{"a control in the source", set(source+1, '\n'), "malformed source: byte 0x0a"},
		{"a space before the source", set(source+1, ' '), "a space at an end"},
		{"a source that is too long", set(source, 201), "malformed source: 201 bytes"},
		{"more work than there can be", set(work+3, 1), "more than 224 bits"},
		{"no headers", set32(count, 0), "0 headers, want 1 to 2000000"},
		{"too many headers", set32(count, MaxSegment+1), "2000001 headers, want 1 to 2000000"},
		{"very many headers", set32(count, math.MaxUint32), "2000001 headers, want 1 to 2000000"},
		{"too high", set32(from, MaxHeight), "want none above 16777215"},
		{"one too high", set32(from, MaxHeight-2), "want none above 16777215"},
		{"heights past 32 bits", set32(from, math.MaxUint32), "want none above 16777215"},
		{"fewer headers than said", set32(count, 5), "192 bytes of headers, want 240"},
		{"more headers than said", set32(count, 3), "192 bytes of headers, want 144"},
		{"as many as there can be", set32(count, MaxSegment), "192 bytes of headers, want 96000000"},
		{"a byte more", append(append([]byte{}, good...), 0), "193 bytes of headers, want 192"},
	} {
		s, err := ParseSegment(test.data)
		require.ErrorContains(t, err, test.want, test.name)
		require.ErrorContains(t, err, "malformed header segment", test.name)
		require.Nil(t, s, test.name)
	}
	_, err := ParseSegment(set32(from, MaxHeight-3))
	require.NoError(t, err)
	for n := range good {
		_, err := ParseSegment(good[:n])
		require.Error(t, err, "cut to %d bytes", n)
	}
}

func TestMarshalRefuses(t *testing.T) {
	for _, test := range []struct {
		change func(s *Segment)
		want   string
	}{
		{func(s *Segment) { s.Network = 0 }, "unknown network"},
		{func(s *Segment) { s.Source = "" }, "malformed source"},
		{func(s *Segment) { s.Headers = nil }, "0 headers"},
		{func(s *Segment) { s.From = MaxHeight }, "want none above"},
		{func(s *Segment) { s.Before.limbs[3] = 1 << 32 }, "more than 224 bits"},
		{func(s *Segment) { s.Headers[2][70]++ }, "invalid link at height 5"},
	} {
		s, _ := sampleSegment(t)
		test.change(s)
		_, err := s.Marshal()
		require.ErrorContains(t, err, test.want)
	}
}

func FuzzParseSegment(f *testing.F) {
	_, good := sampleSegment(f)
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte(segmentMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseSegment(data)
		if err != nil {
			require.Nil(t, s)
			return
		}
		again, err := s.Marshal()
		require.NoError(t, err)
		require.Equal(t, data, again)
	})
}

// FuzzIndex: any index is refused, or opens to a chain that reads or says why
// not.
func FuzzIndex(f *testing.F) {
	r, hs := listed(f, bitcoin.Mainnet)
	path := filepath.Join(f.TempDir(), "headers")
	importTo(f, path, r, part(f, r, hs, 2016, 4032))
	syncTo(f, path, r, newSource(hs...), named("a"))
	good, err := readIndexFile(path)
	require.NoError(f, err)
	f.Add(good)
	f.Add([]byte("{}\n"))
	f.Add([]byte(strings.Replace(string(good), `"from": 2016`, `"from": 0`, 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := parseIndex(data, r)
		if err != nil {
			require.Nil(t, x)
			return
		}
		again, err := strictjson.Marshal(x)
		require.NoError(t, err)
		require.Equal(t, data, again)
		c, err := x.open(path, r)
		if err != nil {
			return
		}
		defer c.Close()
		for _, g := range c.Ranges() {
			for _, height := range []uint32{g.From, g.To, (g.From + g.To) / 2} {
				_, err := c.At(height)
				require.NotErrorIs(t, err, ErrNotHeld)
			}
		}
		_, err = c.At(c.Height() + 1)
		require.ErrorIs(t, err, ErrNotHeld)
	})
}

func TestIndexRefuses(t *testing.T) {
	r, hs := listed(t, bitcoin.Mainnet)
	path := filepath.Join(t.TempDir(), "headers")
	importTo(t, path, r, part(t, r, hs, 2016, 4032))
	data, err := readIndexFile(path)
	require.NoError(t, err)
	good := string(data)
	_, err = parseIndex(data, r)
	require.NoError(t, err)
	plain := *r
	plain.list = nil
	_, err = parseIndex(data, &plain)
	require.ErrorContains(t, err, "2 ranges, want 1")
	for _, test := range []struct{ old, new, want string }{
		{"{", "[", "it is not written as this version does"},
		{"headers/1", "headers/2", "unknown header file format"},
		{`"mainnet"`, `"signet"`, "the headers are those of"},
		{`"source": "a"`, `"source": ""`, "malformed source"},
		{`"size": `, `"size": -`, "a size of -"},
		{`"from": 6048`, `"from": 4032`, "a range from 4032"},
		{`"from": 6048`, `"from": 6049`, "a range from 6049"},
		{`"to": 6048`, `"to": 6049`, "no extent of headers from height 6049"},
		{`"to": 4032`, `"to": 4031`, "no extent"},
		{`"to": 4032`, `"to": 1000`, "a range from 2016"},
		{`"offset": 0`, `"offset": 81`, "at byte 81"},
		{`"offset": 0`, `"offset": -80`, "at byte -80"},
		{`"count": 1`, `"count": 0`, "0 headers"},
		{`"count": 1`, `"count": 2`, "no extent"},
		{`  "extents": [`, `  "extents": null,`, "malformed"},
		{"\n}", "\n} ", "one spelling"},
	} {
		require.Contains(t, good, test.old)
		x, err := parseIndex([]byte(strings.Replace(good, test.old, test.new, 1)), r)
		require.Error(t, err, test.new)
		require.Nil(t, x)
		if test.want != "no extent" {
			require.ErrorContains(t, err, test.want)
		}
	}
}

func TestParsePin(t *testing.T) {
	hash, _, _ := mustList(mainnetList).at(2016)
	p, err := ParsePin("2016:" + hash.String() + ":7e107e107e1")
	require.NoError(t, err)
	require.Equal(t, uint32(2016), p.Height)
	again, err := ParsePin(p.String())
	require.NoError(t, err)
	require.Equal(t, p, again)
	for _, bad := range []string{"", "2016", "2016:" + hash.String(), "02016:" + hash.String() + ":1", "2017:" + hash.String() + ":1", "-2016:" + hash.String() + ":1",
		"16779168:" + hash.String() + ":1", "4294967296:" + hash.String() + ":1", "2016:" + hash.String()[1:] + ":1", "2016:" + hash.String() + ":", "2016:" + hash.String() + ":G",
		"2016:" + hash.String() + ":1:1", "2016:" + strings.ToUpper(hash.String()) + ":1"} {
		_, err := ParsePin(bad)
		require.ErrorContains(t, err, "checkpoint", bad)
	}
	for _, network := range bitcoin.Networks() {
		p, err := Genesis(network)
		require.NoError(t, err)
		require.Equal(t, network.Genesis().Hash(), p.Hash)
	}
	_, err = Genesis(0)
	require.Error(t, err)
}

// TestRealImport takes the first headers of mainnet, of which those up to the
// last listed block are proven.
func TestRealImport(t *testing.T) {
	hs := btcdHeaders(t)
	path := filepath.Join(t.TempDir(), "headers")
	s := &Segment{Network: bitcoin.Mainnet, Source: "btcd's tests", Headers: hs}
	err := Import(path, s, Options{Now: clock})
	require.ErrorContains(t, err, "headers from height 14113 to 14131 lead to no block")
	require.NoFileExists(t, path)
	s.Headers = hs[:14113]
	require.NoError(t, Import(path, s, Options{Now: clock}))
	c, err := Open(path, bitcoin.Mainnet)
	require.NoError(t, err)
	defer c.Close()
	require.Equal(t, uint32(878976), c.Height())
	require.Len(t, c.Ranges(), 2)
	_, want, _ := c.rules.list.at(14112)
	require.Equal(t, want, c.Ranges()[0].Work)
	for height, h := range hs[:14113] {
		got, err := c.At(uint32(height))
		require.NoError(t, err)
		require.Equal(t, h, got)
	}
	_, err = c.At(14113)
	require.ErrorIs(t, err, ErrNotHeld)
	reports, err := Audit(c, nil)
	require.NoError(t, err)
	require.True(t, reports[0].Closed && reports[0].Proven && reports[1].Proven)
}
