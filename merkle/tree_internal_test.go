package merkle

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// A real tree of 2^32 leaves would take 256 GiB.
func TestCheckSize(t *testing.T) {
	require.NoError(t, checkSize(1))
	require.NoError(t, checkSize(1<<32-1))
	require.EqualError(t, checkSize(0), "tree has 0 leaves, want 1 to 4294967295")
	require.EqualError(t, checkSize(1<<32), "tree has 4294967296 leaves, want 1 to 4294967295")
}

func TestEachChunkVisitsEveryIndexOnce(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, cpus := range []int{1, 2, 3, 16} {
		runtime.GOMAXPROCS(cpus)
		for _, n := range []int{0, 1, minChunk, 2*minChunk - 1, 2 * minChunk, 3*minChunk + 1, 50*minChunk + 7} {
			require.Equal(t, n, countVisits(t, n), "%d indexes on %d CPUs", n, cpus)
		}
	}
}

// countVisits returns how many of n indexes eachChunk visits, and fails the test
// where it visits one twice.
func countVisits(t *testing.T, n int) int {
	visits := make([]atomic.Int32, n)
	eachChunk(n, func(begin, end int) {
		for i := begin; i < end; i++ {
			visits[i].Add(1)
		}
	})
	visited := 0
	for i := range visits {
		switch n := visits[i].Load(); n {
		case 0:
		case 1:
			visited++
		default:
			t.Fatalf("index %d is visited %d times", i, n)
		}
	}
	return visited
}
