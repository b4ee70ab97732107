package issuer

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// checkCharacters looks at eight bytes at once. Every byte, wherever it stands
// among plain ones, is judged as if it stood alone.
func TestCheckCharactersAtEveryPlace(t *testing.T) {
	for _, around := range []byte{' ', 'a', '~', '\n', 0x1f, 0x7f, 0x80, 0xff} {
		for value := range 256 {
			want := value == '\n' || value >= 0x20 && value < 0x7f
			plain := around == '\n' || around >= 0x20 && around < 0x7f
			for place := range 17 {
				b := []byte(strings.Repeat(string([]byte{around}), 17))
				b[place] = byte(value)
				require.Equal(t, want && plain, checkCharacters(b) == nil, "%#x among %#x at %d", value, around, place)
			}
		}
	}
	long := strings.Repeat("x", 21)
	require.NoError(t, checkCharacters([]byte(long+"é"+long)))
	require.ErrorContains(t, checkCharacters([]byte(long+"\u202e"+long)), "byte 21 starts U+202E, a bidirectional control")
}

func TestValidNameCharacters(t *testing.T) {
	for value := range 256 {
		name := "a" + string([]byte{byte(value)}) + "b"
		require.Equal(t, value > 0x20 && value < 0x7f && value != '+', validName(name) == nil, "%#x", value)
		plain := value >= 'a' && value <= 'z' || value >= '0' && value <= '9' || value == '.' || value == '/' || value == '-'
		require.Equal(t, plain, ValidID(name) == nil, "%#x", value)
	}
}

func TestValidLabels(t *testing.T) {
	for name, test := range map[string]struct{ in, want string }{
		"empty":             {"", "has 0 bytes"},
		"101 bytes":         {strings.Repeat("a", 101), ""},
		"line feed":         {"a\nb", "line feed"},
		"only a space":      {" ", "white space"},
		"ideographic space": {"a\u3000", "white space"},
		"bidi":              {"\u2067a", "bidirectional control"},
		"names in Arabic":   {"جامعة", ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := ValidTitle(test.in)
			if test.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.want)
			}
		})
	}
	require.ErrorContains(t, ValidHolder(strings.Repeat("a", 101)), "want 1 to 100")
	require.NoError(t, ValidHolder(strings.Repeat("a", 100)))
}

// What a stranger wrote is printed in ASCII, and not all of it.
func TestQuote(t *testing.T) {
	require.Equal(t, `"a\u00e4\x1b\xff\n"`, quote("aä\x1b\xff\n"))
	require.Equal(t, `"`+strings.Repeat("a", 64)+`"...`, quote(strings.Repeat("a", 1<<20)))
}
