package issuer

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fuzzTexts signs each text and adds it, and some damage to it, to the corpus.
func fuzzTexts(f *testing.F, texts ...string) {
	f.Helper()
	for _, text := range texts {
		for _, numbers := range [][]uint64{{3, 4}, {1}, {3, 4, 1, 2}} {
			signed := signAny(f, text, numbers...)
			f.Add(signed)
			f.Add(signed[:len(signed)/2])
			f.Add(bytes.Replace(signed, []byte(" "), []byte("  "), 1))
			f.Add(bytes.ReplaceAll(signed, []byte("0"), []byte("1")))
			f.Add(append(signed, '\n'))
		}
	}
}

func FuzzParseNote(f *testing.F) {
	fuzzTexts(f, testText, "a\n", strings.Repeat("a\n", 30), "\u202e\n", mustText(f, testStatement(f).Text))
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := ParseNote(data, MaxStatement)
		if err != nil {
			require.Nil(t, n)
			return
		}
		require.Equal(t, string(data), string(n.Marshal()))
		require.LessOrEqual(t, len(n.Signatures), MaxSignatures)
		requireSameNote(t, n, data)

		// What a stranger made takes one more signature like any other.
		more, err := AddSignature(data, len(data)+1000, testSigner(t, "fuzz", 1))
		if len(n.Signatures) < MaxSignatures && !n.has("fuzz", testKey(1).ID("fuzz")) {
			require.NoError(t, err)
			again, err := ParseNote(more, len(more))
			require.NoError(t, err)
			require.Equal(t, n.Text, again.Text)
			require.Equal(t, n.Signatures, again.Signatures[:len(n.Signatures)])
		} else {
			require.Error(t, err)
		}
	})
}

func FuzzParseStatement(f *testing.F) {
	plain := testStatement(f)
	plain.After, plain.Title = nil, ""
	fuzzTexts(f, mustText(f, testStatement(f).Text), mustText(f, plain.Text))
	file := testFile(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, n, err := ParseStatement(data)
		if err != nil {
			require.Nil(t, s)
			require.Nil(t, n)
			return
		}
		require.Equal(t, string(data), string(n.Marshal()))
		require.Equal(t, n.Text, mustText(t, s.Text))
		_, _ = file.CheckSignatures(n, s.Issued)
	})
}

func FuzzParseStatus(f *testing.F) {
	empty := testStatus(f)
	empty.Batches, empty.Withdrawn, empty.WithdrawnBatches = nil, nil, nil
	fuzzTexts(f, mustText(f, testStatus(f).Text), mustText(f, empty.Text))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, n, err := ParseStatus(data)
		if err != nil {
			require.Nil(t, l)
			require.Nil(t, n)
			return
		}
		require.Equal(t, string(data), string(n.Marshal()))
		require.Equal(t, n.Text, mustText(t, l.Text))
		require.NoError(t, l.CheckSuccessor(l.Clone()))
		for _, root := range l.Batches {
			require.True(t, l.HasBatch(root))
		}
		for _, w := range l.Withdrawn {
			got, ok := l.FindWithdrawn(w.ID)
			require.True(t, ok)
			require.Equal(t, w, got)
		}
	})
}

// The fuzzer cannot sign, so the text is looked at without its signatures, too.
func FuzzParseFile(f *testing.F) {
	fuzzTexts(f, mustText(f, testFile(f).Text))
	_, signed := chain(f)
	for _, data := range signed {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if n, err := ParseNote(data, MaxFile); err == nil {
			if file, err := parseFile(n.Text); err == nil {
				require.Equal(t, n.Text, mustText(t, file.Text))
				got, err := ParseFingerprint(file.Fingerprint().String())
				require.NoError(t, err)
				require.Equal(t, file.Fingerprint(), got)
			}
		}
		file, err := ParseFile(data)
		if err != nil {
			require.Nil(t, file)
			return
		}
		require.NoError(t, file.CheckSuccessor(file, data))
	})
}

// FuzzDraft reads what is on its way to its signatures. A signature more leaves
// the text, and the lines that are there, as they are.
func FuzzDraft(f *testing.F) {
	f.Add([]byte(mustText(f, testStatus(f).Text)))
	f.Add([]byte(mustText(f, testFile(f).Text)))
	fuzzTexts(f, mustText(f, testStatement(f).Text))
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := ParseDraft(data, MaxStatement)
		if err != nil {
			require.Nil(t, n)
			return
		}
		require.Equal(t, string(data), string(n.MarshalDraft()))
		if l, err := ParseStatusText(n.Text); err == nil {
			require.Equal(t, n.Text, mustText(t, l.Text))
		}
		if file, err := ParseFileText(n.Text); err == nil {
			require.Equal(t, n.Text, mustText(t, file.Text))
		}
		signed, err := SignDraft(data, 2*MaxStatement, testSigner(t, "fuzz", 1))
		if err != nil {
			return
		}
		more, err := ParseNote(signed, 2*MaxStatement)
		require.NoError(t, err)
		require.Equal(t, n.Text, more.Text)
		require.Equal(t, n.Signatures, append([]Signature(nil), more.Signatures[:len(n.Signatures)]...))
	})
}

func FuzzFingerprint(f *testing.F) {
	f.Add(testFile(f).Fingerprint().String())
	f.Add(strings.ReplaceAll(testFile(f).Fingerprint().String(), " ", ""))
	f.Add(strings.ToUpper(testFile(f).Fingerprint().String()))
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseFingerprint(text)
		if err != nil {
			require.Zero(t, p)
			return
		}
		again, err := ParseFingerprint(p.String())
		require.NoError(t, err)
		require.Equal(t, p, again)
	})
}
