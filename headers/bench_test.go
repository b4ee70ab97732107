package headers

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
)

// million is a segment of regtest with a million headers above the first.
var million = sync.OnceValue(func() []byte {
	r := allRules[bitcoin.Regtest]()
	at, err := r.start(0, r.genesis, Work{})
	if err != nil {
		panic(err)
	}
	hs := make([]bitcoin.Header, 1, 1_000_001)
	hs[0] = r.genesis
	for len(hs) < cap(hs) {
		h := header(at, at.time+60, easy, 4, 0)
		if err := r.follow(at, h, time.Time{}); err != nil {
			panic(err)
		}
		hs = append(hs, h)
	}
	data, err := (&Segment{Network: bitcoin.Regtest, Source: "a benchmark", Headers: hs}).Marshal()
	if err != nil {
		panic(err)
	}
	return data
})

func importMillion(b *testing.B, path string) {
	b.Helper()
	s, err := ParseSegment(million())
	require.NoError(b, err)
	require.NoError(b, Import(path, s, Options{Now: clock}))
}

// BenchmarkImport reads a segment of a million headers, checks all of them by
// all rules and stores them, synced.
func BenchmarkImport(b *testing.B) {
	million()
	b.ResetTimer()
	for range b.N {
		importMillion(b, filepath.Join(b.TempDir(), "headers"))
	}
}

// BenchmarkOpen opens a chain of a million headers.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "headers")
	importMillion(b, path)
	b.ResetTimer()
	for range b.N {
		c, err := Open(path, bitcoin.Regtest)
		require.NoError(b, err)
		require.NoError(b, c.Close())
	}
}

// BenchmarkAt looks headers up, a prime distance apart.
func BenchmarkAt(b *testing.B) {
	path := filepath.Join(b.TempDir(), "headers")
	importMillion(b, path)
	c, err := Open(path, bitcoin.Regtest)
	require.NoError(b, err)
	defer c.Close()
	for _, asked := range []struct {
		name string
		at   func(i int) uint32
	}{
		{"anywhere", func(i int) uint32 { return uint32(i * 99991 % 1_000_001) }},
		{"the same two", func(i int) uint32 { return 500_000 + uint32(i)%2 }},
	} {
		b.Run(asked.name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				_, err := c.At(asked.at(i))
				require.NoError(b, err)
			}
		})
	}
}

// BenchmarkAudit checks a million headers again.
func BenchmarkAudit(b *testing.B) {
	path := filepath.Join(b.TempDir(), "headers")
	importMillion(b, path)
	c, err := Open(path, bitcoin.Regtest)
	require.NoError(b, err)
	defer c.Close()
	b.ResetTimer()
	for range b.N {
		_, err := Audit(c, nil)
		require.NoError(b, err)
	}
}
