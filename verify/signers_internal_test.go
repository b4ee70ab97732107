package verify

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/issuer"
	"gradseal/proof"
)

// An inbox full of statements that are all different does not fill the memory.
func TestSignerMemoryIsBounded(t *testing.T) {
	require.Equal(t, 64, maxRemembered)
	var m signerMemory
	for i := range 3 * maxRemembered {
		_, err := m.of(&issuer.File{}, proof.Layer{Signed: []byte{byte(i)}, Note: &issuer.Note{}}, time.Unix(0, 0))
		require.ErrorIs(t, err, issuer.ErrUnknownSigner)
		require.LessOrEqual(t, len(m.known), maxRemembered)
		require.NotEmpty(t, m.known)
	}
}
