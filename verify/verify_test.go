package verify_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/issuer"
	"gradseal/merkle"
	"gradseal/proof"
	"gradseal/verify"
)

func TestValid(t *testing.T) {
	s := oneLayer(t)
	r := s.verify(t)
	requireResult(t, r, verify.Valid, nil)
	require.Equal(t, 0, r.Verdict.Exit())
	require.Nil(t, r.First())

	b := s.proof.Bitcoin
	require.Equal(t, "University of Example", r.Issuer.Name)
	require.Equal(t, uniID, r.ClaimedIssuer)
	require.Equal(t, "Transcripts 2026", r.Title)
	require.Equal(t, bitcoin.Regtest, r.Network)
	require.Equal(t, verify.BlockAt{Height: b.Height, Hash: b.Header.Hash(), Time: b.Header.Time(), Confirmations: 6}, *r.Header)
	require.Equal(t, s.list.AsOf, r.StatusAsOf)
	require.Nil(t, r.Withdrawal)
	after := s.proof.Layers[0].Statement.After
	require.Equal(t, after.Height, r.NoEarlier.Height)
	require.Equal(t, after.Hash, r.NoEarlier.Hash)
	require.Less(t, r.NoEarlier.Height, r.Header.Height)
	require.Contains(t, r.Checks[verify.Issuer].Detail, "Officer 1 and Officer 2")

	s.addSuccessors()
	requireResult(t, s.verify(t), verify.Valid, nil)
	requireResult(t, fourLayers(t).verify(t), verify.Valid, nil)
	requireResult(t, ownScene(t, issue(t, 9, 4, uniStatement(ownTime), dean, registrar)).verify(t), verify.Valid, nil)
}

// Every document of a batch verifies, and none with the proof of another.
func TestWholeBatch(t *testing.T) {
	for _, n := range []int{1, 2, 9} {
		var all []*scene
		for i := range n {
			all = append(all, ownScene(t, issue(t, n, i, uniStatement(ownTime), dean, registrar)))
		}
		for i, s := range all {
			for k, other := range all {
				if r := s.verifier(t).Verify(other.digest, s.file(t)); i == k {
					requireResult(t, r, verify.Valid, nil)
				} else {
					requireResult(t, r, verify.Invalid, findings{verify.Document: failed(verify.DigestDiffers)})
				}
			}
		}
	}
}

func TestHash(t *testing.T) {
	content := bytes.Repeat([]byte("transcript "), 100_000)
	want := sha256.Sum256(content)
	d, n, err := verify.Hash(iotest.HalfReader(bytes.NewReader(content)))
	require.NoError(t, err)
	require.Equal(t, verify.Digest(want), d)
	require.EqualValues(t, len(content), n)

	d, n, err = verify.Hash(strings.NewReader(""))
	require.NoError(t, err)
	require.Equal(t, verify.Digest(sha256.Sum256(nil)), d)
	require.Zero(t, n)

	d, _, err = verify.Hash(io.MultiReader(bytes.NewReader(content), iotest.ErrReader(errDisk)))
	require.ErrorIs(t, err, errDisk)
	require.Zero(t, d, "no digest of a part")
}

var errDisk = errors.New("input/output error")

// Each of the six checks, failed and unknown for each of its reasons, by a
// change to the proof, the trust or the policy. All other checks stay ok but
// for those that depend on it.
func TestChecks(t *testing.T) {
	const (
		invalid, withdrawn, cannotTell, pending = verify.Invalid, verify.Withdrawn, verify.CannotTell, verify.Pending

		document, inclusion, issuedBy, anchored, block, status = verify.Document, verify.Inclusion, verify.Issuer, verify.Anchor, verify.Block, verify.Status
	)
	notInTree := findings{inclusion: failed(verify.NotInTree), anchored: unknown(verify.NotChecked)}
	badAnchor := findings{anchored: failed(verify.BadAnchor)}
	noStatus := unknown(verify.NoStatusList)
	tests := []struct {
		name    string
		change  func(t *testing.T, s *scene)
		verdict verify.Verdict
		not     findings
		detail  string // in the detail of the first of them
	}{
		{"another document", func(t *testing.T, s *scene) { s.digest[31] ^= 1 }, invalid, findings{document: failed(verify.DigestDiffers)}, "the proof is for"},
		{"another document's digest in the proof", func(t *testing.T, s *scene) {
			s.proof.Digest[0] ^= 1
			s.digest = s.proof.Digest
		}, invalid, notInTree, "leads to root hash"},

		{"salt", func(t *testing.T, s *scene) { s.proof.Salt[0] ^= 1 }, invalid, notInTree, "layer 1: audit path leads to root hash"},
		{"index", func(t *testing.T, s *scene) { s.proof.Layers[0].Index ^= 1 }, invalid, notInTree, "layer 1: audit path leads to root hash"},
		{"index beyond the tree", func(t *testing.T, s *scene) { s.proof.Layers[0].Index = 9 }, invalid, notInTree, "leaf index is 9, want less than the tree size 9"},
		{"path", func(t *testing.T, s *scene) { s.proof.Layers[0].Path[1][3] ^= 1 }, invalid, notInTree, "leads to root hash"},
		{"path too short", func(t *testing.T, s *scene) { s.proof.Layers[0].Path = s.proof.Layers[0].Path[1:] }, invalid, notInTree, "audit path has"},
		{"path too long", func(t *testing.T, s *scene) {
			s.proof.Layers[0].Path = append(s.proof.Layers[0].Path, merkle.Hash{})
		}, invalid, notInTree, "audit path has"},
		{"path of a tree of one", func(t *testing.T, s *scene) { s.proof.Layers[0].Path = nil }, invalid, notInTree, "audit path has 0 hashes"},
		{"no audit path, index 0", func(t *testing.T, s *scene) { s.proof.Layers[0].Path, s.proof.Layers[0].Index = nil, 0 }, invalid, notInTree, "audit path has 0 hashes"},

		{"no issuer", func(t *testing.T, s *scene) { s.trust.Issuers = nil }, cannotTell, findings{issuedBy: unknown(verify.UnknownIssuer), status: noStatus}, uniID},
		{"another issuer", func(t *testing.T, s *scene) {
			f, _ := issuerFile(t, "uni.example", "University of Example", []officer{dean.as("uni.example"), registrar.as("uni.example")},
				keySet(s.time.Add(-day), time.Time{}, 1, dean, registrar))
			s.trust.Issuers = []*issuer.File{f}
		}, cannotTell, findings{issuedBy: unknown(verify.UnknownIssuer), status: noStatus}, uniID},

		{"other batch's anchor", func(t *testing.T, s *scene) {
			other := fourLayers(t)
			s.proof.Bitcoin, s.trust.Chain = other.proof.Bitcoin, other.trust.Chain
		}, invalid, badAnchor, "the transaction commits to"},
		{"transaction's commitment changed", func(t *testing.T, s *scene) {
			tx := s.proof.Bitcoin.Transaction
			tx[bytes.Index(tx, []byte("GSL1"))+10] ^= 1
		}, invalid, badAnchor, "the transaction commits to"},
		{"transaction changed elsewhere", func(t *testing.T, s *scene) { s.proof.Bitcoin.Transaction[0] ^= 1 }, invalid, badAnchor, "is not in the block"},
		{"transaction without commitment", func(t *testing.T, s *scene) {
			tx := s.proof.Bitcoin.Transaction
			tx[bytes.Index(tx, []byte("GSL1"))] ^= 1
		}, invalid, badAnchor, "has 0 gradseal commitments"},
		{"transaction that does not parse", func(t *testing.T, s *scene) { s.proof.Bitcoin.Transaction = make([]byte, 100) }, invalid, badAnchor, "malformed transaction"},
		{"transaction with a byte more", func(t *testing.T, s *scene) {
			s.proof.Bitcoin.Transaction = append(s.proof.Bitcoin.Transaction, 0)
		}, invalid, badAnchor, "left over"},
		{"transaction with its witness", func(t *testing.T, s *scene) {
			tx := s.proof.Bitcoin.Transaction
			s.proof.Bitcoin.Transaction = append(append(bytes.Clone(tx[:4]), 0, 1), tx[4:]...)
		}, invalid, badAnchor, "witness serialization"},
		{"position", func(t *testing.T, s *scene) { s.proof.Bitcoin.Position ^= 1 }, invalid, badAnchor, "leads to root"},
		{"position beyond the path", func(t *testing.T, s *scene) { s.proof.Bitcoin.Position |= 1 << 31 }, invalid, badAnchor, "do not reach position"},
		{"block path", func(t *testing.T, s *scene) { s.proof.Bitcoin.Path[0][0] ^= 1 }, invalid, badAnchor, "leads to root"},
		{"block path too short", func(t *testing.T, s *scene) { s.proof.Bitcoin.Path, s.proof.Bitcoin.Position = nil, 0 }, invalid, badAnchor, "leads to root"},
		{"block path too long", func(t *testing.T, s *scene) {
			s.proof.Bitcoin.Path = append(s.proof.Bitcoin.Path, bitcoin.Hash{})
		}, invalid, badAnchor, "leads to root"},

		{"no attestation", func(t *testing.T, s *scene) { s.proof.Bitcoin = nil }, pending, findings{anchored: unknown(verify.NoAttestation), block: unknown(verify.NoAttestation)}, "no Bitcoin attestation yet"},
		{"no attestation and a false path", func(t *testing.T, s *scene) {
			s.proof.Bitcoin = nil
			s.proof.Layers[0].Path[0][0] ^= 1
		}, invalid, findings{inclusion: failed(verify.NotInTree), anchored: unknown(verify.NoAttestation), block: unknown(verify.NoAttestation)}, "leads to root"},
		{"no attestation, other network", func(t *testing.T, s *scene) {
			s.proof.Bitcoin, s.trust.Chain = nil, nil
			s.policy.Network = bitcoin.Mainnet
		}, cannotTell, findings{anchored: unknown(verify.NoAttestation), block: unknown(verify.OtherNetwork)}, "this verification accepts mainnet"},
		{"no attestation, no header chain", func(t *testing.T, s *scene) { s.proof.Bitcoin, s.trust.Chain = nil, nil }, pending, findings{anchored: unknown(verify.NoAttestation), block: unknown(verify.NoAttestation)}, ""},

		{"header without work", func(t *testing.T, s *scene) { s.proof.Bitcoin.Header = work(t, s.proof.Bitcoin.Header, false) }, invalid, findings{block: failed(verify.BadHeader)}, "is above its target"},
		{"header with a target of zero", func(t *testing.T, s *scene) {
			binary.LittleEndian.PutUint32(s.proof.Bitcoin.Header[72:], 0)
		}, invalid, findings{block: failed(verify.BadHeader)}, "the target is zero"},
		{"header with mainnet's bits", func(t *testing.T, s *scene) {
			binary.LittleEndian.PutUint32(s.proof.Bitcoin.Header[72:], 0x1d00ffff)
		}, invalid, findings{block: failed(verify.BadHeader)}, "is above its target"},
		{"header without work, other network", func(t *testing.T, s *scene) {
			s.proof.Bitcoin.Header = work(t, s.proof.Bitcoin.Header, false)
			s.policy.Network, s.trust.Chain = bitcoin.Mainnet, nil
		}, invalid, findings{block: failed(verify.BadHeader)}, "is above its target"},
		{"header of nobody's chain", func(t *testing.T, s *scene) {
			s.proof.Bitcoin.Header[68] ^= 1
			s.proof.Bitcoin.Header = work(t, s.proof.Bitcoin.Header, true)
		}, cannotTell, findings{block: unknown(verify.NotInChain)}, "is not at height"},
		{"header at another height", func(t *testing.T, s *scene) { s.proof.Bitcoin.Height-- }, cannotTell, findings{block: unknown(verify.NotInChain)}, "is not at height"},
		{"header at height 0", func(t *testing.T, s *scene) { s.proof.Bitcoin.Height = 0 }, cannotTell, findings{block: unknown(verify.NotInChain)}, "is not at height 0"},
		{"header far above the tip", func(t *testing.T, s *scene) { s.proof.Bitcoin.Height = math.MaxUint32 }, cannotTell, findings{block: unknown(verify.NotInChain)}, "block 4294967295 is above the tip"},
		{"chain shorter by the block", func(t *testing.T, s *scene) {
			s.trust.Chain = openChain(t, s.hs[:s.proof.Bitcoin.Height-1])
		}, cannotTell, findings{block: unknown(verify.NotInChain)}, "is above the tip of the header chain"},
		{"chain of the genesis header", func(t *testing.T, s *scene) { s.trust.Chain = openChain(t, nil) }, cannotTell, findings{block: unknown(verify.NotInChain)}, "is above the tip of the header chain, 0"},
		{"no header chain", func(t *testing.T, s *scene) { s.trust.Chain = nil }, cannotTell, findings{block: unknown(verify.NoHeaderChain)}, "no header chain of regtest"},
		{"chain that cannot be read", func(t *testing.T, s *scene) {
			s.trust.Chain = unreadable{openChain(t, s.hs), s.proof.Bitcoin.Height}
		}, cannotTell, findings{block: unknown(verify.NotInChain)}, "cannot be looked up in the header chain: input/output error"},
		{"too few confirmations", func(t *testing.T, s *scene) { s.policy.Confirmations = 7 }, pending, findings{block: unknown(verify.TooFewConfirmations)}, "has 6 of 7 confirmations"},
		{"the most confirmations", func(t *testing.T, s *scene) { s.policy.Confirmations = math.MaxUint32 }, pending, findings{block: unknown(verify.TooFewConfirmations)}, "has 6 of 4294967295"},
		{"block in the tip", func(t *testing.T, s *scene) {
			s.trust.Chain = openChain(t, s.hs[:s.proof.Bitcoin.Height])
			s.policy.Confirmations = 2
		}, pending, findings{block: unknown(verify.TooFewConfirmations)}, "has 1 of 2"},
		{"regtest where mainnet counts", func(t *testing.T, s *scene) {
			s.policy.Network, s.policy.Confirmations, s.trust.Chain = bitcoin.Mainnet, 6, nil
		}, cannotTell, findings{block: unknown(verify.OtherNetwork)}, "the proof is for regtest, this verification accepts mainnet"},
		{"regtest where signet counts", func(t *testing.T, s *scene) {
			s.policy.Network, s.trust.Chain = bitcoin.Signet, nil
		}, cannotTell, findings{block: unknown(verify.OtherNetwork)}, "accepts signet"},
		{"successor that does not follow", func(t *testing.T, s *scene) {
			s.addSuccessors()
			hs := s.proof.Bitcoin.Successors
			hs[0], hs[1] = hs[1], hs[0]
		}, invalid, findings{block: failed(verify.BadHeader)}, "invalid successor 1: it follows block"},
		{"successor without work", func(t *testing.T, s *scene) {
			s.addSuccessors()
			s.proof.Bitcoin.Successors[1] = work(t, s.proof.Bitcoin.Successors[1], false)
		}, invalid, findings{block: failed(verify.BadHeader)}, "successor 2: invalid block header"},
		{"successor of zeros", func(t *testing.T, s *scene) {
			s.proof.Bitcoin.Successors = []bitcoin.Header{{}}
		}, invalid, findings{block: failed(verify.BadHeader)}, "invalid successor 1"},

		{"no status list", func(t *testing.T, s *scene) { s.trust.Status = nil }, cannotTell, findings{status: noStatus}, "no status list of " + uniID},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := oneLayer(t)
			test.change(t, s)
			r := s.verify(t)
			requireResult(t, r, test.verdict, test.not)
			first := r.First()
			require.NotNil(t, first)
			require.Contains(t, first.Detail, test.detail)
			require.Equal(t, test.not[slices.Index(r.Checks[:], *first)], finding{first.Outcome, first.Reason})
		})
	}
}

// unreadable is a chain on a disk that fails at one height.
type unreadable struct {
	*headers.Chain
	at uint32
}

func (c unreadable) At(height uint32) (bitcoin.Header, error) {
	if height == c.at {
		return bitcoin.Header{}, errDisk
	}
	return c.Chain.At(height)
}

// The chain of one network is no chain of another, and never is asked.
func TestChainOfAnotherNetwork(t *testing.T) {
	s := oneLayer(t)
	s.policy.Network = bitcoin.Mainnet
	_, err := verify.New(s.trust, s.policy)
	require.ErrorContains(t, err, "the header chain is that of regtest, the policy asks for mainnet")
}

// A mainnet statement of the issuer's, anchored by somebody on regtest, proves
// nothing on either network.
func TestMainnetStatementOnRegtest(t *testing.T) {
	st := uniStatement(ownTime)
	st.Network = bitcoin.Mainnet
	s := ownScene(t, issue(t, 9, 4, st, dean, registrar))
	requireResult(t, s.verify(t), verify.CannotTell, findings{
		verify.Block: unknown(verify.OtherNetwork), verify.Status: unknown(verify.NoStatusList),
	})
	s.policy.Network, s.trust.Chain = bitcoin.Mainnet, nil
	s.list.Network = bitcoin.Mainnet
	s.useList(t)
	requireResult(t, s.verify(t), verify.CannotTell, findings{verify.Block: unknown(verify.NoHeaderChain)})
}

func TestConfirmations(t *testing.T) {
	s := oneLayer(t)
	height := s.proof.Bitcoin.Height
	for extra := range uint32(6) {
		for need := uint32(1); need <= 7; need++ {
			s.trust.Chain = openChain(t, s.hs[:height+extra])
			s.policy.Confirmations = need
			r := s.verify(t)
			if extra+1 >= need {
				requireResult(t, r, verify.Valid, nil)
				require.Equal(t, extra+1, r.Header.Confirmations)
			} else {
				requireResult(t, r, verify.Pending, findings{verify.Block: unknown(verify.TooFewConfirmations)})
			}
		}
	}
}

// Two commitments in one transaction tell two stories, though both are in a
// block; and a second one that only resembles a commitment does no harm.
func TestTwoCommitments(t *testing.T) {
	p := issue(t, 9, 4, uniStatement(ownTime), dean, registrar)
	root := lastRoot(t, p)
	good, other := proof.Commitment(root), proof.Commitment(sha256.Sum256([]byte("another story")))
	for name, scripts := range map[string][][]byte{
		"the other first":    {other, good},
		"the other last":     {good, other},
		"the same one twice": {good, good},
	} {
		t.Run(name, func(t *testing.T) {
			b, hs := ownBlock(t, transaction(scripts...), ownTime)
			requireResult(t, newScene(t, p, b, hs).verify(t), verify.Invalid, findings{verify.Anchor: failed(verify.BadAnchor)})
		})
	}
	for name, script := range map[string][]byte{
		"alone in a larger push": append([]byte("\x6a\x4b"), append(bytes.Clone(good), good...)[:75]...),
		"alone with PUSHDATA1":   append([]byte("\x6a\x4c\x24"), good[2:]...),
	} {
		t.Run(name, func(t *testing.T) {
			b, hs := ownBlock(t, transaction(script, []byte{0x51}), ownTime)
			r := newScene(t, p, b, hs).verify(t)
			requireResult(t, r, verify.Invalid, findings{verify.Anchor: failed(verify.BadAnchor)})
			require.Contains(t, r.Checks[verify.Anchor].Detail, "has 0 gradseal commitments")
		})
	}
	b, hs := ownBlock(t, transaction(append([]byte("\x6a\x4c\x24"), other[2:]...), good), ownTime)
	requireResult(t, newScene(t, p, b, hs).verify(t), verify.Valid, nil)
}

// The statement's "after" block is shown only where the chain has it, below the
// anchor's block.
func TestNoEarlier(t *testing.T) {
	genesis := bitcoin.Regtest.Genesis().Hash()
	first := ownFirstHeader(t).Hash()
	for name, test := range map[string]struct {
		after *issuer.After
		shown bool
	}{
		"none":                    {nil, false},
		"genesis":                 {&issuer.After{Height: 0, Hash: genesis}, true},
		"the block before":        {&issuer.After{Height: 1, Hash: first}, true},
		"another hash":            {&issuer.After{Height: 1, Hash: genesis}, false},
		"another height":          {&issuer.After{Height: 0, Hash: first}, false},
		"the height of the block": {&issuer.After{Height: 2, Hash: first}, false},
		"above the tip":           {&issuer.After{Height: 5, Hash: first}, false},
		"far above the tip":       {&issuer.After{Height: math.MaxUint32, Hash: first}, false},
	} {
		t.Run(name, func(t *testing.T) {
			st := uniStatement(ownTime)
			st.After = test.after
			s := ownScene(t, issue(t, 9, 4, st, dean, registrar))
			r := s.verify(t)
			requireResult(t, r, verify.Valid, nil)
			require.Equal(t, test.shown, r.NoEarlier != nil)
			if test.shown {
				h, err := s.trust.Chain.At(test.after.Height)
				require.NoError(t, err)
				require.Equal(t, verify.BlockAt{Height: test.after.Height, Hash: test.after.Hash, Time: h.Time()}, *r.NoEarlier)
			}
			s.policy.Confirmations = 4
			require.Nil(t, s.verify(t).NoEarlier, "only together with the anchor's block")
		})
	}
}

// No block above the anchor's can be named by a statement below it, for its
// hash depends on the statement. A chain that claims so is not believed.
func TestNoEarlierThanLater(t *testing.T) {
	first := ownFirstHeader(t)
	for height, shown := range map[uint32]bool{1: true, 3: false} {
		st := uniStatement(ownTime)
		st.After = &issuer.After{Height: height, Hash: first.Hash()}
		s := ownScene(t, issue(t, 9, 4, st, dean, registrar))
		s.trust.Chain = repeating{openChain(t, s.hs), height, first}
		r := s.verify(t)
		requireResult(t, r, verify.Valid, nil)
		require.Equal(t, shown, r.NoEarlier != nil, "height %d", height)
	}
}

// repeating is a chain that has a header once more, at another height.
type repeating struct {
	*headers.Chain
	at     uint32
	header bitcoin.Header
}

func (c repeating) At(height uint32) (bitcoin.Header, error) {
	if height == c.at {
		return c.header, nil
	}
	return c.Chain.At(height)
}

// ownFirstHeader is the header at height 1 of the chain of every ownScene.
func ownFirstHeader(t *testing.T) bitcoin.Header {
	return ownScene(t, issue(t, 9, 4, uniStatement(ownTime), dean, registrar)).hs[0]
}

// "No later than" is the day of the header's time and two hours more.
func TestNoLaterThan(t *testing.T) {
	p := issue(t, 3, 0, uniStatement(ownTime), dean, registrar)
	for at, want := range map[string]string{
		"2026-11-22T00:00:00Z": "2026-11-22",
		"2026-11-22T21:59:59Z": "2026-11-22",
		"2026-11-22T22:00:00Z": "2026-11-23",
		"2026-12-31T23:00:00Z": "2027-01-01",
	} {
		block, err := time.Parse(time.RFC3339, at)
		require.NoError(t, err)
		b, hs := ownBlock(t, transaction(proof.Commitment(lastRoot(t, p))), block)
		r := newScene(t, p, b, hs).verify(t)
		requireResult(t, r, verify.Valid, nil)
		require.Equal(t, want+"T00:00:00Z", r.NoLaterThan.Format(time.RFC3339), at)
	}
}

func TestNewRefuses(t *testing.T) {
	good := oneLayer(t)
	for name, test := range map[string]struct {
		change func(s *scene)
		want   string
	}{
		"nothing":               {func(s *scene) { s.trust, s.policy = verify.Trust{}, verify.Policy{} }, "the policy must name"},
		"no network":            {func(s *scene) { s.policy.Network = 0 }, "the policy must name a network"},
		"no confirmations":      {func(s *scene) { s.policy.Confirmations = 0 }, "the policy must name"},
		"no time":               {func(s *scene) { s.policy.Now = time.Time{} }, "the policy must name"},
		"two issuers of one id": {func(s *scene) { s.trust.Issuers = append(s.trust.Issuers, s.trust.Issuers[0]) }, "two issuers with the id " + uniID},
		"two lists of one kind": {func(s *scene) { s.trust.Status = append(s.trust.Status, s.trust.Status[0]) }, "two status lists of " + uniID + " for regtest"},
		"a chain without its tip": {func(s *scene) {
			c := s.trust.Chain.(*headers.Chain)
			s.trust.Chain = unreadable{c, c.Height()}
		}, "header chain of regtest: input/output error"},
	} {
		t.Run(name, func(t *testing.T) {
			s := *good
			test.change(&s)
			v, err := verify.New(s.trust, s.policy)
			require.ErrorContains(t, err, test.want)
			require.Nil(t, v)
		})
	}
}

func TestWithoutProof(t *testing.T) {
	r := verify.WithoutProof()
	require.Equal(t, verify.CannotTell, r.Verdict)
	require.Equal(t, verify.NoProof, r.Reason)
	require.ErrorContains(t, r.Problem, "no proof was found")
	requireNotChecked(t, r)
}

func requireNotChecked(t testing.TB, r *verify.Result) {
	t.Helper()
	require.Nil(t, r.First())
	require.Nil(t, r.Issuer)
	require.Nil(t, r.Header)
	for _, c := range r.Checks {
		require.Equal(t, finding{verify.Unknown, verify.NotChecked}, finding{c.Outcome, c.Reason})
	}
}

// requireMalformed is the verdict on what is no proof.
func requireMalformed(t testing.TB, r *verify.Result) {
	t.Helper()
	require.Equal(t, verify.Invalid, r.Verdict, "%v", r.Problem)
	require.Equal(t, 3, r.Verdict.Exit())
	require.Equal(t, verify.MalformedProof, r.Reason)
	require.ErrorContains(t, r.Problem, "the proof is damaged, or not a proof: ")
	requireNotChecked(t, r)
}

func TestNewerProof(t *testing.T) {
	s := oneLayer(t)
	v, file := s.verifier(t), string(s.file(t))
	for _, change := range [][2]string{
		{"gradseal-proof/1", "gradseal-proof/2"},
		{`"type": "bitcoin"`, `"type": "opentimestamps2"`},
		{"gradseal statement v1", "gradseal statement v2"},
	} {
		require.Equal(t, 1, strings.Count(file, change[0]))
		r := v.Verify(s.digest, []byte(strings.Replace(file, change[0], change[1], 1)))
		require.Equal(t, verify.CannotTell, r.Verdict)
		require.Equal(t, 5, r.Verdict.Exit())
		require.Equal(t, verify.NewerProof, r.Reason)
		require.ErrorContains(t, r.Problem, "made by a newer gradseal")
		requireNotChecked(t, r)
	}
}

// One verifier for many goroutines, the first of which have the status list's
// signatures checked.
func TestConcurrent(t *testing.T) {
	good, bad := oneLayer(t), oneLayer(t)
	bad.proof.Layers[0].Path[0][0] ^= 1
	goodFile, badFile := good.file(t), bad.file(t)
	v := good.verifier(t)
	results := make([]*verify.Result, 40)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() {
			if i%2 == 0 {
				results[i] = v.Verify(good.digest, goodFile)
			} else {
				results[i] = v.Verify(bad.digest, badFile)
			}
		})
	}
	wg.Wait()
	for i, r := range results {
		require.Equal(t, []verify.Verdict{verify.Valid, verify.Invalid}[i%2], r.Verdict)
	}
	require.Equal(t, goodFile, good.file(t), "the input is not written to")
}

func BenchmarkVerify(b *testing.B) {
	for name, s := range map[string]*scene{"1 layer": oneLayer(b), "4 layers": fourLayers(b)} {
		v, file := s.verifier(b), s.file(b)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(file)))
			for b.Loop() {
				if r := v.Verify(s.digest, file); r.Verdict != verify.Valid {
					b.Fatal(fmt.Sprint(r.Checks))
				}
			}
		})
	}
}
