package embedded

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzParseKey(f *testing.F) {
	f.Add([]byte(strings.Repeat("01", 32) + "\n"))
	f.Add([]byte(strings.Repeat("00", 32) + "\n"))
	f.Add([]byte(strings.Repeat("FF", 32) + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		key, err := parseKey("file", text)
		if err != nil {
			require.Nil(t, key)
			return
		}
		require.Equal(t, string(text), string(formatKey(key)))
	})
}
