package cmd

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"gradseal/internal/browser"
	"gradseal/proof"
	"gradseal/proof/ots"
)

// pictures are all kinds of pictures, by name: of proofs with one attestation,
// two and none, and of .ots files without forks and with many.
func pictures(t *testing.T, title string) map[string][]byte {
	t.Helper()
	home, folder := t.TempDir(), filepath.Join(t.TempDir(), "docs")
	require.NoError(t, os.Mkdir(folder, 0o777))
	for i := range 13 {
		text := fmt.Sprintf("%%PDF-1.4\n%% %d\n%%%%EOF\n", i)
		require.NoError(t, os.WriteFile(filepath.Join(folder, fmt.Sprintf("t%d.pdf", i)), []byte(text), 0o666))
	}
	require.Equal(t, exitOK, run(t, home, "--quiet", "anchor", "--title", title, folder))
	document := filepath.Join(folder, "t1.pdf")
	drawn := make(map[string][]byte)
	draw := func(name, path string, data []byte) {
		require.NoError(t, os.WriteFile(path, data, 0o666))
		out := filepath.Join(folder, name+".svg")
		require.Equal(t, exitOK, run(t, home, "inspect", "--svg", out, path))
		var err error
		drawn[name], err = os.ReadFile(out)
		require.NoError(t, err)
	}
	marshal := func(change func(p *proof.Proof)) []byte {
		p := readProofOf(t, document)
		change(p)
		data, err := proof.Marshal(p)
		require.NoError(t, err)
		return data
	}
	odd := filepath.Join(folder, "<b>&\"'毕业 "+strings.Repeat("long ", 30)+".pdf"+proof.Suffix)
	draw("one", odd, marshal(func(*proof.Proof) {}))
	draw("two", filepath.Join(folder, "two"+proof.Suffix), marshal(func(p *proof.Proof) { p.OpenTimestamps = claim(t, "a calendar", 4_294_967_295) }))
	draw("calendar", filepath.Join(folder, "calendar"+proof.Suffix), marshal(func(p *proof.Proof) {
		p.Bitcoin, p.OpenTimestamps = nil, claim(t, "a calendar", 7)
	}))
	draw("pending", filepath.Join(folder, "pending"+proof.Suffix), marshal(func(p *proof.Proof) { p.Bitcoin = nil }))
	for name, more := range map[string]*ots.Timestamp{"straight": nil, "forked": deepTimestamp()} {
		file, err := readProofOf(t, document).Export(more)
		require.NoError(t, err)
		data, err := file.Marshal()
		require.NoError(t, err)
		draw(name, filepath.Join(folder, name+otsSuffix), data)
	}
	return drawn
}

// TestInspectSVG: a picture is XML of shapes and texts alone, whatever stands in
// the file.
func TestInspectSVG(t *testing.T) {
	const title = `</text><script>alert(1)</script> & "x"`
	for name, data := range pictures(t, title) {
		dec := xml.NewDecoder(strings.NewReader(string(data)))
		var text strings.Builder
		for {
			token, err := dec.Token()
			if err == io.EOF {
				break
			}
			require.NoError(t, err, name)
			switch token := token.(type) {
			case xml.StartElement:
				require.Contains(t, []string{"svg", "title", "desc", "style", "rect", "circle", "path", "text"}, token.Name.Local, name)
				for _, a := range token.Attr {
					require.NotContains(t, []string{"href", "src", "onload"}, a.Name.Local, name)
				}
			case xml.CharData:
				text.Write(token)
			}
		}
		require.NotContains(t, string(data), "url(")
		says := map[string][]string{
			"one":      {"Bitcoin block", "Bitcoin transaction", "Batch root of layer 1", "Leaf hash", "The document", "inclusion", "anchor", "issuer", "the salt", "Node 1 of "},
			"two":      {"second witness", "Bitcoin transaction", "Bitcoin block 4294967295"},
			"calendar": {"Bitcoin block 7", "What the calendar gave"},
			"pending":  {"No attestation yet"},
			"straight": {"Has the form of a Bitcoin transaction", "names no issuer"},
			"forked":   {"Pending at a calendar", "alice.btc.calendar.opentimestamps.org", "Bitcoin block 1000003", "cannot be checked here"},
		}[name]
		require.NotEmpty(t, says, name)
		for _, want := range says {
			require.Contains(t, text.String(), want, name)
		}
		test := strings.Contains(string(data), `class="test" x="40" y="66">TEST NETWORK (regtest)<`)
		require.Equal(t, name != "straight" && name != "forked", test, "%s: only a proof names a network", name)
	}
}

// tooLong finds, in a browser, the texts that reach into the next column or over
// the edge, or that stand in the line of another one.
const tooLong = `(() => {
  const found = [], all = [...document.querySelectorAll("text")].map(e => [e, e.getBBox()])
  for (const [e, b] of all) {
    const end = e.getAttribute("x") == %d && %t ? %d : %d
    if (b.x + b.width > end) found.push(e.textContent + " ends at " + (b.x + b.width))
    for (const [o, c] of all)
      if (o !== e && Math.abs(b.y - c.y) < 9 && b.x < c.x + c.width && c.x < b.x + b.width) found.push(e.textContent + " over " + o.textContent)
  }
  return found
})()`

// TestInspectSVGFits: nothing in a picture stands in the place of something else.
func TestInspectSVGFits(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: draws many pictures, one after the other")
	}
	ctx := browser.New(t, 2*time.Minute)
	for name, data := range pictures(t, strings.Repeat("University of Example, ", 7)+"2026") {
		columns := strings.Contains(string(data), `class="bracket"`)
		require.NoError(t, chromedp.Do(ctx, chromedp.Navigate("data:image/svg+xml,"+url.PathEscape(string(data)))), name)
		found, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](fmt.Sprintf(tooLong, namesLeft, columns, checkLine-6, svgWidth-8)))
		require.NoError(t, err, name)
		require.Empty(t, found, name)
	}
}

func TestWrap(t *testing.T) {
	require.Equal(t, []string{"one two", "three"}, wrap("one two three", 8))
	require.Equal(t, []string{"longer", "than", "that"}, wrap(" longer than  that", 4))
	require.Equal(t, "abc…", fit("abcdef", 4))
	require.Equal(t, "毕…", fit("毕业证书", 4))
	require.Equal(t, "毕业", fit("毕业", 4))
}

// TestInspectSVGLarge: a file that leads through too many steps is refused.
func TestInspectSVGLarge(t *testing.T) {
	branches := &ots.Timestamp{}
	for i := range 1 + maxDrawn/2 {
		branches = ots.Merge(branches, ots.Path{
			Ops: []ots.Operation{ots.Append([]byte(fmt.Sprint(i))), ots.SHA256}, Attestation: ots.Bitcoin(uint64(i)),
		}.Timestamp())
	}
	file := ots.File{Hash: ots.SHA256, Digest: make([]byte, 32), Timestamp: branches.Canonical()}
	data, err := file.Marshal()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "many.ots")
	require.NoError(t, os.WriteFile(path, data, 0o666))
	code, _, errs := outputOf(t.TempDir(), nil, "inspect", "--svg", path+".svg", path)
	require.Equal(t, exitError, code)
	require.Contains(t, errs, "too much to draw")
	require.NoFileExists(t, path+".svg")
}
