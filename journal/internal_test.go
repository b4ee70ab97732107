package journal

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What parses is written again as it was.
func FuzzLine(f *testing.F) {
	lines, _, err := linesOf(Entry{Time: time.Unix(1e9, 0), Act: Plan, By: "anna\u2028", Count: 3, Leaves: []int{0, 7}, Cleared: 2}, [][32]byte{{1}}, Head{Hash: firstPrev})
	require.NoError(f, err)
	f.Add(strings.TrimSuffix(string(lines), "\n"))
	f.Add("{}")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := parseLine([]byte(text))
		if err != nil {
			return
		}
		again, err := l.encode()
		require.NoError(t, err)
		require.Equal(t, text, string(again))
	})
}

func FuzzRow(f *testing.F) {
	r := newRow(Subject{Name: "/two\nlines \".pdf", Digest: [32]byte{1}})
	f.Add(string(r.appendTo(nil)))
	f.Add("\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseRow([]byte(text))
		if err != nil {
			return
		}
		require.Equal(t, text, string(r.appendTo(nil)))
	})
}

// The lines of an entry are as long as a line may be, and not longer, whatever
// there is beside the documents.
func TestRoomInALine(t *testing.T) {
	leaves := make([]int, 5000)
	for i := range leaves {
		leaves[i] = 999_999
	}
	about := make([][32]byte, perLine)
	lines, head, err := linesOf(Entry{Act: Withdraw, Reason: strings.Repeat("a", 4000)}, about, Head{Hash: firstPrev})
	require.NoError(t, err)
	require.EqualValues(t, 1, head.Number)
	require.Less(t, len(lines), maxLine)
	_, _, err = linesOf(Entry{Act: Forget, Leaves: leaves}, nil, Head{Hash: firstPrev})
	require.NoError(t, err)
}
