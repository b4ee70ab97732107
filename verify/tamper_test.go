package verify_test

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/issuer"
	"gradseal/proof"
	"gradseal/verify"
)

// flipBits calls try with data after each flip of a single bit, in every byte
// or, with a greater step, in every step-th, on all processors. It returns how
// many flips there were.
func flipBits(data []byte, step int64, try func(at, bit int, flipped []byte)) int {
	var next, count atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			b := bytes.Clone(data)
			for at := next.Add(step) - step; at < int64(len(b)); at = next.Add(step) - step {
				for bit := range 8 {
					b[at] ^= 1 << bit
					try(int(at), bit, b)
					b[at] ^= 1 << bit
					count.Add(1)
				}
			}
		})
	}
	wg.Wait()
	return int(count.Load())
}

// tally counts verdicts.
type tally [5]atomic.Int64

func (c *tally) add(v verify.Verdict) { c[v].Add(1) }

func (c *tally) of(v verify.Verdict) int { return int(c[v].Load()) }

// Every single flipped bit of a proof file, from the first brace to the last
// line feed; of one with four layers, those of every fifth byte.
func TestFlippedBitsOfTheFile(t *testing.T) {
	for _, test := range []struct {
		name  string
		scene *scene
		step  int64
	}{
		{"1 layer", oneLayer(t), stride},
		{"4 layers", fourLayers(t), 5 * stride},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := test.scene
			v, file := s.verifier(t), s.file(t)
			require.Equal(t, verify.Valid, v.Verify(s.digest, file).Verdict)
			var verdicts tally
			n := flipBits(file, test.step, func(at, bit int, flipped []byte) {
				r := v.Verify(s.digest, flipped)
				verdicts.add(r.Verdict)
				if r.Verdict != verify.Invalid && r.Verdict != verify.CannotTell {
					t.Errorf("byte %d, bit %d: %s", at, bit, r.Verdict)
				}
			})
			require.EqualValues(t, 8*((int64(len(file))+test.step-1)/test.step), n)
			require.Equal(t, n, verdicts.of(verify.Invalid)+verdicts.of(verify.CannotTell))
			require.Greater(t, verdicts.of(verify.Invalid), n*9/10, "CANNOT TELL is for flips in names of keys, formats and the height")
		})
	}
}

// Every single flipped bit of what the fields of a proof hold, so that the flip
// is not caught by its spelling. Each is caught by the check that it belongs to,
// and not by another.
func TestFlippedBitsOfTheFields(t *testing.T) {
	s := oneLayer(t)
	v := s.verifier(t)
	p := s.proof
	l, b := &p.Layers[0], p.Bitcoin
	require.NotEmpty(t, l.Path)
	require.NotEmpty(t, b.Path)
	fields := []struct {
		name  string
		field []byte
		check int // that is not ok
	}{
		{"digest", p.Digest[:], verify.Document},
		{"salt", p.Salt[:], verify.Inclusion},
		{"audit path, first", l.Path[0][:], verify.Inclusion},
		{"audit path, last", l.Path[len(l.Path)-1][:], verify.Inclusion},
		{"transaction", b.Transaction, verify.Anchor},
		{"block path", b.Path[0][:], verify.Anchor},
		{"header", b.Header[:], verify.Block},
	}
	for _, f := range fields {
		t.Run(f.name, func(t *testing.T) {
			eachFlip(f.field, func(at, bit int) {
				data, err := proof.Marshal(p)
				require.NoError(t, err)
				r := v.Verify(s.digest, data)
				require.NotEqual(t, verify.Valid, r.Verdict, "byte %d, bit %d", at, bit)
				require.NotEqual(t, verify.OK, r.Checks[f.check].Outcome, "byte %d, bit %d", at, bit)
			})
		})
	}
	t.Run("statement", func(t *testing.T) {
		eachFlip(l.Signed, func(at, bit int) {
			// A flip that JSON has no spelling for is in no file.
			if data, err := proof.Marshal(p); err == nil {
				verdict := v.Verify(s.digest, data).Verdict
				require.True(t, verdict == verify.Invalid || verdict == verify.CannotTell, "byte %d, bit %d: %s", at, bit, verdict)
			}
		})
	})
	for name, n := range map[string]*uint32{"position": &b.Position, "height": &b.Height} {
		for bit := range 32 {
			*n ^= 1 << bit
			require.NotEqual(t, verify.Valid, s.verify(t).Verdict, "%s, bit %d", name, bit)
			*n ^= 1 << bit
		}
	}
	for bit := range 32 {
		l.Index ^= 1 << bit
		require.Equal(t, verify.Invalid, s.verify(t).Verdict, "index, bit %d", bit)
		l.Index ^= 1 << bit
	}
	requireResult(t, s.verify(t), verify.Valid, nil)
}

// eachFlip calls try while a single bit of field is flipped.
func eachFlip(field []byte, try func(at, bit int)) {
	for at := 0; at < len(field); at += stride {
		for bit := range 8 {
			field[at] ^= 1 << bit
			try(at, bit)
			field[at] ^= 1 << bit
		}
	}
}

// Successors prove nothing to a verifier that has the chain, but false ones are
// false: only the last header can be another one, if it has the work. That is
// one flip in two on regtest, and none elsewhere.
func TestFlippedBitsOfTheSuccessors(t *testing.T) {
	s := ownScene(t, issue(t, 9, 4, uniStatement(ownTime), dean, registrar))
	s.addSuccessors()
	v := s.verifier(t)
	hs := s.proof.Bitcoin.Successors
	eachFlip(hs[0][:], func(at, bit int) {
		requireResult(t, v.Verify(s.digest, s.file(t)), verify.Invalid, findings{verify.Block: failed(verify.BadHeader)})
	})
	still := 0
	eachFlip(hs[1][:], func(at, bit int) {
		r := v.Verify(s.digest, s.file(t))
		if hs[1].Previous() == hs[0].Hash() && hs[1].CheckWork() == nil {
			requireResult(t, r, verify.Valid, nil)
			still++
			return
		}
		requireResult(t, r, verify.Invalid, findings{verify.Block: failed(verify.BadHeader)})
	})
	require.NotZero(t, still)
	require.Less(t, still, 8*48*2/3)
}

// Every single flipped bit of the document.
func TestFlippedBitsOfTheDocument(t *testing.T) {
	s := oneLayer(t)
	v, file := s.verifier(t), s.file(t)
	content := documents(9)[4].content
	require.Equal(t, verify.Valid, v.Verify(digestOf(t, content), file).Verdict)
	flipBits(content, stride, func(at, bit int, flipped []byte) {
		d, _, err := verify.Hash(bytes.NewReader(flipped))
		if err != nil || v.Verify(d, file).Verdict != verify.Invalid {
			t.Errorf("byte %d, bit %d", at, bit)
		}
	})
}

// Every single flipped bit of what the verifier was given by the issuer: a file
// that no longer reads is one that the verifier does not have.
func TestFlippedBitsOfTheTrust(t *testing.T) {
	s := oneLayer(t)
	file := s.file(t)
	_, list := statusList(t, s.list, dean, registrar)
	_, issuerData := uniFileData(t, s.time.Add(-day), s.time.Add(365*day))
	judge := func(list, issuerData []byte) *verify.Result {
		trust := verify.Trust{Chain: s.trust.Chain}
		if l, n, err := issuer.ParseStatus(list); err == nil {
			trust.Status = []verify.StatusList{{StatusList: l, Note: n}}
		}
		if f, err := issuer.ParseFile(issuerData); err == nil {
			trust.Issuers = []*issuer.File{f}
		}
		v, err := verify.New(trust, s.policy)
		if err != nil {
			t.Error(err)
			return verify.WithoutProof()
		}
		return v.Verify(s.digest, file)
	}
	requireResult(t, judge(list, issuerData), verify.Valid, nil)

	var lists, files tally
	n := flipBits(list, stride, func(at, bit int, flipped []byte) {
		r := judge(flipped, issuerData)
		lists.add(r.Verdict)
		if r.Verdict != verify.CannotTell || r.First().Name != "status" {
			t.Errorf("status list, byte %d, bit %d: %s", at, bit, r.Verdict)
		}
	})
	require.Equal(t, n, lists.of(verify.CannotTell))
	n = flipBits(issuerData, stride, func(at, bit int, flipped []byte) {
		r := judge(list, flipped)
		files.add(r.Verdict)
		if r.Verdict != verify.CannotTell || r.First().Name != "issuer" {
			t.Errorf("issuer file, byte %d, bit %d: %s", at, bit, r.Verdict)
		}
	})
	require.Equal(t, n, files.of(verify.CannotTell))
}

func TestGarbage(t *testing.T) {
	s := oneLayer(t)
	v, file := s.verifier(t), s.file(t)
	random := rand.NewChaCha8([32]byte{7})
	garbage := make([]byte, 64<<10)
	for range 20 {
		random.Read(garbage)
		requireMalformed(t, v.Verify(s.digest, garbage))
	}
	text := make([]byte, 64<<10)
	for i := range text {
		text[i] = `{}[]":,0123456789abcdef\ntype `[int(garbage[i])%30]
	}
	requireMalformed(t, v.Verify(s.digest, text))
	requireMalformed(t, v.Verify(s.digest, nil))
	requireMalformed(t, v.Verify(s.digest, []byte{}))
	requireMalformed(t, v.Verify(s.digest, make([]byte, 10<<20)))
	requireMalformed(t, v.Verify(s.digest, []byte("%PDF-1.7\n")))
	for n := 0; n < len(file); n += stride {
		requireMalformed(t, v.Verify(s.digest, file[:n]))
		requireMalformed(t, v.Verify(s.digest, file[n+1:]))
	}
	requireMalformed(t, v.Verify(s.digest, append(bytes.Clone(file), file...)))
	requireMalformed(t, v.Verify(s.digest, append(bytes.Clone(file), 0)))
}
