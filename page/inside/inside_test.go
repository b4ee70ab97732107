package inside

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"image"
	"image/draw"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	qrcode "github.com/skip2/go-qrcode"
	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/proof"
	"gradseal/qr"
	"gradseal/words"
)

func open(t testing.TB, packs ...[]byte) *Page {
	t.Helper()
	p, err := Open(Options{Network: "regtest", Confirmations: 1, Language: "en", Built: "v1", Now: now.Format(time.RFC3339)}, packs)
	require.NoError(t, err)
	return p
}

func info(t testing.TB, p *Page) *Info {
	t.Helper()
	i, err := p.Info()
	require.NoError(t, err)
	return i
}

// segment is the beginning of a regtest chain, n headers above genesis. mark makes
// another chain.
func segment(t testing.TB, n int, mark byte) []byte {
	t.Helper()
	h := bitcoin.Regtest.Genesis()
	all := []bitcoin.Header{h}
	for i := range n {
		hash := h.Hash()
		next := h
		copy(next[4:36], hash[:])
		next[0], next[36] = 4, mark
		at := uint32(1_700_000_000 + 600*i)
		next[68], next[69], next[70], next[71] = byte(at), byte(at>>8), byte(at>>16), byte(at>>24)
		for next.CheckWork() != nil {
			next[76]++
		}
		h = next
		all = append(all, h)
	}
	data, err := (&headers.Segment{Network: bitcoin.Regtest, Source: "a node", Headers: all}).Marshal()
	require.NoError(t, err)
	return data
}

func TestOpenRefuses(t *testing.T) {
	u := newUni(t, "a.example", "A")
	pack := u.pack(t, nil, nil)
	good := Options{Network: "regtest", Confirmations: 1, Language: "en"}
	for want, o := range map[string]Options{
		"unknown network":            {Network: "othernet", Confirmations: 1},
		"at least 1 confirmation":    {Network: "regtest"},
		"malformed options: parsing": {Network: "regtest", Confirmations: 1, Now: "today"},
	} {
		_, err := Open(o, nil)
		require.ErrorContains(t, err, want)
	}
	_, err := Open(good, [][]byte{pack, pack})
	require.EqualError(t, err, "pack 2 of this page: a second pack of a.example")
	_, err = Open(good, [][]byte{[]byte("{}")})
	require.ErrorContains(t, err, "pack 1 of this page: not a pack")
	other := newUni(t, "b.example", "B")
	_, err = Open(good, [][]byte{u.pack(t, nil, [][]byte{segment(t, 5, 0)}), other.pack(t, nil, [][]byte{segment(t, 3, 1)})})
	require.ErrorIs(t, err, headers.ErrDisagree)
	_, err = Open(good, [][]byte{pack, segment(t, 3, 0), other.pack(t, nil, [][]byte{segment(t, 5, 1)})})
	require.ErrorIs(t, err, headers.ErrDisagree)
	p, err := Open(good, [][]byte{pack, segment(t, 3, 0), other.pack(t, nil, [][]byte{segment(t, 5, 0)})})
	require.NoError(t, err)
	require.EqualValues(t, 5, info(t, p).Headers.Height)
	_, err = Open(good, [][]byte{segment(t, 3, 0)[:100]})
	require.ErrorContains(t, err, "malformed header segment")
	_, err = Open(Options{Network: "signet", Confirmations: 1}, [][]byte{segment(t, 3, 0)})
	require.ErrorContains(t, err, "it is of regtest, want signet")
	_, err = ParseOptions([]byte("[]"))
	require.ErrorContains(t, err, "malformed options")
}

func TestInfo(t *testing.T) {
	a, b := newUni(t, "a.example", "A"), newUni(t, "b.example", "B \u3164 B")
	p := open(t, b.pack(t, nil, nil), a.pack(t, [][]byte{a.list(t, bitcoin.Mainnet, 1), a.list(t, bitcoin.Regtest, 1)}, [][]byte{segment(t, 5, 0)}))
	i := info(t, p)
	require.Equal(t, []IssuerInfo{
		{ID: "a.example", Name: "A", Fingerprint: a.file.Fingerprint().String(), StatusAsOf: "22 November 2026", StatusNext: "22 December 2026", StatusDate: "2026-11-22"},
		{ID: "b.example", Name: `B \u{3164} B`, Fingerprint: b.file.Fingerprint().String()},
	}, i.Issuers)
	require.Equal(t, &HeadersInfo{Height: 5, Time: "14 November 2023"}, i.Headers)
	require.True(t, i.TestNetwork)
	require.Equal(t, "v1", i.Built)
	require.Contains(t, i.Languages, LanguageInfo{"zh", "简体中文"})
	require.NotEmpty(t, i.Text["ui.choose"])
	english := i.Text["ui.choose"]

	require.NoError(t, p.SetLanguage("zh-CN"))
	require.NotEqual(t, english, info(t, p).Text["ui.choose"])
	require.Error(t, p.SetLanguage("tlh"))
	require.Equal(t, "zh", info(t, p).Language, "it stays as it was")

	// A page whose language is not there is opened all the same.
	p, err := Open(Options{Network: "mainnet", Confirmations: 6, Language: "tlh"}, nil)
	require.NoError(t, err)
	i = info(t, p)
	require.Equal(t, words.Default, i.Language)
	require.Nil(t, i.Headers)
	require.False(t, i.TestNetwork)

	late, err := Open(Options{Network: "regtest", Confirmations: 1, Now: "2027-01-01T00:00:00Z"}, [][]byte{a.pack(t, [][]byte{a.list(t, bitcoin.Regtest, 1)}, nil)})
	require.NoError(t, err)
	require.True(t, info(t, late).Issuers[0].StatusPast)
}

func TestAddStatus(t *testing.T) {
	a, b := newUni(t, "a.example", "A"), newUni(t, "b.example", "B")
	first := a.list(t, bitcoin.Regtest, 1, 1)
	p := open(t, a.pack(t, [][]byte{first}, nil))
	add := func(data []byte) string {
		t.Helper()
		text, err := p.AddStatus(data)
		require.NoError(t, err)
		return text
	}
	refuse := func(want string, data []byte) {
		t.Helper()
		before := info(t, p)
		_, err := p.AddStatus(data)
		require.ErrorContains(t, err, want)
		require.Equal(t, before, info(t, p))
	}
	require.Contains(t, add(first), "is here already")
	require.Equal(t, `Taken in: the status list of “A” for regtest, as of 22 November 2026.`, add(a.list(t, bitcoin.Regtest, 2, 1, 2)))
	refuse("is older than the one here, which stays", first)
	refuse(`of “b.example”, which this page does not recognise`, b.list(t, bitcoin.Regtest, 3))
	refuse("batch", a.list(t, bitcoin.Regtest, 4, 2)) // one that was there is missing
	refuse("neither a status list nor the pack", []byte("%PDF-1.7"))
	refuse("no status list in this pack", a.pack(t, nil, nil))
	forged := *a
	forged.key = newUni(t, "a.example", "A").key
	refuse("not signed by enough known keys", forged.list(t, bitcoin.Regtest, 9, 1, 2))

	// From a pack nothing but its lists is taken.
	require.Contains(t, add(a.pack(t, [][]byte{a.list(t, bitcoin.Regtest, 5, 1, 2)}, [][]byte{segment(t, 5, 0)})), "Taken in")
	require.Nil(t, info(t, p).Headers)

	require.False(t, info(t, p).Issuers[0].Forked)
	require.Contains(t, add(a.list(t, bitcoin.Regtest, 5, 1, 2, 3)), `WARNING: “A” has signed two different status lists`)
	require.True(t, info(t, p).Issuers[0].Forked)
	require.Contains(t, add(a.list(t, bitcoin.Regtest, 6, 1, 2, 3)), "Taken in")
	require.False(t, info(t, p).Issuers[0].Forked)
}

func TestAddPack(t *testing.T) {
	a, b := newUni(t, "a.example", "A"), newUni(t, "b.example", "B")
	p := open(t, a.pack(t, nil, [][]byte{segment(t, 5, 0)}))
	pack := b.pack(t, [][]byte{b.list(t, bitcoin.Regtest, 1)}, [][]byte{segment(t, 8, 0)})
	claim, err := p.ReadPack(pack)
	require.NoError(t, err)
	require.Equal(t, Claim{"b.example", "B"}, claim)
	_, err = p.ReadPack([]byte("x"))
	require.ErrorContains(t, err, "not the pack of an institution")

	fingerprint := b.file.Fingerprint().String()
	refuse := func(want string, data []byte, typed string) {
		t.Helper()
		before := info(t, p)
		_, err := p.AddPack(data, typed)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), fingerprint[:14], "whoever reads it here would type it here")
		require.Equal(t, before, info(t, p))
	}
	refuse("a fingerprint has 40 characters", pack, "")
	refuse("a fingerprint has 40 characters", pack, fingerprint[:48])
	refuse("this is not the fingerprint of the file", pack, a.file.Fingerprint().String())
	impostor := newUni(t, "a.example", "A")
	refuse("does not follow from it", impostor.pack(t, nil, nil), impostor.file.Fingerprint().String())
	falseHeaders := segment(t, 8, 0)
	falseHeaders[len(falseHeaders)-5]++ // bits of the last one
	refuse("invalid bits", b.pack(t, nil, [][]byte{falseHeaders}), fingerprint)

	text, err := p.AddPack(pack, strings.ToUpper(strings.ReplaceAll(fingerprint, " ", ":")))
	require.NoError(t, err)
	require.Contains(t, text, `Added: “B”.`)
	require.Contains(t, text, "Taken in: the status list")
	require.Contains(t, text, "up to height 8")
	i := info(t, p)
	require.Len(t, i.Issuers, 2)
	require.EqualValues(t, 8, i.Headers.Height)

	// Another chain with more work does not take the place of the page's own.
	c := newUni(t, "c.example", "C")
	text, err = p.AddPack(c.pack(t, nil, [][]byte{segment(t, 30, 1)}), c.file.Fingerprint().String())
	require.NoError(t, err)
	require.Contains(t, text, "were not taken in")
	require.EqualValues(t, 8, info(t, p).Headers.Height)
	same, err := p.AddPack(c.data, c.file.Fingerprint().String()) // an issuer file alone
	require.NoError(t, err)
	require.Equal(t, `“C” is here already.`, same)
}

// TestSortFiles tells documents, proofs and other files apart.
func TestSortFiles(t *testing.T) {
	proofs := readVectors[verdictVector](t, "verdict")
	sound := *proofs[0].Proof
	a := newUni(t, "a.example", "A")
	p := open(t)
	for name, test := range map[string]struct {
		data, want string
	}{
		"a.pdf":                    {sound, "document"},
		"folder/b.PDF":             {"x", "document"},
		"folder/.hidden/b.pdf":     {"x", "hidden"},
		"folder/.DS_Store":         {"x", "hidden"},
		".a.pdf":                   {"x", "document"},
		"essay.docx":               {"x", "document"},
		"empty":                    {"", "document"},
		"folder/essay.docx":        {"x", "not-pdf"},
		"a.pdf.proof.json":         {"damaged", "proof"},
		"folder/A.PDF.PROOF.JSON":  {"damaged", "proof"},
		"a.pdf.proof (1).json":     {"{", "proof"},
		"download":                 {sound, "proof"},
		"folder/x.json":            {sound, "proof"},
		"data.json":                {"{}", "document"},
		"list":                     {string(a.list(t, bitcoin.Regtest, 1)), "status"},
		"uni.pack":                 {string(a.pack(t, nil, nil)), "pack"},
		"large.json":               {"{" + strings.Repeat(" ", proof.MaxSize), "document"},
		"large.pdf" + proof.Suffix: {"{" + strings.Repeat(" ", proof.MaxSize), "proof"},
	} {
		got, given := kindOf(fileOf(name, []byte(test.data)))
		require.Equal(t, test.want, string(got), name)
		require.Equal(t, got == proofFile, given != nil, name)
	}
	j, err := p.Judge([]File{fileOf("f/x.txt", []byte("x")), fileOf("uni.pack", nil), fileOf("b.pdf.proof.json", nil)}, nil)
	require.NoError(t, err)
	require.Empty(t, j.Views)
	require.Len(t, j.Ignored, 3)
	for _, i := range j.Ignored {
		require.NotContains(t, i.Why, "page.ignored", "a text for everything")
	}
}

// TestJudgeSeveral: proofs go to their documents by place and by digest.
func TestJudgeSeveral(t *testing.T) {
	all := readVectors[verdictVector](t, "verdict")
	v := all[0]
	p := v.page(t)
	document, file := octets(v.Document, v.DocumentBytes), []byte(*v.Proof)
	judge := func(files ...File) *Judgement {
		t.Helper()
		var last, total int64
		j, err := p.Judge(files, func(d, of int64) {
			require.GreaterOrEqual(t, d, last)
			last, total = d, of
		})
		require.NoError(t, err)
		require.Equal(t, total, last)
		return j
	}
	verdicts := func(j *Judgement) string {
		var all []string
		for _, v := range j.Views {
			all = append(all, v.File+" "+v.Verdict)
		}
		return strings.Join(all, ", ")
	}
	other := []byte("%PDF-1.7\nanother")
	require.Equal(t, "a.pdf valid, b.pdf cannot-tell", verdicts(judge(fileOf("a.pdf", document), fileOf("b.pdf", other), fileOf("x.json", file))))
	require.Equal(t, "f/a.pdf valid, f/b.pdf invalid", verdicts(judge(
		fileOf("f/a.pdf", document), fileOf("f/b.pdf", other), fileOf("f/b.pdf.proof.json", file))), "beside it lies a proof of the other")
	require.Equal(t, "b.pdf invalid", verdicts(judge(fileOf("b.pdf", other), fileOf("whatever.json", file))), "one and one belong together")

	j := judge(fileOf("a.pdf", document), fileOf("a.pdf.proof.json", file), fileOf("c.pdf.proof.json", []byte(*all[1].Proof)))
	require.Equal(t, "a.pdf valid", verdicts(j))
	j = judge(fileOf("a.pdf", other), fileOf("b.pdf.proof.json", file), fileOf("c.pdf.proof.json", []byte("{")))
	require.Equal(t, "a.pdf cannot-tell", verdicts(j))
	require.Equal(t, []string{"b.pdf.proof.json", "c.pdf.proof.json"}, []string{j.Ignored[0].Name, j.Ignored[1].Name})

	// Without its document a proof says which file is wanted.
	j = judge(fileOf("a.pdf.proof.json", file))
	require.Equal(t, "a.pdf.proof.json cannot-tell", verdicts(j))
	require.Contains(t, j.Views[0].Checks[0].Text, "f23973d1262101f0c1fe744b3fb4f2720abfbea4547fa19021e75f54226311fc")

	none := judge()
	data, err := json.Marshal(none)
	require.NoError(t, err)
	require.JSONEq(t, `{"views":[],"ignored":[]}`, string(data))
}

// failing is a file that goes away while it is read.
type failing struct{}

func (failing) ReadAt([]byte, int64) (int, error) { return 0, errors.New("the disk is gone") }

// TestUnreadable: one file that cannot be read keeps no other from its verdict.
func TestUnreadable(t *testing.T) {
	v := readVectors[verdictVector](t, "verdict")[0]
	j, err := v.page(t).Judge([]File{
		{Name: "gone.pdf", SectionReader: io.NewSectionReader(failing{}, 0, 100)},
		{Name: "gone.json", SectionReader: io.NewSectionReader(failing{}, 0, 100)},
		fileOf("a.pdf", octets(v.Document, v.DocumentBytes)), fileOf("a.pdf.proof.json", []byte(*v.Proof)),
	}, nil)
	require.NoError(t, err)
	require.Equal(t, "cannot-tell", j.Views[0].Verdict)
	require.Equal(t, "valid", j.Views[1].Verdict)
	require.Len(t, j.Ignored, 1)
	require.Contains(t, j.Ignored[0].Why, "cannot read")
}

// TestEmbedAndExtract makes one file of two, and two of one.
func TestEmbedAndExtract(t *testing.T) {
	v := readVectors[verdictVector](t, "verdict")[0]
	p := v.page(t)
	document, file := octets(v.Document, v.DocumentBytes), []byte(*v.Proof)
	e, err := p.Embed(fileOf("f/Transcript.PDF", document), fileOf("x.json", file))
	require.NoError(t, err)
	require.Equal(t, "Transcript-with-proof.PDF", e.Name)
	require.Empty(t, e.Warning)
	whole := append(slices.Clone(document), e.Trailer...)
	require.Equal(t, "valid", judgeOne(t, p, fileOf(e.Name, whole)).Verdict)

	x, err := p.Extract(fileOf(e.Name, whole))
	require.NoError(t, err)
	require.Equal(t, &Extracted{Name: "Transcript.PDF", Size: int64(len(document)), Proof: file, ProofName: "Transcript.PDF.proof.json"}, x)
	x, err = p.Extract(fileOf("t.pdf", whole))
	require.NoError(t, err)
	require.Equal(t, "t-issued.pdf", x.Name)

	for want, files := range map[string][2][]byte{
		"the proof is of another document":   {append([]byte("%PDF-1.7\n%x\n"), document[9:]...), file},
		"carries a proof already":            {whole, file},
		"damaged, or not a proof":            {document, []byte("{}")},
		"does not end in %%EOF":              {document[:len(document)-3], file},
		"want 1 to 65536":                    {document, make([]byte, proof.MaxSize+2)},
		"cannot be made one file: the proof": {document, nil},
	} {
		_, err := p.Embed(fileOf("a.pdf", files[0]), fileOf("p.json", files[1]))
		require.ErrorContains(t, err, want)
	}
	_, err = p.Extract(fileOf("a.pdf", document))
	require.ErrorContains(t, err, "There is no proof inside this file")
	whole[12] ^= 1
	_, err = p.Extract(fileOf("a.pdf", whole))
	require.ErrorContains(t, err, "is not, byte for byte, the document")
	_, err = p.Extract(fileOf("a.pdf", append(whole, "\n%%EOF\n"...)))
	require.ErrorContains(t, err, "cannot be taken apart")
}

// TestScan reads a proof from its codes, each in a photo of its own, in any order.
func TestScan(t *testing.T) {
	v := readVectors[verdictVector](t, "verdict")[0]
	p := v.page(t)
	whole, err := proof.Parse([]byte(*v.Proof))
	require.NoError(t, err)
	compact, err := proof.MarshalCompact(whole)
	require.NoError(t, err)
	parts, err := qr.Split(compact)
	require.NoError(t, err)
	require.Greater(t, len(parts), 1)
	scan := func(part []byte) (*Scanned, error) {
		picture, err := qrcode.Encode(string(part), qrcode.Low, 700)
		require.NoError(t, err)
		img, err := png.Decode(bytes.NewReader(picture))
		require.NoError(t, err)
		rgba := image.NewNRGBA(img.Bounds())
		draw.Draw(rgba, rgba.Bounds(), img, img.Bounds().Min, draw.Src)
		return p.Scan(rgba.Pix, rgba.Rect.Dx(), rgba.Rect.Dy())
	}
	_, err = scan([]byte("https://uni.example/"))
	require.ErrorContains(t, err, "no part of a proof")
	_, err = p.Scan(make([]byte, 4*100*100), 100, 100)
	require.ErrorContains(t, err, "No QR code could be read")
	for _, size := range [][2]int{{0, 0}, {1, 2}, {1 << 13, 1 << 13}, {-1, -1}} {
		_, err = p.Scan(make([]byte, 4), size[0], size[1])
		require.ErrorContains(t, err, "cannot be looked through")
	}
	for i := range parts {
		s, err := scan(parts[len(parts)-1-i])
		require.NoError(t, err)
		require.Equal(t, []int{i + 1, len(parts), 1}, []int{s.Have, s.Of, s.Added})
		require.Equal(t, i+1 == len(parts), s.Done)
		if s.Done {
			require.Equal(t, *v.Proof, string(s.Proof))
			require.Equal(t, hex.EncodeToString(whole.Digest[:]), s.Digest)
		}
	}
	s, err := scan(parts[0]) // again
	require.NoError(t, err)
	require.True(t, s.Done)
	require.Zero(t, s.Added)

	whole.Salt[0] ^= 1
	compact, err = proof.MarshalCompact(whole)
	require.NoError(t, err)
	others, err := qr.Split(compact)
	require.NoError(t, err)
	_, err = scan(others[0])
	require.ErrorContains(t, err, "belongs to another proof")
	p.ResetScan()
	s, err = scan(others[0])
	require.NoError(t, err)
	require.Equal(t, 1, s.Have)
}

// TestTexts: every text of this package is there in every language.
func TestTexts(t *testing.T) {
	used := regexp.MustCompile(`(?:refuse|say)\("([a-z.-]+)"|"(pack\.(?:added|updated|unchanged))"|kind = "([a-z-]+)"|return "(no[a-z-]+)"`)
	keys := make(map[string]bool)
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, m := range used.FindAllStringSubmatch(string(source), -1) {
			key := m[1] + m[2]
			if why := m[3] + m[4]; why != "" {
				key = "ignored." + why
			}
			if key != "" && key != "ignored.document" && key != "ignored.proof" && key != "ignored.hidden" && key != "ignored." {
				keys["page."+key] = true
			}
		}
	}
	require.Greater(t, len(keys), 25)
	for _, tag := range words.Languages() {
		l, err := words.Load(tag)
		require.NoError(t, err)
		for key := range keys {
			require.True(t, l.Has(key), "%s: %s", tag, key)
		}
		for key := range l.Texts("page.") {
			require.True(t, keys[key], "%s: %s is used nowhere", tag, key)
		}
	}
}
