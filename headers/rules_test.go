package headers

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/database"
	_ "github.com/btcsuite/btcd/database/ffldb"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
)

// easy is a limit that every second hash meets, whatever the other rules.
const easy = 0x207fffff

// testRules are those of a network that nobody has: with regtest's first block
// and limit, and whatever else a test wants to see.
func testRules(change func(*rules)) *rules {
	r := &rules{network: bitcoin.Mainnet, genesis: bitcoin.Regtest.Genesis(), limit: easy, versions: [3]uint32{1, 1, 1}}
	if change != nil {
		change(r)
	}
	return r
}

// header is what follows t, with the work for its bits.
func header(t *tip, at, bits uint32, version int32, mark uint32) bitcoin.Header {
	var h bitcoin.Header
	binary.LittleEndian.PutUint32(h[0:], uint32(version))
	copy(h[4:], t.hash[:])
	binary.LittleEndian.PutUint32(h[36:], mark)
	binary.LittleEndian.PutUint32(h[68:], at)
	binary.LittleEndian.PutUint32(h[72:], bits)
	target, err := expand(bits)
	for nonce := uint32(0); err == nil; nonce++ {
		binary.LittleEndian.PutUint32(h[76:], nonce)
		if target.met(h.Hash()) {
			break
		}
	}
	return h
}

// genesisTip is the chain of the first block alone.
func genesisTip(t testing.TB, r *rules) *tip {
	t.Helper()
	at, err := r.start(0, r.genesis, Work{})
	require.NoError(t, err)
	return at
}

// grow adds n headers to a chain, with so many seconds between them.
func grow(t testing.TB, r *rules, at *tip, n int, mark uint32, spacing func(height uint32) int) []bitcoin.Header {
	t.Helper()
	hs := make([]bitcoin.Header, 0, n)
	for range n {
		now := uint32(int(at.time) + spacing(at.height+1))
		if at.known == medianOf || at.known == int(at.height)+1 {
			now = max(now, at.median()+1)
		}
		h := header(at, now, r.nextBits(at, now), 0x20000000, mark)
		require.NoError(t, r.follow(at, h, time.Time{}))
		hs = append(hs, h)
	}
	return hs
}

func every(seconds int) func(uint32) int { return func(uint32) int { return seconds } }

// judge is btcd, with the rules of a test.
type judge struct {
	chain *blockchain.BlockChain
	now   time.Time
}

func (j *judge) AdjustedTime() time.Time         { return j.now }
func (j *judge) AddTimeSample(string, time.Time) {}
func (j *judge) Offset() time.Duration           { return 0 }

func newJudge(t testing.TB, r *rules, now time.Time) *judge {
	t.Helper()
	params := chaincfg.RegressionNetParams
	params.PoWNoRetargeting = r.fixed
	params.ReduceMinDifficulty = r.minimum
	params.MinDiffReductionTime = 20 * time.Minute
	params.EnforceBIP94 = r.bip94
	params.BIP0034Height, params.BIP0066Height, params.BIP0065Height = int32(r.versions[0]), int32(r.versions[1]), int32(r.versions[2])
	for height, hash := range r.checkpoints {
		params.Checkpoints = append(params.Checkpoints, chaincfg.Checkpoint{Height: int32(height), Hash: (*chainhash.Hash)(&hash)})
	}
	require.Equal(t, big.NewInt(0).Rsh(params.PowLimit, 232), big.NewInt(0).Rsh(mustTarget(r.limit), 232))
	db, err := database.Create("ffldb", filepath.Join(t.TempDir(), "blocks"), params.Net)
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	j := &judge{now: now}
	j.chain, err = blockchain.New(&blockchain.Config{DB: db, ChainParams: &params, Checkpoints: params.Checkpoints, TimeSource: j})
	require.NoError(t, err)
	return j
}

func (j *judge) follow(t testing.TB, h bitcoin.Header) (best bool, err error) {
	t.Helper()
	var msg wire.BlockHeader
	require.NoError(t, msg.Deserialize(bytes.NewReader(h[:])))
	return j.chain.ProcessBlockHeader(&msg, blockchain.BFNone, false)
}

// TestRulesAgainstBtcd grows chains through fast and slow periods, and at many
// heights tries headers that keep or break each rule: btcd and the rules here
// must say the same of every one.
func TestRulesAgainstBtcd(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: hashes many headers, in one goroutine")
	}
	versions := [3]uint32{150, 2100, 4100}
	for name, r := range map[string]*rules{
		"mainnet":  testRules(func(r *rules) { r.versions = versions }),
		"testnet3": testRules(func(r *rules) { r.versions, r.minimum = versions, true }),
		"testnet4": testRules(func(r *rules) { r.minimum, r.bip94 = true, true }),
		"regtest":  testRules(func(r *rules) { r.fixed = true }),
	} {
		t.Run(name, func(t *testing.T) { compare(t, r) })
	}
}

func compare(t *testing.T, r *rules) {
	random := rand.New(rand.NewPCG(1, 2))
	spacing := func(height uint32) int {
		switch p := height / period; {
		case random.IntN(40) == 0:
			return 1198 + random.IntN(5) // about the 20 minutes
		case random.IntN(40) == 0:
			return -random.IntN(1000)
		default:
			return []int{300, 40, 4000, 600, 300}[p]
		}
	}
	at := genesisTip(t, r)
	now := time.Unix(1_400_000_000, 0)
	j := newJudge(t, r, now)
	seen := make(map[string]int)
	for at.height < 4*period+40 {
		near := (at.height+1+15)%period < 30 || at.height < 20
		if near || at.height%211 == 0 || r.versionChanges(at.height+1) {
			tryAll(t, r, j, at, now, seen)
		}
		for _, h := range grow(t, r, at, 1, 0, spacing) {
			_, err := j.follow(t, h)
			require.NoError(t, err, "height %d", at.height)
		}
	}
	for _, rule := range []string{"", "invalid link", "invalid bits", "invalid block header", "not after the median", "hours ahead", "invalid version"} {
		require.Positive(t, seen[rule], "no header for: %s", rule)
	}
	require.Equal(t, r.bip94, seen["the first block of a period"] > 0)
}

func (r *rules) versionChanges(height uint32) bool {
	for _, from := range r.versions {
		if height+1 >= from && height <= from {
			return true
		}
	}
	return false
}

// tryAll tries many headers after at.
func tryAll(t *testing.T, r *rules, j *judge, at *tip, now time.Time, seen map[string]int) {
	prev, median := at.time, at.median()
	latest := uint32(now.Add(2 * time.Hour).Unix())
	times := []uint32{prev + 600, median, median + 1, prev - 601, prev - 600, prev + 1200, prev + 1201, latest, latest + 1}
	for _, when := range times {
		for _, bits := range candidates(r, at, when) {
			for _, version := range []int32{1, 2, 3, 4, -1, 0x20000000} {
				if version != 4 && (when != prev+600 && when != median) {
					continue // all versions only with some times
				}
				tryHeader(t, r, j, at, now, header(at, when, bits, version, 1), seen)
			}
		}
	}
	good := header(at, prev+600, r.nextBits(at, prev+600), 4, 2)
	lazy := good
	for target := mustExpand(good.Bits()); target.met(lazy.Hash()); {
		lazy[76]++
	}
	tryHeader(t, r, j, at, now, lazy, seen)
	stray := *at
	stray.hash[0] ^= 1
	tryHeader(t, r, j, at, now, header(&stray, prev+600, good.Bits(), 4, 3), seen)
}

// candidates are bits that are right, or that a wrong rule would give.
func candidates(r *rules, at *tip, when uint32) []uint32 {
	others := *r
	others.bip94 = !r.bip94
	all := []uint32{r.nextBits(at, when), at.bits, at.usual, at.firstBits, r.limit, r.retarget(at), others.retarget(at)}
	all = append(all, all[0]-1, 0x1f7fffff, 0x2100ffff, 0x20ffffff, 0)
	var distinct []uint32
	known := make(map[uint32]bool)
	for _, bits := range all {
		if !known[bits] {
			known[bits] = true
			distinct = append(distinct, bits)
		}
	}
	return distinct
}

func tryHeader(t *testing.T, r *rules, j *judge, at *tip, now time.Time, h bitcoin.Header, seen map[string]int) {
	t.Helper()
	after := *at
	ours := r.follow(&after, h, now)
	_, theirs := j.follow(t, h)
	require.Equal(t, theirs == nil, ours == nil, "height %d, time %+d, bits %08x, version %d: btcd says %v, we say %v",
		at.height+1, int64(seconds(h))-int64(at.time), h.Bits(), h.Version(), theirs, ours)
	if ours == nil {
		require.Equal(t, h.Hash(), after.hash)
		seen[""]++
		return
	}
	require.Equal(t, *at, after, "a refused header leaves no trace")
	for _, rule := range []string{"invalid link", "invalid bits", "invalid block header", "not after the median", "the first block of a period", "hours ahead", "invalid version"} {
		if strings.Contains(ours.Error(), rule) {
			seen[rule]++
			return
		}
	}
	require.Fail(t, "an error of no rule", "%v", ours)
}

// TestMostWorkAgainstBtcd has two branches, of which the one with fewer blocks
// has more work.
func TestMostWorkAgainstBtcd(t *testing.T) {
	r := testRules(nil)
	j := newJudge(t, r, time.Unix(1_400_000_000, 0))
	short, long := fastAndSlow(t, r)
	require.Less(t, len(short), len(long))
	for _, h := range long {
		_, err := j.follow(t, h)
		require.NoError(t, err)
	}
	var best bool
	for _, h := range short {
		var err error
		best, err = j.follow(t, h)
		require.NoError(t, err)
	}
	require.True(t, best, "btcd takes the branch with fewer blocks")
}

// fastAndSlow are two chains above genesis that part at height 100: one of
// which the first period is fast, so that its second one is hard, and one that
// is slow and has more blocks.
func fastAndSlow(t testing.TB, r *rules) (short, long []bitcoin.Header) {
	at := genesisTip(t, r)
	trunk := grow(t, r, at, 100, 0, every(150))
	fork := *at
	short = append(trunk[:100:100], grow(t, r, at, 2100, 1, every(150))...)
	long = append(trunk[:100:100], grow(t, r, &fork, 2300, 2, every(600))...)
	require.Positive(t, at.work.Cmp(fork.work), "more work in fewer blocks")
	return short, long
}

// TestParameters holds the rules of the networks against btcd's.
func TestParameters(t *testing.T) {
	for network, params := range map[bitcoin.Network]*chaincfg.Params{
		bitcoin.Mainnet:  &chaincfg.MainNetParams,
		bitcoin.Testnet3: &chaincfg.TestNet3Params,
		bitcoin.Testnet4: &chaincfg.TestNet4Params,
		bitcoin.Signet:   &chaincfg.SigNetParams,
		bitcoin.Regtest:  &chaincfg.RegressionNetParams,
	} {
		r, err := rulesOf(network)
		require.NoError(t, err)
		require.Equal(t, network, r.network)
		require.Equal(t, *params.GenesisHash, chainhash.Hash(r.genesis.Hash()), network)
		require.Equal(t, params.PowLimitBits, r.limit, network)
		require.Equal(t, params.PoWNoRetargeting, r.fixed, network)
		if !r.fixed { // where it is, btcd has the other rule too, and it never shows
			require.Equal(t, params.ReduceMinDifficulty, r.minimum, network)
		}
		require.Equal(t, params.EnforceBIP94, r.bip94, network)
		require.Equal(t, [3]uint32{uint32(params.BIP0034Height), uint32(params.BIP0066Height), uint32(params.BIP0065Height)}, r.versions, network)
		require.Len(t, r.checkpoints, len(params.Checkpoints), network)
		for _, p := range params.Checkpoints {
			require.Equal(t, *p.Hash, chainhash.Hash(r.checkpoints[uint32(p.Height)]), "%s, height %d", network, p.Height)
		}
	}
	for _, network := range []bitcoin.Network{0, 6, 255} {
		_, err := rulesOf(network)
		require.ErrorContains(t, err, "unknown network")
	}
}

// readLines are the lines of a file of testdata.
func readLines(t testing.TB, name string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

func readHeaders(t testing.TB, name string) []bitcoin.Header {
	t.Helper()
	var hs []bitcoin.Header
	for _, line := range readLines(t, name) {
		raw, err := hex.DecodeString(line)
		require.NoError(t, err)
		h, err := bitcoin.ParseHeader(raw)
		require.NoError(t, err)
		hs = append(hs, h)
	}
	return hs
}

// TestMainnetRetargets checks the retarget rule and the work on the first
// header of each of 436 periods of mainnet. The last header of a period is not
// there: its time is taken to be that of the next, which puts the target wrong
// by one block's time in 2016, and that can be long.
func TestMainnetRetargets(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: hashes many headers, in one goroutine")
	}
	r, err := rulesOf(bitcoin.Mainnet)
	require.NoError(t, err)
	hs := readHeaders(t, "mainnet.txt")
	require.Len(t, hs, 436)
	before := r.genesis
	work := mustExpand(before.Bits()).work
	sums := 0
	for i, h := range hs {
		height := uint32(i+1) * period
		require.NoError(t, h.CheckWork())
		hash, listed, ok := r.list.at(height)
		require.True(t, ok)
		require.Equal(t, h.Hash(), hash, "height %d", height)

		at := &tip{height: height - 1, time: seconds(h), bits: before.Bits(), firstTime: seconds(before), firstBits: before.Bits()}
		want, got := mustExpand(r.retarget(at)), mustExpand(h.Bits())
		off := new(big.Float).Quo(new(big.Float).SetInt(mustTarget(got.bits)), new(big.Float).SetInt(mustTarget(want.bits)))
		ratio, _ := off.Float64()
		require.InDelta(t, 1, ratio, 0.01, "height %d: bits %08x, about %08x expected", height, got.bits, want.bits)

		for range period - 1 {
			work = work.add(mustExpand(before.Bits()).work)
		}
		work = work.add(got.work)
		require.Equal(t, listed, work, "chainwork at height %d", height)
		sums++
		before = h
	}
	require.Equal(t, 436, sums)
	require.Equal(t, r.list.last, before)
}

// TestLists checks what can be checked of a list alone.
func TestLists(t *testing.T) {
	for network, top := range map[bitcoin.Network]uint32{bitcoin.Mainnet: 878976, bitcoin.Testnet3: 3612672, bitcoin.Signet: 229824} {
		r, err := rulesOf(network)
		require.NoError(t, err)
		require.Equal(t, top, r.list.top())
		height, last := LastListed(network)
		require.Equal(t, top, height)
		require.NoError(t, last.CheckWork())
		work := mustExpand(r.genesis.Bits()).work
		for height := uint32(period); height <= top; height += period {
			hash, next, ok := r.list.at(height)
			require.True(t, ok)
			require.Positive(t, next.Cmp(work), "height %d", height)
			require.True(t, mustExpandLimit(r).met(hash), "height %d", height)
			work = next
			if want, ok := r.checkpoints[height]; ok {
				require.Equal(t, want, hash, "height %d", height)
			}
		}
		for _, height := range []uint32{0, 1, period + 1, top - 1, top + 1, top + period} {
			_, _, ok := r.list.at(height)
			require.False(t, ok, "height %d", height)
		}
	}
	for _, network := range []bitcoin.Network{bitcoin.Testnet4, bitcoin.Regtest} {
		height, last := LastListed(network)
		require.Zero(t, height)
		require.Equal(t, network.Genesis(), last)
	}
}

func mustExpandLimit(r *rules) *compact {
	c := mustExpand(r.limit)
	return &c
}

func TestReadListRefuses(t *testing.T) {
	good := mainnetList
	lines := strings.SplitAfter(good, "\n")
	for name, text := range map[string]string{
		"empty":          "",
		"no last header": strings.Join(lines[:3], ""),
		"another header": strings.Join(lines[:3], "") + strings.TrimSpace(lines[3]) + good[strings.LastIndex(good, " "):],
		"upper case":     strings.Replace(good, "a141216a", "A141216a", 1),
		"no work":        strings.Replace(good, " 7e107e107e1", "", 1),
	} {
		_, err := readList(text)
		require.Error(t, err, name)
	}
}

// btcdHeaders are the first 14,132 headers of mainnet, from the blocks that
// come with btcd's tests.
func btcdHeaders(t testing.TB) []bitcoin.Header {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/btcsuite/btcd").Output()
	require.NoError(t, err)
	f, err := os.Open(filepath.Join(strings.TrimSpace(string(dir)), "blockchain", "testdata", "blk_0_to_14131.dat"))
	require.NoError(t, err)
	defer f.Close()
	r := bufio.NewReader(f)
	var hs []bitcoin.Header
	for {
		var head [8]byte // magic and size
		if _, err := io.ReadFull(r, head[:]); err != nil || binary.LittleEndian.Uint32(head[:]) != uint32(wire.MainNet) {
			return hs
		}
		var h bitcoin.Header
		_, err = io.ReadFull(r, h[:])
		require.NoError(t, err)
		_, err = r.Discard(int(binary.LittleEndian.Uint32(head[4:])) - len(h))
		require.NoError(t, err)
		hs = append(hs, h)
	}
}

// TestRealHeaders lets the first headers of mainnet through all rules.
func TestRealHeaders(t *testing.T) {
	r, err := rulesOf(bitcoin.Mainnet)
	require.NoError(t, err)
	hs := btcdHeaders(t)
	require.Len(t, hs, 14132)
	at := genesisTip(t, r)
	for _, h := range hs[1:] {
		require.NoError(t, r.follow(at, h, time.Now()))
	}
	require.Equal(t, uint32(14131), at.height)
	_, want, _ := r.list.at(14112)
	for range 14131 - 14112 {
		want = want.add(mustExpand(0x1d00ffff).work)
	}
	require.Equal(t, want, at.work)
}

// TestStart has chains that begin with a block that they may not.
func TestStart(t *testing.T) {
	mainnet, err := rulesOf(bitcoin.Mainnet)
	require.NoError(t, err)
	hs := readHeaders(t, "mainnet.txt")
	_, work, _ := mainnet.list.at(2016)
	before := work.sub(mustExpand(hs[0].Bits()).work)
	at, err := mainnet.start(2016, hs[0], before)
	require.NoError(t, err)
	require.Equal(t, work, at.work)

	hard := hs[400]
	lazy := hs[0]
	lazy[76]++
	easier := header(&tip{}, 1_300_000_000, easy, 1, 0)
	for _, test := range []struct {
		height uint32
		h      bitcoin.Header
		before Work
		want   string
	}{
		{2015, hs[0], before, "want a multiple of 2016"},
		{2016, hs[0], work, "invalid chainwork"},
		{2016, hs[1], before, "the built-in list has"},
		{0, hs[0], Work{}, "not the genesis block of mainnet"},
		{0, mainnet.genesis, work, "invalid chainwork"},
		{2016, lazy, before, "invalid block header"},
		{2016, easier, before, "above the limit"},
		{period * 1000, hs[0], before, "invalid version 1"},
		{MaxHeight/period*period + period, hard, before, "above height"},
	} {
		_, err := mainnet.start(test.height, test.h, test.before)
		require.ErrorContains(t, err, test.want, "height %d", test.height)
	}
}

// TestMedianAbovePin: below eleven known headers the median is not judged, and
// from the eleventh on it is.
func TestMedianAbovePin(t *testing.T) {
	r := testRules(func(r *rules) { r.fixed = true })
	full := genesisTip(t, r)
	hs := grow(t, r, full, period, 0, every(600))
	at, err := r.start(period, hs[period-1], full.work.sub(full.last.work))
	require.NoError(t, err)
	require.Equal(t, full.work, at.work)
	for n := 1; n < 30; n++ {
		early := *at
		err := r.follow(&early, header(at, 1_296_700_000, easy, 4, 0), time.Time{})
		if n < medianOf {
			require.NoError(t, err, "header %d", n)
		} else {
			require.ErrorContains(t, err, "not after the median of the 11 headers before", "header %d", n)
		}
		grow(t, r, at, 1, 0, every(600))
	}
}

func TestToCompact(t *testing.T) {
	for _, bits := range []uint32{0x1d00ffff, 0x1e0377ae, 0x207fffff, 0x1b0404cb, 0x01010000, 0x02008000, 0x03123456, 0x04123456, 0x17021ec7} {
		require.Equal(t, fmt.Sprintf("%08x", bits), fmt.Sprintf("%08x", toCompact(mustTarget(bits))))
	}
	random := rand.New(rand.NewPCG(3, 4))
	for range 10000 {
		n := new(big.Int).SetUint64(random.Uint64())
		n.Lsh(n, uint(random.IntN(190))).Rsh(n, uint(random.IntN(60))).Add(n, big.NewInt(1))
		require.Equal(t, blockchain.BigToCompact(n), toCompact(n))
	}
}

func TestWork(t *testing.T) {
	for _, bits := range []uint32{0x1d00ffff, 0x1e0377ae, 0x207fffff, 0x17021ec7, 0x01010000} {
		require.Equal(t, fmt.Sprintf("%064x", blockchain.CalcWork(bits)), mustExpand(bits).work.String())
	}
	for _, s := range []string{"", "0x1", "G", "A", " 1", strings.Repeat("0", 65), "1" + strings.Repeat("0", 56)} {
		_, err := ParseWork(s)
		require.ErrorContains(t, err, "chainwork", s)
	}
	random := rand.New(rand.NewPCG(5, 6))
	for range 1000 {
		a, b := randomWork(t, random), randomWork(t, random)
		x, y := toBig(t, a), toBig(t, b)
		require.Equal(t, x.Cmp(y), a.Cmp(b))
		require.Equal(t, new(big.Int).Add(x, y), toBig(t, a.add(b)))
		require.Equal(t, a, a.add(b).sub(b))
	}
}

func randomWork(t *testing.T, random *rand.Rand) Work {
	w, err := ParseWork(fmt.Sprintf("%x", random.Uint64()>>random.IntN(64)) + strings.Repeat("f", random.IntN(40)))
	require.NoError(t, err)
	return w
}

func toBig(t *testing.T, w Work) *big.Int {
	n, ok := new(big.Int).SetString(w.String(), 16)
	require.True(t, ok)
	return n
}

// TestMaxHeight ends a chain where no more is stored.
func TestMaxHeight(t *testing.T) {
	r := testRules(func(r *rules) { r.fixed = true })
	at := genesisTip(t, r)
	at.height = MaxHeight - 1
	require.NoError(t, r.follow(at, header(at, at.time+600, easy, 4, 0), time.Time{}))
	require.ErrorContains(t, r.follow(at, header(at, at.time+600, easy, 4, 0), time.Time{}), "above height 16777215")
}

// TestCheckpointAgainstBtcd: a built-in block lets no other pass at its height.
func TestCheckpointAgainstBtcd(t *testing.T) {
	r := testRules(func(r *rules) { r.fixed = true })
	hs := grow(t, r, genesisTip(t, r), 30, 0, every(600))
	r.checkpoints = map[uint32]bitcoin.Hash{20: hs[19].Hash()}
	now := time.Unix(1_400_000_000, 0)
	j := newJudge(t, r, now)
	at := genesisTip(t, r)
	for _, h := range hs {
		other := header(at, at.time+700, easy, 4, 9)
		fork := *at
		ours := r.follow(&fork, other, now)
		_, theirs := j.follow(t, other)
		require.Equal(t, at.height+1 == 20, theirs != nil, "height %d: %v", at.height+1, theirs)
		require.Equal(t, at.height+1 == 20, ours != nil, "height %d: %v", at.height+1, ours)
		require.NoError(t, r.follow(at, h, now))
		_, theirs = j.follow(t, h)
		require.NoError(t, theirs)
	}
}
