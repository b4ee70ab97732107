package headers

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"sync"
	"time"

	"gradseal/bitcoin"
)

const (
	// period is the number of blocks after which the difficulty changes.
	period = 2016
	// timespan is how many seconds a period is meant to last.
	timespan = 14 * 24 * 60 * 60
	// pause is the number of seconds after which some test networks let a block
	// have the lowest difficulty.
	pause = 20 * 60
	// warp is how many seconds the first block of a period may lie before the
	// block before it, where BIP 94 holds.
	warp = 600
	// medianOf is the number of headers whose median time the next one must pass.
	medianOf = 11
	// ahead is how far a header may be ahead of the clock.
	ahead = 2 * time.Hour
	// MaxHeight is the highest height that is stored. It bounds the disk that a
	// source of headers can fill to 1.3 GB: on regtest they cost it nothing. No
	// network comes near within a lifetime.
	MaxHeight = 1<<24 - 1
)

// ErrFuture is the error for a header that is more than two hours ahead of the
// clock. The rules do not forbid it for ever: it may be good later.
var ErrFuture = errors.New("the header is more than two hours ahead of the clock")

// rules are the consensus rules of a network, as far as headers show whether
// they are kept. Of signet the essential one is not among them: blocks there
// need a signature (BIP 325) that is not in the header.
type rules struct {
	network bitcoin.Network
	genesis bitcoin.Header
	// limit is the highest target, in compact form.
	limit uint32
	// fixed: the target is always the limit.
	fixed bool
	// minimum: a block more than 20 minutes after the one before has the limit
	// as its target; the next goes back to that of the last block that had not
	// got it this way.
	minimum bool
	// bip94: a new target is reckoned from that of the first block of the
	// period, not of the last, and the first block of a period must not be more
	// than 600 seconds older than the block before.
	bip94 bool
	// versions are the heights from which the version must be at least 2 (BIP
	// 34), 3 (BIP 66) and 4 (BIP 65).
	versions [3]uint32
	// list has the blocks that this build has built in, nil where it has none.
	list *list
	// checkpoints are single blocks more.
	checkpoints map[uint32]bitcoin.Hash
}

// rulesOf are the rules of a network; an error for a value that is none.
func rulesOf(network bitcoin.Network) (*rules, error) {
	if network < bitcoin.Mainnet || network > bitcoin.Regtest {
		return nil, errors.New(network.String())
	}
	return allRules[network](), nil
}

// allRules are made when they are first asked for: the lists take a moment to
// read.
var allRules = [...]func() *rules{
	bitcoin.Mainnet: sync.OnceValue(func() *rules {
		return &rules{
			network:     bitcoin.Mainnet,
			genesis:     bitcoin.Mainnet.Genesis(),
			limit:       0x1d00ffff,
			versions:    [3]uint32{227931, 363725, 388381},
			list:        mustList(mainnetList),
			checkpoints: mustCheckpoints(mainnetCheckpoints),
		}
	}),
	bitcoin.Testnet3: sync.OnceValue(func() *rules {
		return &rules{
			network:     bitcoin.Testnet3,
			genesis:     bitcoin.Testnet3.Genesis(),
			limit:       0x1d00ffff,
			minimum:     true,
			versions:    [3]uint32{21111, 330776, 581885},
			list:        mustList(testnet3List),
			checkpoints: mustCheckpoints(testnet3Checkpoints),
		}
	}),
	bitcoin.Testnet4: sync.OnceValue(func() *rules {
		return &rules{
			network:  bitcoin.Testnet4,
			genesis:  bitcoin.Testnet4.Genesis(),
			limit:    0x1d00ffff,
			minimum:  true,
			bip94:    true,
			versions: [3]uint32{1, 1, 1},
		}
	}),
	bitcoin.Signet: sync.OnceValue(func() *rules {
		return &rules{
			network:  bitcoin.Signet,
			genesis:  bitcoin.Signet.Genesis(),
			limit:    0x1e0377ae,
			versions: [3]uint32{1, 1, 1},
			list:     mustList(signetList),
		}
	}),
	bitcoin.Regtest: sync.OnceValue(func() *rules {
		return &rules{
			network:  bitcoin.Regtest,
			genesis:  bitcoin.Regtest.Genesis(),
			limit:    0x207fffff,
			fixed:    true,
			versions: [3]uint32{1, 1, 1},
		}
	}),
}

// tip is the end of a chain: what the rules need to know of it to judge the
// header that follows, in the same small space for a chain of any length.
type tip struct {
	height uint32
	hash   bitcoin.Hash
	work   Work // of the chain up to here

	time, bits uint32
	// firstTime and firstBits are those of the first block of the period.
	firstTime, firstBits uint32
	// usual are the bits of the last block that does not have the lowest
	// difficulty, or of the first one of the period.
	usual uint32
	// times are those of the newest headers, at their height modulo medianOf;
	// known is how many they are.
	times [medianOf]uint32
	known int

	last compact // what bits say
}

// start is the chain that begins with h at a height that is a multiple of the
// period. before is the work of all headers below, which is taken as it is. The
// bits of h cannot be checked without the period before it.
func (r *rules) start(height uint32, h bitcoin.Header, before Work) (*tip, error) {
	t := &tip{hash: h.Hash()}
	if height%period != 0 {
		return nil, fmt.Errorf("a chain cannot start at height %d: want a multiple of %d", height, period)
	}
	if height == 0 && h != r.genesis {
		return nil, fmt.Errorf("block %s is not the genesis block of %s", t.hash, r.network)
	}
	if height == 0 && before != (Work{}) {
		return nil, fmt.Errorf("invalid chainwork %s below the genesis block", before)
	}
	if height > MaxHeight {
		return nil, fmt.Errorf("no header is stored above height %d", MaxHeight)
	}
	limit, err := expand(r.limit)
	if err != nil {
		return nil, err
	}
	if t.last, err = expand(h.Bits()); err != nil {
		return nil, err
	}
	if t.last.target.Cmp(limit.target) > 0 {
		return nil, fmt.Errorf("invalid bits %08x: above the limit of the network, %08x", h.Bits(), r.limit)
	}
	if err := h.CheckWork(); err != nil {
		return nil, err
	}
	if err := r.checkVersion(height, h.Version()); err != nil && height > 0 {
		return nil, err
	}
	if err := r.checkListed(height, t.hash); err != nil {
		return nil, err
	}
	t.work = before.add(t.last.work)
	if _, want, ok := r.list.at(height); ok && want != t.work {
		return nil, fmt.Errorf("invalid chainwork %s, the built-in list has %s at height %d", t.work, want, height)
	}
	t.observe(r, height, h)
	return t, nil
}

// observe takes in a header without judging it. It leaves hash, work and last
// as they are.
func (t *tip) observe(r *rules, height uint32, h bitcoin.Header) {
	t.height, t.time, t.bits = height, seconds(h), h.Bits()
	switch {
	case height%period == 0:
		t.firstTime, t.firstBits, t.usual = t.time, t.bits, t.bits
	case t.bits != r.limit:
		t.usual = t.bits
	}
	t.times[height%medianOf] = t.time
	t.known = min(t.known+1, medianOf)
}

// follow checks that h may be the next header of the chain and makes it the
// tip. After an error the tip is what it was. The zero clock stands for a time
// after every header's.
func (r *rules) follow(t *tip, h bitcoin.Header, clock time.Time) error {
	height := t.height + 1
	if height > MaxHeight {
		return fmt.Errorf("no header is stored above height %d", MaxHeight)
	}
	if h.Previous() != t.hash {
		return fmt.Errorf("invalid link: it follows block %s, want %s", h.Previous(), t.hash)
	}
	if want := r.nextBits(t, seconds(h)); h.Bits() != want {
		return fmt.Errorf("invalid bits %08x, want %08x", h.Bits(), want)
	}
	last := t.last
	if last.bits != h.Bits() {
		var err error
		if last, err = expand(h.Bits()); err != nil {
			return err
		}
	}
	hash := h.Hash()
	if !last.met(hash) {
		return h.CheckWork()
	}
	if err := r.checkTime(t, h, clock); err != nil {
		return err
	}
	if err := r.checkVersion(height, h.Version()); err != nil {
		return err
	}
	if err := r.checkListed(height, hash); err != nil {
		return err
	}
	t.hash, t.last, t.work = hash, last, t.work.add(last.work)
	t.observe(r, height, h)
	return nil
}

// nextBits are the bits that the header after the tip must have if its time is
// at.
func (r *rules) nextBits(t *tip, at uint32) uint32 {
	switch {
	case r.fixed:
		return r.limit
	case (t.height+1)%period == 0:
		return r.retarget(t)
	case !r.minimum:
		return t.bits
	case int64(at) > int64(t.time)+pause:
		return r.limit
	}
	return t.usual
}

// retarget are the bits of the first block of a period: the target before,
// times the time that the period took, divided by the time that it was to
// take. The time is measured from the first to the last block, which is one
// block's time too little; so it was in the first version, and so it stays.
func (r *rules) retarget(t *tip) uint32 {
	took := min(max(int64(t.time)-int64(t.firstTime), timespan/4), timespan*4)
	bits := t.bits
	if r.bip94 {
		bits = t.firstBits
	}
	target, limit := mustTarget(bits), mustTarget(r.limit)
	target.Mul(target, big.NewInt(took))
	target.Div(target, big.NewInt(timespan))
	if target.Cmp(limit) > 0 {
		return r.limit
	}
	return toCompact(target)
}

// mustTarget expands bits that were checked before.
func mustTarget(bits uint32) *big.Int {
	target, err := bitcoin.Target(bits)
	if err != nil {
		panic("headers: " + err.Error())
	}
	return target
}

// checkTime checks the time of the header after the tip. The median needs
// eleven headers, or all there are: after a start above genesis it is judged
// from the eleventh header on.
func (r *rules) checkTime(t *tip, h bitcoin.Header, clock time.Time) error {
	at := seconds(h)
	if t.known == medianOf || t.known == int(t.height)+1 {
		if median := t.median(); at <= median {
			return fmt.Errorf("invalid time %s: not after the median of the %d headers before, %s", stamp(at), t.known, stamp(median))
		}
	}
	if r.bip94 && (t.height+1)%period == 0 && int64(at) < int64(t.time)-warp {
		return fmt.Errorf("invalid time %s: the first block of a period, more than %d seconds before the block before it, %s", stamp(at), warp, stamp(t.time))
	}
	if !clock.IsZero() && h.Time().After(clock.Add(ahead)) {
		return fmt.Errorf("time %s, the clock says %s: %w", stamp(at), clock.UTC().Format(time.RFC3339), ErrFuture)
	}
	return nil
}

func (t *tip) median() uint32 {
	var newest [medianOf]uint32
	for i := range t.known {
		newest[i] = t.times[(t.height-uint32(i))%medianOf]
	}
	times := newest[:t.known]
	slices.Sort(times)
	return times[len(times)/2]
}

func (r *rules) checkVersion(height uint32, version int32) error {
	for i, from := range r.versions {
		if least := int32(i + 2); height >= from && version < least {
			return fmt.Errorf("invalid version %d, want at least %d from height %d on", version, least, from)
		}
	}
	return nil
}

// checkListed refuses another block where this build has one built in.
func (r *rules) checkListed(height uint32, hash bitcoin.Hash) error {
	want, _, ok := r.list.at(height)
	if !ok {
		want, ok = r.checkpoints[height]
	}
	if ok && hash != want {
		return fmt.Errorf("invalid block %s, the built-in list has %s at height %d", hash, want, height)
	}
	return nil
}

// seconds is the header's time as it stands there.
func seconds(h bitcoin.Header) uint32 { return uint32(h.Time().Unix()) }

func stamp(at uint32) string { return time.Unix(int64(at), 0).UTC().Format(time.RFC3339) }
