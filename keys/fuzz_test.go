package keys

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzParseFile: no text makes the parser panic, and what it takes for a key has
// one spelling and is a key of its name.
func FuzzParseFile(f *testing.F) {
	k, err := Generate("uni.example/registrar")
	require.NoError(f, err)
	for _, t := range []string{title, unsafeTitle, recoveryTitle} {
		f.Add(k.fileText(t))
	}
	f.Add(title + "\nPRIVATE+KEY+a+00000000+AA==\n")
	f.Add(title + "\nPRIVATE+KEY++++\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		k, err := parseFile(text, false)
		if err != nil {
			require.Nil(t, k)
			return
		}
		again := []string{k.fileText(title), k.fileText(unsafeTitle), k.fileText(recoveryTitle)}
		require.Contains(t, again, text)
		require.Equal(t, k.PublicKey().ID(k.Name()), k.KeyHash())
	})
}
