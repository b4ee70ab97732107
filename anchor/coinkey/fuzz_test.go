package coinkey

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
)

// FuzzFile reads the text of a key file, encrypted or not: it is that of one
// network, with one key.
func FuzzFile(f *testing.F) {
	const secret = "cVFf7UDoNoLWUqRn6rPzk1nNhYtpqkTQp4sZAL2VmBbXPSRtXvDc"
	for _, first := range []string{title, unsafeTitle, publicTitle} {
		for _, n := range []string{"regtest", "mainnet"} {
			f.Add(fmt.Sprintf("%s\nnetwork %s\n%s\n", first, n, secret))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		of := 0
		for _, n := range bitcoin.Networks() {
			k, err := parseFile(text, n)
			if err != nil {
				require.Nil(t, k)
				continue
			}
			of++
			again, err := ParsePublic(k.Public().String(), n)
			require.NoError(t, err)
			require.Equal(t, k.Public().Script(), again.Script())
		}
		require.LessOrEqual(t, of, 1)
	})
}
