package issuer

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
)

func TestStatementText(t *testing.T) {
	want := `gradseal statement v1
type documents
issuer uni.example/registrar
network mainnet
size 200
root abacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9ca
issued 2025-11-22T09:00:00Z
after 924000 363534333231302f2e2d2c2b2a292827262524232221201f1e1d1c1b1a191817
title Transcripts, summer term 2025 – Fakultät Ω
`
	require.Equal(t, want, mustText(t, testStatement(t).Text))
}

func TestStatementRoundTrip(t *testing.T) {
	change := map[string]func(s *Statement){
		"all":             func(*Statement) {},
		"no after":        func(s *Statement) { s.After = nil },
		"no title":        func(s *Statement) { s.Title = "" },
		"neither":         func(s *Statement) { s.After, s.Title = nil, "" },
		"batches":         func(s *Statement) { s.Type = Batches },
		"testnet3":        func(s *Statement) { s.Network = bitcoin.Testnet3 },
		"testnet4":        func(s *Statement) { s.Network = bitcoin.Testnet4 },
		"signet":          func(s *Statement) { s.Network = bitcoin.Signet },
		"regtest":         func(s *Statement) { s.Network = bitcoin.Regtest },
		"size 1":          func(s *Statement) { s.Size = 1 },
		"size 2^32":       func(s *Statement) { s.Size = MaxTreeSize },
		"shortest id":     func(s *Statement) { s.Issuer = "/" },
		"longest id":      func(s *Statement) { s.Issuer = strings.Repeat("z9", 50) },
		"height 0":        func(s *Statement) { s.After.Height = 0 },
		"greatest height": func(s *Statement) { s.After.Height = 1<<32 - 1 },
		"first year":      func(s *Statement) { s.Issued = date(t, "2009-01-01T00:00:00Z") },
		"last second":     func(s *Statement) { s.Issued = date(t, "9999-12-31T23:59:59Z") },
		"leap day":        func(s *Statement) { s.Issued = date(t, "2024-02-29T23:59:59Z") },
		"longest title":   func(s *Statement) { s.Title = strings.Repeat("ä", 100) },
		"shortest title":  func(s *Statement) { s.Title = "." },
		"spaces inside":   func(s *Statement) { s.Title = "a  b\u00a0c" },
	}
	for name, f := range change {
		t.Run(name, func(t *testing.T) {
			s := testStatement(t)
			f(s)
			signed, err := SignNote(mustText(t, s.Text), MaxStatement, testSigners(t, 1, 2)...)
			require.NoError(t, err)
			got, n, err := ParseStatement(signed)
			require.NoError(t, err)
			require.Equal(t, s, got)
			require.Len(t, n.Signatures, 2)
			require.Equal(t, signed, n.Marshal())
			requireSameNote(t, n, signed)
		})
	}
}

func TestStatementTimeIsWrittenInUTC(t *testing.T) {
	s := testStatement(t)
	s.Issued = s.Issued.In(time.FixedZone("CET", 3600))
	require.Equal(t, mustText(t, testStatement(t).Text), mustText(t, s.Text))
}

// badTimes are spellings that are not the one of a time, or of one that is not
// allowed.
var badTimes = []struct{ value, want string }{
	{"2025-11-22T09:00:00", "malformed time"},
	{"2025-11-22T09:00:00z", "malformed time"},
	{"2025-11-22t09:00:00Z", "malformed time"},
	{"2025-11-22 09:00:00Z", "malformed time"},
	{"2025-11-22T09:00:00+00:00", "malformed time"},
	{"2025-11-22T09:00:00.0Z", "malformed time"},
	{"2025-11-22T09:00:00.5Z", "malformed time"},
	{"2025-11-22T09:00:00,5Z", "malformed time"},
	{"2025-11-22T9:00:00Z", "malformed time"},
	{"2025-11-22T9:00:00.1Z", "malformed time"},
	{"2025-11-22T09:00Z", "malformed time"},
	{"2025-11-22", "malformed time"},
	{"2025-1-22T09:00:00Z", "malformed time"},
	{"2025-11-31T09:00:00Z", "malformed time"},
	{"2025-02-29T09:00:00Z", "malformed time"},
	{"2025-13-01T09:00:00Z", "malformed time"},
	{"2025-00-01T09:00:00Z", "malformed time"},
	{"2025-11-00T09:00:00Z", "malformed time"},
	{"2025-11-22T24:00:00Z", "malformed time"},
	{"2025-11-22T09:60:00Z", "malformed time"},
	{"2025-11-22T23:59:60Z", "malformed time"},
	{"02025-11-22T09:00:00Z", "malformed time"},
	{"+2025-11-22T09:00:00Z", "malformed time"},
	{"10000-01-01T00:00:00Z", "malformed time"},
	{"now", "malformed time"},
	{"-", "malformed time"},
	{"2008-12-31T23:59:59Z", "year 2008"},
	{"1970-01-01T00:00:00Z", "year 1970"},
}

var badIDs = []struct{ value, want string }{
	{"Uni.example", "issuer id"},
	{"uni_example", "issuer id"},
	{"uni example", "issuer id"},
	{"uni+example", "issuer id"},
	{"uni:example", "issuer id"},
	{"uni@example", "issuer id"},
	{"bücher.example", "issuer id"},
	{"uni.example\\registrar", "issuer id"},
	{strings.Repeat("a", 101), "issuer id has 101 bytes"},
}

var badSequences = []struct{ value, want string }{
	{"0", "out of range"},
	{"01", "malformed number"},
	{"-1", "malformed number"},
	{"+1", "malformed number"},
	{"1.0", "malformed number"},
	{"1e3", "malformed number"},
	{"0x1", "malformed number"},
	{"1_000", "malformed number"},
	{"١", "malformed number"},
	{"9007199254740992", "out of range"},
	{"18446744073709551616", "out of range"},
	{strings.Repeat("9", 400), "out of range"},
}

var badHashes = []struct{ value, want string }{
	{strings.Repeat("A", 64), "malformed hash"},
	{strings.Repeat("g", 64), "malformed hash"},
	{strings.Repeat("a", 63), "malformed hash"},
	{strings.Repeat("a", 65), "malformed hash"},
	{strings.Repeat("a", 62), "malformed hash"},
	{"0x" + strings.Repeat("a", 62), "malformed hash"},
	{strings.Repeat("a", 63) + " ", "malformed hash"},
	{strings.Repeat("a", 32) + " " + strings.Repeat("a", 31), "malformed hash"},
	{strings.Repeat("ä", 32), "malformed hash"},
}

var badNetworks = []struct{ value, want string }{
	{"Mainnet", "unknown network"},
	{"main", "unknown network"},
	{"bitcoin", "unknown network"},
	{"testnet", "unknown network"},
	{"test", "unknown network"},
	{"simnet", "unknown network"},
	{"unknown network 0", "unknown network"},
}

var badLabels = []struct{ value, want string }{
	{"a ", "white space"},
	{"a\u00a0", "white space"},
	{"\u3000a", "white space"},
	{"\u2003a", "white space"},
	{" ", "white space"},
}

// The values that break a rule of each line. The lines "issued", "root" and so on
// share their rules with the other texts.
func TestStatementBad(t *testing.T) {
	text := mustText(t, testStatement(t).Text)
	rules := map[string]string{
		"type": "statement type", "issuer": "issuer id", "network": "unknown network", "size": "malformed number",
		"root": "malformed hash", "issued": "malformed time", "title": "title",
	}
	bad := brokenLines(text, rules, func(key string) bool { return key == "after" || key == "title" })
	add := func(key, value, want string) {
		bad = append(bad, badText{key + " " + value, replaceLine(t, text, key, value), want})
	}
	for key, values := range map[string][]struct{ value, want string }{
		"issuer": badIDs, "root": badHashes, "issued": badTimes, "network": badNetworks, "title": badLabels,
	} {
		for _, v := range values {
			add(key, v.value, v.want)
		}
	}
	for _, v := range []string{"document", "Documents", "DOCUMENTS", "documents batches", "batch", "documents,batches"} {
		add("type", v, "statement type")
	}
	for _, v := range badSequences {
		if v.value != "9007199254740992" {
			add("size", v.value, v.want)
		}
	}
	add("size", "4294967297", "out of range")
	add("title", strings.Repeat("a", 201), "title has 201 bytes")
	add("title", strings.Repeat("ä", 100)+"a", "title has 201 bytes")

	hash := bitcoin.Hash(testHash(0x17)).String()
	for _, v := range []struct{ value, want string }{
		{"924000", "want a height and a hash"},
		{hash, "want a height and a hash"},
		{"0924000 " + hash, "after: height: malformed number"},
		{"-1 " + hash, "after: height: malformed number"},
		{" " + hash, "after: height: malformed number"},
		{"4294967296 " + hash, "after: height: number \"4294967296\" is out of range"},
		{"924000  " + hash, "after: malformed hash"},
		{"924000 " + hash + " ", "after: malformed hash"},
		{"924000 " + strings.ToUpper(hash), "after: malformed hash"},
		{"924000 " + hash[1:], "after: malformed hash"},
		{"924000 " + hash + " x", "after: malformed hash"},
	} {
		add("after", v.value, v.want)
	}

	lines := strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
	lines[len(lines)-1] += "\n"
	for i := range lines {
		bad = append(bad, badText{"doubled: " + lines[i], strings.Join(append(append(append([]string{}, lines[:i+1]...), lines[i]), lines[i+1:]...), ""), "unexpected line"})
		if i+1 == len(lines) {
			continue
		}
		swapped := append([]string{}, lines...)
		swapped[i], swapped[i+1] = lines[i+1], lines[i]
		want := "unexpected line"
		if i == 0 {
			want = "malformed format line"
		}
		bad = append(bad, badText{"swapped: " + lines[i], strings.Join(swapped, ""), want})
	}
	bad = append(bad,
		badText{"a line more", text + "note x\n", "unexpected line"},
		badText{"format without a version", strings.Replace(text, " v1\n", "\n", 1), "malformed format line"},
		badText{"version 0", strings.Replace(text, " v1\n", " v0\n", 1), "malformed format line"},
		badText{"version 01", strings.Replace(text, " v1\n", " v01\n", 1), "malformed format line"},
		badText{"version 1.0", strings.Replace(text, " v1\n", " v1.0\n", 1), "malformed format line"},
		badText{"version V1", strings.Replace(text, " v1\n", " V1\n", 1), "malformed format line"},
		badText{"a status list", mustText(t, testStatus(t).Text), "malformed format line"},
		badText{"an issuer file", mustText(t, testFile(t).Text), "malformed format line"},
	)
	require.Greater(t, len(bad), 200)
	for _, b := range bad {
		t.Run(b.name, func(t *testing.T) {
			s, n, err := ParseStatement(signAny(t, b.text, 1))
			require.ErrorContains(t, err, "malformed")
			require.ErrorContains(t, err, b.want)
			require.NotErrorIs(t, err, ErrUnknownFormat)
			require.Less(t, len(err.Error()), 400, "an error must not repeat a file")
			require.Nil(t, s)
			require.Nil(t, n)
		})
	}
}

func TestNewerFormatIsNotDamage(t *testing.T) {
	for version, want := range map[string]bool{"2": true, "3": true, "10": true, "9007199254740991": true, "1": false, "0": false, "02": false, "2x": false, "": false, "99999999999999999999": false} {
		signed := func(kind string) []byte {
			return signAny(t, "gradseal "+kind+" v"+version+"\nanything else\n", 1)
		}
		_, _, err := ParseStatement(signed("statement"))
		require.Error(t, err)
		require.Equal(t, want, isUnknownFormat(err), "%s: %v", version, err)
		_, _, err = ParseStatus(signed("status"))
		require.Equal(t, want, isUnknownFormat(err), "%s: %v", version, err)
		_, err = ParseFile(signed("issuer"))
		require.Equal(t, want, isUnknownFormat(err), "%s: %v", version, err)
		_, _, err = ParseStatement(signed("status"))
		require.False(t, isUnknownFormat(err), "another kind of text is no newer statement")
	}
}

func TestStatementTextRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		change func(s *Statement)
		want   string
	}{
		"no type":        {func(s *Statement) { s.Type = "" }, "statement type"},
		"no issuer":      {func(s *Statement) { s.Issuer = "" }, "issuer id has 0 bytes"},
		"no network":     {func(s *Statement) { s.Network = 0 }, "network 0 is not known"},
		"a sixth net":    {func(s *Statement) { s.Network = 6 }, "network 6 is not known"},
		"no size":        {func(s *Statement) { s.Size = 0 }, "tree size 0"},
		"size too great": {func(s *Statement) { s.Size = MaxTreeSize + 1 }, "tree size 4294967297"},
		"no time":        {func(s *Statement) { s.Issued = time.Time{} }, "year 1"},
		"fraction":       {func(s *Statement) { s.Issued = s.Issued.Add(1) }, "whole seconds"},
		"year 10000":     {func(s *Statement) { s.Issued = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "year 10000"},
		"line in title":  {func(s *Statement) { s.Title = "a\nb" }, "control character"},
		"CR in title":    {func(s *Statement) { s.Title = "a\rb" }, "control character"},
		"bidi title":     {func(s *Statement) { s.Title = "a\u202eb" }, "bidirectional control"},
		"title invalid":  {func(s *Statement) { s.Title = "a\xff" }, "UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			s := testStatement(t)
			test.change(s)
			text, err := s.Text()
			require.ErrorContains(t, err, test.want)
			require.Empty(t, text)
		})
	}
}

func TestStatementIsCapped(t *testing.T) {
	signed, err := SignNote(mustText(t, testStatement(t).Text), MaxStatement, testSigners(t, 1)...)
	require.NoError(t, err)
	_, _, err = ParseStatement(append(signed, bytes.Repeat([]byte("x"), MaxStatement)...))
	require.ErrorContains(t, err, "want at most 16384")
}

func TestStatementBitFlips(t *testing.T) {
	f := testFile(t)
	s := testStatement(t)
	signed, err := SignNote(mustText(t, s.Text), MaxStatement, testSigners(t, 1, 3)...)
	require.NoError(t, err)
	_, n, err := ParseStatement(signed)
	require.NoError(t, err)
	_, err = f.CheckSignatures(n, s.Issued)
	require.NoError(t, err)

	flips(signed, func(at, bit int, flipped []byte) {
		_, n, err := ParseStatement(flipped)
		if err == nil {
			_, err = f.CheckSignatures(n, s.Issued)
		}
		require.Error(t, err, "byte %d, bit %d", at, bit)
	})
}
