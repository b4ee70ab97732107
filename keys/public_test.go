package keys

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/issuer"
)

// publicLine has the public key of RFC 8032 §7.1, test 1.
const publicLine = "gradseal public key v1 uni.example/registrar 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo= Dean of Studies\n"

func TestPublic(t *testing.T) {
	p, err := ParsePublic([]byte(publicLine))
	require.NoError(t, err)
	require.Equal(t, "uni.example/registrar", p.Issuer)
	require.Equal(t, "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", p.Key.String())
	require.Equal(t, "Dean of Studies", p.Holder)
	again, err := p.Marshal()
	require.NoError(t, err)
	require.Equal(t, publicLine, string(again))

	// The fingerprint is that of the whole line (sha256sum, first 40 digits).
	require.Equal(t, "ff97 b43e cdd0 dea0 dbad 5ed4 1465 6a83 84fa 2e47", p.Fingerprint().String())
	other := p
	other.Holder = "Dean of Students"
	require.NotEqual(t, p.Fingerprint(), other.Fingerprint())

	other.Holder = "Dean\nof Studies"
	_, err = other.Marshal()
	require.ErrorContains(t, err, "holder")
	_, err = Public{Issuer: "Uni", Holder: "x"}.Marshal()
	require.ErrorContains(t, err, "issuer id")
}

func TestPublicBad(t *testing.T) {
	for name, text := range map[string]string{
		"empty":           "",
		"newer":           strings.Replace(publicLine, "v1", "v2", 1),
		"no line feed":    strings.TrimSuffix(publicLine, "\n"),
		"carriage return": strings.Replace(publicLine, "\n", "\r\n", 1),
		"two lines":       publicLine + publicLine,
		"no holder":       strings.Replace(publicLine, " Dean of Studies", "", 1),
		"empty holder":    strings.Replace(publicLine, "Dean of Studies", "", 1),
		"two spaces":      strings.Replace(publicLine, " Dean", "  Dean", 1),
		"long holder":     strings.Replace(publicLine, "Dean of Studies", strings.Repeat("x", 101), 1),
		"bidi":            strings.Replace(publicLine, "Dean", "\u202eDean", 1),
		"bad id":          strings.Replace(publicLine, "uni.example", "Uni.example", 1),
		"short key":       strings.Replace(publicLine, "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", "11qYAYKx", 1),
		"other spelling":  strings.Replace(publicLine, "HURo=", "HURp=", 1),
		"small order":     strings.Replace(publicLine, "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 1),
		"too long":        strings.Replace(publicLine, "Dean", strings.Repeat("x", MaxPublic), 1),
		"a secret key":    "gradseal secret key v1\nPRIVATE+KEY+x\n",
	} {
		require.NotEqual(t, publicLine, text, name)
		p, err := ParsePublic([]byte(text))
		require.ErrorContains(t, err, "malformed public key file: ", name)
		require.Zero(t, p, name)
	}
}

func FuzzParsePublic(f *testing.F) {
	f.Add([]byte(publicLine))
	f.Add([]byte("gradseal public key v1 x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParsePublic(data)
		if err != nil {
			require.Equal(t, Public{}, p)
			return
		}
		again, err := p.Marshal()
		require.NoError(t, err)
		require.Equal(t, string(data), string(again))
		require.NotEqual(t, issuer.Fingerprint{}, p.Fingerprint())
	})
}
