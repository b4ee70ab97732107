package page_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/issuer"
	"gradseal/page"
	"gradseal/trust"
)

// stub stands for a program where none is run.
var stub = &page.Program{Wasm: []byte("wasm"), Support: []byte("// support\n")}

func parsePack(t testing.TB, data []byte) *trust.Pack {
	t.Helper()
	p, err := trust.ParsePack(data)
	require.NoError(t, err)
	return p
}

func stubOptions(t testing.TB, packs ...[]byte) page.Options {
	t.Helper()
	o := page.Options{Program: stub, Network: bitcoin.Regtest, Confirmations: 1, Language: "zh", Built: `gradseal "v1" <&>`, Now: time.Now()}
	for _, data := range packs {
		o.Packs = append(o.Packs, parsePack(t, data))
	}
	return o
}

var (
	inlineStyle  = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	inlineScript = regexp.MustCompile(`(?s)<script>(.*?)</script>`)
	dataElement  = regexp.MustCompile(`(?s)<script type="([^"]*)" id="([^"]*)">(.*?)</script>`)
	policyOf     = regexp.MustCompile(`<meta http-equiv="Content-Security-Policy" content="([^"]*)">`)
)

func TestWrite(t *testing.T) {
	b := transcripts(t)
	var first, second bytes.Buffer
	o := stubOptions(t, b.pack(t), packOf(t, college, nil, nil))
	info, err := page.Write(&first, o)
	require.NoError(t, err)
	require.Len(t, info.Issuers, 2)
	require.NotNil(t, info.Headers)
	_, err = page.Write(&second, o)
	require.NoError(t, err)
	require.Equal(t, first.String(), second.String(), "the same bytes each time")
	text := first.String()
	require.True(t, page.IsPage([]byte(text[:4096])))
	require.False(t, page.IsPage([]byte("<!DOCTYPE html>\n<p>")))
	require.False(t, page.IsPage(nil))

	// The policy names what is there, and allows no other script or style.
	policies := policyOf.FindAllStringSubmatch(text, -1)
	require.Len(t, policies, 1)
	policy := policies[0][1]
	for directive, found := range map[string][][]string{
		"style-src":  inlineStyle.FindAllStringSubmatch(text, -1),
		"script-src": inlineScript.FindAllStringSubmatch(text, -1),
	} {
		require.Len(t, found, 1)
		sum := sha256.Sum256([]byte(found[0][1]))
		require.Contains(t, policy, directive+" 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	}
	require.NotContains(t, policy, "unsafe-inline")
	require.Contains(t, policy, "default-src 'none'")
	require.Contains(t, policy, "connect-src 'none'")
	require.NotRegexp(t, `<[a-z][^>]*\s(style|on[a-z]+)=`, beforeData(text), "the policy forbids it")

	elements := make(map[string]string)
	for _, m := range dataElement.FindAllStringSubmatch(text, -1) {
		require.NotContains(t, elements, m[2])
		elements[m[2]] = m[3]
		if m[1] == "application/json" {
			require.NotContains(t, m[3], "<")
			require.True(t, json.Valid([]byte(m[3])), m[2])
		}
	}
	require.Equal(t, "d2FzbQ==", elements["wasm"])
	require.True(t, strings.HasSuffix(elements["worker"], "\n// support\n"))
	require.JSONEq(t, `{"network":"regtest","confirmations":1,"language":"zh","built":"gradseal \"v1\" <&>","now":""}`, elements["config"])
	for _, id := range []string{"lang-en", "lang-zh", "pack-1", "pack-2", "pack-3"} {
		require.NotEmpty(t, elements[id], id)
	}
	require.NotContains(t, elements, "pack-4", "two packs and the headers")
	for _, place := range []string{"<!--style-->", "<!--script-->", "<!--data-->"} {
		require.NotContains(t, text, place)
	}
}

// beforeData is the page without its script, which may speak of attributes.
func beforeData(text string) string {
	before, _, _ := strings.Cut(text, `<script type=`)
	return before
}

// TestHeadersOnce: headers that several packs have are in the page once.
func TestHeadersOnce(t *testing.T) {
	b := transcripts(t)
	segment, err := (&headers.Segment{Network: bitcoin.Regtest, Source: "a", Headers: b.chain}).Marshal()
	require.NoError(t, err)
	short, err := (&headers.Segment{Network: bitcoin.Regtest, Source: "b", Headers: b.chain[:2]}).Marshal()
	require.NoError(t, err)
	size := func(packs ...[]byte) int {
		var text bytes.Buffer
		info, err := page.Write(&text, stubOptions(t, packs...))
		require.NoError(t, err)
		require.EqualValues(t, len(b.chain)-1, info.Headers.Height)
		return text.Len()
	}
	one := size(packOf(t, uni, nil, [][]byte{segment}), packOf(t, college, nil, nil))
	require.InDelta(t, one, size(packOf(t, uni, nil, [][]byte{segment}), packOf(t, college, nil, [][]byte{segment})), 8)
	require.InDelta(t, one, size(packOf(t, uni, nil, [][]byte{short}), packOf(t, college, nil, [][]byte{segment})), 8)
}

func TestWriteRefuses(t *testing.T) {
	b := transcripts(t)
	pack := b.pack(t)
	refuse := func(want string, change func(o *page.Options)) {
		t.Helper()
		o := stubOptions(t, pack)
		change(&o)
		var text bytes.Buffer
		_, err := page.Write(&text, o)
		require.ErrorContains(t, err, want)
		require.Zero(t, text.Len())
	}
	refuse("a page needs the pack of an issuer", func(o *page.Options) { o.Packs = nil })
	refuse("two packs of uni.example/registrar", func(o *page.Options) { o.Packs = append(o.Packs, o.Packs[0]) })
	refuse("unknown language", func(o *page.Options) { o.Language = "tlh" })
	refuse("at least 1 confirmation", func(o *page.Options) { o.Confirmations = 0 })
	refuse("keys that were not in force", func(o *page.Options) { o.Now = anchored().Add(-300 * day) })
	refuse("ahead of the clock", func(o *page.Options) {
		o.Packs[0] = parsePack(t, packOf(t, uni, nil, [][]byte{segmentOf(t, b.chain)}))
		o.Now = anchored().Add(-300 * day)
	})
	refuse("the end of a script", func(o *page.Options) { o.Program = &page.Program{Support: []byte("// </SCRIPT >")} })
	other := issue(t, college, map[string][]byte{"a.pdf": []byte("%PDF-1.7")})
	refuse("pack of college.example: height", func(o *page.Options) { o.Packs = append(o.Packs, parsePack(t, other.pack(t))) })
	bad := bytes.Clone(segmentOf(t, b.chain))
	bad[len(bad)-6]++ // bits of the last header
	refuse("invalid bits", func(o *page.Options) { o.Packs[0] = parsePack(t, packOf(t, uni, nil, [][]byte{bad})) })
}

func segmentOf(t testing.TB, chain []bitcoin.Header) []byte {
	t.Helper()
	data, err := (&headers.Segment{Network: bitcoin.Regtest, Source: "a", Headers: chain}).Marshal()
	require.NoError(t, err)
	return data
}

func TestReadProgram(t *testing.T) {
	for _, files := range []fstest.MapFS{{}, {"page.wasm.gz": {}}, {"wasm_exec.js": {}}} {
		_, err := page.ReadProgram(files)
		require.ErrorIs(t, err, page.ErrNotGenerated)
	}
	p, err := page.ReadProgram(fstest.MapFS{"page.wasm.gz": {Data: []byte("a")}, "wasm_exec.js": {Data: []byte("b")}})
	require.NoError(t, err)
	require.Equal(t, &page.Program{Wasm: []byte("a"), Support: []byte("b")}, p)
}

// maxPage is the most bytes of a page without headers.
const maxPage = 3_000_000

// TestSize: a page can be sent by mail.
func TestSize(t *testing.T) {
	file, err := issuer.ParseFile(uni.file(t))
	require.NoError(t, err)
	require.Equal(t, uni.id, file.ID)
	text := pageOf(t, packOf(t, uni, nil, nil))
	t.Logf("%d bytes", len(text))
	require.Less(t, len(text), maxPage)
}
