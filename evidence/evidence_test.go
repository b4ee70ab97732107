package evidence_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/evidence"
	"gradseal/issuer"
	"gradseal/merkle"
	"gradseal/proof"
	"gradseal/verify"
)

var issued = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// registrar signs with the key of this seed.
type registrar byte

func (r registrar) key() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(r)}, ed25519.SeedSize))
}
func (r registrar) Name() string { return "uni.example" }
func (r registrar) PublicKey() issuer.PublicKey {
	return issuer.PublicKey(r.key().Public().(ed25519.PublicKey))
}
func (r registrar) KeyHash() uint32                  { return r.PublicKey().ID(r.Name()) }
func (r registrar) Sign(text []byte) ([]byte, error) { return ed25519.Sign(r.key(), text), nil }

// issue is the pending proof file of a document, alone in its batch.
func issue(t testing.TB, document []byte, by registrar) []byte {
	t.Helper()
	digest, _, err := verify.Hash(bytes.NewReader(document))
	require.NoError(t, err)
	salt := [32]byte{byte(by)}
	s := issuer.Statement{
		Type: issuer.Documents, Issuer: by.Name(), Network: bitcoin.Regtest, Size: 1,
		Root: merkle.LeafHash(proof.Entry(salt, digest)), Issued: issued,
	}
	text, err := s.Text()
	require.NoError(t, err)
	signed, err := issuer.SignNote(text, issuer.MaxStatement, by)
	require.NoError(t, err)
	data, err := proof.Marshal(&proof.Proof{Digest: digest, Salt: salt, Layers: []proof.Layer{{Path: []merkle.Hash{}, Signed: signed}}})
	require.NoError(t, err)
	return data
}

func read(data []byte) *verify.Proof {
	p := verify.ReadProof(data)
	return &p
}

func pdf(name string) []byte {
	return fmt.Appendf(nil, "%%PDF-1.7\n%% %s\nstartxref\n9\n%%%%EOF\n", name)
}

// with is a document with a proof at its end (docs/format.md, "Inside the PDF").
func with(document, proofFile []byte) []byte {
	b := append(bytes.Clone(document), "\n%gradseal-proof-1\n"...)
	for text := base64.StdEncoding.EncodeToString(proofFile); text != ""; {
		n := min(76, len(text))
		b = append(b, "%"+text[:n]+"\n"...)
		text = text[n:]
	}
	return append(b, "startxref\n9\n%%EOF\n"...)
}

func section(data []byte) *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data)))
}

// places are where a proof can be, in the order in which they count.
type places struct{ named, listed, beside, inside, folder bool }

// TestFind goes through all combinations of places, with a proof of the document
// in each.
func TestFind(t *testing.T) {
	original := pdf("a")
	for i := range 1 << 5 {
		at := places{i&1 != 0, i&2 != 0, i&4 != 0, i&8 != 0, i&16 != 0}
		t.Run(fmt.Sprintf("%+v", at), func(t *testing.T) {
			doc := original
			if at.inside {
				doc = with(original, issue(t, original, 4))
			}
			named, listed, beside, folder := read(issue(t, original, 1)), read(issue(t, original, 2)), read(issue(t, original, 3)), read(issue(t, original, 5))
			f := evidence.Finder{Listed: evidence.Index{}}
			if at.named {
				f.Named = named
			}
			if at.listed {
				f.Listed.Add(listed)
			}
			f.Beside = func(name string) (*verify.Proof, error) {
				require.Equal(t, "a.pdf", name)
				if !at.beside {
					return nil, nil
				}
				return beside, nil
			}
			if at.folder {
				index := evidence.Index{}
				index.Add(folder)
				f.Folder = index.Find
			}
			e, err := f.Find("a.pdf", section(doc), io.Discard)
			require.NoError(t, err)
			require.NoError(t, e.Broken)
			spare := 0
			if at.listed && !at.named { // TestStrangerHidesNone
				spare = map[bool]int{true: 1}[at.beside] + map[bool]int{true: 1}[at.inside]
			}
			require.Len(t, e.Spare, spare)
			require.EqualValues(t, len(original), e.Size, "of what was issued")
			switch {
			case at.named:
				require.Same(t, named, e.Proof)
			case at.listed:
				require.Same(t, listed, e.Proof)
			case at.beside:
				require.Same(t, beside, e.Proof)
			case at.inside:
				require.NotNil(t, e.Proof)
				for _, other := range []*verify.Proof{named, listed, beside, folder} {
					require.NotEqual(t, other, e.Proof)
				}
			case at.folder:
				require.Same(t, folder, e.Proof)
			default:
				require.Nil(t, e.Proof)
				_, claims := e.Claimed()
				require.False(t, claims)
				return
			}
			claimed, ok := e.Claimed()
			require.True(t, ok)
			require.Equal(t, e.Digest, claimed)
		})
	}
}

// A proof of something else in each of the places.
func TestFindOther(t *testing.T) {
	doc, other := pdf("a"), read(issue(t, pdf("b"), 1))
	whole, _, err := verify.Hash(bytes.NewReader(doc))
	require.NoError(t, err)
	find := func(f evidence.Finder, doc []byte) evidence.Evidence {
		e, err := f.Find("a.pdf", section(doc), io.Discard)
		require.NoError(t, err)
		return e
	}
	// What was named or lies beside it is its proof, whatever it is for.
	e := find(evidence.Finder{Named: other}, doc)
	require.Same(t, other, e.Proof)
	require.Equal(t, whole, e.Digest)
	e = find(evidence.Finder{Beside: func(string) (*verify.Proof, error) { return other, nil }}, doc)
	require.Same(t, other, e.Proof)
	require.Equal(t, whole, e.Digest)
	// So is what is inside, for what stands before it.
	e = find(evidence.Finder{}, with(doc, issue(t, pdf("b"), 1)))
	require.NotNil(t, e.Proof)
	require.Equal(t, whole, e.Digest)
	require.EqualValues(t, len(doc), e.Size)
	// What is listed or in the folder belongs to others.
	index := evidence.Index{}
	index.Add(other)
	e = find(evidence.Finder{Listed: index, Folder: index.Find}, doc)
	require.Nil(t, e.Proof)
	// A proof of the whole file, that carries one, is for the whole file.
	carrier := with(doc, issue(t, doc, 2))
	e = find(evidence.Finder{Named: read(issue(t, carrier, 1))}, carrier)
	require.EqualValues(t, len(carrier), e.Size)
}

// A trailer that is not as it must be counts unless there is a proof outside.
func TestFindBroken(t *testing.T) {
	doc := pdf("a")
	broken := append(with(doc, issue(t, doc, 1)), "%%EOF\n"...)
	e, err := new(evidence.Finder).Find("a.pdf", section(broken), io.Discard)
	require.NoError(t, err)
	require.ErrorIs(t, e.Broken, proof.ErrTrailer)
	require.Nil(t, e.Proof)
	require.EqualValues(t, len(broken), e.Size)
	r := e.Judge(verifier(t))
	require.Equal(t, verify.Invalid, r.Verdict)
	require.Equal(t, verify.BrokenTrailer, r.Reason)

	outside := read(issue(t, doc, 2))
	e, err = (&evidence.Finder{Named: outside}).Find("a.pdf", section(broken), io.Discard)
	require.NoError(t, err)
	require.NoError(t, e.Broken)
	require.Same(t, outside, e.Proof)
	require.Equal(t, verify.DigestDiffers, e.Judge(verifier(t)).First().Reason)
}

// What is found when a reader, or who is told of the progress, gives up.
func TestFindErrors(t *testing.T) {
	enough := errors.New("enough")
	doc := pdf("a")
	_, err := new(evidence.Finder).Find("a.pdf", section(doc), failing{enough})
	require.ErrorIs(t, err, enough)
	_, err = new(evidence.Finder).Find("a.pdf", io.NewSectionReader(bytes.NewReader(doc), 0, int64(len(doc))+1), io.Discard)
	require.ErrorContains(t, err, fmt.Sprintf("it has %d bytes, and had %d a moment ago", len(doc), len(doc)+1))
	unread := evidence.Finder{Beside: func(string) (*verify.Proof, error) { return nil, enough }}
	_, err = unread.Find("a.pdf", section(doc), io.Discard)
	require.ErrorIs(t, err, enough)
	unread.Listed = evidence.Index{}
	unread.Listed.Add(read(issue(t, doc, 1)))
	e, err := unread.Find("a.pdf", section(doc), io.Discard)
	require.NoError(t, err, "it was not needed")
	require.NotNil(t, e.Proof)
	_, err = (&evidence.Finder{Folder: func(verify.Digest) ([]*verify.Proof, error) { return nil, enough }}).Find("a.pdf", section(doc), io.Discard)
	require.ErrorIs(t, err, enough)

	var seen strings.Builder
	_, err = new(evidence.Finder).Find("a.pdf", section(with(doc, issue(t, doc, 1))), &seen)
	require.NoError(t, err)
	require.Equal(t, string(with(doc, issue(t, doc, 1))), seen.String(), "once, whole")
}

type failing struct{ error }

func (f failing) Write([]byte) (int, error) { return 0, f.error }

// verifier trusts registrar 1 alone.
func verifier(t testing.TB) *verify.Verifier {
	t.Helper()
	by := registrar(1)
	file := &issuer.File{ID: by.Name(), Name: "University of Example", Sequence: 1, Sets: []issuer.KeySet{
		{From: issued.AddDate(0, 0, -1), Threshold: 1, Keys: []issuer.Key{{Public: by.PublicKey(), Holder: "Registrar"}}},
	}}
	v, err := verify.New(verify.Trust{Issuers: []*issuer.File{file}}, verify.Policy{Network: bitcoin.Regtest, Confirmations: 1, AllowUnknownStatus: true, Now: issued})
	require.NoError(t, err)
	return v
}

// Anyone can make a proof for a digest: of several, one that is worth nothing
// does not hide the one that counts, wherever it stands.
func TestJudgeSpare(t *testing.T) {
	doc := pdf("a")
	sound, worthless := issue(t, doc, 1), issue(t, doc, 2)
	false1 := read(bytes.Replace(sound, []byte(`"salt": "0`), []byte(`"salt": "f`), 1))
	v := verifier(t)
	for name, proofs := range map[string][]*verify.Proof{
		"first": {read(sound), read(worthless), false1}, "second": {read(worthless), read(sound), false1}, "last": {false1, read(worthless), read(sound)},
	} {
		t.Run(name, func(t *testing.T) {
			index := evidence.Index{}
			for _, p := range proofs {
				index.Add(p)
			}
			e, err := (&evidence.Finder{Folder: index.Find}).Find("a.pdf", section(doc), io.Discard)
			require.NoError(t, err)
			require.Len(t, e.Spare, 2)
			require.Equal(t, verify.Pending, e.Judge(v).Verdict)
			e.Spare = nil
			if name == "last" {
				require.Equal(t, verify.Invalid, e.Judge(v).Verdict)
			}
		})
	}
	require.Equal(t, verify.NoProof, evidence.Evidence{}.Judge(v).Reason)
	none := evidence.Index{}
	none.Add(read([]byte("garbage")))
	require.Empty(t, none)
}

// FuzzInside: what stands inside a file never panics, and never names more of
// the file than there is.
func FuzzInside(f *testing.F) {
	doc := pdf("a")
	f.Add(doc)
	f.Add(with(doc, issue(f, doc, 1)))
	f.Add(with(with(doc, issue(f, doc, 1)), []byte("{}")))
	f.Add([]byte("\n%gradseal-proof-1\n%%EOF\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		in, err := evidence.Inside(section(file))
		require.NoError(t, err)
		e, err := new(evidence.Finder).Find("", section(file), io.Discard)
		require.NoError(t, err)
		require.Equal(t, in.Proof == nil, e.Proof == nil)
		require.Equal(t, in.Broken == nil, e.Broken == nil)
		if in.Proof == nil {
			require.EqualValues(t, len(file), e.Size)
			return
		}
		require.Less(t, in.Size, int64(len(file)))
		digest, _, err := verify.Hash(bytes.NewReader(file[:in.Size]))
		require.NoError(t, err)
		require.Equal(t, digest, e.Digest)
	})
}

// TestStrangerHidesNone: among the proofs that came with several documents, one of
// a stranger must not hide the one that a document carries.
func TestStrangerHidesNone(t *testing.T) {
	original := pdf("a")
	stranger, own := read(issue(t, original, 1)), issue(t, original, 2)
	f := evidence.Finder{Listed: evidence.Index{}}
	f.Listed.Add(stranger)
	e, err := f.Find("a.pdf", section(with(original, own)), io.Discard)
	require.NoError(t, err)
	require.Equal(t, stranger, e.Proof)
	require.Len(t, e.Spare, 1)
	require.Equal(t, read(own), e.Spare[0])
	require.Len(t, f.Listed[e.Digest], 1, "the index is as it was")

	f.Beside = func(string) (*verify.Proof, error) { return read(own), nil }
	e, err = f.Find("a.pdf", section(original), io.Discard)
	require.NoError(t, err)
	require.Equal(t, stranger, e.Proof)
	require.Len(t, e.Spare, 1)
	require.Equal(t, read(own), e.Spare[0])
	require.Len(t, f.Listed[e.Digest], 1, "the index is as it was")
}
