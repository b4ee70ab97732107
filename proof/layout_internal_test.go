package proof

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/internal/strictjson"
)

// layoutFile has every kind of value, lists of zero, one and two items, and all
// three escapes.
var layoutFile = fileJSON{
	Format:   format,
	Document: documentJSON{SHA256: "00ff", Salt: ""},
	Layers: []layerJSON{
		{Index: 0, Path: []string{}, Statement: "a \"title\" \\ of M\u00fcller,\n\n\u2014 <b>&\x7f\ufffd\n"},
		{Index: 1<<64 - 1, Path: []string{"aa", "bb"}, Statement: ""},
	},
	Attestations: []attestationJSON{
		{bitcoin: &bitcoinJSON{Type: "bitcoin", Transaction: "01", Position: 1<<32 - 1, Path: []string{"cc"}, Header: "02", Height: 7, Successors: []string{}}},
		{ots: &otsJSON{Type: "opentimestamps", Timestamp: "03"}},
	},
}

// requireSameReading holds the reader of the layout against strictjson: what
// the one takes the other takes, for the same values. strictjson also takes null
// for a list.
func requireSameReading(t *testing.T, data []byte) {
	t.Helper()
	var want fileJSON
	err := strictjson.Unmarshal(data, &want)
	got, ok := readLayout(data)
	if ok {
		require.NoError(t, err, "%q", data)
	}
	if err != nil || hasNullList(&want) {
		require.False(t, ok, "%q", data)
		return
	}
	require.True(t, ok, "%q", data)
	require.Equal(t, want, got)
}

func hasNullList(f *fileJSON) bool {
	null := f.Layers == nil || f.Attestations == nil
	for _, l := range f.Layers {
		null = null || l.Path == nil
	}
	for _, a := range f.Attestations {
		null = null || a.bitcoin != nil && (a.bitcoin.Path == nil || a.bitcoin.Successors == nil)
	}
	return null
}

func layoutSeeds(t testing.TB) [][]byte {
	t.Helper()
	pending, alone := layoutFile, layoutFile
	pending.Attestations = []attestationJSON{}
	alone.Layers, alone.Attestations = []layerJSON{}, append(alone.Attestations, alone.Attestations...)
	var seeds [][]byte
	for _, f := range []fileJSON{layoutFile, pending, alone} {
		data, err := strictjson.Marshal(f)
		require.NoError(t, err)
		seeds = append(seeds, data)
	}
	return seeds
}

func TestLayoutIsStrictJSON(t *testing.T) {
	for _, data := range layoutSeeds(t) {
		requireSameReading(t, data)
		var f fileJSON
		require.NoError(t, json.Unmarshal(data, &f))
		got, ok := appendLayout(nil, &f)
		require.True(t, ok)
		require.Equal(t, string(data), string(got))
	}
}

// Every byte is left out, doubled, and replaced by what means something in JSON
// or is not to stand in it.
func TestLayoutAfterEveryChange(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: reads many proofs, in one goroutine")
	}
	for _, data := range layoutSeeds(t) {
		for i := range data {
			before, after := string(data[:i]), string(data[i+1:])
			requireSameReading(t, []byte(before+after))
			requireSameReading(t, []byte(before+string(data[i:i+1])+string(data[i:])))
			requireSameReading(t, []byte(before))
			for _, c := range []string{"0", "1", "-", ".", "e", "n", "u", `"`, `\`, ",", ":", "[", "]", "{", "}", " ", "\n", "\t", "\r", "\x00", "\x7f", "\x80", "\xff", "\u2028", "\ufeff", `\"`, `\n`, `\u0041`, "null"} {
				requireSameReading(t, []byte(before+c+after))
			}
		}
	}
}

// What cannot be spelt is refused by the writer, as strictjson refuses it.
func TestLayoutRefusesOtherEscapes(t *testing.T) {
	for c := range rune(0x2100) {
		f := layoutFile
		f.Layers = []layerJSON{{Path: []string{}, Statement: "a" + string(c) + "b"}}
		want, err := strictjson.Marshal(f)
		got, ok := appendLayout(nil, &f)
		require.Equal(t, err == nil, ok, "%U", c)
		if ok {
			require.Equal(t, string(want), string(got))
		}
	}
	for _, s := range []string{"\xff", "\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\x80"} {
		f := layoutFile
		f.Format = s
		_, ok := appendLayout(nil, &f)
		require.False(t, ok, "%q", s)
	}
}

func FuzzLayout(f *testing.F) {
	for _, data := range layoutSeeds(f) {
		f.Add(data)
	}
	f.Fuzz(requireSameReading)
}
