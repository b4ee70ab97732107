package issuer

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// signFile signs f with the given seeds.
func signFile(t testing.TB, f *File, numbers ...uint64) []byte {
	t.Helper()
	signed, err := SignNote(mustText(t, f.Text), MaxFile, testSigners(t, numbers...)...)
	require.NoError(t, err)
	return signed
}

func TestFileText(t *testing.T) {
	want := `gradseal issuer v1
issuer uni.example/registrar
name Universität von Beispiel, Prüfungsamt
sequence 2
set 2024-01-01T00:00:00Z 2026-01-01T00:00:00Z 2
key ` + testKey(1).String() + ` Officer 1
key ` + testKey(2).String() + ` Officer 2
key ` + testKey(3).String() + ` Officer 3
set 2026-01-01T00:00:00Z - 1
key ` + testKey(3).String() + ` Officer 3
key ` + testKey(4).String() + ` Officer 4
`
	require.Equal(t, want, mustText(t, testFile(t).Text))
}

// manySets returns a chain of n closed sets of a second each with the key 1.
func manySets(t testing.TB, n int) (sets []KeySet) {
	start := date(t, "2024-01-01T00:00:00Z")
	for i := range n {
		from := start.Add(time.Duration(i) * time.Second)
		sets = append(sets, KeySet{From: from, Until: from.Add(time.Second), Threshold: 1, Keys: testKeys(1)})
	}
	return sets
}

func numbers(from, to uint64) (all []uint64) {
	for n := from; n <= to; n++ {
		all = append(all, n)
	}
	return all
}

func TestFileRoundTrip(t *testing.T) {
	tests := map[string]struct {
		change  func(f *File)
		signers []uint64
	}{
		"as it is":          {func(*File) {}, []uint64{3, 4}},
		"other order":       {func(*File) {}, []uint64{4, 3}},
		"by more keys":      {func(*File) {}, []uint64{1, 3, 9, 4, 2}},
		"closed":            {func(f *File) { f.Sets[1].Until = date(t, "2027-01-01T00:00:00Z") }, []uint64{3, 4}},
		"one set":           {func(f *File) { f.Sets = f.Sets[:1] }, []uint64{1, 2, 3}},
		"a gap":             {func(f *File) { f.Sets[1].From = date(t, "2026-03-01T00:00:00Z") }, []uint64{3, 4}},
		"one key":           {func(f *File) { f.Sets[1].Keys = testKeys(5) }, []uint64{5}},
		"threshold all":     {func(f *File) { f.Sets[1].Threshold = 2 }, []uint64{3, 4}},
		"16 keys":           {func(f *File) { f.Sets[1].Keys, f.Sets[1].Threshold = testKeys(numbers(1, 16)...), 16 }, numbers(1, 16)},
		"64 sets":           {func(f *File) { f.Sets = manySets(t, 64) }, []uint64{1}},
		"sequence 1":        {func(f *File) { f.Sequence = 1 }, []uint64{3, 4}},
		"greatest sequence": {func(f *File) { f.Sequence = MaxSequence }, []uint64{3, 4}},
		"one holder twice":  {func(f *File) { f.Sets[1].Keys[1].Holder = "Officer 3" }, []uint64{3, 4}},
		"holder with space": {func(f *File) { f.Sets[1].Keys[1].Holder = "Prüfungsamt,  Token 4" }, []uint64{3, 4}},
		"longest holder":    {func(f *File) { f.Sets[1].Keys[1].Holder = strings.Repeat("ä", 50) }, []uint64{3, 4}},
		"longest name":      {func(f *File) { f.Name = strings.Repeat("ä", 100) }, []uint64{3, 4}},
		"a second":          {func(f *File) { f.Sets[1].Until = f.Sets[1].From.Add(time.Second) }, []uint64{3, 4}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := testFile(t)
			test.change(f)
			signed := signFile(t, f, test.signers...)
			got, err := ParseFile(signed)
			require.NoError(t, err)
			require.Equal(t, f, got)
			require.Equal(t, f.Fingerprint(), got.Fingerprint())
		})
	}
}

// Of a file of 64 sets with 16 keys each it depends on the holders whether it
// fits.
func TestFileOf64KiB(t *testing.T) {
	f := testFile(t)
	f.Sets = manySets(t, MaxSets)
	for i := range f.Sets {
		f.Sets[i].Keys = testKeys(numbers(1, MaxKeys)...)
		for k := range f.Sets[i].Keys {
			f.Sets[i].Keys[k].Holder = "A"
		}
	}
	signed := signFile(t, f, numbers(1, MaxKeys)...)
	require.Greater(t, len(signed), 56_000)
	got, err := ParseFile(signed)
	require.NoError(t, err)
	require.Equal(t, f, got)

	for i := range f.Sets {
		f.Sets[i].Keys = testKeys(numbers(1, MaxKeys)...)
		f.Sets[i].Keys[0].Holder = strings.Repeat("A", 100)
	}
	_, err = SignNote(mustText(t, f.Text), MaxFile, testSigners(t, 1)...)
	require.ErrorContains(t, err, "want at most 65536")
}

func TestFileMustBeSignedByItsNewestSet(t *testing.T) {
	f := testFile(t)
	for _, test := range []struct {
		name    string
		signers []uint64
		want    string
	}{
		{"one of two", []uint64{3}, "signed by 1 of the 2 keys"},
		{"the other of two", []uint64{4}, "signed by 1 of the 2 keys"},
		{"the set before", []uint64{1, 2, 3}, "signed by 1 of the 2 keys"},
		{"strangers", []uint64{8, 9}, "signed by 0 of the 2 keys"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := ParseFile(signFile(t, f, test.signers...))
			require.ErrorContains(t, err, "invalid issuer file: "+test.want)
			require.Nil(t, got)
		})
	}
	t.Run("under another name", func(t *testing.T) {
		signed, err := SignNote(mustText(t, f.Text), MaxFile, testSigner(t, testID, 3), testSigner(t, "other", 4))
		require.NoError(t, err)
		_, err = ParseFile(signed)
		require.ErrorContains(t, err, "signed by 1 of the 2 keys")
	})
	t.Run("a wrong signature of an older key", func(t *testing.T) {
		n, err := ParseNote(signFile(t, f, 3, 4, 1), MaxFile)
		require.NoError(t, err)
		n.Signatures[2].Bytes[5] ^= 1
		_, err = ParseFile(n.Marshal())
		require.ErrorIs(t, err, ErrWrongSignature)
	})
	t.Run("a wrong signature of a stranger", func(t *testing.T) {
		n, err := ParseNote(signFile(t, f, 3, 4, 9), MaxFile)
		require.NoError(t, err)
		n.Signatures[2].Bytes[5] ^= 1
		_, err = ParseFile(n.Marshal())
		require.NoError(t, err)
	})
}

func TestFileBad(t *testing.T) {
	text := mustText(t, testFile(t).Text)
	rules := map[string]string{"issuer": "issuer id", "name": "name", "sequence": "malformed number", "set": "set", "key": "public key"}
	bad := brokenLines(text, rules, func(key string) bool { return key == "set" || key == "key" })
	bad = slices.DeleteFunc(bad, func(b badText) bool {
		// A key line that ends in a space has a bad holder, not a bad key.
		return strings.Contains(b.name, "(key) ends in a space")
	})
	add := func(key, value, want string) {
		bad = append(bad, badText{key + " " + value, replaceLine(t, text, key, value), want})
	}
	for key, values := range map[string][]struct{ value, want string }{
		"issuer": badIDs, "sequence": badSequences, "name": badLabels,
	} {
		for _, v := range values {
			add(key, v.value, v.want)
		}
	}
	add("name", strings.Repeat("a", 201), "name has 201 bytes")

	const from, until = "2024-01-01T00:00:00Z", "2026-01-01T00:00:00Z"
	for _, v := range badTimes {
		if strings.Contains(v.value, " ") {
			continue
		}
		add("set", v.value+" "+until+" 2", v.want)
		if v.value != "-" {
			add("set", from+" "+v.value+" 2", v.want)
		}
	}
	for _, v := range []struct{ value, want string }{
		{from + " " + until, "want a time, a time or -, and a threshold"},
		{from, "want a time, a time or -, and a threshold"},
		{from + " " + until + " 2 ", "want a time, a time or -, and a threshold"},
		{from + " " + until + " 2 2", "want a time, a time or -, and a threshold"},
		{from + "  " + until + " 2", "want a time, a time or -, and a threshold"},
		{from + " " + until + " 0", "threshold: number"},
		{from + " " + until + " 02", "threshold: malformed number"},
		{from + " " + until + " +2", "threshold: malformed number"},
		{from + " " + until + " 17", "threshold: number"},
		{from + " " + until + " 4", "threshold 4 is out of range, want 1 to 3"},
		{from + " " + until + " ", "threshold: malformed number"},
		{from + " " + from + " 2", "is not before until"},
		{until + " " + from + " 2", "is not before until"},
		{from + " - 2", "key set 1 is open and not the last"},
		{from + " 2026-01-01T00:00:01Z 2", "overlaps with the set before"},
		{until + " 2026-01-01T00:00:01Z 2", "is not later than that of the set before"},
		{"2027-01-01T00:00:00Z 2028-01-01T00:00:00Z 2", "is not later than that of the set before"},
		{from + " 0001-01-01T00:00:00Z 2", "key set 1 is open and not the last"},
	} {
		add("set", v.value, v.want)
	}
	bad = append(bad, badText{"until of year 1 for -", strings.Replace(text, " - 1", " 0001-01-01T00:00:00Z 1", 1), "not in canonical form"})

	k := testKey(1).String()
	for _, v := range []struct{ value, want string }{
		{k, "holder has 0 bytes"},
		{k + " ", "holder has 0 bytes"},
		{k + "  Officer 1", "white space"},
		{k + " Officer 1 ", "white space"},
		{k + " Officer\u00a0", "white space"},
		{k + " " + strings.Repeat("a", 101), "holder has 101 bytes"},
		{k[:43] + " Officer 1", "malformed base64"},
		{k[:40] + " Officer 1", "has 30 bytes"},
		{k + "AAAA Officer 1", "malformed base64"},
		{strings.TrimSuffix(k, "=") + "A Officer 1", "has 33 bytes"},
		{PublicKey{1}.String() + " Officer 1", "small order"},
		{PublicKey{2}.String() + " Officer 1", "not a point of the curve"},
		{PublicKey{0: 0xf0, 1: 0xff}.String() + " Officer 1", "public key"},
		{testKey(2).String() + " Officer 1", "stands in the set twice"},
		{testKey(3).String() + " Officer 9", "stands in the set twice"},
		{hex.EncodeToString(sliceOf(testHash(1))) + " Officer 1", "has 48 bytes"},
	} {
		add("key", v.value, v.want)
	}
	for _, k := range smallOrderEncodings(t) {
		add("key", k.String()+" Officer 1", "invalid: ")
	}

	lines := strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
	lines[len(lines)-1] += "\n"
	for i, line := range lines {
		want := "unexpected line"
		switch line[:4] {
		case "set ":
			want = "0 keys, want 1 to 16"
		case "key ":
			want = "stands in the set twice"
		}
		bad = append(bad, badText{"doubled: " + line, strings.Join(slices.Insert(slices.Clone(lines), i, line), ""), want})
	}
	var seventeen strings.Builder
	for n := uint64(1); n <= 17; n++ {
		fmt.Fprintf(&seventeen, "key %s %s\n", testKey(n), holderOf(n))
	}
	head := strings.Join(lines[:4], "")
	last := "set 2026-01-01T00:00:00Z - 1\n"
	colliding := testKeys(58583, 75193)
	require.Equal(t, colliding[0].Public.ID(testID), colliding[1].Public.ID(testID))
	keyLine := func(k Key) string { return "key " + k.Public.String() + " " + k.Holder + "\n" }
	bad = append(bad,
		badText{"no set", head, "issuer file has 0 key sets"},
		badText{"a set without keys", head + last, "0 keys, want 1 to 16"},
		badText{"first set without keys", head + lines[4] + strings.Join(lines[8:], ""), "key set 1: 0 keys"},
		badText{"keys before the set", head + lines[5] + lines[4], "unexpected line"},
		badText{"sets swapped", head + strings.Join(lines[8:], "") + strings.Join(lines[4:8], ""), "is not later than that of the set before"},
		badText{"17 keys", head + last + seventeen.String(), "17 keys, want 1 to 16"},
		badText{"a line more", text + "note x\n", "unexpected line"},
		badText{"two keys with one id in a set", head + last + keyLine(colliding[0]) + keyLine(colliding[1]), "have the same key id c51764b2"},
		badText{"two keys with one id in two sets", head + "set 2024-01-01T00:00:00Z 2026-01-01T00:00:00Z 1\n" + keyLine(colliding[0]) + last + keyLine(colliding[1]), "have the same key id c51764b2"},
		badText{"a status list", mustText(t, testStatus(t).Text), "malformed format line"},
	)
	sets := manySets(t, 65)
	var tooMany strings.Builder
	for _, s := range sets {
		fmt.Fprintf(&tooMany, "set %s %s 1\n%s", formatTime(s.From), formatTime(s.Until), keyLine(s.Keys[0]))
	}
	bad = append(bad, badText{"65 sets", head + tooMany.String(), "issuer file has 65 key sets, want 1 to 64"})

	require.Greater(t, len(bad), 250)
	for _, b := range bad {
		t.Run(b.name, func(t *testing.T) {
			f, err := ParseFile(signAny(t, b.text, 3, 4))
			require.ErrorContains(t, err, "malformed")
			require.ErrorContains(t, err, b.want)
			require.NotErrorIs(t, err, ErrUnknownFormat)
			require.Less(t, len(err.Error()), 400, "an error must not repeat a file")
			require.Nil(t, f)
		})
	}
}

func TestFileTextRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		change func(f *File)
		want   string
	}{
		"no id":             {func(f *File) { f.ID = "" }, "issuer id has 0 bytes"},
		"no name":           {func(f *File) { f.Name = "" }, "name has 0 bytes"},
		"line in the name":  {func(f *File) { f.Name = "a\nb" }, "control character"},
		"no sequence":       {func(f *File) { f.Sequence = 0 }, "sequence 0"},
		"no sets":           {func(f *File) { f.Sets = nil }, "0 key sets"},
		"no keys":           {func(f *File) { f.Sets[1].Keys = nil }, "key set 2: 0 keys"},
		"no threshold":      {func(f *File) { f.Sets[0].Threshold = 0 }, "key set 1: threshold 0"},
		"negative":          {func(f *File) { f.Sets[0].Threshold = -1 }, "key set 1: threshold -1"},
		"threshold 3 of 2":  {func(f *File) { f.Sets[1].Threshold = 3 }, "key set 2: threshold 3"},
		"no from":           {func(f *File) { f.Sets[0].From = time.Time{} }, "from time has year 1"},
		"fraction of from":  {func(f *File) { f.Sets[0].From = f.Sets[0].From.Add(1) }, "whole seconds"},
		"fraction of until": {func(f *File) { f.Sets[0].Until = f.Sets[0].Until.Add(-1) }, "whole seconds"},
		"line in a holder":  {func(f *File) { f.Sets[0].Keys[0].Holder = "a\nkey" }, "control character"},
		"no key":            {func(f *File) { f.Sets[0].Keys[0].Public = PublicKey{} }, "small order"},
	} {
		t.Run(name, func(t *testing.T) {
			f := testFile(t)
			test.change(f)
			text, err := f.Text()
			require.ErrorContains(t, err, test.want)
			require.Empty(t, text)
			require.Panics(t, func() { f.Fingerprint() })
		})
	}
}

func TestFileBitFlips(t *testing.T) {
	signed := signFile(t, testFile(t), 3, 4, 1, 2)
	_, err := ParseFile(signed)
	require.NoError(t, err)
	// In the lines of keys 1 and 2, whose signatures nothing asks for, a flip may
	// leave a signature of an unknown signer, which is passed over.
	newest := len(signFile(t, testFile(t), 3, 4))
	passed := 0
	flips(signed, func(at, bit int, flipped []byte) {
		_, err := ParseFile(flipped)
		if at >= newest && err == nil {
			passed++
			return
		}
		require.Error(t, err, "byte %d, bit %d", at, bit)
	})
	require.NotZero(t, passed)
	require.Less(t, passed, 2*8*(len(testID)+6))
}

// A chain of four files: a set of three, a second set, another name, a third set.
func chain(t testing.TB) (files []*File, signed [][]byte) {
	t.Helper()
	add := func(f *File, signers ...uint64) {
		files = append(files, f)
		signed = append(signed, signFile(t, f, signers...))
	}
	one := testFile(t)
	one.Sequence = 1
	one.Sets = one.Sets[:1]
	one.Sets[0].Until = time.Time{}
	add(one, 1, 2, 3)
	two := testFile(t)
	add(two, 4, 3, 1)
	three := testFile(t)
	three.Sequence, three.Name = 3, "University of Example"
	add(three, 3, 4)
	four := testFile(t)
	four.Sequence, four.Name = 4, three.Name
	four.Sets[1].Until = date(t, "2027-06-01T00:00:00Z")
	four.Sets = append(four.Sets, KeySet{From: date(t, "2027-07-01T00:00:00Z"), Threshold: 2, Keys: testKeys(5, 6)})
	add(four, 5, 6, 4)
	return files, signed
}

func TestFileChain(t *testing.T) {
	files, signed := chain(t)
	for i, data := range signed {
		parsed, err := ParseFile(data)
		require.NoError(t, err)
		require.NoError(t, files[i].CheckSuccessor(parsed, data), "the same file again")
		if i > 0 {
			require.NoError(t, files[i-1].CheckSuccessor(parsed, data), "%d", i)
			require.ErrorIs(t, files[i].CheckSuccessor(files[i-1], signed[i-1]), ErrFileOlder)
		}
		for j := i + 2; j < len(files); j++ {
			require.ErrorIs(t, files[i].CheckSuccessor(files[j], signed[j]), ErrFileGap)
		}
	}
}

func TestFileCheckSuccessorBad(t *testing.T) {
	later := func(f *File, d time.Duration) time.Time { return f.newest().Until.Add(d) }
	tests := map[string]struct {
		known   int // index of the chain
		change  func(next *File)
		signers []uint64
		want    string // empty: no error
		is      error
	}{
		"new set":                         {0, func(*File) {}, []uint64{3, 4, 1}, "", nil},
		"new set by other old keys":       {0, func(*File) {}, []uint64{1, 2, 3, 4}, "", nil},
		"new set without the old ones":    {0, func(*File) {}, []uint64{3, 4}, "signed by 1 of the 2 required keys of the set before", nil},
		"fork by the name":                {1, func(f *File) { f.Sequence, f.Name = 2, "Evil" }, []uint64{3, 4, 1, 2}, "2, of", ErrFileFork},
		"fork by a set":                   {1, func(f *File) { f.Sequence, f.Sets[1].Keys = 2, testKeys(9) }, []uint64{9, 1, 2, 3}, "2, of", ErrFileFork},
		"older":                           {2, func(f *File) { f.Sequence = 2 }, []uint64{5, 6, 4}, "sequence 2, known 3", ErrFileOlder},
		"gap":                             {1, func(f *File) { f.Sequence = 4 }, []uint64{3, 4}, "sequence 4, known 2", ErrFileGap},
		"another issuer":                  {1, func(f *File) { f.ID = "other" }, nil, "unexpected issuer file of \"other\"", nil},
		"first set changed until":         {1, func(f *File) { f.Sets[0].Until = f.Sets[0].Until.Add(-time.Second) }, []uint64{3, 4}, "key set 1 ends at", nil},
		"first set changed from":          {1, func(f *File) { f.Sets[0].From = f.Sets[0].From.Add(time.Second) }, []uint64{3, 4}, "key set 1 is not the one of sequence 2", nil},
		"first set changed threshold":     {1, func(f *File) { f.Sets[0].Threshold = 1 }, []uint64{3, 4}, "key set 1 is not the one", nil},
		"first set lost a key":            {1, func(f *File) { f.Sets[0].Keys = f.Sets[0].Keys[:2] }, []uint64{3, 4}, "key set 1 is not the one", nil},
		"first set got a key":             {1, func(f *File) { f.Sets[0].Keys = testKeys(1, 2, 3, 9) }, []uint64{3, 4}, "key set 1 is not the one", nil},
		"first set has another order":     {1, func(f *File) { f.Sets[0].Keys = testKeys(2, 1, 3) }, []uint64{3, 4}, "key set 1 is not the one", nil},
		"first set has another holder":    {1, func(f *File) { f.Sets[0].Keys[0].Holder = "x" }, []uint64{3, 4}, "key set 1 is not the one", nil},
		"first set dropped":               {1, func(f *File) { f.Sets = f.Sets[1:] }, []uint64{3, 4}, "1 key sets, want 2 or 3", nil},
		"newest set dropped":              {1, func(f *File) { f.Sets = f.Sets[:1] }, []uint64{1, 2, 3, 4}, "1 key sets, want 2 or 3", nil},
		"newest set replaced":             {1, func(f *File) { f.Sets[1].Keys = testKeys(8, 9) }, []uint64{8, 9, 3, 4}, "key set 2 is not the one", nil},
		"newest set started earlier":      {2, func(f *File) { f.Sets[1].From = f.Sets[1].From.Add(time.Hour) }, []uint64{5, 6, 4}, "key set 2 is not the one", nil},
		"newest set closed":               {1, func(f *File) { f.Sets[1].Until = date(t, "2026-02-01T00:00:00Z") }, []uint64{3, 4}, "", nil},
		"two new sets":                    {0, func(f *File) { f.Sets[1].Until = date(t, "2027-01-01T00:00:00Z"); f.addSet(t, 5) }, []uint64{5, 1, 2}, "3 key sets, want 1 or 2", nil},
		"third set, signed by the second": {2, func(*File) {}, []uint64{5, 6, 3}, "", nil},
		"third set, signed by the first":  {2, func(*File) {}, []uint64{5, 6, 1, 2}, "signed by 0 of the 1 required", nil},
		"third set, signed by itself":     {2, func(*File) {}, []uint64{5, 6}, "signed by 0 of the 1 required", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			files, _ := chain(t)
			known := files[test.known]
			next := clone(t, files[test.known+1])
			test.change(next)
			if test.signers == nil {
				data, err := SignNote(mustText(t, next.Text), MaxFile, testSigner(t, next.ID, 3), testSigner(t, next.ID, 4))
				require.NoError(t, err)
				require.ErrorContains(t, known.CheckSuccessor(next, data), test.want)
				return
			}
			data := signFile(t, next, test.signers...)
			err := known.CheckSuccessor(next, data)
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.want)
			for _, sentinel := range []error{ErrFileFork, ErrFileOlder, ErrFileGap} {
				require.Equal(t, sentinel == test.is, isErr(err, sentinel), "%v", err)
			}
		})
	}

	t.Run("until of the newest set", func(t *testing.T) {
		files, _ := chain(t)
		known := clone(t, files[1])
		known.Sets[1].Until = date(t, "2027-01-01T00:00:00Z")
		for name, want := range map[string]string{"earlier": "", "equal": "", "later": "later than", "open": "later than"} {
			next := clone(t, known)
			next.Sequence++
			switch name {
			case "earlier":
				next.Sets[1].Until = later(known, -time.Hour)
			case "later":
				next.Sets[1].Until = later(known, time.Second)
			case "open":
				next.Sets[1].Until = time.Time{}
			}
			err := known.CheckSuccessor(next, signFile(t, next, 3, 4))
			if want == "" {
				require.NoError(t, err, name)
			} else {
				require.ErrorContains(t, err, want, name)
			}
		}
	})

	t.Run("bytes of another file", func(t *testing.T) {
		files, signed := chain(t)
		require.ErrorContains(t, files[0].CheckSuccessor(files[1], signed[0]), "not the one that these bytes hold")
		require.ErrorContains(t, files[0].CheckSuccessor(files[1], nil), "malformed signed note")
		unsigned := signFile(t, files[1], 1, 2, 3)
		require.ErrorContains(t, files[0].CheckSuccessor(files[1], unsigned), "want all")
		broken := clone(t, files[1])
		broken.Name = ""
		require.ErrorContains(t, files[0].CheckSuccessor(broken, signed[1]), "name has 0 bytes")
		require.ErrorContains(t, broken.CheckSuccessor(files[1], signed[1]), "known issuer file")
	})
}

// addSet adds an open set with one key a year after the newest set began.
func (f *File) addSet(t testing.TB, number uint64) {
	t.Helper()
	f.Sets = append(f.Sets, KeySet{From: f.newest().Until, Threshold: 1, Keys: testKeys(number)})
}

func clone(t testing.TB, f *File) *File {
	t.Helper()
	c, err := parseFile(mustText(t, f.Text))
	require.NoError(t, err)
	return c
}

func TestFingerprint(t *testing.T) {
	f := testFile(t)
	p := f.Fingerprint()
	s := p.String()
	require.Regexp(t, `^([0-9a-f]{4} ){9}[0-9a-f]{4}$`, s)
	for _, in := range []string{
		s, strings.ToUpper(s), strings.ReplaceAll(s, " ", ""), strings.ReplaceAll(s, " ", ":"),
		strings.ReplaceAll(s, " ", "-"), strings.ReplaceAll(s, " ", "\u00a0"), "  " + s + "\r\n", strings.ReplaceAll(s, " ", "\n"),
	} {
		got, err := ParseFingerprint(in)
		require.NoError(t, err, "%q", in)
		require.Equal(t, p, got)
	}
	for _, in := range []string{"", s[:len(s)-1], s[:len(s)-2], s + "0", s + "00", "0x" + s, strings.Repeat("g", 40), s + ".", strings.Repeat("٠", 40)} {
		got, err := ParseFingerprint(in)
		require.ErrorContains(t, err, "malformed fingerprint", "%q", in)
		require.Zero(t, got)
	}
}

// The fingerprint is of the text, whoever signed it and in whatever order.
func TestFingerprintIsOfTheText(t *testing.T) {
	f := testFile(t)
	a, err := ParseFile(signFile(t, f, 3, 4))
	require.NoError(t, err)
	b, err := ParseFile(signFile(t, f, 4, 1, 3))
	require.NoError(t, err)
	require.Equal(t, a.Fingerprint(), b.Fingerprint())
	f.Name += "."
	require.NotEqual(t, a.Fingerprint(), f.Fingerprint())
}

// The value comes from another program: the first 160 bits of the SHA-256 of the
// text in TestFileText.
func TestFingerprintValue(t *testing.T) {
	require.Equal(t, "615f 271d d2da b539 c4ed bdf0 adf1 9a5b f6d4 6349", testFile(t).Fingerprint().String())
}

func BenchmarkParseFile(b *testing.B) {
	signed := signFile(b, testFile(b), 3, 4)
	for b.Loop() {
		if _, err := ParseFile(signed); err != nil {
			b.Fatal(err)
		}
	}
}
