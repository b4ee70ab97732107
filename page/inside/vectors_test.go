package inside

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/proof"
	"gradseal/trust"
	"gradseal/verify"
	"gradseal/words"
)

// vectorFile is a file of testdata/vectors.
func readVectors[V any](t *testing.T, kind string) []V {
	t.Helper()
	data, err := os.ReadFile("../../testdata/vectors/" + kind + ".json")
	require.NoError(t, err)
	var file struct {
		Kind    string `json:"kind"`
		Vectors []V    `json:"vectors"`
	}
	require.NoError(t, json.Unmarshal(data, &file))
	require.Equal(t, kind, file.Kind)
	require.NotEmpty(t, file.Vectors)
	return file.Vectors
}

// verdictVector is everything that a verdict is made from, and the verdict.
type verdictVector struct {
	Name          string  `json:"name"`
	Document      *string `json:"document"`
	DocumentBytes []byte  `json:"document_base64"`
	Proof         *string `json:"proof"`
	ProofBytes    []byte  `json:"proof_base64"`
	Issuers       []string
	Status        []struct {
		List   string
		Forked bool
	}
	Chain *struct {
		FirstHeight uint32 `json:"first_height"`
		Headers     []string
	}
	Policy struct {
		Network            string
		Confirmations      uint32
		AllowUnknownStatus bool                         `json:"allow_unknown_status"`
		CarriedWork        *struct{ Bits, Time string } `json:"carried_work"`
		Now                string
	}
	Verdict string
	Checks  map[string]string
}

// window is the part of a header chain that a vector has. Such headers were
// checked before; no pack could bring them in.
type window struct {
	network bitcoin.Network
	first   uint32
	headers []bitcoin.Header
}

func (w *window) Network() bitcoin.Network { return w.network }
func (w *window) Height() uint32           { return w.first + uint32(len(w.headers)) - 1 }

func (w *window) At(height uint32) (bitcoin.Header, error) {
	if height < w.first || height > w.Height() {
		return bitcoin.Header{}, fmt.Errorf("no header at height %d", height)
	}
	return w.headers[height-w.first], nil
}

// page is an open page that believes what the vector says.
func (v *verdictVector) page(t *testing.T) *Page {
	t.Helper()
	network, err := bitcoin.ParseNetwork(v.Policy.Network)
	require.NoError(t, err)
	p, err := Open(Options{Network: v.Policy.Network, Confirmations: v.Policy.Confirmations, Language: "en", Now: v.Policy.Now}, nil)
	require.NoError(t, err)
	p.policy.AllowUnknownStatus = v.Policy.AllowUnknownStatus
	if y := v.Policy.CarriedWork; y != nil {
		bits, err := strconv.ParseUint(y.Bits, 16, 32)
		require.NoError(t, err)
		at, err := time.Parse(time.RFC3339, y.Time)
		require.NoError(t, err)
		p.policy.UnsafeCarriedWork = &verify.Yardstick{Bits: uint32(bits), Time: at}
	}
	for _, data := range v.Issuers {
		pack, err := trust.NewPack([]byte(data), nil, nil)
		require.NoError(t, err)
		require.NoError(t, p.shelf.place(pack))
	}
	for _, s := range v.Status {
		l, note, err := issuer.ParseStatus([]byte(s.List))
		require.NoError(t, err)
		known := &list{SignedList: trust.SignedList{StatusList: l, Note: note}}
		if s.Forked {
			known.fork = &known.SignedList
		}
		if e := p.shelf.entries[l.Issuer]; e != nil {
			e.lists[l.Network] = known
		}
	}
	if v.Chain == nil {
		return p
	}
	chain := &window{network: network, first: v.Chain.FirstHeight}
	for _, h := range v.Chain.Headers {
		raw, err := hex.DecodeString(h)
		require.NoError(t, err)
		header, err := bitcoin.ParseHeader(raw)
		require.NoError(t, err)
		chain.headers = append(chain.headers, header)
	}
	p.chain = func() verify.Chain { return chain }
	return p
}

func octets(text *string, raw []byte) []byte {
	if text != nil {
		return []byte(*text)
	}
	return raw
}

func fileOf(name string, data []byte) File {
	return File{Name: name, SectionReader: io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data)))}
}

// judgeOne requires that one document is judged.
func judgeOne(t *testing.T, p *Page, files ...File) words.View {
	t.Helper()
	j, err := p.Judge(files, nil)
	require.NoError(t, err)
	require.Len(t, j.Views, 1)
	require.Empty(t, j.Ignored)
	return j.Views[0]
}

// TestVerdictVectors: the page gives the verdicts that the command line gives.
// Package page runs this test in WebAssembly too.
func TestVerdictVectors(t *testing.T) {
	seen := make(map[string]int)
	for _, v := range readVectors[verdictVector](t, "verdict") {
		t.Run(v.Name, func(t *testing.T) {
			files := []File{fileOf("transcript.pdf", octets(v.Document, v.DocumentBytes))}
			if v.Proof != nil || v.ProofBytes != nil {
				files = append(files, fileOf("transcript.pdf"+proof.Suffix, octets(v.Proof, v.ProofBytes)))
			}
			view := judgeOne(t, v.page(t), files...)
			require.Equal(t, v.Verdict, view.Verdict, view.Headline)
			seen[view.Verdict]++
			if len(view.Checks) == 0 { // the proof could not be read
				for name, outcome := range v.Checks {
					require.Equal(t, "unknown", outcome, name)
				}
				return
			}
			for _, c := range view.Checks {
				require.Equal(t, v.Checks[c.Name], c.Outcome, "%s: %s", c.Name, c.Text)
			}
			require.Len(t, view.Checks, len(v.Checks))
		})
	}
	require.Len(t, seen, 5, "every verdict is among them")
}

type trailerVector struct {
	Name     string  `json:"name"`
	File     *string `json:"file"`
	Bytes    []byte  `json:"file_base64"`
	Original int64   `json:"original"`
	Proof    *string `json:"proof"`
	Raw      []byte  `json:"proof_base64"`
	Fails    string  `json:"fails"`
}

// TestTrailerVectors: what is inside a file is found, and what was done to such a
// file is not passed over.
func TestTrailerVectors(t *testing.T) {
	p, err := Open(Options{Network: "mainnet", Confirmations: 6, Language: "en"}, nil)
	require.NoError(t, err)
	for _, v := range readVectors[trailerVector](t, "trailer") {
		t.Run(v.Name, func(t *testing.T) {
			view := judgeOne(t, p, fileOf("transcript.pdf", octets(v.File, v.Bytes)))
			want := "invalid" // what the lines hold is no proof
			if v.Fails == "" && v.Original < 0 {
				want = "cannot-tell"
			}
			require.Equal(t, want, view.Verdict, view.Headline)
		})
	}
}
