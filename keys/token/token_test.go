package token

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/issuer"
)

// testPublic is the public key of RFC 8032 §7.1, test 1.
const testPublic = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

func testReference(t testing.TB) Reference {
	t.Helper()
	public, err := issuer.ParsePublicKey(testPublic)
	require.NoError(t, err)
	module, err := filepath.Abs("library.so")
	require.NoError(t, err)
	return Reference{Issuer: "uni.example/registrar", Module: module, Label: "Registrar's card", Serial: "0a1b", KeyID: []byte{1, 0xff}, Public: public}
}

func TestReference(t *testing.T) {
	for _, serial := range []string{"0a1b", ""} {
		want := testReference(t)
		want.Serial = serial
		text, err := want.Marshal()
		require.NoError(t, err)
		got, err := ParseReference(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestReferenceBad(t *testing.T) {
	good, err := testReference(t).Marshal()
	require.NoError(t, err)
	for name, text := range map[string]string{
		"empty":            "",
		"another title":    strings.Replace(string(good), "v1", "v2", 1),
		"cut short":        string(good[:len(good)-1]),
		"a line more":      string(good) + "pin 1234\n",
		"a line less":      strings.Replace(string(good), "serial 0a1b\n", "", 1),
		"upper-case id":    strings.Replace(string(good), "01ff", "01FF", 1),
		"odd id":           strings.Replace(string(good), "01ff", "01f", 1),
		"no id":            strings.Replace(string(good), "01ff", "", 1),
		"long id":          strings.Replace(string(good), "01ff", strings.Repeat("00", maxKeyID+1), 1),
		"no label":         strings.Replace(string(good), "Registrar's card", "", 1),
		"long label":       strings.Replace(string(good), "Registrar's card", strings.Repeat("x", maxLabel+1), 1),
		"control":          strings.Replace(string(good), "Registrar's", "Registrar\x1b", 1),
		"relative module":  strings.Replace(string(good), "module "+testReference(t).Module, "module library.so", 1),
		"another issuer":   strings.Replace(string(good), "uni.example", "Uni.Example", 1),
		"small-order key":  strings.Replace(string(good), testPublic, "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 1),
		"carriage returns": strings.ReplaceAll(string(good), "\n", "\r\n"),
		"too long":         string(good) + strings.Repeat("x", MaxReference),
	} {
		require.NotEqual(t, string(good), text, name)
		got, err := ParseReference([]byte(text))
		require.ErrorContains(t, err, "malformed token reference: ", name)
		require.Zero(t, got, name)
	}
}

// TestNotBuilt: without the build tag a reference is read, and the key says why
// it cannot be used.
func TestNotBuilt(t *testing.T) {
	if Built() {
		t.Skip("built with PKCS#11")
	}
	_, err := Open(testReference(t), nil)
	require.ErrorIs(t, err, ErrNotBuilt)
	_, err = Find(Place{}, "uni.example", "key")
	require.ErrorIs(t, err, ErrNotBuilt)
	_, err = Generate(Place{}, "uni.example", "key")
	require.ErrorIs(t, err, ErrNotBuilt)
}

func FuzzParseReference(f *testing.F) {
	good, err := testReference(f).Marshal()
	require.NoError(f, err)
	f.Add(good)
	f.Add([]byte(strings.Replace(string(good), "0a1b", "-", 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseReference(data)
		if err != nil {
			require.Zero(t, r)
			return
		}
		again, err := r.Marshal()
		require.NoError(t, err)
		require.Equal(t, string(data), string(again))
	})
}
