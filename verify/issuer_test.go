package verify_test

import (
	"bytes"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/merkle"
	"gradseal/proof"
	"gradseal/verify"
)

// signedBy is a scene whose statement these officers signed.
func signedBy(t testing.TB, officers ...officer) *scene {
	t.Helper()
	return ownScene(t, issue(t, 9, 4, uniStatement(ownTime), officers...))
}

// resign replaces the signed statement of layer 1 by what change makes of its
// note, and anchors the result.
func resign(t testing.TB, change func(n *issuer.Note)) *scene {
	t.Helper()
	p := issue(t, 9, 4, uniStatement(ownTime), dean, registrar)
	_, n, err := issuer.ParseStatement(p.Layers[0].Signed)
	require.NoError(t, err)
	change(n)
	p.Layers[0].Signed = n.Marshal()
	return ownScene(t, p)
}

func TestSigners(t *testing.T) {
	const badSignature, unknownSigner = verify.BadSignature, verify.UnknownSigner
	foreign := newOfficer("uni.example", 1) // the dean's key under another name
	tests := []struct {
		name   string
		scene  *scene
		want   finding // zero: ok
		detail string
	}{
		{"two of three", signedBy(t, dean, registrar), finding{}, "Officer 1 and Officer 2"},
		{"another two of three", signedBy(t, spare, dean), finding{}, "Officer 1 and Officer 3"},
		{"all three", signedBy(t, dean, registrar, spare), finding{}, "Officer 1 and Officer 2 and Officer 3"},
		{"two of three, and strangers", signedBy(t, stranger, dean, stranger2, registrar, secretary), finding{}, "Officer 1 and Officer 2"},
		{"one of three", signedBy(t, dean), unknown(unknownSigner), "1 of 2 required signatures"},
		{"one of three, and strangers with the same id", signedBy(t, dean, stranger, stranger2), unknown(unknownSigner), "1 of 2 required signatures"},
		{"strangers with the same id", signedBy(t, stranger, stranger2), unknown(unknownSigner), "0 of 2 required signatures"},
		{"one key under two names", signedBy(t, dean, foreign), unknown(unknownSigner), "1 of 2 required signatures"},
		{"one key under many names", signedBy(t, dean, dean.as("a"), dean.as("b"), registrar.as("c"), spare.as("d")), unknown(unknownSigner), "1 of 2 required signatures"},
		{"the right keys under another name", signedBy(t, dean.as("uni.example"), registrar.as("uni.example")), unknown(unknownSigner), "0 of 2 required signatures"},
		{"a wrong signature by a known key", resign(t, func(n *issuer.Note) { n.Signatures[1].Bytes[10] ^= 1 }), failed(badSignature), "wrong signature by a known key"},
		{"a wrong signature by a third known key", resign(t, func(n *issuer.Note) {
			n.Signatures = append(n.Signatures, issuer.Signature{Name: uniID, KeyID: spare.KeyHash(), Bytes: make([]byte, 64)})
		}), failed(badSignature), "wrong signature by a known key"},
		{"a stranger's signature under a known key's id", resign(t, func(n *issuer.Note) {
			sig, err := stranger.Sign([]byte(n.Text))
			require.NoError(t, err)
			n.Signatures = append(n.Signatures, issuer.Signature{Name: uniID, KeyID: spare.KeyHash(), Bytes: sig})
		}), failed(badSignature), "wrong signature by a known key"},
		{"signatures of another text", resign(t, func(n *issuer.Note) {
			n.Text = string(bytes.Replace([]byte(n.Text), []byte("2026"), []byte("2025"), 1))
		}), failed(badSignature), "wrong signature by a known key"},
		{"a wrong signature under another name", resign(t, func(n *issuer.Note) {
			n.Signatures = append(n.Signatures, issuer.Signature{Name: "uni.example", KeyID: spare.KeyHash(), Bytes: make([]byte, 64)})
		}), finding{}, ""},
		{"a signature of no length that is known", resign(t, func(n *issuer.Note) {
			n.Signatures = append(n.Signatures, issuer.Signature{Name: "witness", KeyID: 1, Bytes: []byte{1}})
		}), finding{}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := test.scene.verify(t)
			requireIssuer(t, r, test.want)
			require.Contains(t, r.Checks[verify.Issuer].Detail, test.detail)
		})
	}
}

// requireIssuer checks the answer of the issuer check, that all others are ok,
// and the verdict that follows.
func requireIssuer(t testing.TB, r *verify.Result, want finding) {
	t.Helper()
	switch want.outcome {
	case verify.Failed:
		requireResult(t, r, verify.Invalid, findings{verify.Issuer: want})
	case verify.Unknown:
		if want.reason == "" {
			requireResult(t, r, verify.Valid, nil)
			return
		}
		requireResult(t, r, verify.CannotTell, findings{verify.Issuer: want})
	}
}

// The id in the statement is whose keys count, not the name in the signature
// lines, and not whose keys they are.
func TestStatementOfAnotherIssuer(t *testing.T) {
	other := []officer{newOfficer("other.example", 20), newOfficer("other.example", 21)}
	f, _ := issuerFile(t, "other.example", "Other University", other, keySet(ownTime.Add(-day), time.Time{}, 2, other...))
	for name, signers := range map[string][]officer{
		"under the other's name": other,
		"under the issuer's":     {other[0].as(uniID), other[1].as(uniID)},
	} {
		t.Run(name, func(t *testing.T) {
			s := signedBy(t, signers...)
			s.trust.Issuers = append(s.trust.Issuers, f)
			requireResult(t, s.verify(t), verify.CannotTell, findings{verify.Issuer: unknown(verify.UnknownSigner)})
		})
	}
	t.Run("the other's own", func(t *testing.T) {
		st := uniStatement(ownTime)
		st.Issuer = "other.example"
		s := ownScene(t, issue(t, 9, 4, st, other...))
		s.trust.Issuers = append(s.trust.Issuers, f)
		s.policy.AllowUnknownStatus = true
		r := s.verify(t)
		requireResult(t, r, verify.Valid, findings{verify.Status: unknown(verify.NoStatusList)})
		require.Equal(t, "Other University", r.Issuer.Name)
	})
}

// Key time, to the second, through the whole verifier. t is the header's time,
// the header is from the embedded node.
func TestKeyTime(t *testing.T) {
	base := oneLayer(t)
	at := base.time
	const second = time.Second
	never := time.Time{}
	inForce, unclear, not := finding{}, unknown(verify.KeyTimeUnclear), failed(verify.KeysNotInForce)
	tests := []struct {
		name        string
		from, until time.Time
		want        finding
	}{
		{"long before", at.Add(-365 * day), never, inForce},
		{"from t", at, never, inForce},
		{"from t+2h", at.Add(2 * hour), never, inForce},
		{"from t+2h+1s", at.Add(2*hour + second), never, not},
		{"from a year later", at.Add(365 * day), never, not},
		{"until a year later", at.Add(-day), at.Add(365 * day), inForce},
		{"until t+2h", at.Add(-day), at.Add(2 * hour), inForce},
		{"until t+2h-1s", at.Add(-day), at.Add(2*hour - second), unclear},
		{"until t", at.Add(-day), at, unclear},
		{"until t-2h", at.Add(-day), at.Add(-2 * hour), unclear},
		{"until t-2h-1s", at.Add(-day), at.Add(-2*hour - second), not},
		{"until a year before", at.Add(-730 * day), at.Add(-365 * day), not},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := oneLayer(t)
			f := uniFile(t, test.from, test.until)
			s.trust.Issuers = []*issuer.File{f}
			s.policy.AllowUnknownStatus = true // its keys are judged now, which is another time
			r := s.verify(t)
			require.Equal(t, test.want, finding{r.Checks[verify.Issuer].Outcome, r.Checks[verify.Issuer].Reason}.orOK(), r.Checks[verify.Issuer].Detail)
			switch test.want {
			case inForce:
				require.Equal(t, verify.Valid, r.Verdict)
			case unclear:
				require.Equal(t, verify.CannotTell, r.Verdict)
			default:
				require.Equal(t, verify.Invalid, r.Verdict)
			}
		})
	}
}

// orOK is the zero finding for an answer of ok.
func (f finding) orOK() finding {
	if f.outcome == verify.OK {
		return finding{}
	}
	return f
}

// Keys of an older set count for a block of its time, and only there.
func TestKeySets(t *testing.T) {
	s := oneLayer(t)
	change := s.time.Add(3 * hour)
	successor := []officer{newOfficer(uniID, 30)}
	files := func(old []officer, from, change time.Time) *issuer.File {
		f, _ := issuerFile(t, uniID, "University of Example", append(successor, old...),
			keySet(from, change, 2, old...), keySet(change, time.Time{}, 1, successor...))
		return f
	}
	old := []officer{dean, registrar, spare}
	s.trust.Issuers = []*issuer.File{files(old, s.time.Add(-day), change)}
	s.policy.AllowUnknownStatus = true
	s.policy.Now = s.time.Add(365 * day)
	r := s.verify(t)
	require.Equal(t, verify.Valid, r.Verdict, "the old keys signed in their time: %v", r.Checks)

	s.trust.Issuers = []*issuer.File{files(old, s.time.Add(-30*day), s.time.Add(-day))}
	r = s.verify(t)
	require.Equal(t, verify.Invalid, r.Verdict)
	require.Equal(t, verify.KeysNotInForce, r.Checks[verify.Issuer].Reason)
}

// Without a proven block time the keys are judged now. A pending proof under
// keys that are out of force is false. One with a block may be as old as it
// likes: that this verifier does not know the block is no fault of the proof.
func TestKeyTimeWithoutBlock(t *testing.T) {
	pending := func(t *testing.T, s *scene) { s.proof.Bitcoin = nil }
	noChain := func(t *testing.T, s *scene) { s.trust.Chain = nil }
	shortChain := func(t *testing.T, s *scene) { s.trust.Chain = openChain(t, s.hs[:1]) }
	otherNetwork := func(t *testing.T, s *scene) { s.trust.Chain, s.policy.Network = nil, bitcoin.Mainnet }
	staleChain := func(t *testing.T, s *scene) { s.policy.Confirmations = 100 }
	tests := []struct {
		name    string
		change  func(t *testing.T, s *scene)
		verdict verify.Verdict // when the keys are in force now
		ended   finding        // when they are not any more
		endedAs verify.Verdict
	}{
		{"no attestation", pending, verify.Pending, unknown(verify.KeyTimeUnclear), verify.CannotTell},
		{"no header chain", noChain, verify.CannotTell, unknown(verify.KeyTimeUnclear), verify.CannotTell},
		{"chain too short", shortChain, verify.CannotTell, unknown(verify.KeyTimeUnclear), verify.CannotTell},
		{"other network", otherNetwork, verify.CannotTell, unknown(verify.KeyTimeUnclear), verify.CannotTell},
		{"too few confirmations", staleChain, verify.Pending, unknown(verify.KeyTimeUnclear), verify.CannotTell},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := oneLayer(t)
			test.change(t, s)
			s.policy.AllowUnknownStatus = true
			r := s.verify(t)
			require.Equal(t, verify.OK, r.Checks[verify.Issuer].Outcome)
			require.Equal(t, test.verdict, r.Verdict)

			s.trust.Issuers = []*issuer.File{uniFile(t, s.time.Add(-day), s.time.Add(day))}
			s.policy.Now = s.time.Add(365 * day)
			r = s.verify(t)
			require.Equal(t, test.ended, finding{r.Checks[verify.Issuer].Outcome, r.Checks[verify.Issuer].Reason}, r.Checks[verify.Issuer].Detail)
			require.Equal(t, test.endedAs, r.Verdict)

			// A wrong signature is wrong at every time.
			wrong := resign(t, func(n *issuer.Note) { n.Signatures[0].Bytes[0] ^= 1 })
			test.change(t, wrong)
			r = wrong.verify(t)
			require.Equal(t, verify.BadSignature, r.Checks[verify.Issuer].Reason)
			require.Equal(t, verify.Invalid, r.Verdict)
		})
	}
}

// Who signed an outer layer never counts: neither for nor against a document.
func TestOuterSignatures(t *testing.T) {
	root := func(b byte) []byte { h := sha256.Sum256([]byte{b}); return h[:] }
	others := [][]byte{root(1), root(2), root(3)}
	alliance := issuer.Statement{Issuer: allianceID, Network: bitcoin.Regtest, Issued: ownTime}
	uni := alliance
	uni.Issuer = uniID
	joined := func(t *testing.T, inner []officer, s issuer.Statement, outer ...officer) *scene {
		p := issue(t, 9, 4, uniStatement(ownTime), inner...)
		join(t, p, others, s, outer...)
		return ownScene(t, p)
	}
	own := []officer{dean, registrar}

	requireResult(t, joined(t, own, alliance, secretary).verify(t), verify.Valid, nil)
	requireResult(t, joined(t, own, alliance, newOfficer("nobody", 99)).verify(t), verify.Valid, nil)

	garbage := issue(t, 9, 4, uniStatement(ownTime), own...)
	join(t, garbage, others, uni, dean)
	_, n, err := issuer.ParseStatement(garbage.Layers[1].Signed)
	require.NoError(t, err)
	n.Signatures[0].Bytes[0] ^= 1 // a wrong signature under the dean's name and key id
	garbage.Layers[1].Signed = n.Marshal()
	requireResult(t, ownScene(t, garbage).verify(t), verify.Valid, nil)

	forged := joined(t, []officer{stranger}, uni, dean, registrar)
	requireResult(t, forged.verify(t), verify.CannotTell, findings{verify.Issuer: unknown(verify.UnknownSigner)})
}

// Each layer's place in the next is checked, and the last one's in the
// transaction.
func TestLayers(t *testing.T) {
	notInTree := findings{verify.Inclusion: failed(verify.NotInTree), verify.Anchor: unknown(verify.NotChecked)}
	for i := range 4 {
		for name, change := range map[string]func(l *proof.Layer){
			"index": func(l *proof.Layer) { l.Index++ },
			"path":  func(l *proof.Layer) { l.Path = append(l.Path, merkle.Hash{}) },
			"hash": func(l *proof.Layer) {
				if len(l.Path) > 0 {
					l.Path[len(l.Path)-1][0] ^= 1
				} else {
					l.Path = []merkle.Hash{{}}
				}
			},
		} {
			s := fourLayers(t)
			change(&s.proof.Layers[i])
			r := s.verify(t)
			require.Equal(t, verify.Invalid, r.Verdict, "layer %d, %s", i+1, name)
			require.Equal(t, verify.NotInTree, r.Checks[verify.Inclusion].Reason)
			require.Equal(t, verify.NotChecked, r.Checks[verify.Anchor].Reason)
		}
	}

	drop := func(layers ...int) *scene {
		s := fourLayers(t)
		all := s.proof.Layers
		s.proof.Layers = nil
		for _, i := range layers {
			s.proof.Layers = append(s.proof.Layers, all[i])
		}
		return s
	}
	badAnchor := findings{verify.Anchor: failed(verify.BadAnchor)}
	requireResult(t, drop(0).verify(t), verify.Invalid, badAnchor)
	requireResult(t, drop(0, 1).verify(t), verify.Invalid, badAnchor)
	requireResult(t, drop(0, 1, 2).verify(t), verify.Invalid, badAnchor)
	requireResult(t, drop(0, 2, 3).verify(t), verify.Invalid, notInTree)
	requireResult(t, drop(0, 2, 1, 3).verify(t), verify.Invalid, notInTree)
	requireMalformed(t, drop(1, 2, 3).verify(t))
	requireMalformed(t, drop(1, 0, 2, 3).verify(t))
}

// A statement of documents is no tree of batches: a member cannot pass two
// batch roots off as salt and digest, or the other way round.
func TestEntryTypes(t *testing.T) {
	p := issue(t, 1, 0, uniStatement(ownTime), dean, registrar)
	a, b := sha256.Sum256([]byte("a")), sha256.Sum256([]byte("b"))
	p.Layers = []proof.Layer{place(t, [][]byte{a[:], b[:]}, 0, uniStatement(ownTime), dean, registrar)}
	s := ownScene(t, p)
	requireMalformed(t, s.verify(t))
}
