package batch_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/batch"
	"gradseal/bitcoin"
)

const many = 100_000

// liveMemory is what is in use after a collection, in MB.
func liveMemory() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / 1e6
}

func BenchmarkCreate(b *testing.B) {
	files := fakeFiles(many)
	b.ReportAllocs()
	for b.Loop() {
		s, _ := newStore(b)
		create(b, s, files)
	}
}

func BenchmarkList(b *testing.B) {
	s, _ := newStore(b)
	create(b, s, fakeFiles(many))
	before := liveMemory()
	b.ReportAllocs()
	var all []*batch.Batch
	for b.Loop() {
		all = list(b, s)
	}
	b.ReportMetric(liveMemory()-before, "live-MB")
	require.Len(b, all[0].Documents, many)
}

// BenchmarkNewPlan holds 100,000 files against a batch of them. Only of a
// complete batch are there proofs on disk.
func BenchmarkNewPlan(b *testing.B) {
	dir := b.TempDir()
	files := fakeFiles(many)
	for i := range files { // 100 folders
		files[i].Path = filepath.Join(dir, fmt.Sprint(i%100), fmt.Sprintf("%06d.pdf", i))
	}
	for i := range 100 {
		write(b, filepath.Join(dir, fmt.Sprint(i), "README"), nil)
	}
	for _, state := range []batch.State{batch.Planned, batch.Signed, batch.Complete} {
		s, _ := newStore(b)
		advance(b, create(b, s, files), state)
		b.Run(state.String(), func(b *testing.B) {
			b.ReportAllocs()
			var p *batch.Plan
			for b.Loop() {
				batches := list(b, s)
				var err error
				p, err = batch.NewPlan(b.Context(), &batch.Scan{Files: files}, batches, batch.Head{Network: bitcoin.Regtest, Issuer: testID}, batch.Options{Probe: true})
				require.NoError(b, err)
			}
			require.Empty(b, p.New)
			require.Equal(b, state == batch.Complete, p.Done == many)
		})
	}
}

// BenchmarkWriteProofs writes 100,000 proofs, and then finds them written.
func BenchmarkWriteProofs(b *testing.B) {
	for _, again := range []bool{false, true} {
		b.Run(fmt.Sprintf("again=%t", again), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				dir := b.TempDir()
				files := fakeFiles(many)
				for i := range files {
					files[i].Path = filepath.Join(dir, fmt.Sprint(i%100), fmt.Sprintf("%06d.pdf", i))
				}
				for i := range 100 {
					write(b, filepath.Join(dir, fmt.Sprint(i), "README"), nil)
				}
				s, _ := newStore(b)
				batch1 := create(b, s, files)
				advance(b, batch1, batch.Confirmed)
				if again {
					writeProofs(b, batch1)
				}
				b.StartTimer()
				writeProofs(b, batch1)
			}
		})
	}
}
