package trust_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/issuer"
)

// TestGreatestSequence: who has a stolen key cannot use the last number that there
// is, which no list could follow. See TestHighestNumber for what she can use.
func TestGreatestSequence(t *testing.T) {
	u := newUni(t, testID)
	s, dir := open(t, u)
	importList(t, s, u.list(t, 5, 1))
	require.ErrorIs(t, requireRefused(t, dir, func() error {
		_, err := s.ImportStatus(u.list(t, issuer.MaxSequence, 1, 66), now)
		return err
	}), issuer.ErrStatusAhead)
	importList(t, s, u.list(t, 6, 1))
}
