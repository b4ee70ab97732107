package proof_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/proof"
)

func FuzzParse(f *testing.F) {
	p := newProof(f)
	good := write(p)
	f.Add([]byte(good))
	p.Bitcoin = nil
	f.Add([]byte(write(p)))
	f.Add([]byte(strings.Replace(good, "proof/1", "proof/2", 1)))
	f.Add([]byte(strings.Replace(good, `"bitcoin"`, `"liquid"`, 1)))
	f.Add([]byte(strings.Replace(good, "statement v1", "statement v2", 1)))
	f.Add([]byte(strings.Replace(good, `"path": []`, `"path": null`, 1)))
	f.Add([]byte("{\n  \"format\": \"gradseal-proof/1\"\n}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := proof.Parse(data)
		if err != nil {
			require.Nil(t, p)
			require.NotEmpty(t, err.Error())
			require.False(t, errors.Is(err, proof.ErrNewer) && len(data) > proof.MaxSize)
			return
		}
		require.NotNil(t, p)
		again, err := proof.Marshal(p)
		require.NoError(t, err)
		require.Equal(t, string(data), string(again))
		require.Equal(t, string(data), write(p), "the encoder of the tests agrees")
	})
}

func FuzzSplitTrailer(f *testing.F) {
	short, long := []byte("proof\n"), []byte(write(newProof(f)))
	for _, eol := range []string{"\n", "\r\n", "\r"} {
		f.Add([]byte(original(eol, eol) + trailer(short, "1234")))
		f.Add([]byte(original(eol, "") + trailer(long, "1234")))
	}
	f.Add([]byte(original("\n", "\n")))
	f.Add([]byte(original("\n", "\n") + trailer(short, "1234") + trailer(long, "1234")))
	f.Fuzz(func(t *testing.T, data []byte) {
		n, got, err := split(string(data))
		if err != nil {
			require.Zero(t, n)
			require.Nil(t, got)
			return
		}
		doc, digits := string(data[:n]), startxref(string(data))
		require.Equal(t, string(data), doc+trailer(got, digits), "document and trailer are the file")
		require.Equal(t, digits, startxref(doc))
		require.LessOrEqual(t, len(got), proof.MaxSize)
	})
}

// startxref is the digits between the last startxref and the last %%EOF.
func startxref(file string) string {
	file = strings.TrimRight(file, "\r\n")
	file = strings.TrimRight(strings.TrimSuffix(file, "%%EOF"), "\r\n")
	return file[strings.LastIndexAny(file, "\r\n")+1:]
}
