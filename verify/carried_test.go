package verify_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/proof"
	"gradseal/verify"
)

// someHeaders are the headers of a network from a height on, in memory: mainnet
// headers cannot be mined, and a chain file would have to begin with its genesis.
type someHeaders struct {
	network bitcoin.Network
	first   uint32
	headers []bitcoin.Header
}

func (c *someHeaders) Network() bitcoin.Network { return c.network }
func (c *someHeaders) Height() uint32           { return c.first + uint32(len(c.headers)) - 1 }

func (c *someHeaders) At(height uint32) (bitcoin.Header, error) {
	if height < c.first || height > c.Height() {
		return bitcoin.Header{}, fmt.Errorf("no header at height %d", height)
	}
	return c.headers[height-c.first], nil
}

// The easiest target of these tests that still leaves room above it, and the
// yardstick of which it is exactly the fourfold.
const (
	carriedBits   = 0x203ffffc
	yardstickBits = 0x200fffff
)

// yardstickTime is a month before the block.
var yardstickTime = ownTime.Add(-30 * day)

// mineBits is mine with a target.
func mineBits(t testing.TB, previous, root bitcoin.Hash, at time.Time, bits uint32) bitcoin.Header {
	t.Helper()
	var h bitcoin.Header
	binary.LittleEndian.PutUint32(h[0:], 0x20000000)
	copy(h[4:], previous[:])
	copy(h[36:], root[:])
	binary.LittleEndian.PutUint32(h[68:], uint32(at.Unix()))
	binary.LittleEndian.PutUint32(h[72:], bits)
	return work(t, h, true)
}

// carried is a proof for mainnet whose block is in no header chain, with n
// successors: VALID to a policy that accepts carried work, with 6 of them.
type carried struct {
	*scene
	before bitcoin.Header // the block before the proof's
	root   bitcoin.Hash
}

const carriedHeight = 924020

func newCarried(t testing.TB, n int) *carried {
	t.Helper()
	s := uniStatement(ownTime)
	s.Network = bitcoin.Mainnet
	p := issue(t, 9, 4, s, dean, registrar)
	b, hs := ownBlock(t, transaction(proof.Commitment(lastRoot(t, p))), ownTime)
	p.Bitcoin = b
	c := &carried{before: hs[0], root: b.Header.MerkleRoot()}
	c.scene = &scene{digest: p.Digest, proof: p, time: ownTime}
	c.policy = verify.Policy{
		Network: bitcoin.Mainnet, Confirmations: 6, Now: ownTime.Add(3 * hour),
		UnsafeCarriedWork: &verify.Yardstick{Bits: yardstickBits, Time: yardstickTime},
	}
	c.trust.Issuers = []*issuer.File{uniFile(t, ownTime.Add(-day), time.Time{})}
	c.list = &issuer.StatusList{
		Issuer: uniID, Network: bitcoin.Mainnet, Sequence: 1,
		AsOf: ownTime.Add(hour), Next: ownTime.Add(90 * day), Batches: [][32]byte{layerRoot(t, p.Layers[0])},
	}
	c.useList(t)
	b.Height = carriedHeight
	c.mine(t, c.before.Hash(), ownTime, carriedBits, n)
	return c
}

// mine gives the proof another header, and n successors.
func (c *carried) mine(t testing.TB, previous bitcoin.Hash, at time.Time, bits uint32, n int) {
	t.Helper()
	c.proof.Bitcoin.Header = mineBits(t, previous, c.root, at, bits)
	c.proof.Bitcoin.Successors = []bitcoin.Header{}
	for range n {
		c.succeed(t, bits)
	}
}

// succeed adds a successor.
func (c *carried) succeed(t testing.TB, bits uint32) {
	t.Helper()
	b := c.proof.Bitcoin
	last := b.Header
	if n := len(b.Successors); n > 0 {
		last = b.Successors[n-1]
	}
	b.Successors = append(b.Successors, mineBits(t, last.Hash(), c.root, last.Time().Add(10*time.Minute), bits))
}

// chain gives the verifier the header chain that ends with these headers.
func (c *carried) chain(hs ...bitcoin.Header) {
	c.trust.Chain = &someHeaders{bitcoin.Mainnet, carriedHeight - uint32(len(hs)), hs}
}

// requireWorkOnly requires VALID by carried work and by nothing else: no block,
// no day.
func requireWorkOnly(t *testing.T, r *verify.Result) {
	t.Helper()
	require.NoError(t, r.Problem)
	require.Equal(t, verify.Valid, r.Verdict, "%v", r.Checks)
	for _, c := range r.Checks {
		require.Equal(t, verify.OK, c.Outcome, "%s: %s", c.Name, c.Detail)
	}
	require.True(t, r.WorkOnly)
	require.Nil(t, r.Header)
	require.Nil(t, r.NoEarlier)
	require.Zero(t, r.NoLaterThan)
	require.Contains(t, r.Checks[verify.Block].Detail, "proves cost and no date")
}

// requireNoWork requires CANNOT TELL for the block alone.
func requireNoWork(t *testing.T, r *verify.Result, why verify.Reason, detail string) {
	t.Helper()
	requireResult(t, r, verify.CannotTell, findings{verify.Block: unknown(why)})
	require.False(t, r.WorkOnly)
	require.Contains(t, r.Checks[verify.Block].Detail, detail)
}

func TestCarriedWork(t *testing.T) {
	for _, n := range []int{6, 7, 12} {
		requireWorkOnly(t, newCarried(t, n).verify(t))
	}
}

// Without the policy the same proof is what it always was.
func TestCarriedWorkIsNotTheDefault(t *testing.T) {
	c := newCarried(t, 12)
	c.policy.UnsafeCarriedWork = nil
	r := c.verify(t)
	requireNoWork(t, r, verify.NoHeaderChain, "there is no header chain of mainnet here")
	require.NotContains(t, r.Checks[verify.Block].Detail, "work")
}

func TestCarriedWorkIsTooLittle(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*testing.T, *carried)
		detail string
	}{
		{"five successors", func(t *testing.T, c *carried) { c.mine(t, c.before.Hash(), ownTime, carriedBits, 5) }, "5 successors, want at least 6"},
		{"no successors", func(t *testing.T, c *carried) { c.mine(t, c.before.Hash(), ownTime, carriedBits, 0) }, "0 successors, want at least 6"},
		{"more confirmations asked for", func(t *testing.T, c *carried) { c.policy.Confirmations = 8 }, "6 successors, want at least 7"},
		{"more confirmations than a proof can carry", func(t *testing.T, c *carried) {
			c.policy.Confirmations = 1<<32 - 1
			c.mine(t, c.before.Hash(), ownTime, carriedBits, 12)
		}, "12 successors, want at least 4294967294"},
		{"target of the header", func(t *testing.T, c *carried) {
			c.mine(t, c.before.Hash(), ownTime, carriedBits+1, 0)
			for range 6 {
				c.succeed(t, carriedBits)
			}
		}, "header 1 of 7 has a target"},
		{"target of the last successor", func(t *testing.T, c *carried) {
			c.mine(t, c.before.Hash(), ownTime, carriedBits, 5)
			c.succeed(t, carriedBits+1)
		}, "header 7 of 7 has a target"},
		{"target of a successor that is not needed", func(t *testing.T, c *carried) {
			c.mine(t, c.before.Hash(), ownTime, carriedBits, 11)
			c.succeed(t, 0x207fffff)
		}, "header 13 of 13 has a target"},
		{"all of the target of regtest", func(t *testing.T, c *carried) { c.mine(t, c.before.Hash(), ownTime, 0x207fffff, 12) }, "header 1 of 13 has a target"},
		{"before the yardstick", func(t *testing.T, c *carried) { c.policy.UnsafeCarriedWork.Time = ownTime.Add(time.Second) }, "the header is of 2026-11-22T10:00:00Z, want 2026-11-22T10:00:01Z to"},
		{"more than two years after it", func(t *testing.T, c *carried) {
			c.policy.UnsafeCarriedWork.Time = ownTime.Add(-730*day - time.Second)
		}, "to 2026-11-22T09:59:59Z"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCarried(t, 6)
			test.change(t, c)
			requireNoWork(t, c.verify(t), verify.NoHeaderChain, test.detail)
		})
	}
}

func TestCarriedWorkAtItsEdges(t *testing.T) {
	for _, at := range []time.Time{ownTime, ownTime.Add(-730 * day)} {
		c := newCarried(t, 6)
		c.policy.UnsafeCarriedWork.Time = at
		requireWorkOnly(t, c.verify(t))
	}
	c := newCarried(t, 6)
	c.policy.Confirmations = 7
	requireWorkOnly(t, c.verify(t))
}

// What is false about the headers themselves is INVALID, as without the policy.
func TestCarriedWorkThatIsFalse(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *proof.Bitcoin){
		"header without work":    func(t *testing.T, b *proof.Bitcoin) { b.Header = work(t, b.Header, false) },
		"successor without work": func(t *testing.T, b *proof.Bitcoin) { b.Successors[5] = work(t, b.Successors[5], false) },
		"one left out":           func(t *testing.T, b *proof.Bitcoin) { b.Successors = append(b.Successors[:2], b.Successors[3:]...) },
		"the first left out":     func(t *testing.T, b *proof.Bitcoin) { b.Successors = b.Successors[1:] },
		"the same again":         func(t *testing.T, b *proof.Bitcoin) { b.Successors[1] = b.Successors[0] },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCarried(t, 7)
			change(t, c.proof.Bitcoin)
			r := c.verify(t)
			require.Equal(t, verify.Invalid, r.Verdict)
			require.Equal(t, verify.BadHeader, r.Checks[verify.Block].Reason)
			require.False(t, r.WorkOnly)
		})
	}
}

// The work of a test network costs nothing, whatever the policy says.
func TestCarriedWorkOfTestNetworks(t *testing.T) {
	for _, n := range bitcoin.Networks()[1:] {
		s := uniStatement(ownTime)
		s.Network = n
		p := issue(t, 9, 4, s, dean, registrar)
		c := newCarried(t, 12)
		b, _ := ownBlock(t, transaction(proof.Commitment(lastRoot(t, p))), ownTime)
		b.Height = carriedHeight
		p.Bitcoin, c.proof, c.root = b, p, b.Header.MerkleRoot()
		c.mine(t, c.before.Hash(), ownTime, carriedBits, 12)
		c.list.Network, c.list.Batches = n, [][32]byte{layerRoot(t, p.Layers[0])}
		c.useList(t)
		requireNoWork(t, c.verify(t), verify.OtherNetwork, "this verification accepts mainnet")
		c.policy.Network = n
		requireNoWork(t, c.verify(t), verify.NoHeaderChain, "there is no header chain")
	}
}

// A chain that reaches as far as the block has the say: carried work never
// speaks against it.
func TestCarriedWorkAgainstAChain(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*testing.T, *carried)
		detail string
	}{
		{"another block at its height", func(t *testing.T, c *carried) {
			other := mineBits(t, c.before.Hash(), bitcoin.Hash{1}, ownTime, carriedBits)
			c.trust.Chain = &someHeaders{bitcoin.Mainnet, carriedHeight - 1, []bitcoin.Header{c.before, other}}
		}, "is not at height 924020"},
		{"a height below what is held", func(t *testing.T, c *carried) {
			c.chain(c.before)
			c.proof.Bitcoin.Height = 7
		}, "no header at height 7"},
		{"another block before it", func(t *testing.T, c *carried) {
			c.chain(mineBits(t, bitcoin.Hash{1}, bitcoin.Hash{1}, ownTime.Add(-hour), carriedBits))
		}, "not the tip of the header chain"},
		{"a height far above the tip, and a time before it", func(t *testing.T, c *carried) {
			c.chain(c.before, mineBits(t, c.before.Hash(), bitcoin.Hash{1}, ownTime, carriedBits))
			c.proof.Bitcoin.Height = 1<<32 - 1
		}, "not later than the tip of the header chain"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCarried(t, 12)
			test.change(t, c)
			requireNoWork(t, c.verify(t), verify.NotInChain, test.detail)
		})
	}
}

func TestCarriedWorkAboveAChain(t *testing.T) {
	c := newCarried(t, 6)
	c.chain(c.before)
	requireWorkOnly(t, c.verify(t))
	c.proof.Bitcoin.Height = carriedHeight + 100
	requireWorkOnly(t, c.verify(t))
}

// Where the chain has the block, its word counts: with a date, and with its
// number of confirmations.
func TestChainGoesBeforeCarriedWork(t *testing.T) {
	c := newCarried(t, 12)
	b := c.proof.Bitcoin
	all := append([]bitcoin.Header{c.before, b.Header}, b.Successors...)
	c.trust.Chain = &someHeaders{bitcoin.Mainnet, carriedHeight - 1, all}
	r := c.verify(t)
	requireResult(t, r, verify.Valid, nil)
	require.False(t, r.WorkOnly)
	c.trust.Chain = &someHeaders{bitcoin.Mainnet, carriedHeight - 1, all[:6]}
	r = c.verify(t)
	requireResult(t, r, verify.Pending, findings{verify.Block: unknown(verify.TooFewConfirmations)})
	require.False(t, r.WorkOnly)
}

// Work has no date: keys are judged now, and keys that have ended may have been
// in force or not.
func TestCarriedWorkJudgesKeysNow(t *testing.T) {
	c := newCarried(t, 6)
	all := []officer{dean, registrar, spare}
	file, _ := issuerFile(t, uniID, "University of Example", all,
		keySet(ownTime.Add(-day), ownTime.Add(30*day), 2, all...), keySet(ownTime.Add(30*day), time.Time{}, 2, all...))
	c.trust.Issuers = []*issuer.File{file}
	requireWorkOnly(t, c.verify(t))

	other := keySet(ownTime.Add(30*day), time.Time{}, 1, newOfficer(uniID, 9))
	file, _ = issuerFile(t, uniID, "University of Example", append(all, newOfficer(uniID, 9)),
		keySet(ownTime.Add(-day), ownTime.Add(30*day), 2, all...), other)
	c.trust.Issuers = []*issuer.File{file}
	requireWorkOnly(t, c.verify(t))
	c.policy.Now = ownTime.Add(31 * day)
	c.list.AsOf, c.list.Next = ownTime.Add(31*day), ownTime.Add(90*day)
	l, _ := statusList(t, c.list, newOfficer(uniID, 9))
	c.trust.Status = []verify.StatusList{l}
	r := c.verify(t)
	requireReason(t, r, verify.Issuer, unknown(verify.KeyTimeUnclear))
	require.Equal(t, verify.CannotTell, r.Verdict)

	// The header's time is after FROM, and the present before it.
	early, _ := issuerFile(t, uniID, "University of Example", all, keySet(ownTime.Add(-hour), time.Time{}, 2, all...))
	c = newCarried(t, 6)
	c.trust.Issuers = []*issuer.File{early}
	c.policy.Now = ownTime.Add(-2 * day)
	r = c.verify(t)
	requireReason(t, r, verify.Issuer, unknown(verify.KeyTimeUnclear))
}

func requireReason(t *testing.T, r *verify.Result, check int, want finding) {
	t.Helper()
	c := r.Checks[check]
	require.Equal(t, want, finding{c.Outcome, c.Reason}, "%s", c.Detail)
}

// The status is needed as always, and a withdrawal counts.
func TestCarriedWorkNeedsAStatus(t *testing.T) {
	c := newCarried(t, 6)
	c.trust.Status = nil
	r := c.verify(t)
	require.Equal(t, verify.CannotTell, r.Verdict)
	requireReason(t, r, verify.Status, unknown(verify.NoStatusList))

	c = newCarried(t, 6)
	c.list.AsOf, c.list.Batches = ownTime.Add(-hour), nil
	c.useList(t)
	r = c.verify(t)
	require.Equal(t, verify.CannotTell, r.Verdict)
	requireReason(t, r, verify.Status, unknown(verify.NotInStatusList))

	c = newCarried(t, 6)
	c.withdraw()
	c.useList(t)
	require.Equal(t, verify.Withdrawn, c.verify(t).Verdict)
}

// An anchor that is false stays so.
func TestCarriedWorkOfAnotherBlock(t *testing.T) {
	c := newCarried(t, 6)
	c.root = bitcoin.Hash{1}
	c.mine(t, c.before.Hash(), ownTime, carriedBits, 6)
	r := c.verify(t)
	require.Equal(t, verify.Invalid, r.Verdict)
	requireReason(t, r, verify.Anchor, failed(verify.BadAnchor))
}

func TestNewRefusesAYardstick(t *testing.T) {
	for name, y := range map[string]verify.Yardstick{
		"no time":         {Bits: yardstickBits},
		"no bits":         {Time: ownTime},
		"negative target": {Bits: 0x20ffffff, Time: ownTime},
		"zero":            {},
	} {
		c := newCarried(t, 6)
		c.policy.UnsafeCarriedWork = &y
		_, err := verify.New(c.trust, c.policy)
		require.ErrorContains(t, err, "carried work", name)
	}
}

// Block 358391 of mainnet, real work: against the difficulty of its own time,
// of a quarter of that, and of a little less.
func TestCarriedWorkComparesRealTargets(t *testing.T) {
	raw, err := hex.DecodeString("02000000b96394585a281b7e5f438fd1c9ed492645a1fd61cb380204000000000000000000" +
		"7ee445d23ad061af4a36b809501fab1ac4f2d7e7a739817dd0cbb7ec661b8a1e376755f58616186272def6")
	require.NoError(t, err)
	real, err := bitcoin.ParseHeader(raw)
	require.NoError(t, err)
	for _, test := range []struct {
		bits uint32
		want bool
	}{
		{real.Bits(), true},
		{0x1805a1be, true},  // a quarter of 0x181686f5, rounded up
		{0x1805a1bd, false}, // rounded down
		{0x1b00ffff, true},  // the difficulty of 2011
	} {
		err := verify.CheckTargets(verify.Yardstick{Bits: test.bits, Time: ownTime}, []bitcoin.Header{real})
		require.Equal(t, test.want, err == nil, "%08x: %v", test.bits, err)
	}
}
