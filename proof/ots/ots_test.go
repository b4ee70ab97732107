package ots_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/proof/ots"
)

// requireSound holds a timestamp that was parsed to everything that is promised
// of one.
func requireSound(t *testing.T, stamp *ots.Timestamp, message []byte) {
	t.Helper()
	written, err := stamp.Marshal(len(message))
	require.NoError(t, err)
	require.Equal(t, encode(stamp), string(written), "the encoder of the tests agrees")

	all := requirePaths(t, stamp, message)
	requirePruned(t, stamp, message)
	canonical := stamp.Canonical()
	requireCanonical(t, canonical, len(message))
	require.Len(t, encode(canonical), len(written), "nothing is lost")
	require.Equal(t, canonical, ots.Merge(stamp, stamp))
	require.Equal(t, canonical, ots.Merge(canonical, stamp))
	if len(all) <= 20 {
		merged := all[0].Timestamp()
		for _, p := range all[1:] {
			merged = ots.Merge(p.Timestamp(), merged)
		}
		require.Equal(t, canonical, merged, "the paths are the timestamp")
	}
	require.Equal(t, string(written), encode(stamp), "nothing of this changed it")
}

// requirePaths returns the paths, and walks them with Apply alone.
func requirePaths(t *testing.T, stamp *ots.Timestamp, message []byte) []ots.Path {
	t.Helper()
	all, err := stamp.Paths(message)
	require.NoError(t, err)
	require.NotEmpty(t, all)
	for _, p := range all[:min(len(all), 50)] {
		m := message
		for _, op := range p.Ops {
			m, err = op.Apply(m)
			require.NoError(t, err)
		}
		require.Equal(t, m, p.Result)
		ops, a, ok := p.Timestamp().Line()
		require.True(t, ok)
		require.Equal(t, p.Ops, ops)
		require.Equal(t, p.Attestation, a)
	}
	_, _, ok := stamp.Line()
	require.Equal(t, len(all) == 1, ok)
	return all
}

// requirePruned takes nothing away, everything, and every other path.
func requirePruned(t *testing.T, stamp *ots.Timestamp, message []byte) {
	t.Helper()
	for _, keep := range []bool{true, false} {
		pruned, err := stamp.Prune(message, func(ots.Path) bool { return keep })
		require.NoError(t, err)
		if keep {
			require.Equal(t, stamp, pruned)
		} else {
			require.Nil(t, pruned)
		}
	}
	n := 0
	odd, err := stamp.Prune(message, func(ots.Path) bool { n++; return n%2 == 1 })
	require.NoError(t, err)
	n = 1
	even, err := stamp.Prune(message, func(ots.Path) bool { n++; return n%2 == 1 })
	require.NoError(t, err)
	if even == nil {
		require.Equal(t, stamp, odd)
		return
	}
	require.Equal(t, stamp.Canonical(), ots.Merge(even, odd))
}

// requireCanonical requires that a timestamp is what Parse gives of it, and in
// an order that Canonical leaves.
func requireCanonical(t *testing.T, stamp *ots.Timestamp, size int) {
	t.Helper()
	data, err := stamp.Marshal(size)
	require.NoError(t, err)
	again, err := ots.Parse(data, size)
	require.NoError(t, err)
	require.Equal(t, stamp, again)
	require.Equal(t, stamp, stamp.Canonical())
}

func TestGenerated(t *testing.T) {
	g := newGenerator(5)
	forks := 0
	for range 500 {
		message := g.bytes(1 + g.IntN(64))
		want := g.timestamp(len(message), 12)
		got, err := ots.Parse([]byte(encode(want)), len(message))
		require.NoError(t, err)
		require.Equal(t, want, got)
		requireSound(t, got, message)
		if _, _, ok := got.Line(); !ok {
			forks++
		}
	}
	require.Greater(t, forks, 100)
}

// Whatever the order of attestations and branches was, the canonical one is the
// same; Marshal keeps each.
func TestCanonicalOrder(t *testing.T) {
	g := newGenerator(6)
	spellings := 0
	for range 200 {
		stamp := g.timestamp(32, 8)
		shuffled := clone(stamp)
		shuffle(g.Rand, shuffled)
		require.Equal(t, stamp.Canonical(), shuffled.Canonical())
		if encode(stamp) != encode(shuffled) {
			spellings++
		}
	}
	require.Greater(t, spellings, 50)
}

// shuffle changes the order of everything that has one.
func shuffle(r *rand.Rand, t *ots.Timestamp) {
	a, b := t.Attestations, t.Branches
	r.Shuffle(len(a), func(i, j int) { a[i], a[j] = a[j], a[i] })
	r.Shuffle(len(b), func(i, j int) { b[i], b[j] = b[j], b[i] })
	for _, branch := range b {
		shuffle(r, branch.Then)
	}
}

// By hand: heights count as numbers, not as bytes, and URIs without their
// lengths; kinds and operations go by their tags.
func TestCanonical(t *testing.T) {
	five, block256, block129 := ots.Bitcoin(5), ots.Bitcoin(256), ots.Bitcoin(129)
	a, b := ots.Pending("b.example"), ots.Pending("ba.example") // "b." < "ba", 9 < 10 bytes
	long, short := ots.Pending("a.longer.example"), ots.Pending("c.x")
	unknown0 := ots.Attestation{Tag: tagUnknown}
	unknown1 := ots.Attestation{Tag: tagUnknown, Payload: "\x00"}
	litecoin := ots.Attestation{Tag: ots.TagLitecoin, Payload: "\x05"}
	branch := func(op ots.Operation) ots.Branch { return ots.Branch{Op: op, Then: line(five)} }
	one, two, oneMore := []byte{1}, []byte{2}, []byte{1, 0}

	mixed := &ots.Timestamp{
		Attestations: []ots.Attestation{short, long, b, a, litecoin, block256, block129, five, unknown1, unknown0},
		Branches: []ots.Branch{
			branch(ots.Hexlify), branch(ots.Reverse), branch(ots.Prepend(one)), branch(ots.Append(two)), branch(ots.Append(oneMore)),
			branch(ots.Append(one)), branch(ots.Keccak256), branch(ots.SHA256), branch(ots.RIPEMD160), branch(ots.SHA1),
		},
	}
	require.Equal(t, &ots.Timestamp{
		Attestations: []ots.Attestation{unknown0, unknown1, five, block129, block256, litecoin, long, a, b, short},
		Branches: []ots.Branch{
			branch(ots.SHA1), branch(ots.RIPEMD160), branch(ots.SHA256), branch(ots.Keccak256), branch(ots.Append(one)),
			branch(ots.Append(oneMore)), branch(ots.Append(two)), branch(ots.Prepend(one)), branch(ots.Reverse), branch(ots.Hexlify),
		},
	}, mixed.Canonical())
}

// Two calendars' timestamps of one message: what they share is there once.
func TestMerge(t *testing.T) {
	sha, left, right := ots.SHA256, ots.Append([]byte("l")), ots.Prepend([]byte("r"))
	a := line(ots.Bitcoin(7), sha, left, sha)
	b := line(ots.Pending("https://b.example"), sha, right)
	c := line(ots.Bitcoin(6), sha, left, sha)
	d := line(ots.Bitcoin(7), sha, left)
	want := (&ots.Timestamp{Branches: []ots.Branch{
		{Op: left, Then: &ots.Timestamp{
			Attestations: []ots.Attestation{ots.Bitcoin(7)},
			Branches:     []ots.Branch{{Op: sha, Then: &ots.Timestamp{Attestations: []ots.Attestation{ots.Bitcoin(6), ots.Bitcoin(7)}}}},
		}},
		{Op: right, Then: line(ots.Pending("https://b.example"))},
	}}).After([]ots.Operation{sha})

	require.Equal(t, want, ots.Merge(ots.Merge(a, b), ots.Merge(c, d)))
	require.Equal(t, want, ots.Merge(d, ots.Merge(c, ots.Merge(b, ots.Merge(a, a)))))
	require.Equal(t, line(ots.Bitcoin(7), sha, left, sha), a, "a merge changes neither")
}

// Any two of one message merge, in both orders to the same.
func TestMergeGenerated(t *testing.T) {
	g := newGenerator(7)
	for range 200 {
		message := g.bytes(32)
		a, b := g.timestamp(32, 8), g.timestamp(32, 8)
		whole := ots.Merge(a, b)
		require.Equal(t, whole, ots.Merge(b, a))
		requireCanonical(t, whole, 32)

		// What both have, and nothing else, is found in it.
		have := map[string]bool{}
		for _, p := range append(requirePaths(t, a, message), requirePaths(t, b, message)...) {
			have[encode(p.Timestamp())] = true
		}
		paths := requirePaths(t, whole, message)
		require.Len(t, paths, len(have))
		for _, p := range paths {
			require.True(t, have[encode(p.Timestamp())])
		}
	}
}

// Of a completed file the ways to blocks are kept, with their forks, and the
// calendars' promises go.
func TestPrune(t *testing.T) {
	f := realFile()
	pruned, err := f.Timestamp.Prune(f.Digest, func(p ots.Path) bool {
		_, ok := p.Attestation.BitcoinHeight()
		return ok && len(p.Result) == 32
	})
	require.NoError(t, err)
	paths, err := pruned.Paths(f.Digest)
	require.NoError(t, err)
	require.Len(t, paths, 2)
	require.Equal(t, ots.Bitcoin(900000), paths[0].Attestation)
	require.Equal(t, ots.Bitcoin(900001), paths[1].Attestation)
	all, err := f.Timestamp.Paths(f.Digest)
	require.NoError(t, err)
	require.Len(t, all, 4)
	require.Equal(t, []ots.Path{all[1], all[3]}, paths)
	require.Equal(t, realFile(), f)
}

// A message that the operations cannot take is an error, not half an answer.
func TestPathsRefuse(t *testing.T) {
	stamp := &ots.Timestamp{
		Attestations: []ots.Attestation{ots.Bitcoin(5)},
		Branches:     []ots.Branch{{Op: ots.Hexlify, Then: line(ots.Bitcoin(6))}},
	}
	for _, size := range []int{0, 2049} {
		paths, err := stamp.Paths(zeros(size))
		require.ErrorIs(t, err, ots.ErrMalformed)
		require.Nil(t, paths)
		pruned, err := stamp.Prune(zeros(size), func(ots.Path) bool { return true })
		require.ErrorIs(t, err, ots.ErrMalformed)
		require.Nil(t, pruned)
	}
}

// What a path holds is its own: who changes one changes no other.
func TestPathsShareNoOperations(t *testing.T) {
	stamp := (&ots.Timestamp{
		Attestations: []ots.Attestation{ots.Bitcoin(5), ots.Bitcoin(6)},
		Branches:     []ots.Branch{{Op: ots.SHA1, Then: line(ots.Bitcoin(7))}, {Op: ots.SHA256, Then: line(ots.Bitcoin(8))}},
	}).After([]ots.Operation{ots.Reverse, ots.Hexlify, ots.Reverse})
	paths, err := stamp.Paths(zeros(32))
	require.NoError(t, err)
	want, err := stamp.Paths(zeros(32))
	require.NoError(t, err)
	for i := range paths {
		_ = append(paths[i].Ops, ots.Keccak256)
		paths[i].Ops[0] = ots.Keccak256
		require.Equal(t, want[i+1:], paths[i+1:])
	}
}

func TestLine(t *testing.T) {
	ops, a, ok := line(ots.Bitcoin(5), ots.SHA256, ots.Reverse).Line()
	require.True(t, ok)
	require.Equal(t, []ots.Operation{ots.SHA256, ots.Reverse}, ops)
	require.Equal(t, ots.Bitcoin(5), a)

	both := &ots.Timestamp{Attestations: []ots.Attestation{ots.Bitcoin(5), ots.Bitcoin(6)}}
	promised := &ots.Timestamp{Attestations: []ots.Attestation{ots.Pending("a")}, Branches: []ots.Branch{{Op: ots.SHA256, Then: line(ots.Bitcoin(5))}}}
	forked := ots.Merge(line(ots.Bitcoin(5), ots.SHA256), line(ots.Bitcoin(5), ots.SHA1))
	for _, stamp := range []*ots.Timestamp{both, promised, forked, both.After(ops), promised.After(ops), {}} {
		ops, a, ok := stamp.Line()
		require.False(t, ok)
		require.Nil(t, ops)
		require.Zero(t, a)
	}
}

func TestIsFile(t *testing.T) {
	data, err := realFile().Marshal()
	require.NoError(t, err)
	require.True(t, ots.IsFile(data))
	require.True(t, ots.IsFile(data[:31]), "a later version is one, too")
	require.False(t, ots.IsFile(data[:30]))
	require.False(t, ots.IsFile(data[1:]))
	require.False(t, ots.IsFile(bytes.ToLower(data)))
	require.False(t, ots.IsFile(nil))
}
