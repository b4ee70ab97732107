package ots_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/proof/ots"
)

// numbered is an unknown attestation without payload, of a tag of its own: the
// shortest that there can be thousands of.
func numbered(i int) string {
	return fmt.Sprintf("\x00%08d\x00", i)
}

// many is as many different items as a timestamp has room for beside used bytes.
func many(used int, item func(i int) string) string {
	var b strings.Builder
	for i := 0; ; i++ {
		next := item(i)
		if used+b.Len()+1+2*len(next) > ots.MaxSize {
			return b.String() + next
		}
		b.WriteString("\xff" + next)
	}
}

// allocated is how many bytes f allocates, freed ones included, and how often.
func allocated(f func()) (bytes, count uint64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, after.Mallocs - before.Mallocs
}

// What the worst that a stranger can send costs. Every byte that is allocated
// takes time, too; what else takes time is one pass over what was allocated, and
// hashing: at most MaxMessage bytes for an operation, which has a byte.
func TestHostile(t *testing.T) {
	reverse := func(n int) string { return strings.Repeat("\xf2", n) }
	branch := func(i int) string {
		return "\xf0\x02" + string([]byte{byte(i), byte(i >> 8)}) + numbered(i)
	}
	// comb has a fork at every depth, and all that it has room for on its teeth.
	var comb strings.Builder
	for depth := range ots.MaxDepth - 2 {
		for i := range 17 {
			comb.WriteString("\xff\xf1\x01" + string([]byte{byte(i)}) + numbered(depth))
		}
		comb.WriteString("\xf2")
	}
	comb.WriteString(numbered(0))
	// long has arguments that are equal but for their ends.
	long := many(0, func(i int) string {
		return "\xf0\xe8\x07" + strings.Repeat("x", 996) + fmt.Sprintf("%04d", i) + numbered(i)
	})
	for name, c := range map[string]struct {
		size int // of the message: the longest that all operations allow, or nearly
		data string
	}{
		"attestations":               {4096, many(0, numbered)},
		"attestations, deep":         {4096, reverse(255) + many(255, numbered)},
		"branches":                   {4094, many(0, branch)},
		"branches, deep":             {4094, reverse(254) + many(254, branch)},
		"a comb":                     {4095, comb.String()},
		"long arguments":             {3096, long},
		"hexlified, then deep":       {2047, "\xf3" + reverse(253) + many(254, branch)},
		"one attestation, very deep": {4096, reverse(255) + numbered(0)},
	} {
		t.Run(name, func(t *testing.T) {
			data, message := c.data, zeros(c.size)
			require.LessOrEqual(t, len(data), ots.MaxSize)
			var stamp *ots.Timestamp
			var err error
			cost := func(what string, mebibytes uint64, f func()) {
				bytes, count := allocated(f)
				t.Logf("%-9s %9d bytes, %7d times", what, bytes, count)
				require.NoError(t, err)
				require.LessOrEqual(t, bytes, mebibytes<<20, what)
				require.LessOrEqual(t, count, uint64(30*len(data)+1000), what)
			}
			cost("Parse", 4, func() { stamp, err = ots.Parse([]byte(data), len(message)) })
			var paths []ots.Path
			cost("Paths", 64, func() { paths, err = stamp.Paths(message) })
			require.NotEmpty(t, paths)
			cost("Prune", 64, func() { _, err = stamp.Prune(message, func(ots.Path) bool { return true }) })
			cost("Canonical", 4, func() { stamp.Canonical() })
			cost("Merge", 4, func() { ots.Merge(stamp, stamp) })
			cost("Marshal", 4, func() { _, err = stamp.Marshal(len(message)) })
		})
	}
}

// A length is believed only where so many bytes follow.
func TestHostileLengths(t *testing.T) {
	for _, data := range []string{
		"\xf0\x80\x20",                                 // 4096
		"\xf0\xff\xff\xff\xff\x0f",                     // 2^32-1
		"\xf1\xff\xff\xff\xff\xff\xff\xff\xff\x7f",     // 2^63-1
		"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x80\x40", // 8192
		"\x00\x01\x02\x03\x04\x05\x06\x07\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
	} {
		bytes, _ := allocated(func() {
			_, err := ots.Parse([]byte(data), 32)
			require.ErrorIs(t, err, ots.ErrMalformed)
		})
		require.LessOrEqual(t, bytes, uint64(16<<10), "%x", data)
	}
	bytes, _ := allocated(func() {
		_, err := ots.ParseFile(make([]byte, 10<<20))
		require.ErrorIs(t, err, ots.ErrMalformed)
	})
	require.LessOrEqual(t, bytes, uint64(10<<20+16<<10), "only the file itself")
}
