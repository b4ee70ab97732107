package headers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
)

// branchOf is a chain in memory, from the first block on, and a source that
// has it.
type branchOf struct {
	headers []bitcoin.Header
	heights map[bitcoin.Hash]int
	asked   int
}

var errUnknown = errors.New("no such block")

func newSource(hs ...bitcoin.Header) *branchOf {
	s := &branchOf{headers: hs, heights: make(map[bitcoin.Hash]int)}
	for i, h := range hs {
		s.heights[h.Hash()] = i
	}
	return s
}

func (s *branchOf) Headers(ctx context.Context, locator []bitcoin.Hash) ([]bitcoin.Header, error) {
	s.asked++
	for _, hash := range locator {
		if i, ok := s.heights[hash]; ok {
			return s.headers[i+1 : min(len(s.headers), i+2001)], ctx.Err()
		}
	}
	return nil, errUnknown
}

func (s *branchOf) Header(_ context.Context, id bitcoin.Hash) (bitcoin.Header, error) {
	i, ok := s.heights[id]
	if !ok {
		return bitcoin.Header{}, errUnknown
	}
	return s.headers[i], nil
}

// clock is after all headers of these tests.
var clock = time.Unix(2_000_000_000, 0)

func named(name string) Options { return Options{Name: name, Now: clock} }

func syncTo(t testing.TB, path string, r *rules, s Source, o Options) {
	t.Helper()
	require.NoError(t, syncFrom(context.Background(), path, r, s, o))
}

// requireHeld requires that the chain at path holds these headers in these
// ranges, from the first block on, and that an audit finds nothing.
func requireHeld(t testing.TB, path string, r *rules, hs []bitcoin.Header, ranges ...[2]uint32) {
	t.Helper()
	c, err := openChain(path, r)
	require.NoError(t, err)
	defer c.Close()
	var got [][2]uint32
	for _, g := range c.Ranges() {
		got = append(got, [2]uint32{g.From, g.To})
	}
	require.Equal(t, ranges, got)
	for _, g := range ranges {
		for height := g[0]; height <= g[1]; height++ {
			h, err := c.At(height)
			require.NoError(t, err)
			require.Equal(t, hs[height], h, "height %d", height)
		}
	}
	at := genesisTip(t, r)
	for height := uint32(1); height <= c.Height(); height++ {
		if !c.holds(height) {
			_, err := c.At(height)
			require.ErrorIs(t, err, ErrNotHeld)
		}
		require.NoError(t, r.follow(at, hs[height], time.Time{}))
	}
	require.Equal(t, at.work, c.Work())
	_, err = Audit(c, nil)
	require.NoError(t, err)
}

func upTo(hs []bitcoin.Header) [2]uint32 { return [2]uint32{0, uint32(len(hs) - 1)} }

// testChain is a chain of n headers above the first.
func testChain(t testing.TB, r *rules, n int, mark uint32) []bitcoin.Header {
	t.Helper()
	return append([]bitcoin.Header{r.genesis}, grow(t, r, genesisTip(t, r), n, mark, every(600))...)
}

// fork is another chain that leaves hs after a height, with n more headers.
func fork(t testing.TB, r *rules, hs []bitcoin.Header, height, n int, mark uint32) []bitcoin.Header {
	t.Helper()
	at := genesisTip(t, r)
	for _, h := range hs[1 : height+1] {
		require.NoError(t, r.follow(at, h, time.Time{}))
	}
	return append(hs[:height+1:height+1], grow(t, r, at, n, mark, every(600))...)
}

func TestSyncGrows(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: hashes many headers, in one goroutine")
	}
	for _, network := range bitcoin.Networks() {
		r := testRules(func(r *rules) { r.network, r.fixed = network, true })
		hs := testChain(t, r, 7000, 0)
		path := filepath.Join(t.TempDir(), "home", "headers")
		var reached []uint32
		o := named("a")
		o.Progress = func(height uint32) { reached = append(reached, height) }
		for _, n := range []int{1, 2, 3, 2000, 2001, 2002, 7001, 7001} {
			s := newSource(hs[:n]...)
			syncTo(t, path, r, s, o)
			requireHeld(t, path, r, hs[:n], upTo(hs[:n]))
			require.LessOrEqual(t, s.asked, 4)
		}
		require.Equal(t, uint32(7000), reached[len(reached)-1])
		c, err := openChain(path, r)
		require.NoError(t, err)
		require.Equal(t, "a", c.Source())
		require.NoError(t, c.Close())
		syncTo(t, path, r, newSource(hs[:5]...), o) // one that is behind
		requireHeld(t, path, r, hs, upTo(hs))
		entries, err := os.ReadDir(filepath.Dir(path))
		require.NoError(t, err)
		require.Len(t, entries, 2, "the index and one data file")
	}
}

// TestSyncRemovesLeftover: a writer that was killed after it saved the index, and
// before it removed the file that no index names any more, leaves that.
func TestSyncRemovesLeftover(t *testing.T) {
	r := testRules(func(r *rules) { r.network, r.fixed = bitcoin.Regtest, true })
	hs := testChain(t, r, 20, 0)
	path := filepath.Join(t.TempDir(), "headers")
	syncTo(t, path, r, newSource(hs...), named("a"))
	left := dataName(path, 99)
	require.NoError(t, os.WriteFile(left, []byte("headers"), 0o644))
	syncTo(t, path, r, newSource(hs...), named("a")) // which has nothing to add
	require.NoFileExists(t, left)
	requireHeld(t, path, r, hs, upTo(hs))
}

// TestReorganisation has branches that replace 1, 8 and 3,000 headers, on
// mainnet from another source and on a test network from the same.
func TestReorganisation(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: hashes many headers, in one goroutine")
	}
	for _, network := range []bitcoin.Network{bitcoin.Mainnet, bitcoin.Testnet4} {
		r := testRules(func(r *rules) { r.network, r.fixed = network, true })
		path := filepath.Join(t.TempDir(), "headers")
		hs := testChain(t, r, 4000, 0)
		syncTo(t, path, r, newSource(hs...), named("a"))
		other := "a"
		if network == bitcoin.Mainnet {
			other = "b"
		}
		for i, depth := range []int{1, 8, 3000, 1} {
			old, err := openChain(path, r)
			require.NoError(t, err)
			before := hs
			equal := fork(t, r, hs, len(hs)-1-depth, depth, uint32(i+1))
			require.ErrorIs(t, syncFrom(context.Background(), path, r, newSource(equal...), named(other)), ErrLessWork)
			requireHeld(t, path, r, hs, upTo(hs)) // equal work: the first stays

			hs = fork(t, r, equal, len(equal)-1, 1, 0)
			syncTo(t, path, r, newSource(hs...), named(other))
			requireHeld(t, path, r, hs, upTo(hs))
			for height, h := range before { // the reader's chain is what it was
				got, err := old.At(uint32(height))
				require.NoError(t, err)
				require.Equal(t, h, got)
			}
			require.NoError(t, old.Close())
		}
	}
}

// TestMoreBlocksLessWork: fewer blocks with more work win, whichever was first.
func TestMoreBlocksLessWork(t *testing.T) {
	r := testRules(nil)
	short, long := fastAndSlow(t, r)
	short, long = append([]bitcoin.Header{r.genesis}, short...), append([]bitcoin.Header{r.genesis}, long...)

	path := filepath.Join(t.TempDir(), "headers")
	syncTo(t, path, r, newSource(long...), named("a"))
	requireHeld(t, path, r, long, upTo(long))
	syncTo(t, path, r, newSource(short...), named("b"))
	requireHeld(t, path, r, short, upTo(short))
	err := syncFrom(context.Background(), path, r, newSource(long...), named("c"))
	require.ErrorIs(t, err, ErrLessWork)
	requireHeld(t, path, r, short, upTo(short))
}

// TestOtherSource: on a test network another source may go on, but not
// disagree, until it is to replace the first.
func TestOtherSource(t *testing.T) {
	r := testRules(func(r *rules) { r.network, r.fixed = bitcoin.Regtest, true })
	path := filepath.Join(t.TempDir(), "headers")
	hs := testChain(t, r, 50, 0)
	syncTo(t, path, r, newSource(hs...), named("a"))
	longer := fork(t, r, hs, 50, 10, 0)
	syncTo(t, path, r, newSource(longer...), named("b"))
	requireHeld(t, path, r, longer, upTo(longer))

	other := fork(t, r, hs, 0, 3000, 1)
	err := syncFrom(context.Background(), path, r, newSource(other...), named("b"))
	require.ErrorIs(t, err, ErrDisagree)
	require.ErrorContains(t, err, "(from a)")
	require.ErrorContains(t, err, "(from b)")
	requireHeld(t, path, r, longer, upTo(longer))

	o := named("b")
	o.Replace = true
	ctx, cancel := context.WithCancel(context.Background())
	o.Progress = func(uint32) { cancel() }
	require.ErrorIs(t, syncFrom(ctx, path, r, newSource(other...), o), context.Canceled)
	requireHeld(t, path, r, longer, upTo(longer)) // half a chain replaces none

	o.Progress = nil
	shorter := fork(t, r, hs, 20, 5, 2)
	for _, hs := range [][]bitcoin.Header{other, shorter} { // work does not count
		syncTo(t, path, r, newSource(hs...), o)
		requireHeld(t, path, r, hs, upTo(hs))
	}
	c, err := openChain(path, r)
	require.NoError(t, err)
	defer c.Close()
	require.Equal(t, "b", c.Source())

	mainnet := testRules(func(r *rules) { r.fixed = true })
	require.ErrorContains(t, syncFrom(context.Background(), filepath.Join(t.TempDir(), "headers"), mainnet, newSource(hs...), o), "unsupported on mainnet")
}

// TestNodeChanged: on a test network the end of the chain may be replaced by a
// node that the owner names later, and no more than the end; what a file says
// replaces nothing of another source's.
func TestNodeChanged(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: hashes many headers, in one goroutine")
	}
	r := testRules(func(r *rules) { r.network, r.fixed = bitcoin.Testnet4, true })
	hs := testChain(t, r, 2600, 0)
	genesis := r.genesisPin()
	pin := *pinAt(t, r, hs, 2016)
	for _, test := range []struct {
		name     string
		start    Pin
		stored   int // height
		recorded string
		at, more int // the branch leaves after this height, with this many headers
		want     error
	}{
		{"one block", genesis, 2600, "a", 2599, 2, nil},
		{"8 blocks", genesis, 2600, "pack of x", 2592, 9, nil},
		{"200 blocks", genesis, 2600, "a", 2400, 201, nil},
		{"201 blocks", genesis, 2600, "a", 2399, 300, ErrDisagree},
		{"as much work", genesis, 2600, "a", 2599, 1, ErrLessWork},
		{"less work", genesis, 2600, "a", 2590, 5, ErrLessWork},
		{"after the second block of the chain", genesis, 50, "a", 1, 60, nil},
		{"after the first block of the chain", genesis, 50, "a", 0, 60, ErrDisagree},
		{"after the second block from a pin on", pin, 2100, "a", 2017, 90, nil},
		{"after a pin", pin, 2100, "a", 2016, 90, ErrDisagree},
		{"a rehearsal", genesis, 50, Embedded, 49, 2, ErrDisagree},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "headers")
			o := named(test.recorded)
			o.Start = &test.start
			stored := hs[:test.stored+1]
			from := test.start.Height
			held := func(hs []bitcoin.Header, source string) {
				t.Helper()
				requireHeld(t, path, r, hs, [2]uint32{from, uint32(len(hs) - 1)})
				c, err := openChain(path, r)
				require.NoError(t, err)
				defer c.Close()
				require.Equal(t, source, c.Source())
			}
			syncTo(t, path, r, newSource(stored...), o)
			branch := fork(t, r, stored, test.at, test.more, 1)
			if test.want != ErrLessWork {
				s := part(t, r, branch, uint32(test.at), uint32(len(branch)-1))
				require.ErrorIs(t, importSegment(path, r, s, Options{Now: clock, Name: "b"}), ErrDisagree)
				held(stored, test.recorded)
			}
			err := syncFrom(context.Background(), path, r, newSource(branch...), named("b"))
			require.ErrorIs(t, err, test.want)
			if err != nil {
				held(stored, test.recorded)
				return
			}
			held(branch, "b")
			longer := fork(t, r, branch, len(branch)-1, 1, 0)
			syncTo(t, path, r, newSource(longer...), named("c"))
			held(longer, "b") // what only grows stays what it was
		})
	}
}

// inTurn is a source that has one chain at first and another one later.
type inTurn struct {
	chains []*branchOf
	turn   int
}

func (s *inTurn) Headers(ctx context.Context, locator []bitcoin.Hash) ([]bitcoin.Header, error) {
	now := s.chains[min(s.turn, len(s.chains)-1)]
	s.turn++
	return now.Headers(ctx, locator)
}

func (s *inTurn) Header(ctx context.Context, id bitcoin.Hash) (bitcoin.Header, error) {
	return s.chains[0].Header(ctx, id)
}

// TestNoDeeperInTwoSteps: a source whose first branch was taken gets no deeper
// by a second one.
func TestNoDeeperInTwoSteps(t *testing.T) {
	r := testRules(func(r *rules) { r.network, r.fixed = bitcoin.Testnet4, true })
	hs := testChain(t, r, 600, 0)
	path := filepath.Join(t.TempDir(), "headers")
	syncTo(t, path, r, newSource(hs...), named("a"))
	near, deep := fork(t, r, hs, 599, 2, 1), fork(t, r, hs, 300, 400, 2)
	err := syncFrom(context.Background(), path, r, &inTurn{chains: []*branchOf{newSource(near...), newSource(deep...)}}, named("b"))
	require.ErrorIs(t, err, ErrDisagree)
	requireHeld(t, path, r, near, upTo(near))
}

func TestSyncSavesWhatIsGood(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: hashes many headers, in one goroutine")
	}
	r := testRules(func(r *rules) { r.fixed = true })
	hs := testChain(t, r, 5000, 0)
	for _, good := range []int{0, 1, 1999, 2000, 2001, 4000, 4500} {
		bad := slices.Clone(hs)
		for bad[good+1].CheckWork() == nil {
			bad[good+1][76]++
		}
		path := filepath.Join(t.TempDir(), "headers")
		err := syncFrom(context.Background(), path, r, newSource(bad...), named("a"))
		require.ErrorContains(t, err, fmt.Sprintf("height %d: invalid block header", good+1))
		requireHeld(t, path, r, hs, [2]uint32{0, uint32(good)})
		syncTo(t, path, r, newSource(hs...), named("a"))
		requireHeld(t, path, r, hs, upTo(hs))
	}
}

func TestSyncFuture(t *testing.T) {
	r := testRules(func(r *rules) { r.fixed = true })
	hs := testChain(t, r, 20, 0)
	path := filepath.Join(t.TempDir(), "headers")
	o := named("a")
	o.Now = hs[15].Time().Add(-2 * time.Hour)
	require.ErrorIs(t, syncFrom(context.Background(), path, r, newSource(hs...), o), ErrFuture)
	requireHeld(t, path, r, hs, [2]uint32{0, 15})
	o.Now = o.Now.Add(time.Hour)
	syncTo(t, path, r, newSource(hs...), o)
	requireHeld(t, path, r, hs, upTo(hs))
}

// listed are rules with a list, and a chain that follows it: listed are the
// blocks at 2,016, 4,032 and 6,048; the chain has 7,000.
func listed(t testing.TB, network bitcoin.Network) (*rules, []bitcoin.Header) {
	t.Helper()
	r := testRules(func(r *rules) { r.network, r.fixed = network, true })
	hs := testChain(t, r, 7000, 0)
	at := genesisTip(t, r)
	l := new(list)
	for _, h := range hs[1 : 3*period+1] {
		require.NoError(t, r.follow(at, h, time.Time{}))
		if at.height%period == 0 {
			l.hashes, l.works, l.last = append(l.hashes, at.hash), append(l.works, at.work), h
		}
	}
	r.list = l
	return r, hs
}

// part is a segment of a chain that starts with the first block.
func part(t testing.TB, r *rules, hs []bitcoin.Header, from, to uint32) *Segment {
	t.Helper()
	at := genesisTip(t, r)
	before := at.work.sub(at.last.work)
	for _, h := range hs[1 : from+1] {
		before = at.work
		require.NoError(t, r.follow(at, h, time.Time{}))
	}
	return &Segment{Network: r.network, Source: "a", From: from, Before: before, Headers: slices.Clone(hs[from : to+1])}
}

func importTo(t testing.TB, path string, r *rules, s *Segment) {
	t.Helper()
	data, err := s.Marshal()
	require.NoError(t, err)
	s, err = ParseSegment(data)
	require.NoError(t, err)
	require.NoError(t, importSegment(path, r, s, Options{Now: clock}))
}

func TestSyncFromList(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: hashes many headers, in one goroutine")
	}
	for _, network := range []bitcoin.Network{bitcoin.Mainnet, bitcoin.Testnet3, bitcoin.Signet} {
		r, hs := listed(t, network)
		path := filepath.Join(t.TempDir(), "headers")
		syncTo(t, path, r, newSource(hs...), named("a"))
		requireHeld(t, path, r, hs, [2]uint32{6048, 7000})

		o := named("a") // then from the start, in two goes
		genesis := r.genesisPin()
		o.Start = &genesis
		ctx, cancel := context.WithCancel(context.Background())
		o.Progress = func(height uint32) {
			if height == 4000 {
				cancel()
			}
		}
		require.ErrorIs(t, syncFrom(ctx, path, r, newSource(hs...), o), context.Canceled)
		requireHeld(t, path, r, hs, [2]uint32{0, 2016}, [2]uint32{6048, 7000})
		o.Progress = nil
		syncTo(t, path, r, newSource(hs...), o)
		requireHeld(t, path, r, hs, upTo(hs))
	}
}

// TestSegmentsInAnyOrder holds the pieces of a chain in every order.
func TestSegmentsInAnyOrder(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: hashes many headers, in one goroutine")
	}
	r, hs := listed(t, bitcoin.Mainnet)
	pieces := []*Segment{
		part(t, r, hs, 0, 2016),
		part(t, r, hs, 2016, 4032),
		part(t, r, hs, 4032, 6048),
		part(t, r, hs, 6048, 7000),
	}
	for _, order := range permutations([]int{0, 1, 2, 3}) {
		path := filepath.Join(t.TempDir(), "headers")
		for _, i := range order {
			importTo(t, path, r, pieces[i])
		}
		requireHeld(t, path, r, hs, upTo(hs))
		importTo(t, path, r, pieces[order[0]]) // twice is no error
		requireHeld(t, path, r, hs, upTo(hs))
	}
	path := filepath.Join(t.TempDir(), "headers")
	importTo(t, path, r, pieces[1])
	requireHeld(t, path, r, hs, [2]uint32{2016, 4032}, [2]uint32{6048, 6048})
	importTo(t, path, r, part(t, r, hs, 1500, 1500).with(t, r, hs, 0, 2100)) // overlaps
	requireHeld(t, path, r, hs, [2]uint32{0, 4032}, [2]uint32{6048, 6048})
	importTo(t, path, r, part(t, r, hs, 4000, 6500))
	requireHeld(t, path, r, hs, [2]uint32{0, 6500})
}

func (s *Segment) with(t testing.TB, r *rules, hs []bitcoin.Header, from, to uint32) *Segment {
	t.Helper()
	*s = *part(t, r, hs, from, to)
	return s
}

func permutations(all []int) [][]int {
	if len(all) == 0 {
		return [][]int{nil}
	}
	var out [][]int
	for i, first := range all {
		rest := slices.Delete(slices.Clone(all), i, i+1)
		for _, p := range permutations(rest) {
			out = append(out, append([]int{first}, p...))
		}
	}
	return out
}

// TestForgedSegments: what does not lead to a listed block is not taken, though
// it keeps every other rule.
func TestForgedSegments(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: hashes many headers, in one goroutine")
	}
	r, hs := listed(t, bitcoin.Mainnet)
	plain := *r
	plain.list = nil
	forged := fork(t, &plain, hs, 2500, 2500, 7)
	late := fork(t, &plain, hs, 6040, 2000, 8)
	gapless := part(t, r, hs, 2016, 4032)
	wrongWork := part(t, r, hs, 2016, 4032)
	wrongWork.Before = wrongWork.Before.add(wrongWork.Before)
	for _, test := range []struct {
		name string
		s    *Segment
		want string
		is   error
	}{
		{"leads to no listed block", part(t, &plain, forged, 2016, 4031), "lead to no block that is held or built in", ErrGap},
		{"true, but not to the end", part(t, r, hs, 2016, 4031), "lead to no block that is held or built in", ErrGap},
		{"true, but too far", part(t, r, hs, 2016, 4033), "headers from height 4033 to 4033 lead to no block", ErrGap},
		{"passes a listed block by", part(t, &plain, forged, 2016, 4032), "the built-in list has", nil},
		{"starts with another block", part(t, &plain, forged, 4032, 4100), "the built-in list has", nil},
		{"starts below, in the middle", part(t, r, hs, 2017, 4032), "headers from height 0 to 2016 are needed first", ErrGap},
		{"starts above, in the middle", part(t, r, hs, 6050, 7000), "headers from height 6049 to 6049 are needed first", ErrGap},
		{"leaves the chain below the last listed block", part(t, &plain, late, 6048, 8040), "height 6048 is block", ErrDisagree},
		{"wrong work", wrongWork, "invalid chainwork", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, held := range []bool{false, true} {
				path := filepath.Join(t.TempDir(), "headers")
				if held {
					importTo(t, path, r, part(t, r, hs, 6048, 6048))
				}
				err := importSegment(path, r, test.s, Options{Now: clock})
				require.ErrorContains(t, err, test.want)
				if test.is != nil {
					require.ErrorIs(t, err, test.is)
				}
				if held {
					requireHeld(t, path, r, hs, [2]uint32{6048, 6048})
				} else {
					require.NoFileExists(t, path)
				}
				importTo(t, path, r, gapless)
				requireHeld(t, path, r, hs, [2]uint32{2016, 4032}, [2]uint32{6048, 6048})
			}
		})
	}
}

// TestNoBranchBelowTheList: the built-in blocks are never rolled back, whatever
// the work.
func TestNoBranchBelowTheList(t *testing.T) {
	r, hs := listed(t, bitcoin.Mainnet)
	plain := *r
	plain.list = nil
	path := filepath.Join(t.TempDir(), "headers")
	importTo(t, path, r, part(t, r, hs, 0, 7000))
	other := fork(t, &plain, hs, 6000, 3000, 1)
	err := syncFrom(context.Background(), path, r, newSource(other...), named("b"))
	require.ErrorIs(t, err, ErrDisagree)
	require.ErrorContains(t, err, "block 6048 is built in")
	requireHeld(t, path, r, hs, upTo(hs))
	above := fork(t, r, hs, 6048, 1000, 1)
	syncTo(t, path, r, newSource(above...), named("b"))
	requireHeld(t, path, r, above, upTo(above))
}

// TestLongerList opens what a build with a shorter list has left.
func TestLongerList(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: hashes many headers, in one goroutine")
	}
	r, hs := listed(t, bitcoin.Mainnet)
	before := *r
	before.list = &list{hashes: r.list.hashes[:1], works: r.list.works[:1], last: hs[period]}
	for _, to := range []uint32{2016, 2017, 4031, 4032, 5000} {
		path := filepath.Join(t.TempDir(), "headers")
		syncTo(t, path, &before, newSource(hs[:to+1]...), named("a"))
		requireHeld(t, path, &before, hs, [2]uint32{2016, to})
		closed := r.list.below(to)
		requireHeld(t, path, r, hs, [2]uint32{2016, closed}, [2]uint32{6048, 6048})
		syncTo(t, path, r, newSource(hs...), named("a"))
		requireHeld(t, path, r, hs, [2]uint32{2016, closed}, [2]uint32{6048, 7000})
		importTo(t, path, r, part(t, r, hs, closed, 6048))
		requireHeld(t, path, r, hs, [2]uint32{2016, 7000})
	}
	other := fork(t, &before, hs, 3000, 3000, 1)
	path := filepath.Join(t.TempDir(), "headers")
	syncTo(t, path, &before, newSource(other...), named("a"))
	_, err := openChain(path, r)
	require.ErrorContains(t, err, "damaged: header at height 4032")
}

func pinAt(t testing.TB, r *rules, hs []bitcoin.Header, height uint32) *Pin {
	t.Helper()
	s := part(t, r, hs, height, height)
	return &Pin{height, hs[height].Hash(), s.Before.add(mustExpand(hs[height].Bits()).work)}
}

// TestPins begins chains at pins, and then goes down from there.
func TestPins(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: hashes many headers, in one goroutine")
	}
	r := testRules(func(r *rules) { r.network, r.fixed = bitcoin.Testnet4, true })
	hs := testChain(t, r, 5000, 0)
	path := filepath.Join(t.TempDir(), "headers")
	o := named("a")
	o.Start = pinAt(t, r, hs, 4032)
	syncTo(t, path, r, newSource(hs...), o)
	requireHeld(t, path, r, hs, [2]uint32{4032, 5000})
	syncTo(t, path, r, newSource(hs...), o)
	o.Start = pinAt(t, r, hs, 2016)
	syncTo(t, path, r, newSource(hs...), o)
	requireHeld(t, path, r, hs, [2]uint32{2016, 5000})
	importTo(t, path, r, part(t, r, hs, 0, 2015))
	requireHeld(t, path, r, hs, upTo(hs))

	// A false work is found out when the headers below are there.
	path = filepath.Join(t.TempDir(), "headers")
	o.Start = pinAt(t, r, hs, 4032)
	o.Start.Work = o.Start.Work.add(o.Start.Work)
	syncTo(t, path, r, newSource(hs...), o)
	err := importSegment(path, r, part(t, r, hs, 2016, 4031), Options{Now: clock})
	require.ErrorIs(t, err, ErrDisagree) // two claims, of which one is false
	importTo(t, path, r, part(t, r, hs, 0, 4031))
	requireHeld(t, path, r, hs, upTo(hs)) // and this is no claim

	for _, test := range []struct {
		change func(*Pin)
		want   string
	}{
		{func(p *Pin) { p.Height++ }, "want a multiple of 2016"},
		{func(p *Pin) { p.Hash[0]++ }, "no such block"},
		{func(p *Pin) { p.Work = Work{} }, "the block alone has"},
	} {
		path := filepath.Join(t.TempDir(), "headers")
		o.Start = pinAt(t, r, hs, 2016)
		test.change(o.Start)
		require.ErrorContains(t, syncFrom(context.Background(), path, r, newSource(hs...), o), test.want)
		require.NoFileExists(t, path)
	}
}

// TestPinDisagrees holds a pin against what is stored, or is not there.
func TestPinDisagrees(t *testing.T) {
	r := testRules(func(r *rules) { r.network, r.fixed = bitcoin.Testnet4, true })
	hs := testChain(t, r, 5000, 0)
	other := fork(t, r, hs, 1000, 3500, 1)
	path := filepath.Join(t.TempDir(), "headers")
	syncTo(t, path, r, newSource(hs...), named("a"))
	o := named("a")
	o.Start = pinAt(t, r, other, 2016)
	require.ErrorIs(t, syncFrom(context.Background(), path, r, newSource(hs...), o), ErrDisagree)
	o.Start = &Pin{Height: 6048, Hash: hs[1].Hash(), Work: o.Start.Work}
	require.ErrorContains(t, syncFrom(context.Background(), path, r, newSource(hs...), o), "ends at height 5000, below block 6048")

	path = filepath.Join(t.TempDir(), "headers")
	o.Start = pinAt(t, r, hs, 4032)
	syncTo(t, path, r, newSource(hs...), o)
	require.ErrorIs(t, importSegment(path, r, part(t, r, other, 0, 4031), Options{Now: clock}), ErrDisagree)
	err := importSegment(path, r, part(t, r, hs, 0, 3000), Options{Now: clock})
	require.ErrorIs(t, err, ErrGap)
	err = importSegment(path, r, part(t, r, hs, 3000, 4100), Options{Now: clock})
	require.ErrorContains(t, err, "headers from height 0 to 2999 are needed first")
	requireHeld(t, path, r, hs, [2]uint32{4032, 5000})
}

// TestImportBranch: a file is judged as a node is.
func TestImportBranch(t *testing.T) {
	r := testRules(func(r *rules) { r.network, r.fixed = bitcoin.Testnet4, true })
	hs := testChain(t, r, 100, 0)
	path := filepath.Join(t.TempDir(), "headers")
	require.ErrorIs(t, importSegment(path, r, part(t, r, hs, 5, 100), Options{Now: clock}), ErrGap)
	importTo(t, path, r, part(t, r, hs, 0, 100))
	more := fork(t, r, hs, 90, 11, 1)
	require.ErrorIs(t, importSegment(path, r, part(t, r, more, 80, 100), Options{Now: clock}), ErrLessWork)
	s := part(t, r, more, 80, 101)
	require.ErrorIs(t, importSegment(path, r, s, Options{Now: clock, Name: "b"}), ErrDisagree)
	requireHeld(t, path, r, hs, upTo(hs))
	importTo(t, path, r, s)
	requireHeld(t, path, r, more, upTo(more))
	require.ErrorIs(t, importSegment(path, r, part(t, r, fork(t, r, hs, 10, 10, 2), 15, 20), Options{Now: clock}), ErrDisagree)

	bad := part(t, r, more, 100, 101)
	for bad.Headers[1].CheckWork() == nil {
		bad.Headers[1][76]++
	}
	require.ErrorContains(t, importSegment(path, r, bad, Options{Now: clock}), "invalid block header")
	bad.Source = "é"
	require.ErrorContains(t, importSegment(path, r, bad, Options{Now: clock}), "malformed source")

	fresh := part(t, r, fork(t, r, hs, 10, 10, 2), 0, 20)
	require.NoError(t, importSegment(path, r, fresh, Options{Now: clock, Replace: true}))
	requireHeld(t, path, r, fresh.Headers, upTo(fresh.Headers))
}

// liar answers as it is told.
type liar func() []bitcoin.Header

func (l liar) Headers(context.Context, []bitcoin.Hash) ([]bitcoin.Header, error) { return l(), nil }
func (l liar) Header(context.Context, bitcoin.Hash) (bitcoin.Header, error) {
	return bitcoin.Header{1}, nil
}

// TestLiars: whatever a source says, Sync ends, and the chain stays good.
func TestLiars(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: hashes many headers, in one goroutine")
	}
	r := testRules(func(r *rules) { r.fixed = true })
	hs := testChain(t, r, 2500, 0)
	var forks [][]bitcoin.Header
	for i := range 30 {
		forks = append(forks, fork(t, r, hs, 2499, 1, uint32(i+1))[2500:])
	}
	turn := 0
	for _, test := range []struct {
		name string
		lie  liar
		want string
	}{
		{"too many", func() []bitcoin.Header { return hs[1:2002] }, "2001 headers, want at most 2000"},
		{"follow nothing", func() []bitcoin.Header { return hs[1200:1201] }, "which it was not asked about"},
		{"zeros", func() []bitcoin.Header { return make([]bitcoin.Header, 5) }, "which it was not asked about"},
		{"the same ones for ever", func() []bitcoin.Header { return hs[2500:] }, "has changed its chain"},
		{"the first ones for ever", func() []bitcoin.Header { return hs[1:2001] }, "has changed its chain"},
		{"another branch each time", func() []bitcoin.Header { turn++; return forks[turn%30] }, "has changed its chain"},
	} {
		path := filepath.Join(t.TempDir(), "headers")
		syncTo(t, path, r, newSource(hs...), named("a"))
		err := syncFrom(context.Background(), path, r, test.lie, named("b"))
		require.ErrorContains(t, err, test.want, test.name)
		requireHeld(t, path, r, hs, upTo(hs))
	}
	o := named("a")
	o.Start = pinAt(t, r, hs, 2016)
	err := syncFrom(context.Background(), filepath.Join(t.TempDir(), "headers"), r, liar(nil), o)
	require.ErrorContains(t, err, "unexpected header of block")
	o.Name = ""
	require.ErrorContains(t, syncFrom(context.Background(), filepath.Join(t.TempDir(), "headers"), r, liar(nil), o), "malformed source")
}

// TestEndlessBranch: a branch without much work is not kept for ever.
func TestEndlessBranch(t *testing.T) {
	r := testRules(nil)
	short, long := fastAndSlow(t, r)
	short = append([]bitcoin.Header{r.genesis}, short...)
	path := filepath.Join(t.TempDir(), "headers")
	syncTo(t, path, r, newSource(short...), named("a"))
	w, err := openWriter(path, r, "b", false)
	require.NoError(t, err)
	defer w.close()
	w.maxBranch = 1000
	require.NoError(t, w.attach(100, long[99].Hash()))
	for i, h := range long[100:] {
		if err = w.take(h); err != nil {
			require.Equal(t, 1000, i)
			break
		}
	}
	require.ErrorIs(t, err, ErrLessWork)
	require.ErrorContains(t, err, "1001 headers after height 100")
}

// snapshot is what a directory holds.
func snapshot(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	files := make(map[string][]byte)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
	}
	return files
}

func restore(t testing.TB, files map[string][]byte) (path string) {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o644))
	}
	return filepath.Join(dir, "headers")
}

// TestTorn starts from what a killed process or a power cut can leave of every
// kind of step: the data file as it was, with any part of the new bytes, or
// with zeros in their place; beside the old index. That is the old chain, and
// the same step again makes the new one.
func TestTorn(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: hashes many headers, in one goroutine")
	}
	r, hs := listed(t, bitcoin.Mainnet)
	branch := fork(t, r, hs[:6102], 6080, 40, 1)
	for name, step := range map[string]struct {
		before func(path string)
		do     func(path string)
		old    [][2]uint32
		want   []bitcoin.Header
		new    [][2]uint32
	}{
		"growth": {
			func(path string) { syncTo(t, path, r, newSource(hs[:6101]...), named("a")) },
			func(path string) { syncTo(t, path, r, newSource(hs[:6151]...), named("a")) },
			[][2]uint32{{6048, 6100}}, hs, [][2]uint32{{6048, 6150}},
		},
		"reorganisation": {
			func(path string) { syncTo(t, path, r, newSource(hs[:6101]...), named("a")) },
			func(path string) { syncTo(t, path, r, newSource(branch...), named("a")) },
			[][2]uint32{{6048, 6100}}, branch, [][2]uint32{{6048, 6120}},
		},
		"segment": {
			func(path string) { syncTo(t, path, r, newSource(hs[:6101]...), named("a")) },
			func(path string) { importTo(t, path, r, part(t, r, hs, 2016, 4032)) },
			[][2]uint32{{6048, 6100}}, hs, [][2]uint32{{2016, 4032}, {6048, 6100}},
		},
		"joining": {
			func(path string) { importTo(t, path, r, part(t, r, hs, 2016, 4032)) },
			func(path string) { importTo(t, path, r, part(t, r, hs, 4032, 6060)) },
			[][2]uint32{{2016, 4032}, {6048, 6048}}, hs, [][2]uint32{{2016, 6060}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "headers")
			step.before(path)
			before := snapshot(t, filepath.Dir(path))
			step.do(path)
			after := snapshot(t, filepath.Dir(path))
			requireHeld(t, path, r, step.want, step.new...)
			old, data := before["headers.1"], after["headers.1"]
			require.Equal(t, old, data[:len(old)], "what an index names is never written over")
			for _, cut := range []int{0, 1, 79, 80, 81, len(data) - len(old) - 1, len(data) - len(old)} {
				zeros := slices.Clone(data)
				clear(zeros[len(old)+cut:])
				for _, torn := range [][]byte{data[:len(old)+cut], zeros, append(zeros, make([]byte, 1000)...)} {
					path := restore(t, map[string][]byte{"headers": before["headers"], "headers.1": torn, ".tmp-1": []byte("half an index"), "headers.2": torn})
					requireHeld(t, path, r, hs, step.old...)
					step.do(path)
					requireHeld(t, path, r, step.want, step.new...)
					got, err := os.ReadFile(path + ".1")
					require.NoError(t, err)
					require.Equal(t, data, got)
				}
			}
		})
	}
}

// TestTornStart: before there is an index there is no chain.
func TestTornStart(t *testing.T) {
	r := testRules(func(r *rules) { r.fixed = true })
	hs := testChain(t, r, 30, 0)
	path := restore(t, map[string][]byte{"headers.1": make([]byte, 333)})
	_, err := openChain(path, r)
	require.ErrorIs(t, err, os.ErrNotExist)
	syncTo(t, path, r, newSource(hs...), named("a"))
	requireHeld(t, path, r, hs, upTo(hs))
	require.NoFileExists(t, path+".1", "nobody names it")
	require.FileExists(t, path+".2")
}

// TestDamage: what was changed behind the index's back is told, and no header
// is made of it.
func TestDamage(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: a minute under the race detector, and nothing in it runs at once")
	}
	r := testRules(func(r *rules) { r.fixed = true })
	hs := testChain(t, r, 30, 0)
	path := filepath.Join(t.TempDir(), "headers")
	syncTo(t, path, r, newSource(hs...), named("a"))
	files := snapshot(t, filepath.Dir(path))
	with := func(name string, data []byte) string {
		changed := map[string][]byte{"headers": files["headers"], "headers.1": files["headers.1"]}
		changed[name] = data
		return restore(t, changed)
	}
	_, err := openChain(with("headers.1", files["headers.1"][:2479]), r)
	require.ErrorContains(t, err, "damaged: 2479 bytes, want 2480")
	require.ErrorAs(t, err, new(*DamagedError))
	missing := restore(t, map[string][]byte{"headers": files["headers"]})
	_, err = openChain(missing, r)
	require.ErrorContains(t, err, "the data file is missing")
	require.NotErrorIs(t, err, os.ErrNotExist)
	path = with("headers.1", nil)
	requireDamaged(t, err, missing)
	for bit := 0; bit < len(files["headers.1"])*8; bit += 7 {
		data := slices.Clone(files["headers.1"])
		data[bit/8] ^= 1 << (bit % 8)
		height := uint32(bit / 640)
		require.NoError(t, os.WriteFile(path+".1", data, 0o644))
		c, err := openChain(path, r)
		if height == 0 || height == 30 {
			require.ErrorContains(t, err, "damaged")
			requireDamaged(t, err, path, path+".1")
			continue
		}
		require.NoError(t, err)
		_, err = c.At(height)
		require.ErrorContains(t, err, fmt.Sprintf("damaged: header at height %d", height))
		requireDamaged(t, err, path, path+".1")
		_, err = Audit(c, nil)
		require.ErrorContains(t, err, "header at height ")
		requireDamaged(t, err, path, path+".1")
		require.NoError(t, c.Close())
	}
}

func requireDamaged(t testing.TB, err error, files ...string) {
	t.Helper()
	var d *DamagedError
	require.ErrorAs(t, err, &d)
	require.Equal(t, files, d.Files())
}

// TestReplaceDamaged: whatever is in the files of a chain of a test network,
// another can take its place. A file that this version does not know, or cannot
// read, is not damaged.
func TestReplaceDamaged(t *testing.T) {
	r := testRules(func(r *rules) { r.network, r.fixed = bitcoin.Testnet4, true })
	hs := testChain(t, r, 30, 0)
	path := filepath.Join(t.TempDir(), "headers")
	syncTo(t, path, r, newSource(hs...), named("a"))
	files := snapshot(t, filepath.Dir(path))
	index, data := files["headers"], files["headers.1"]
	flipped := slices.Clone(data)
	flipped[len(data)-1] ^= 1
	o := named("b")
	o.Replace = true
	for name, files := range map[string]map[string][]byte{
		"empty index":       {"headers": nil, "headers.1": data},
		"cut index":         {"headers": index[:len(index)/2], "headers.1": data},
		"no index":          {"headers": []byte("x"), "headers.1": data},
		"data file missing": {"headers": index},
		"data file cut":     {"headers": index, "headers.1": data[:1000]},
		"data file changed": {"headers": index, "headers.1": flipped},
	} {
		t.Run(name, func(t *testing.T) {
			path := restore(t, files)
			before := snapshot(t, filepath.Dir(path))
			require.ErrorAs(t, syncFrom(context.Background(), path, r, newSource(hs...), named("a")), new(*DamagedError))
			require.ErrorAs(t, importSegment(path, r, part(t, r, hs, 0, 30), Options{Now: clock}), new(*DamagedError))
			require.Equal(t, before, snapshot(t, filepath.Dir(path)))
			syncTo(t, path, r, newSource(hs...), o)
			requireHeld(t, path, r, hs, upTo(hs))
			require.Len(t, snapshot(t, filepath.Dir(path)), 2, "the index and one data file")
		})
	}
	newer := restore(t, map[string][]byte{"headers": []byte(strings.Replace(string(index), indexFormat, "gradseal-headers/2", 1)), "headers.1": data})
	err := syncFrom(context.Background(), newer, r, newSource(hs...), o)
	require.ErrorContains(t, err, "unknown header file format")
	require.False(t, errors.As(err, new(*DamagedError)))
}

// TestSyncMeetsDamage: a header that the disk has changed is no other block.
func TestSyncMeetsDamage(t *testing.T) {
	r := testRules(func(r *rules) { r.network, r.fixed = bitcoin.Testnet4, true })
	hs := testChain(t, r, 30, 0)
	longer := fork(t, r, hs, 25, 10, 1)
	for _, at := range []int{0, 4, 36} { // version, previous block, root
		path := filepath.Join(t.TempDir(), "headers")
		syncTo(t, path, r, newSource(hs...), named("a"))
		data, err := os.ReadFile(path + ".1")
		require.NoError(t, err)
		data[26*bitcoin.HeaderSize+at] ^= 1
		require.NoError(t, os.WriteFile(path+".1", data, 0o644))
		for _, source := range []string{"a", "b"} {
			err = syncFrom(context.Background(), path, r, newSource(longer...), named(source))
			require.ErrorContains(t, err, "damaged: header at height 26")
			requireDamaged(t, err, path, path+".1")
		}
	}
}

// TestReadersWhileReorganising: every reader sees one chain, at any moment.
func TestReadersWhileReorganising(t *testing.T) {
	r := testRules(func(r *rules) { r.fixed = true })
	path := filepath.Join(t.TempDir(), "headers")
	hs := testChain(t, r, 40, 0)
	syncTo(t, path, r, newSource(hs...), named("a"))
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				c, err := openChain(path, r)
				if err == nil {
					_, err = Audit(c, nil)
					err = errors.Join(err, c.Close())
				}
				if err != nil {
					t.Errorf("%v", err)
					return
				}
			}
		})
	}
	random := rand.New(rand.NewPCG(7, 8))
	for i := range 150 {
		depth := random.IntN(30) + 1
		hs = fork(t, r, hs, len(hs)-1-depth, depth+1, uint32(i+1))
		syncTo(t, path, r, newSource(hs...), named("a"))
	}
	close(done)
	readers.Wait()
	requireHeld(t, path, r, hs, upTo(hs))
}

// TestTidy: a chain that is reorganised for ever does not fill the disk, nor
// fall into a thousand pieces.
func TestTidy(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: hashes many headers, in one goroutine")
	}
	r := testRules(func(r *rules) { r.fixed = true })
	path := filepath.Join(t.TempDir(), "headers")
	hs := testChain(t, r, 9000, 0)
	syncTo(t, path, r, newSource(hs...), named("a"))
	largest := int64(0)
	for i := range 6 {
		hs = fork(t, r, hs, 1000, len(hs)-1000, uint32(i+1))
		syncTo(t, path, r, newSource(hs...), named("a"))
		x, err := readIndexFile(path)
		require.NoError(t, err)
		parsed, err := parseIndex(x, r)
		require.NoError(t, err)
		largest = max(largest, parsed.Size)
		entries, err := os.ReadDir(filepath.Dir(path))
		require.NoError(t, err)
		require.Len(t, entries, 2)
	}
	requireHeld(t, path, r, hs, upTo(hs))
	require.Less(t, largest, int64(3<<20))
	require.NoFileExists(t, path+".1")

	w, err := openWriter(path, r, "a", false)
	require.NoError(t, err)
	pieces := make([]extent, 0, maxExtents+1)
	for i := range uint32(maxExtents + 1) { // as single headers
		e, _ := findExtent(w.chain.extents, i)
		pieces = append(pieces, extent{i, 1, e.Offset + int64(i-e.Height)*80})
	}
	last, _ := findExtent(w.chain.extents, maxExtents+1)
	w.chain.extents = append(pieces, extent{maxExtents + 1, last.end() - maxExtents - 1, last.Offset + int64(maxExtents+1-last.Height)*80})
	w.dirty = true
	require.NoError(t, w.save())
	require.Len(t, w.chain.extents, 1)
	require.NoError(t, w.close())
	requireHeld(t, path, r, hs, upTo(hs))
}

// TestPlainTakenOver: the embedded node's plain file becomes one with an index
// when something else adds to it, and the node goes on with it.
func TestPlainTakenOver(t *testing.T) {
	r, err := rulesOf(bitcoin.Regtest)
	require.NoError(t, err)
	hs := testChain(t, r, 60, 0)
	path := filepath.Join(t.TempDir(), "headers")
	require.NoError(t, Extend(path, bitcoin.Regtest, 1, hs[1:21]))
	other := fork(t, r, hs, 10, 30, 1)
	require.ErrorIs(t, importSegment(path, r, part(t, r, other, 0, 40), Options{Now: clock}), ErrDisagree)
	importTo(t, path, r, part(t, r, hs, 0, 20))
	plain, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, join(hs[:21]), plain, "nothing was added")

	importTo(t, path, r, part(t, r, hs, 15, 30))
	requireHeld(t, path, r, hs[:31], upTo(hs[:31]))
	require.NoError(t, Extend(path, bitcoin.Regtest, 1, hs[1:]))
	require.NoError(t, Extend(path, bitcoin.Regtest, 61, nil))
	requireHeld(t, path, r, hs, upTo(hs))
	require.ErrorIs(t, Extend(path, bitcoin.Regtest, 1, other[1:]), ErrDisagree)
	require.ErrorContains(t, Extend(path, bitcoin.Regtest, 62, hs[1:2]), "leave a gap")
	c, err := Open(path, bitcoin.Regtest)
	require.NoError(t, err)
	require.Equal(t, Embedded, c.Source())
	require.NoError(t, c.Close())

	o := named("b")
	o.Replace = true
	syncTo(t, path, r, newSource(other...), o)
	require.ErrorContains(t, Extend(path, bitcoin.Regtest, 1, other[1:]), "holds the chain from b, not that of the embedded node: move it away")
}

// TestPlainWithoutRules: a plain file is trusted, but not added to before it was
// checked.
func TestPlainWithoutRules(t *testing.T) {
	r, err := rulesOf(bitcoin.Regtest)
	require.NoError(t, err)
	hs := testChain(t, r, 3, 0)
	at := genesisTip(t, r)
	lazy := header(at, at.time+1, 0x2000ffff, 4, 0)
	above := *at
	above.hash = lazy.Hash()
	path := filepath.Join(t.TempDir(), "headers")
	require.NoError(t, os.WriteFile(path, join([]bitcoin.Header{hs[0], lazy, header(&above, at.time+2, easy, 4, 0)}), 0o644))
	err = importSegment(path, r, part(t, r, hs, 0, 3), Options{Now: clock})
	require.ErrorContains(t, err, "height 1: invalid bits")
}

func TestSourceNames(t *testing.T) {
	for _, good := range []string{"a", "btcd https://127.0.0.1:18334", `"\<>&`} {
		require.NoError(t, CheckSource(good))
	}
	long := make([]byte, 201)
	for i := range long {
		long[i] = 'a'
	}
	for _, bad := range []string{"", " a", "a ", "\n", "a\x7f", "é", string(long)} {
		require.ErrorContains(t, CheckSource(bad), "malformed source")
	}
	r := testRules(func(r *rules) { r.fixed = true })
	path := filepath.Join(t.TempDir(), "headers")
	syncTo(t, path, r, newSource(testChain(t, r, 3, 0)...), named(`"\<>&`))
	c, err := openChain(path, r)
	require.NoError(t, err)
	require.Equal(t, `"\<>&`, c.Source())
	require.NoError(t, c.Close())
}

func TestAudit(t *testing.T) {
	r, hs := listed(t, bitcoin.Signet)
	path := filepath.Join(t.TempDir(), "headers")
	importTo(t, path, r, part(t, r, hs, 0, 2016))
	syncTo(t, path, r, newSource(hs...), named("a"))
	c, err := openChain(path, r)
	require.NoError(t, err)
	defer c.Close()
	var progress []uint32
	reports, err := Audit(c, func(height uint32) { progress = append(progress, height) })
	require.NoError(t, err)
	require.Equal(t, []uint32{0, 2016, 6048}, progress)
	require.Len(t, reports, 2)
	low, main := reports[0], reports[1]
	require.Equal(t, 2017, low.Headers())
	require.Equal(t, hs[0].Hash(), low.Start)
	require.True(t, low.Proven && low.Closed && main.Proven && !main.Closed)
	require.Equal(t, []string{"the signatures of signet's blocks, which are not in headers"}, low.Unchecked)
	require.Len(t, main.Unchecked, 3)
	require.Equal(t, 953, main.Headers())
	require.Equal(t, hs[7000].Hash(), main.Hash)
	require.Equal(t, c.Work(), main.Work)

	plain := testRules(func(r *rules) { r.network, r.fixed = bitcoin.Testnet4, true })
	path = filepath.Join(t.TempDir(), "headers")
	o := named("a")
	o.Start = pinAt(t, plain, hs, 2016)
	syncTo(t, path, plain, newSource(hs...), o)
	pinned, err := openChain(path, plain)
	require.NoError(t, err)
	defer pinned.Close()
	reports, err = Audit(pinned, nil)
	require.NoError(t, err)
	require.False(t, reports[0].Proven)
	require.Contains(t, reports[0].Unchecked[0], "block 2016 is a pin")
}

// TestExported goes through the exported functions, on regtest.
func TestExported(t *testing.T) {
	r, err := rulesOf(bitcoin.Regtest)
	require.NoError(t, err)
	hs := testChain(t, r, 4100, 0)
	path := filepath.Join(t.TempDir(), "headers")
	require.NoError(t, Sync(context.Background(), path, bitcoin.Regtest, newSource(hs...), named("a")))
	requireHeld(t, path, r, hs, upTo(hs))
	require.ErrorContains(t, Sync(context.Background(), path, 9, newSource(hs...), named("a")), "unknown network")
	require.ErrorContains(t, Import(path, &Segment{Network: 9}, named("a")), "unknown network")
	c, err := Open(path, bitcoin.Regtest)
	require.NoError(t, err)
	require.Equal(t, bitcoin.Regtest, c.Network())
	require.NoError(t, c.Close())
	_, err = Open(path, bitcoin.Signet)
	require.ErrorContains(t, err, "the headers are those of")

	for height, want := range map[uint32]uint32{0: 0, 2016: 0, 4031: 0, 4032: 2016, 6047: 2016, 6048: 4032} {
		require.Equal(t, want, PinBelow(height))
	}
	pin, err := PinAt(2016, hs[2016])
	require.NoError(t, err)
	o := named("a")
	o.Start = &pin
	path = filepath.Join(t.TempDir(), "headers")
	require.NoError(t, Sync(context.Background(), path, bitcoin.Regtest, newSource(hs...), o))
	c, err = Open(path, bitcoin.Regtest)
	require.NoError(t, err)
	require.Equal(t, uint32(4100), c.Height())
	require.NoError(t, c.Close())
	_, err = PinAt(2017, hs[2017])
	require.ErrorContains(t, err, "multiple of 2016")
}

// TestFillEndsEarly: a source that stops below what is held leaves a gap, and
// of what it gave only that stays which leads somewhere.
func TestFillEndsEarly(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: hashes many headers, in one goroutine")
	}
	r, hs := listed(t, bitcoin.Mainnet)
	path := filepath.Join(t.TempDir(), "headers")
	genesis := r.genesisPin()
	o := named("a")
	o.Start = &genesis
	for _, have := range []int{2016, 2017, 3000} { // ends before or at 2016, or after
		err := syncFrom(context.Background(), path, r, newSource(hs[:have]...), o)
		require.ErrorIs(t, err, ErrGap)
	}
	requireHeld(t, path, r, hs, [2]uint32{0, 2016}, [2]uint32{6048, 6048})
	syncTo(t, path, r, newSource(hs...), o)
	requireHeld(t, path, r, hs, upTo(hs))

	// The same where nothing is listed: nothing of it stays.
	plain := testRules(func(r *rules) { r.network, r.fixed = bitcoin.Testnet4, true })
	path = filepath.Join(t.TempDir(), "headers")
	o.Start = pinAt(t, plain, hs, 4032)
	syncTo(t, path, plain, newSource(hs...), o)
	o.Start = &genesis
	require.ErrorIs(t, syncFrom(context.Background(), path, plain, newSource(hs[:4000]...), o), ErrGap)
	requireHeld(t, path, plain, hs, [2]uint32{4032, 7000})
}

// TestSyncReordered: a source whose chain changes while it is read.
func TestSyncReordered(t *testing.T) {
	r := testRules(func(r *rules) { r.fixed = true })
	hs := testChain(t, r, 5000, 0)
	other := fork(t, r, hs, 1500, 4000, 1)
	first, second := newSource(hs...), newSource(other...)
	path := filepath.Join(t.TempDir(), "headers")
	syncTo(t, path, r, changing{first, second}, named("a"))
	requireHeld(t, path, r, other, upTo(other))
}

// changing is a source that has the first chain at the first question only.
type changing struct{ first, second *branchOf }

func (c changing) Headers(ctx context.Context, locator []bitcoin.Hash) ([]bitcoin.Header, error) {
	if c.first.asked == 0 {
		return c.first.Headers(ctx, locator)
	}
	return c.second.Headers(ctx, locator)
}

func (c changing) Header(ctx context.Context, id bitcoin.Hash) (bitcoin.Header, error) {
	return c.second.Header(ctx, id)
}

// TestWriteFails: headers that could not be written are in no index.
func TestWriteFails(t *testing.T) {
	r := testRules(func(r *rules) { r.fixed = true })
	hs := testChain(t, r, 20000, 0)
	path := filepath.Join(t.TempDir(), "headers")
	syncTo(t, path, r, newSource(hs[:11]...), named("a"))
	before := snapshot(t, filepath.Dir(path))
	for _, more := range []int{5, 19000} { // found at the end, and on the way
		w, err := openWriter(path, r, "a", false)
		require.NoError(t, err)
		require.NoError(t, w.attach(10, hs[10].Hash()))
		require.NoError(t, w.file.Close())
		for _, h := range hs[11 : 11+more] {
			if err = w.take(h); err != nil {
				break
			}
		}
		require.Equal(t, more > 5, err != nil)
		require.ErrorIs(t, w.accept(), os.ErrClosed)
		require.ErrorIs(t, w.save(), os.ErrClosed)
		require.Error(t, w.close())
		require.Equal(t, before, snapshot(t, filepath.Dir(path)))
	}
	requireHeld(t, path, r, hs[:11], upTo(hs[:11]))
}

// TestMedianWhereRangesMeet: the first headers above a pin may lie in the past
// until the headers below are there.
func TestMedianWhereRangesMeet(t *testing.T) {
	r := testRules(func(r *rules) { r.network, r.fixed = bitcoin.Testnet4, true })
	hs := testChain(t, r, 2016, 0)
	for _, at := range []uint32{2017, 2021, 2026} {
		top, err := r.start(2016, hs[2016], part(t, r, hs, 2016, 2016).Before)
		require.NoError(t, err)
		upper := slices.Clone(hs)
		for height := uint32(2017); height <= 2030; height++ {
			when := top.time + 600
			if height == at {
				when = seconds(hs[2000])
			} else if height == at+1 {
				when = seconds(hs[2016]) + 7000
			}
			h := header(top, when, easy, 4, 0)
			require.NoError(t, r.follow(top, h, time.Time{}))
			upper = append(upper, h)
		}
		path := filepath.Join(t.TempDir(), "headers")
		o := named("a")
		o.Start = pinAt(t, r, hs, 2016)
		syncTo(t, path, r, newSource(upper...), o)
		err = importSegment(path, r, part(t, r, hs, 0, 2015), Options{Now: clock})
		require.ErrorContains(t, err, fmt.Sprintf("header at height %d: invalid time", at))
		c, err := openChain(path, r)
		require.NoError(t, err)
		require.Equal(t, uint32(2016), c.Ranges()[0].From)
		require.NoError(t, c.Close())
	}
}

// TestPinAboveTheTip: where there is a chain, a pin above it is no start.
func TestPinAboveTheTip(t *testing.T) {
	r := testRules(func(r *rules) { r.fixed = true })
	hs := testChain(t, r, 2100, 0)
	path := filepath.Join(t.TempDir(), "headers")
	importTo(t, path, r, part(t, r, hs, 0, 100))
	err := importSegment(path, r, part(t, r, hs, 2016, 2100), Options{Now: clock})
	require.ErrorIs(t, err, ErrGap)
	require.ErrorContains(t, err, "headers from height 101 to 2015 are needed first")
	requireHeld(t, path, r, hs[:101], upTo(hs[:101]))
}
