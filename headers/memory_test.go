package headers

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
)

// twins are a chain on disk and one in memory that are told the same.
type twins struct {
	path   string
	memory *Memory
}

func newTwins(t testing.TB, r *rules) *twins {
	return &twins{filepath.Join(t.TempDir(), "headers"), &Memory{rules: r}}
}

// importBoth gives both a segment, and requires the same answer and the same
// chain.
func (w *twins) importBoth(t testing.TB, s *Segment, o Options) error {
	t.Helper()
	r := w.memory.rules
	want := importSegment(w.path, r, s, o)
	got := w.memory.Import(s, o)
	if want == nil {
		require.NoError(t, got)
	} else {
		require.EqualError(t, got, strings.ReplaceAll(want.Error(), w.path, "headers of "+r.network.String()))
		for _, is := range []error{ErrDisagree, ErrLessWork, ErrGap, ErrFuture} {
			require.Equal(t, errors.Is(want, is), errors.Is(got, is), "%v", is)
		}
	}
	w.requireSame(t)
	return got
}

func (w *twins) requireSame(t testing.TB) {
	t.Helper()
	disk, err := openChain(w.path, w.memory.rules)
	c := w.memory.Chain()
	if err != nil {
		require.Nil(t, c)
		return
	}
	defer disk.Close()
	require.Equal(t, disk.Ranges(), c.Ranges())
	require.Equal(t, disk.Source(), c.Source())
	require.Equal(t, disk.Network(), c.Network())
	for _, g := range disk.Ranges() {
		for height := g.From; ; height++ {
			want, err := disk.At(height)
			require.NoError(t, err)
			got, err := c.At(height)
			require.NoError(t, err)
			require.Equal(t, want, got)
			if height == g.To {
				break
			}
		}
	}
	_, err = c.At(c.Height() + 1)
	require.ErrorIs(t, err, ErrNotHeld)
	_, err = Audit(c, nil)
	require.NoError(t, err)
}

// TestMemoryIsTheDisks gives chains on disk and in memory the same segments:
// true ones and forged ones, in any order.
func TestMemoryIsTheDisks(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: hashes many headers, in one goroutine")
	}
	for _, network := range []bitcoin.Network{bitcoin.Mainnet, bitcoin.Signet} {
		r, hs := listed(t, network)
		plain := *r
		plain.list = nil
		other := fork(t, &plain, hs, 2500, 2500, 7)
		above := fork(t, r, hs, 6500, 600, 3)
		wrongWork := part(t, r, hs, 2016, 4032)
		wrongWork.Before = wrongWork.Before.add(wrongWork.Before)
		bad := part(t, r, hs, 6048, 6900)
		bad.Headers[700][72]++ // its bits
		segments := []*Segment{
			part(t, r, hs, 0, 2016), part(t, r, hs, 2016, 4032), part(t, r, hs, 4032, 6048), part(t, r, hs, 6048, 6800), part(t, r, hs, 6700, 7000),
			part(t, r, above, 6048, 7100), part(t, r, above, 6501, 6600), part(t, &plain, other, 2016, 4032), part(t, r, hs, 2016, 4031), wrongWork, bad,
		}
		random := rand.New(rand.NewPCG(6, uint64(network))) // the same orders each time
		refused := 0
		for range 3 {
			w := newTwins(t, r)
			for _, i := range random.Perm(len(segments)) {
				o := Options{Name: fmt.Sprintf("source %d", random.IntN(2)), Now: clock, Replace: random.IntN(8) == 0}
				if w.importBoth(t, segments[i], o) != nil {
					refused++
				}
			}
		}
		require.Greater(t, refused, 6)
	}
}

// TestMemoryKeepsWhatItHas: a segment that is refused after some of its headers
// leaves the chain as it was, and one seen before stays what it was.
func TestMemoryKeepsWhatItHas(t *testing.T) {
	r := testRules(func(r *rules) { r.network, r.fixed = bitcoin.Testnet4, true })
	hs := testChain(t, r, 300, 0)
	w := newTwins(t, r)
	require.Nil(t, w.memory.Chain())
	require.NoError(t, w.importBoth(t, part(t, r, hs, 0, 100), Options{Now: clock}))
	before := w.memory.Chain()
	bad := part(t, r, hs, 101, 250)
	bad.Headers[149][72]++ // its bits
	require.Error(t, w.importBoth(t, bad, Options{Now: clock}))
	require.EqualValues(t, 100, w.memory.Chain().Height())
	late := part(t, r, hs, 101, 250)
	require.ErrorIs(t, w.importBoth(t, late, Options{Now: hs[200].Time().Add(-3 * time.Hour)}), ErrFuture)
	require.NoError(t, w.importBoth(t, part(t, r, fork(t, r, hs, 100, 50, 1), 101, 150), Options{Now: clock}))
	require.ErrorIs(t, w.importBoth(t, late, Options{Now: clock, Name: "b"}), ErrDisagree)
	require.NoError(t, w.importBoth(t, late, Options{Now: clock}))
	require.EqualValues(t, 250, w.memory.Chain().Height())
	require.EqualValues(t, 100, before.Height())
	for height, want := range hs[:101] {
		got, err := before.At(uint32(height))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestMemoryRefuses(t *testing.T) {
	_, err := NewMemory(0)
	require.Error(t, err)
	m, err := NewMemory(bitcoin.Regtest)
	require.NoError(t, err)
	s := &Segment{Network: bitcoin.Signet, Source: "a", Headers: []bitcoin.Header{bitcoin.Signet.Genesis()}}
	require.EqualError(t, m.Import(s, Options{}), "unexpected header segment: it is of signet, want regtest")
	require.ErrorContains(t, m.Import(&Segment{Network: bitcoin.Regtest, Source: "a"}, Options{}), "malformed header segment: 0 headers")
	s = &Segment{Network: bitcoin.Regtest, Source: " a", Headers: []bitcoin.Header{bitcoin.Regtest.Genesis()}}
	require.ErrorContains(t, m.Import(s, Options{}), "malformed source")
	s.Source = "a"
	require.NoError(t, m.Import(s, Options{}))
	require.EqualValues(t, 0, m.Chain().Height())
	require.NoError(t, m.Chain().Close())

	m, err = NewMemory(bitcoin.Mainnet)
	require.NoError(t, err)
	s = &Segment{Network: bitcoin.Mainnet, Source: "a", Headers: []bitcoin.Header{bitcoin.Mainnet.Genesis()}}
	require.ErrorContains(t, m.Import(s, Options{Replace: true}), "unsupported on mainnet")
	require.ErrorIs(t, m.Import(s, Options{}), ErrGap, "genesis alone leads to no listed block")
	require.Nil(t, m.Chain())
}
