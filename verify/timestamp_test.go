package verify_test

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/proof"
	"gradseal/proof/ots"
	"gradseal/verify"
)

// calendar is a calendar's timestamp of a message: with a nonce, in a tree with
// another message, the root of which the embedded node anchors.
func calendar(t testing.TB, message []byte) (ops []ots.Operation, height uint32) {
	t.Helper()
	sibling := sha256.Sum256([]byte("somebody else's message"))
	ops = []ots.Operation{ots.Append([]byte("a nonce of 16 by")), ots.SHA256, ots.Prepend(sibling[:]), ots.SHA256}
	b := confirm(t, [32]byte(apply(t, message, ops)))
	steps, err := b.Steps()
	require.NoError(t, err)
	return append(ops, proof.Operations(steps)...), b.Height
}

func apply(t testing.TB, message []byte, ops []ots.Operation) []byte {
	t.Helper()
	var err error
	for _, op := range ops {
		message, err = op.Apply(message)
		require.NoError(t, err)
	}
	return message
}

var calendarBase struct {
	once sync.Once
	file []byte
	hs   []bitcoin.Header
}

// calendarScene is oneLayer's, with a calendar's evidence and nothing else.
func calendarScene(t testing.TB) *scene {
	t.Helper()
	b := &calendarBase
	b.once.Do(func() {
		confirm(t, sha256.Sum256([]byte("an anchor before it")))
		before := nodeHeaders(t)
		s := uniStatement(before[len(before)-1].Time())
		s.After = &issuer.After{Height: uint32(len(before)), Hash: before[len(before)-1].Hash()}
		p := issue(t, 9, 4, s, dean, registrar)
		root := lastRoot(t, p)
		ops, height := calendar(t, root[:])
		p.OpenTimestamps = &proof.OpenTimestamps{Ops: ops, Height: height}
		for range 5 {
			confirm(t, sha256.Sum256([]byte("an anchor after it")))
		}
		b.hs = nodeHeaders(t)[:height+5]
		data, err := proof.Marshal(p)
		require.NoError(t, err)
		b.file = data
	})
	require.NotNil(t, b.file, "the shared fixture could not be made")
	p, err := proof.Parse(b.file)
	require.NoError(t, err)
	require.Nil(t, p.Bitcoin)
	return sceneAt(t, p, b.hs[p.OpenTimestamps.Height-1].Time(), b.hs)
}

// addTimestamp gives a proof its Bitcoin attestation once more, as a timestamp.
func addTimestamp(t testing.TB, s *scene) {
	t.Helper()
	steps, err := s.proof.Bitcoin.Steps()
	require.NoError(t, err)
	s.proof.OpenTimestamps = &proof.OpenTimestamps{Ops: proof.Operations(steps), Height: s.proof.Bitcoin.Height}
}

func TestValidByTimestamp(t *testing.T) {
	s := calendarScene(t)
	r := s.verify(t)
	requireResult(t, r, verify.Valid, nil)
	height := s.proof.OpenTimestamps.Height
	h := s.hs[height-1]
	require.Equal(t, verify.BlockAt{Height: height, Hash: h.Hash(), Time: h.Time(), Confirmations: 6}, *r.Header)
	require.Equal(t, h.Time().Add(2*hour).UTC().Truncate(day), r.NoLaterThan)
	require.Equal(t, height-1, r.NoEarlier.Height)
	require.Nil(t, r.Witness)
	require.Nil(t, r.Existence)

	// The same evidence as both kinds, each alone.
	both := fourLayers(t)
	addTimestamp(t, both)
	both.proof.Bitcoin = nil
	requireResult(t, both.verify(t), verify.Valid, nil)
}

// Everything that can be wrong with a timestamp, by a change to the proof, the
// trust or the policy.
func TestTimestampChecks(t *testing.T) {
	const invalid, cannotTell, pending = verify.Invalid, verify.CannotTell, verify.Pending
	both := func(why verify.Reason) findings {
		return findings{verify.Anchor: unknown(why), verify.Block: unknown(why)}
	}
	elsewhere := both(verify.NotInChain)
	change := func(i int, op ots.Operation) func(t *testing.T, s *scene) {
		return func(t *testing.T, s *scene) { s.proof.OpenTimestamps.Ops[i] = op }
	}
	for _, test := range []struct {
		name    string
		change  func(t *testing.T, s *scene)
		verdict verify.Verdict
		not     findings
		detail  string
	}{
		{"made for another root", func(t *testing.T, s *scene) {
			other := oneLayer(t)
			addTimestamp(t, other)
			s.proof.OpenTimestamps, s.trust.Chain = other.proof.OpenTimestamps, other.trust.Chain
		}, cannotTell, elsewhere, "the timestamp leads to Merkle root"},
		{"another nonce", change(0, ots.Append([]byte("another nonce"))), cannotTell, elsewhere, "the timestamp leads to Merkle root"},
		{"nonce on the other side", change(0, ots.Prepend([]byte("a nonce of 16 by"))), cannotTell, elsewhere, "the timestamp leads to Merkle root"},
		{"two operations more", func(t *testing.T, s *scene) {
			o := s.proof.OpenTimestamps
			o.Ops = append(o.Ops, ots.Append([]byte{1}), ots.SHA256)
		}, cannotTell, elsewhere, "the timestamp leads to Merkle root"},
		{"no operations", func(t *testing.T, s *scene) { s.proof.OpenTimestamps.Ops = nil }, cannotTell, elsewhere, "the timestamp leads to Merkle root"},
		{"the block before", func(t *testing.T, s *scene) { s.proof.OpenTimestamps.Height-- }, cannotTell, elsewhere, "of the header chain has"},
		{"the block after", func(t *testing.T, s *scene) { s.proof.OpenTimestamps.Height++ }, cannotTell, elsewhere, "of the header chain has"},
		{"the first block", func(t *testing.T, s *scene) { s.proof.OpenTimestamps.Height = 0 }, cannotTell, elsewhere, "block 0 of the header chain has"},
		{"far above the tip", func(t *testing.T, s *scene) { s.proof.OpenTimestamps.Height = math.MaxUint32 }, cannotTell, elsewhere, "block 4294967295 is above the tip"},
		{"chain shorter by the block", func(t *testing.T, s *scene) {
			s.trust.Chain = openChain(t, s.hs[:s.proof.OpenTimestamps.Height-1])
		}, cannotTell, elsewhere, "is above the tip"},
		{"chain of other blocks", func(t *testing.T, s *scene) {
			other := ownScene(t, issue(t, 9, 4, uniStatement(ownTime), dean, registrar))
			s.trust.Chain, s.proof.OpenTimestamps.Height = other.trust.Chain, 2
		}, cannotTell, elsewhere, "block 2 of the header chain has"},
		{"chain that cannot be read", func(t *testing.T, s *scene) {
			s.trust.Chain = unreadable{openChain(t, s.hs), s.proof.OpenTimestamps.Height}
		}, cannotTell, elsewhere, "cannot be looked up in the header chain: input/output error"},
		{"no header chain", func(t *testing.T, s *scene) { s.trust.Chain = nil }, cannotTell, both(verify.NoHeaderChain), "no header chain of regtest"},
		{"too few confirmations", func(t *testing.T, s *scene) { s.policy.Confirmations = 7 }, pending, findings{verify.Block: unknown(verify.TooFewConfirmations)}, "has 6 of 7"},
		{"regtest where mainnet counts", func(t *testing.T, s *scene) {
			s.policy.Network, s.trust.Chain = bitcoin.Mainnet, nil
		}, cannotTell, findings{verify.Anchor: unknown(verify.NotChecked), verify.Block: unknown(verify.OtherNetwork)}, "only the header chain of regtest can tell"},
		{"not in the tree", func(t *testing.T, s *scene) { s.proof.Salt[0] ^= 1 }, invalid,
			findings{verify.Inclusion: failed(verify.NotInTree), verify.Anchor: unknown(verify.NotChecked), verify.Block: unknown(verify.NotChecked)}, "audit path"},
		{"not in the tree, regtest where mainnet counts", func(t *testing.T, s *scene) {
			s.proof.Salt[0] ^= 1
			s.policy.Network, s.trust.Chain = bitcoin.Mainnet, nil
		}, invalid, findings{verify.Inclusion: failed(verify.NotInTree), verify.Anchor: unknown(verify.NotChecked), verify.Block: unknown(verify.OtherNetwork)}, "audit path"},
		{"another document", func(t *testing.T, s *scene) { s.digest[0] ^= 1 }, invalid, findings{verify.Document: failed(verify.DigestDiffers)}, "the proof is for"},
		{"no issuer", func(t *testing.T, s *scene) { s.trust.Issuers = nil }, cannotTell,
			findings{verify.Issuer: unknown(verify.UnknownIssuer), verify.Status: unknown(verify.NoStatusList)}, uniID},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := calendarScene(t)
			test.change(t, s)
			r := s.verify(t)
			requireResult(t, r, test.verdict, test.not)
			require.Contains(t, r.First().Detail, test.detail)
		})
	}
}

// The policy that takes work for a block has nothing to take here: a timestamp
// carries no header.
func TestTimestampCarriesNoWork(t *testing.T) {
	st := uniStatement(ownTime)
	st.Network = bitcoin.Mainnet
	s := ownScene(t, issue(t, 9, 4, st, dean, registrar))
	addTimestamp(t, s)
	s.proof.Bitcoin = nil
	s.policy.Network, s.trust.Chain = bitcoin.Mainnet, nil
	s.policy.UnsafeCarriedWork = &verify.Yardstick{Bits: 0x207fffff, Time: ownTime.Add(-day)}
	r := s.verify(t)
	require.False(t, r.WorkOnly)
	require.Equal(t, verify.CannotTell, r.Verdict)
	require.Equal(t, unknown(verify.NoHeaderChain), finding{r.Checks[verify.Block].Outcome, r.Checks[verify.Block].Reason})
}

// The keys are judged at the time of the block that the timestamp leads to.
func TestTimestampDatesKeys(t *testing.T) {
	for name, test := range map[string]struct {
		from, until time.Duration // from the block's time on
		verdict     verify.Verdict
		not         findings
	}{
		"in force":       {-day, 3 * hour, verify.Valid, nil},
		"no longer":      {-10 * day, -day, verify.Invalid, findings{verify.Issuer: failed(verify.KeysNotInForce)}},
		"not yet":        {day, 10 * day, verify.Invalid, findings{verify.Issuer: failed(verify.KeysNotInForce)}},
		"near the limit": {-day, hour, verify.CannotTell, findings{verify.Issuer: unknown(verify.KeyTimeUnclear)}},
	} {
		t.Run(name, func(t *testing.T) {
			s := calendarScene(t)
			s.policy.AllowUnknownStatus = true
			s.trust.Status = nil
			s.trust.Issuers = []*issuer.File{uniFile(t, s.time.Add(test.from).Truncate(time.Second), s.time.Add(test.until).Truncate(time.Second))}
			not := findings{verify.Status: unknown(verify.NoStatusList)}
			for i, f := range test.not {
				not[i] = f
			}
			requireResult(t, s.verify(t), test.verdict, not)
		})
	}
}

// Every single flipped bit of a proof whose evidence is a timestamp: of the
// file, and of the timestamp that it has in hex.
func TestFlippedBitsOfTheTimestamp(t *testing.T) {
	s := calendarScene(t)
	v, file := s.verifier(t), s.file(t)
	require.Equal(t, verify.Valid, v.Verify(s.digest, file).Verdict)
	var verdicts tally
	n := flipBits(file, stride, func(at, bit int, flipped []byte) {
		r := v.Verify(s.digest, flipped)
		verdicts.add(r.Verdict)
		if r.Verdict != verify.Invalid && r.Verdict != verify.CannotTell {
			t.Errorf("byte %d, bit %d: %s", at, bit, r.Verdict)
		}
	})
	require.Equal(t, n, verdicts.of(verify.Invalid)+verdicts.of(verify.CannotTell))

	data, err := s.proof.OpenTimestamps.Marshal()
	require.NoError(t, err)
	before, after, found := bytes.Cut(file, []byte(hex.EncodeToString(data)))
	require.True(t, found)
	var judged tally
	flipBits(data, 1, func(at, bit int, flipped []byte) {
		r := v.Verify(s.digest, slices.Concat(before, []byte(hex.EncodeToString(flipped)), after))
		if r.Problem == nil {
			judged.add(r.Verdict)
		}
		if r.Verdict == verify.Valid || r.Verdict == verify.Pending || r.Header != nil {
			t.Errorf("timestamp, byte %d, bit %d: %s", at, bit, r.Verdict)
		}
	})
	require.Greater(t, judged.of(verify.CannotTell), len(data)*8/2, "most of them still can be read")
	require.Equal(t, 0, judged.of(verify.Invalid), "what the chain does not hold is never false")
}

// Where there is a Bitcoin attestation it decides; the timestamp is a second
// witness, and is heard only if it can be believed and leads to another block.
func TestWitness(t *testing.T) {
	base := func(t *testing.T) *scene {
		p := calendarScene(t).proof
		p.Bitcoin = confirm(t, lastRoot(t, p))
		return newScene(t, p, p.Bitcoin, nodeHeaders(t)[:p.Bitcoin.Height])
	}
	for name, test := range map[string]struct {
		change  func(t *testing.T, s *scene)
		verdict verify.Verdict
		not     findings
		witness bool
	}{
		"both":       {func(t *testing.T, s *scene) {}, verify.Valid, nil, true},
		"same block": {addTimestampTo, verify.Valid, nil, false},
		"the witness is deep": {func(t *testing.T, s *scene) {
			s.policy.Confirmations = s.proof.Bitcoin.Height - s.proof.OpenTimestamps.Height + 1
		}, verify.Pending, findings{verify.Block: unknown(verify.TooFewConfirmations)}, true},
		"none is deep": {func(t *testing.T, s *scene) {
			s.policy.Confirmations = s.proof.Bitcoin.Height - s.proof.OpenTimestamps.Height + 2
		}, verify.Pending, findings{verify.Block: unknown(verify.TooFewConfirmations)}, false},
		"false root": {func(t *testing.T, s *scene) { s.proof.OpenTimestamps.Ops[0] = ots.SHA256 }, verify.Valid, nil, false},
		"height":     {func(t *testing.T, s *scene) { s.proof.OpenTimestamps.Height-- }, verify.Valid, nil, false},
		"too high":   {func(t *testing.T, s *scene) { s.proof.OpenTimestamps.Height = math.MaxUint32 }, verify.Valid, nil, false},
		"bad anchor, good witness": {func(t *testing.T, s *scene) { s.proof.Bitcoin.Position ^= 1 }, verify.Invalid,
			findings{verify.Anchor: failed(verify.BadAnchor)}, true},
		"bad header, good witness": {func(t *testing.T, s *scene) { s.proof.Bitcoin.Header = work(t, s.proof.Bitcoin.Header, false) }, verify.Invalid,
			findings{verify.Block: failed(verify.BadHeader)}, true},
		"block elsewhere, good witness": {func(t *testing.T, s *scene) { s.proof.Bitcoin.Height-- }, verify.CannotTell,
			findings{verify.Block: unknown(verify.NotInChain)}, true},
		"no header chain": {func(t *testing.T, s *scene) { s.trust.Chain = nil }, verify.CannotTell,
			findings{verify.Block: unknown(verify.NoHeaderChain)}, false},
		"other network": {func(t *testing.T, s *scene) { s.trust.Chain, s.policy.Network = nil, bitcoin.Mainnet }, verify.CannotTell,
			findings{verify.Block: unknown(verify.OtherNetwork)}, false},
		"not in the tree": {func(t *testing.T, s *scene) { s.proof.Salt[0] ^= 1 }, verify.Invalid,
			findings{verify.Inclusion: failed(verify.NotInTree), verify.Anchor: unknown(verify.NotChecked)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := base(t)
			test.change(t, s)
			r := s.verify(t)
			requireResult(t, r, test.verdict, test.not)
			require.Equal(t, test.witness, r.Witness != nil)
			if test.witness {
				require.Equal(t, s.proof.OpenTimestamps.Height, r.Witness.Height)
			}
		})
	}
}

func addTimestampTo(t *testing.T, s *scene) { addTimestamp(t, s) }

// A later block has to be as deep as that which decides.
func TestLaterWitness(t *testing.T) {
	p := oneLayer(t).proof
	root := lastRoot(t, p)
	ops, height := calendar(t, root[:])
	p.OpenTimestamps = &proof.OpenTimestamps{Ops: ops, Height: height}
	s := newScene(t, p, p.Bitcoin, nodeHeaders(t)[:height])
	for need, want := range map[uint32]bool{1: true, 2: false} {
		s.policy.Confirmations = need
		r := s.verify(t)
		requireResult(t, r, verify.Valid, nil)
		require.Equal(t, want, r.Witness != nil)
		require.Equal(t, p.Bitcoin.Height, r.Header.Height)
	}
}

// An earlier block of the calendar's changes neither block nor day.
func TestEarlierWitness(t *testing.T) {
	s := calendarScene(t)
	root := lastRoot(t, s.proof)
	p := *s.proof
	p.Bitcoin = confirm(t, root)
	late := newScene(t, &p, p.Bitcoin, nodeHeaders(t))
	r := late.verify(t)
	requireResult(t, r, verify.Valid, nil)
	require.Equal(t, p.Bitcoin.Height, r.Header.Height)
	require.Equal(t, p.OpenTimestamps.Height, r.Witness.Height)
	require.Less(t, r.Witness.Height, r.Header.Height)
}

// content is the document that the bare timestamps of these tests are about.
var content = []byte("Hello, diploma!\n")

// bare is a .ots file with several ways from the document, and what judges it.
type bare struct {
	hash  ots.Operation
	paths []ots.Path
	chain verify.Chain
	need  uint32
}

func (b bare) file(t testing.TB) []byte {
	t.Helper()
	f := &ots.File{Hash: b.hash, Timestamp: new(ots.Timestamp)}
	h := b.hash.New()
	h.Write(content)
	f.Digest = h.Sum(nil)
	for _, p := range b.paths {
		f.Timestamp = ots.Merge(f.Timestamp, p.Timestamp())
	}
	data, err := f.Marshal()
	require.NoError(t, err)
	return data
}

func (b bare) verifier(t testing.TB) *verify.Verifier {
	t.Helper()
	v, err := verify.New(verify.Trust{Chain: b.chain}, verify.Policy{Network: bitcoin.Regtest, Confirmations: max(b.need, 1), Now: ownTime})
	require.NoError(t, err)
	return v
}

func (b bare) judge(t testing.TB, document []byte) *verify.Result {
	t.Helper()
	ts := verify.ReadTimestamp(b.file(t))
	digest, err := ts.Hash(bytes.NewReader(document))
	require.NoError(t, err)
	return b.verifier(t).JudgeTimestamp(digest, ts)
}

// requireExistence checks the result of a bare timestamp that could be read.
func requireExistence(t testing.TB, r *verify.Result, not findings) {
	t.Helper()
	not = merged(findings{
		verify.Inclusion: unknown(verify.NoIssuerNamed), verify.Issuer: unknown(verify.NoIssuerNamed), verify.Status: unknown(verify.NoIssuerNamed),
	}, not)
	verdict := verify.CannotTell
	if not[verify.Document].outcome == verify.Failed {
		verdict = verify.Invalid
	}
	requireResult(t, r, verdict, not)
	require.NotNil(t, r.Existence)
	require.Equal(t, bitcoin.Regtest, r.Network)
	require.Nil(t, r.Issuer)
	require.Nil(t, r.Witness)
	requireConsistent(t, r)
}

func merged(all ...findings) findings {
	sum := findings{}
	for _, f := range all {
		for i, x := range f {
			sum[i] = x
		}
	}
	return sum
}

// stamp anchors what the prefix makes of the document's digest.
func stamp(t testing.TB, hash ots.Operation, prefix ...ots.Operation) ots.Path {
	t.Helper()
	h := hash.New()
	h.Write(content)
	ops, height := calendar(t, apply(t, h.Sum(nil), prefix))
	return ots.Path{Ops: slices.Concat(prefix, ops), Attestation: ots.Bitcoin(uint64(height))}
}

// stampTwice anchors two messages in one block: the digest, and its SHA-1.
func stampTwice(t testing.TB) (strong, weak ots.Path) {
	t.Helper()
	digest := sha256.Sum256(content)
	short := sha1.Sum(digest[:])
	ops, height := calendar(t, append(digest[:], short[:]...))
	path := func(prefix ...ots.Operation) ots.Path {
		return ots.Path{Ops: slices.Concat(prefix, ops), Attestation: ots.Bitcoin(uint64(height))}
	}
	return path(ots.Append(short[:])), path(ots.SHA1, ots.Prepend(digest[:]))
}

func heightOf(t testing.TB, p ots.Path) uint32 {
	t.Helper()
	height, ok := p.Attestation.BitcoinHeight()
	require.True(t, ok)
	return uint32(height)
}

// Which of several ways answers, and what is said where none does.
func TestBareTimestamp(t *testing.T) {
	early := stamp(t, ots.SHA256)
	weak := stamp(t, ots.SHA256, ots.SHA1)
	late := stamp(t, ots.SHA256, ots.Append([]byte("again")), ots.SHA256)
	oddities := stamp(t, ots.SHA256, ots.Hexlify, ots.Reverse, ots.Keccak256)
	ripemd := stamp(t, ots.SHA256, ots.RIPEMD160)
	detour, twice := stampTwice(t)
	bySHA1, byRIPEMD := stamp(t, ots.SHA1), stamp(t, ots.RIPEMD160)
	sha1ThenRIPEMD := stamp(t, ots.SHA1, ots.RIPEMD160)
	hs := nodeHeaders(t)
	chain, tip := openChain(t, hs), uint32(len(hs))
	at := func(height uint64, ops ...ots.Operation) ots.Path {
		return ots.Path{Ops: ops, Attestation: ots.Bitcoin(height)}
	}
	other := func(a ots.Attestation) ots.Path { return ots.Path{Ops: []ots.Operation{ots.SHA256}, Attestation: a} }
	pending := other(ots.Pending("https://calendar.example"))
	false1 := at(uint64(heightOf(t, early))+1, early.Ops...)
	litecoin := other(ots.Attestation{Tag: ots.TagLitecoin, Payload: "\x07"})
	newKind := other(ots.Attestation{Tag: ots.Tag{1, 2, 3}, Payload: "anything"})
	both := func(why verify.Reason) findings {
		return findings{verify.Anchor: unknown(why), verify.Block: unknown(why)}
	}
	for name, test := range map[string]struct {
		bare   bare
		block  uint32 // 0: none
		weak   string
		not    findings
		detail string // of the anchor
	}{
		"one":                    {bare{ots.SHA256, []ots.Path{early}, chain, 1}, heightOf(t, early), "", nil, "leads to the Merkle root of block"},
		"the earlier of two":     {bare{ots.SHA256, []ots.Path{late, early}, chain, 1}, heightOf(t, early), "", nil, ""},
		"others beside":          {bare{ots.SHA256, []ots.Path{late, pending, litecoin, newKind}, chain, 1}, heightOf(t, late), "", nil, ""},
		"a false one beside":     {bare{ots.SHA256, []ots.Path{false1, late}, chain, 1}, heightOf(t, late), "", nil, ""},
		"all operations":         {bare{ots.SHA256, []ots.Path{oddities}, chain, 1}, heightOf(t, oddities), "", nil, ""},
		"SHA-1 on the way":       {bare{ots.SHA256, []ots.Path{weak}, chain, 1}, heightOf(t, weak), "SHA-1", nil, ""},
		"RIPEMD-160 likewise":    {bare{ots.SHA256, []ots.Path{ripemd}, chain, 1}, heightOf(t, ripemd), "RIPEMD-160", nil, ""},
		"weak before strong":     {bare{ots.SHA256, []ots.Path{weak, late}, chain, 1}, heightOf(t, late), "", nil, ""},
		"strong before weak":     {bare{ots.SHA256, []ots.Path{weak, early}, chain, 1}, heightOf(t, early), "", nil, ""},
		"two ways, one weak":     {bare{ots.SHA256, []ots.Path{detour, twice}, chain, 1}, heightOf(t, detour), "", nil, ""},
		"named by SHA-1":         {bare{ots.SHA1, []ots.Path{bySHA1}, chain, 1}, heightOf(t, bySHA1), "SHA-1", nil, ""},
		"named by RIPEMD-160":    {bare{ots.RIPEMD160, []ots.Path{byRIPEMD}, chain, 1}, heightOf(t, byRIPEMD), "RIPEMD-160", nil, ""},
		"named by SHA-1, a step": {bare{ots.SHA1, []ots.Path{sha1ThenRIPEMD}, chain, 1}, heightOf(t, sha1ThenRIPEMD), "SHA-1", nil, ""},
		"SHA-1, but no block":    {bare{ots.SHA1, []ots.Path{pending}, chain, 1}, 0, "SHA-1", both(verify.NoAttestation), ""},
		"deep enough":            {bare{ots.SHA256, []ots.Path{early}, chain, tip - heightOf(t, early) + 1}, heightOf(t, early), "", nil, ""},
		"not deep enough":        {bare{ots.SHA256, []ots.Path{early, false1}, chain, tip - heightOf(t, early) + 2}, 0, "", findings{verify.Block: unknown(verify.TooFewConfirmations)}, ""},
		"weak but deep":          {bare{ots.SHA256, []ots.Path{weak, late}, chain, tip - heightOf(t, weak) + 1}, heightOf(t, weak), "SHA-1", nil, ""},
		"another block":          {bare{ots.SHA256, []ots.Path{false1}, chain, 1}, 0, "", both(verify.NotInChain), "the timestamp leads to Merkle root"},
		"above the tip":          {bare{ots.SHA256, []ots.Path{at(math.MaxUint32, early.Ops...)}, chain, 1}, 0, "", both(verify.NotInChain), "block 4294967295 is above the tip"},
		"no height":              {bare{ots.SHA256, []ots.Path{at(1<<32, early.Ops...)}, chain, 1}, 0, "", both(verify.NoBitcoinBlock), "but to Bitcoin block 4294967296"},
		"no Merkle root":         {bare{ots.SHA256, []ots.Path{at(1, ots.Append([]byte{1}))}, chain, 1}, 0, "", both(verify.NoBitcoinBlock), "no Merkle root of Bitcoin"},
		"no header chain":        {bare{ots.SHA256, []ots.Path{early, pending}, nil, 1}, 0, "", both(verify.NoHeaderChain), "no header chain of regtest"},
		"pending":                {bare{ots.SHA256, []ots.Path{pending, litecoin}, chain, 1}, 0, "", both(verify.NoAttestation), "pending at https://calendar.example"},
		"Litecoin and another":   {bare{ots.SHA256, []ots.Path{litecoin, newKind}, chain, 1}, 0, "", both(verify.NoBitcoinBlock), "but to unknown attestation 0102030000000000, Litecoin block 7"},
	} {
		t.Run(name, func(t *testing.T) {
			r := test.bare.judge(t, content)
			requireExistence(t, r, test.not)
			require.Contains(t, r.Checks[verify.Anchor].Detail, test.detail)
			require.Equal(t, test.weak, r.Existence.WeakHash)
			require.Equal(t, test.weak != "" && test.bare.hash == ots.SHA256, r.Existence.WeakStep)
			require.Equal(t, test.block != 0, r.Header != nil)
			if test.block != 0 {
				require.Equal(t, test.block, r.Header.Height)
				require.Equal(t, hs[test.block-1].Time(), r.Header.Time)
				require.False(t, r.NoLaterThan.Before(hs[test.block-1].Time().Truncate(day)))
			}
			if slices.ContainsFunc(test.bare.paths, func(p ots.Path) bool { return p.Attestation == pending.Attestation }) {
				require.Equal(t, []string{"https://calendar.example"}, r.Existence.Calendars)
			} else {
				require.Empty(t, r.Existence.Calendars)
			}
			changed := test.bare.judge(t, append(bytes.Clone(content), '\n'))
			require.Zero(t, changed.NoLaterThan, "of another document nothing is proven")
			requireExistence(t, changed, merged(test.not, findings{verify.Document: failed(verify.DigestDiffers)}))
		})
	}
}

// Every single flipped bit of a .ots file, and of its document.
func TestFlippedBitsOfABareTimestamp(t *testing.T) {
	way := stamp(t, ots.SHA256)
	b := bare{ots.SHA256, []ots.Path{way}, openChain(t, nodeHeaders(t)), 1}
	file, v := b.file(t), b.verifier(t)
	digest := sha256.Sum256(content)
	requireExistence(t, v.JudgeTimestamp(digest[:], verify.ReadTimestamp(file)), nil)
	var verdicts tally
	n := flipBits(file, 1, func(at, bit int, flipped []byte) {
		r := v.JudgeTimestamp(digest[:], verify.ReadTimestamp(flipped))
		verdicts.add(r.Verdict)
		if r.Checks[verify.Document].Outcome == verify.OK && (r.Header != nil || !r.NoLaterThan.IsZero()) {
			t.Errorf("byte %d, bit %d: the document is dated", at, bit)
		}
	})
	require.Equal(t, n, verdicts.of(verify.Invalid)+verdicts.of(verify.CannotTell))
	flipBits(content, 1, func(at, bit int, flipped []byte) {
		ts := verify.ReadTimestamp(file)
		digest, err := ts.Hash(bytes.NewReader(flipped))
		if err != nil || v.JudgeTimestamp(digest, ts).Verdict != verify.Invalid {
			t.Errorf("document, byte %d, bit %d", at, bit)
		}
	})
}

// What is no .ots file is damaged, of a later version not known, and what only
// others read is neither true nor false here.
func TestUnreadableTimestamp(t *testing.T) {
	b := bare{ots.SHA256, []ots.Path{{Attestation: ots.Pending("https://calendar.example")}}, nil, 1}
	file, v := b.file(t), b.verifier(t)
	later, hash := bytes.Clone(file), bytes.Clone(file)
	later[31], hash[32] = 2, 0x67
	for name, data := range map[string][]byte{"version": later, "hash": hash, "operation": slices.Concat(file[:65], []byte{0xf5}, file[65:])} {
		r := v.JudgeTimestamp(nil, verify.ReadTimestamp(data))
		require.Equal(t, verify.CannotTell, r.Verdict, name)
		require.Equal(t, verify.NewerProof, r.Reason, name)
		require.ErrorContains(t, r.Problem, "the .ots file is of a newer format", name)
		requireNotChecked(t, r)
	}
	pending := file[65:]
	for name, more := range map[string][]byte{
		"an attestation behind an operation": slices.Concat([]byte{0xff, 0x08}, pending, pending),
		"an operation twice":                 slices.Concat([]byte{0xff, 0x08}, pending, []byte{0x08}, pending),
		"an attestation twice":               slices.Concat([]byte{0xff}, pending, pending),
		"too many bytes":                     make([]byte, ots.MaxSize),
	} {
		r := v.JudgeTimestamp(nil, verify.ReadTimestamp(slices.Concat(file[:65], more)))
		require.Equal(t, verify.CannotTell, r.Verdict, name)
		require.Equal(t, verify.UnsupportedTimestamp, r.Reason, name)
		require.ErrorContains(t, r.Problem, "the .ots file may be sound, but cannot be read here: unsupported timestamp: ", name)
		require.Nil(t, r.Existence)
		requireNotChecked(t, r)
	}
	damaged := []verify.Timestamp{{}, verify.ReadTimestamp(nil), verify.ReadTimestamp(append(bytes.Clone(file), 0)), verify.ReadTimestamp(make([]byte, 1<<20)),
		verify.ReadTimestamp(slices.Concat(file[:65], []byte{0xff, 0xff}, pending, pending, pending))}
	for n := range file {
		damaged = append(damaged, verify.ReadTimestamp(file[:n]))
	}
	for _, ts := range damaged {
		digest, err := ts.Hash(strings.NewReader("any document"))
		require.NoError(t, err)
		require.Nil(t, digest)
		r := v.JudgeTimestamp(digest, ts)
		require.Equal(t, verify.Invalid, r.Verdict)
		require.Equal(t, verify.MalformedProof, r.Reason)
		require.ErrorContains(t, r.Problem, "the .ots file is damaged, or not one: ")
		require.Nil(t, r.Existence)
		requireNotChecked(t, r)
	}
}

// The digest is that of the hash in the file, and a document that cannot be
// read has none.
func TestTimestampHash(t *testing.T) {
	pending := []ots.Path{{Attestation: ots.Pending("https://calendar.example")}}
	digest, err := verify.ReadTimestamp(bare{ots.SHA1, pending, nil, 1}.file(t)).Hash(bytes.NewReader(content))
	require.NoError(t, err)
	want := sha1.Sum(content)
	require.Equal(t, want[:], digest)
	digest, err = verify.ReadTimestamp(bare{ots.SHA256, pending, nil, 1}.file(t)).Hash(iotest.ErrReader(errDisk))
	require.ErrorIs(t, err, errDisk)
	require.Nil(t, digest)
}

// A file with as many ways as there is room for is judged soon.
func TestManyPaths(t *testing.T) {
	chain := ownScene(t, issue(t, 9, 4, uniStatement(ownTime), dean, registrar)).trust.Chain
	v := bare{chain: chain}.verifier(t)
	f := &ots.File{Hash: ots.SHA256, Digest: make([]byte, 32), Timestamp: new(ots.Timestamp)}
	for i := range uint64(4200) {
		f.Timestamp.Attestations = append(f.Timestamp.Attestations, ots.Bitcoin(1000+i))
	}
	ops := []ots.Operation{ots.Append(make([]byte, 3000))}
	for len(ops) < ots.MaxDepth-2 {
		ops = append(ops, ots.Reverse)
	}
	f.Timestamp = f.Timestamp.After(append(ops, ots.SHA256))
	data, err := f.Marshal()
	require.NoError(t, err)
	require.Greater(t, len(data), ots.MaxSize*8/10)
	start := time.Now()
	r := v.JudgeTimestamp(f.Digest, verify.ReadTimestamp(data))
	require.Less(t, time.Since(start), 10*time.Second)
	requireExistence(t, r, findings{verify.Anchor: unknown(verify.NotInChain), verify.Block: unknown(verify.NotInChain)})
	require.Equal(t, "block 1000 is above the tip of the header chain, 4", r.Checks[verify.Anchor].Detail)
}

// However many calendars there are, and whatever their names, the detail is
// short; the list has all of them, each once.
func TestManyCalendars(t *testing.T) {
	b := bare{hash: ots.SHA256}
	for i := range 60 {
		uri := fmt.Sprintf("https://%02d.%s.example", i, strings.Repeat("long", 200))
		b.paths = append(b.paths, ots.Path{Attestation: ots.Pending(uri)}, ots.Path{Ops: []ots.Operation{ots.SHA256}, Attestation: ots.Pending(uri[:12])})
	}
	r := b.judge(t, content)
	requireExistence(t, r, findings{verify.Anchor: unknown(verify.NoAttestation), verify.Block: unknown(verify.NoAttestation)})
	require.Len(t, r.Existence.Calendars, 120)
	require.Contains(t, r.Checks[verify.Anchor].Detail, " and 116 more")
}

// helloWorldHeader is block 358391 of mainnet, to which the example leads that
// comes with OpenTimestamps itself.
const (
	helloWorldHeight = 358391
	helloWorldHeader = "02000000b96394585a281b7e5f438fd1c9ed492645a1fd61cb3802040000000000000000" +
		"007ee445d23ad061af4a36b809501fab1ac4f2d7e7a739817dd0cbb7ec661b8a1e376755f58616186272def6"
)

// oneBlock is a chain of which one header is held.
type oneBlock struct {
	height uint32
	header bitcoin.Header
}

func (c oneBlock) Network() bitcoin.Network { return bitcoin.Mainnet }

func (c oneBlock) Height() uint32 { return c.height }

func (c oneBlock) At(height uint32) (bitcoin.Header, error) {
	if height != c.height {
		return bitcoin.Header{}, fmt.Errorf("the header at height %d is not held", height)
	}
	return c.header, nil
}

// The example of OpenTimestamps that is oldest, against the real header, and
// each that comes beside it.
func TestExamples(t *testing.T) {
	dir := os.Getenv("TEST_OPENTIMESTAMPS")
	if dir == "" {
		t.Skip("SKIPPED: TEST_OPENTIMESTAMPS does not name the package opentimestamps of npm")
	}
	dir = filepath.Join(dir, "examples")
	raw, err := hex.DecodeString(helloWorldHeader)
	require.NoError(t, err)
	chain := oneBlock{helloWorldHeight, bitcoin.Header(raw)}
	require.Equal(t, "000000000000000003e892881a8cdcdc117c06d444057c98b6f04a9ee75a2319", chain.header.Hash().String())
	judge := func(t *testing.T, name string, c verify.Chain, need uint32) *verify.Result {
		v, err := verify.New(verify.Trust{Chain: c}, verify.Policy{Network: bitcoin.Mainnet, Confirmations: need, Now: ownTime})
		require.NoError(t, err)
		data, err := os.ReadFile(filepath.Join(dir, name+".ots"))
		require.NoError(t, err)
		document, err := os.Open(filepath.Join(dir, name))
		require.NoError(t, err)
		defer document.Close()
		ts := verify.ReadTimestamp(data)
		digest, err := ts.Hash(document)
		require.NoError(t, err)
		r := v.JudgeTimestamp(digest, ts)
		requireConsistent(t, r)
		return r
	}
	r := judge(t, "hello-world.txt", chain, 1)
	require.Equal(t, verify.CannotTell, r.Verdict)
	for _, i := range []int{verify.Document, verify.Anchor, verify.Block} {
		require.Equal(t, verify.OK, r.Checks[i].Outcome, r.Checks[i].Detail)
	}
	require.Equal(t, "2015-05-28", r.NoLaterThan.Format(time.DateOnly))
	require.EqualValues(t, helloWorldHeight, r.Header.Height)
	require.Equal(t, &verify.Existence{WeakHash: "RIPEMD-160", WeakStep: true}, r.Existence, "calendars used it in 2015")

	other := chain
	other.header[40] ^= 1 // in its Merkle root
	for name, test := range map[string]struct {
		chain verify.Chain
		need  uint32
		want  verify.Reason // of the block
	}{
		"not deep enough":     {chain, 2, verify.TooFewConfirmations},
		"another Merkle root": {other, 1, verify.NotInChain},
		"no header chain":     {nil, 1, verify.NoHeaderChain},
		"shorter chain":       {oneBlock{helloWorldHeight - 1, chain.header}, 1, verify.NotInChain},
		"longer chain":        {oneBlock{helloWorldHeight + 1, chain.header}, 1, verify.NotInChain},
	} {
		r := judge(t, "hello-world.txt", test.chain, test.need)
		require.Equal(t, verify.CannotTell, r.Verdict, name)
		require.Equal(t, test.want, r.Checks[verify.Block].Reason, name)
		require.Nil(t, r.Header, name)
	}

	const pending, alice, bob = verify.NoAttestation, "https://alice.btc.calendar.opentimestamps.org", "https://bob.btc.calendar.opentimestamps.org"
	for name, want := range map[string]struct {
		reason    verify.Reason // of the anchor
		detail    string
		calendars []string
	}{
		"bad-stamp.txt":                {verify.NotInChain, "block 358391 of the header chain has 007ee445", nil},
		"empty":                        {verify.NotInChain, "block 129405 cannot be looked up", nil},
		"incomplete.txt":               {pending, "pending at " + alice, []string{alice}},
		"known-and-unknown-notary.txt": {pending, "pending at " + bob, []string{bob}},
		"merkle1.txt":                  {pending, "pending at " + alice, []string{alice, bob}},
		"merkle2.txt":                  {pending, "pending at " + alice, []string{alice, bob}},
		"merkle3.txt":                  {pending, "pending at " + alice, []string{alice, bob}},
		"osdsp.txt": {verify.NotInChain, "block 523364 is above the tip",
			[]string{alice, bob, "https://btc.calendar.catallaxy.com", "https://finney.calendar.eternitywall.com"}},
		"two-calendars.txt":  {pending, "pending at " + alice, []string{alice, bob}},
		"unknown-notary.txt": {verify.NoBitcoinBlock, "but to unknown attestation 0102030405060708", nil},
	} {
		r := judge(t, name, chain, 1)
		require.Equal(t, verify.CannotTell, r.Verdict, name)
		require.Equal(t, verify.OK, r.Checks[verify.Document].Outcome, name)
		require.Equal(t, want.reason, r.Checks[verify.Anchor].Reason, name)
		require.Contains(t, r.Checks[verify.Anchor].Detail, want.detail, name)
		require.Equal(t, want.calendars, r.Existence.Calendars, name)
	}
}
