package report

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/evidence"
	"gradseal/internal/browser"
	"gradseal/issuer"
	"gradseal/merkle"
	"gradseal/proof"
	"gradseal/verify"
	"gradseal/words"
)

// usual is a sample as universities have them: one of 2,000 documents, in a block
// with 4,000 transactions. Its signatures are of another statement, which nothing
// on the page rests on.
func usual(t *testing.T) sample {
	t.Helper()
	s := samples(t)[0]
	p, err := proof.Parse([]byte(s.file))
	require.NoError(t, err)
	require.NotNil(t, p.Bitcoin)
	const size, index = 2000, 1234
	leaves := make([]merkle.Hash, size)
	for i := range leaves {
		leaves[i] = merkle.LeafHash(binary.BigEndian.AppendUint64(nil, uint64(i)))
	}
	leaves[index] = merkle.LeafHash(p.Entry())
	tree, err := merkle.New(leaves)
	require.NoError(t, err)
	p.Layers = p.Layers[:1]
	l := &p.Layers[0]
	l.Index, l.Statement.Size, l.Statement.Root = index, size, tree.Root()
	l.Path, err = tree.AppendPath(nil, index)
	require.NoError(t, err)

	tx, err := bitcoin.ParseTransaction(p.Bitcoin.Transaction)
	require.NoError(t, err)
	old, err := proof.ParseCommitment(tx)
	require.NoError(t, err)
	root := proof.BatchRoot(l.Signed, l.Statement.Root)
	p.Bitcoin.Transaction = bytes.Replace(p.Bitcoin.Transaction, old[:], root[:], 1)
	tx, err = bitcoin.ParseTransaction(p.Bitcoin.Transaction)
	require.NoError(t, err)
	ids := make([]bitcoin.Hash, 4000)
	for i := range ids {
		ids[i] = sha256.Sum256([]byte(strconv.Itoa(i)))
	}
	ids[index] = tx.ID()
	p.Bitcoin.Position = index
	p.Bitcoin.Path, err = bitcoin.InclusionPath(ids, index)
	require.NoError(t, err)
	merkleRoot := bitcoin.MerkleRoot(ids)
	copy(p.Bitcoin.Header[36:], merkleRoot[:])
	s.proof = p
	return s
}

// issuerFile is the issuer of the vectors.
func issuerFile(t *testing.T) *issuer.File {
	t.Helper()
	data, err := os.ReadFile("../testdata/vectors/verdict.json")
	require.NoError(t, err)
	var file struct {
		Vectors []struct{ Issuers []string }
	}
	require.NoError(t, json.Unmarshal(data, &file))
	f, err := issuer.ParseFile([]byte(file.Vectors[0].Issuers[0]))
	require.NoError(t, err)
	return f
}

// usualReport says VALID of a usual sample, with all facts and sentences.
func usualReport(t *testing.T, tag string) *Report {
	t.Helper()
	s := usual(t)
	r := reportOf(t, s, "Leistungsausweis Jürg Brändli.pdf")
	r.Language = load(t, tag)
	tx, err := bitcoin.ParseTransaction(s.proof.Bitcoin.Transaction)
	require.NoError(t, err)
	at := &verify.BlockAt{Height: 924020, Hash: s.proof.Bitcoin.Header.Hash(), Time: s.proof.Bitcoin.Header.Time(), Confirmations: 1712}
	result := verify.WithoutProof()
	result.Verdict, result.Problem, result.Reason = verify.Valid, nil, ""
	result.Issuer, result.ClaimedIssuer = issuerFile(t), s.proof.Layers[0].Statement.Issuer
	result.Network, result.Title = bitcoin.Mainnet, s.proof.Layers[0].Statement.Title
	result.Header, result.NoLaterThan, result.StatusAsOf = at, at.Day(), at.Time.Add(40*24*time.Hour)
	for i := range result.Checks {
		result.Checks[i] = verify.Check{Name: result.Checks[i].Name, Outcome: verify.OK, Detail: "transaction " + tx.ID().String()}
	}
	whole, err := proof.Parse([]byte(s.file))
	require.NoError(t, err)
	p := verify.ReadProof([]byte(s.file))
	r.View = r.Language.View(words.Subject{
		Name: r.Document.Name, Evidence: evidence.Evidence{Digest: whole.Digest, Size: int64(len(s.document)), Proof: &p},
		Result: result, Accepted: bitcoin.Mainnet,
	})
	r.Check.Tip = &Tip{Height: 925731, Time: at.Time.Add(12 * 24 * time.Hour)}
	return r
}

var pdfPage = regexp.MustCompile(`/Type\s*/Page[^s]`)

// TestOnePage: a usual report is one sheet of paper, on both sides of the
// Atlantic, and its commands lead to the block.
func TestOnePage(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: a browser takes a while")
	}
	t.Parallel()
	ctx := browser.New(t, 2*time.Minute)
	for _, tag := range words.Languages() {
		r := usualReport(t, tag)
		page := write(t, r)
		require.Len(t, stepOnPage.FindAllString(page, -1), 9)
		for _, paper := range []struct {
			name string
			size chromedp.PDFOption
		}{{"A4", chromedp.PDFPaper(chromedp.PaperA4)}, {"Letter", chromedp.PDFPaper(chromedp.PaperLetter)}} {
			pdf := printed(ctx, t, page, paper.size)
			require.Len(t, pdfPage.FindAll(pdf, -1), 1, "%s %s", tag, paper.name)
		}
	}
}

func printed(ctx context.Context, t *testing.T, page string, paper chromedp.PDFOption) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.html")
	require.NoError(t, os.WriteFile(file, []byte(page), 0o600))
	address := url.URL{Scheme: "file", Path: filepath.ToSlash(file)}
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(address.String())))
	pdf, err := chromedp.Run(ctx, chromedp.PrintToPDF(chromedp.PDFPreferCSSPageSize(), paper))
	require.NoError(t, err)
	require.Greater(t, len(pdf), 10_000, "the page is not blank")
	return pdf
}

// TestUsualByHand follows the long ways of a usual sample.
func TestUsualByHand(t *testing.T) {
	requireTools(t)
	s := usual(t)
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "a.pdf"), []byte(s.document), 0o600))
	r := reportOf(t, s, "a.pdf")
	r.Document.Proof = ""
	page := write(t, r)
	require.Equal(t, 8, requireByHand(t, folder, page))
	root := s.proof.Bitcoin.Header.MerkleRoot()
	requireResult(t, page, fmt.Sprint(root))
	top := s.proof.Layers[0].Statement.Root
	requireResult(t, page, hex.EncodeToString(top[:]))
}
