// Package page writes the offline verification page: one HTML file with a whole
// verifier in it, and with what its maker trusts. It works from a file, from a
// USB stick and on a phone, and asks nobody anything.
//
// A document's way through the page:
//
//	the visitor drops files            assets/app.js      the page that is seen
//	  → a worker has them              assets/worker.js   hashing never stops the page
//	    → a Go program in the worker   page/wasm          Blobs become io.ReaderAt, a chunk at a time
//	      → is it a document, a proof  page/inside        and which belong together
//	      → its proof is found         evidence           beside, inside, by digest
//	      → it is judged               verify             by the packs and headers of this page
//	      → why it is not the one      diagnose           from the file alone
//	      → what all this means        words              in the visitor's language
//	  ← sentences in JSON, to be shown as they are
//
// The verdict is made by the packages that the command line uses, with the same
// policy, and by nothing else: the JavaScript reads files and shows sentences.
// Whoever wrote the page decides whose documents it calls valid, so a page is
// worth no more than where it was got. docs/decisions/0017-the-page.md says more.
//
// A Content-Security-Policy in the page names the hashes of its own scripts and
// forbids every connection.
package page

import (
	"bytes"
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"strings"
	"time"

	"gradseal/bitcoin"
	"gradseal/page/inside"
	"gradseal/trust"
	"gradseal/words"
)

//go:generate go run ./generate

//go:embed assets/page.html assets/style.css assets/app.js assets/worker.js
var assets embed.FS

//go:embed generated
var generated embed.FS

// ErrNotGenerated says that the program was built without what "go generate
// ./page" writes, so that there is no page in it.
var ErrNotGenerated = errors.New("this build has no page in it")

// Program is the verifier that a page brings with it.
type Program struct {
	Wasm    []byte // page/wasm for WebAssembly, as a gzip file
	Support []byte // Go's wasm_exec.js for it
}

// Generated returns the program that this build has embedded.
func Generated() (*Program, error) {
	sub, err := fs.Sub(generated, "generated")
	if err != nil {
		return nil, err
	}
	return ReadProgram(sub)
}

// ReadProgram reads a program that package internal/pagebuild wrote. The error is
// ErrNotGenerated where there is none.
func ReadProgram(dir fs.FS) (*Program, error) {
	wasm, err := fs.ReadFile(dir, "page.wasm.gz")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotGenerated
	}
	if err != nil {
		return nil, err
	}
	support, err := fs.ReadFile(dir, "wasm_exec.js")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotGenerated
	}
	return &Program{Wasm: wasm, Support: support}, err
}

// Options are what a page is made of.
type Options struct {
	Program *Program
	// Packs are the issuers whose documents the page recognises, at least one,
	// each once, with their status lists and with the headers to judge by. Their
	// issuer files are trusted: whoever makes the page vouches for them.
	Packs         []*trust.Pack
	Network       bitcoin.Network
	Confirmations uint32
	Language      string // tag, for visitors whose browser asks for none that is there
	Built         string // the version of the program that writes it
	// Now is the present time, by which lists must be signed and headers not be
	// ahead.
	Now time.Time
}

// Write writes a page. It returns what the page says of itself, in the default
// language. Before anything
// is written the page is opened as its visitors will: an error means that it
// could not be, or that a pack is not as it must be.
func Write(w io.Writer, o Options) (*inside.Info, error) {
	if _, err := words.Load(o.Language); err != nil {
		return nil, err
	}
	packs, err := o.packs()
	if err != nil {
		return nil, err
	}
	config := inside.Options{Network: o.Network.String(), Confirmations: o.Confirmations, Language: o.Language, Built: o.Built}
	opened, err := inside.Open(config, packs)
	if err != nil {
		return nil, err
	}
	if err := opened.SetLanguage(words.Default); err != nil {
		return nil, err
	}
	info, err := opened.Info()
	if err != nil {
		return nil, err
	}
	text, err := o.assemble(config, packs)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(text)
	return info, err
}

// generator stands in every page, and says so.
const generator = `<meta name="generator" content="gradseal page`

// IsPage reports whether a file that begins with start, of some thousand bytes,
// is a page that Write has written.
func IsPage(start []byte) bool {
	return bytes.HasPrefix(start, []byte("<!DOCTYPE html>")) && bytes.Contains(start, []byte(generator))
}

// assemble puts the page together.
func (o Options) assemble(config inside.Options, packs [][]byte) ([]byte, error) {
	parts, err := readAssets()
	if err != nil {
		return nil, err
	}
	data, err := o.data(config, packs, parts)
	if err != nil {
		return nil, err
	}
	style, script := "\n"+parts.style, "\n"+parts.app
	text := parts.page
	for _, r := range []struct{ place, text string }{
		{policyMeta(text), `<meta http-equiv="Content-Security-Policy" content="` + policy(style, script) + `">`},
		{"<meta charset=\"utf-8\">\n", "<meta charset=\"utf-8\">\n" + generator + " " + html.EscapeString(o.Built) + "\">\n"},
		{"<!--style-->", "<style>" + style + "</style>"},
		{"<!--data-->", data},
		{"<!--script-->", "<script>" + script + "</script>"},
	} {
		if strings.Count(text, r.place) != 1 {
			return nil, fmt.Errorf("page.html has %d times %q, want it once", strings.Count(text, r.place), r.place)
		}
		text = strings.Replace(text, r.place, r.text, 1)
	}
	return []byte(text), nil
}

// parts are the texts that a page is assembled from.
type parts struct{ page, style, app, worker string }

func readAssets() (*parts, error) {
	p := new(parts)
	for name, text := range map[string]*string{"page.html": &p.page, "style.css": &p.style, "app.js": &p.app, "worker.js": &p.worker} {
		data, err := assets.ReadFile("assets/" + name)
		if err != nil {
			return nil, err
		}
		*text = string(data)
	}
	return p, nil
}

// data are the elements with what the scripts need: none of them runs by itself.
func (o Options) data(config inside.Options, packs [][]byte, parts *parts) (string, error) {
	var b strings.Builder
	worker := parts.worker + "\n" + string(o.Program.Support)
	for _, text := range []string{parts.app, worker} {
		if endsScript(text) {
			return "", errors.New("a script of the page has the end of a script in it")
		}
	}
	settings, err := json.Marshal(config)
	if err != nil {
		return "", err
	}
	element(&b, "application/json", "config", string(settings))
	for _, tag := range words.Languages() {
		texts, err := languageFile(tag)
		if err != nil {
			return "", err
		}
		element(&b, "application/json", "lang-"+tag, texts)
	}
	element(&b, "text/plain", "worker", worker)
	element(&b, "application/octet-stream", "wasm", base64.StdEncoding.EncodeToString(o.Program.Wasm))
	for i, pack := range packs {
		zipped, err := zip(pack)
		if err != nil {
			return "", err
		}
		element(&b, "text/plain", fmt.Sprintf("pack-%d", i+1), base64.StdEncoding.EncodeToString(zipped))
	}
	return b.String(), nil
}

func element(b *strings.Builder, kind, id, text string) {
	fmt.Fprintf(b, "<script type=\"%s\" id=\"%s\">%s</script>\n", kind, id, text)
}

// endsScript reports whether a text cannot stand in a script element as it is.
func endsScript(text string) bool {
	lower := strings.ToLower(text)
	return strings.Contains(lower, "</script") || strings.Contains(lower, "<!--")
}

// shownPrefixes begin the keys of the texts that the page shows by itself. All
// others come from the program inside it.
var shownPrefixes = []string{"ui.", "verdict.", "language"}

// languageFile are the texts of a language that the page shows by itself, in JSON
// without "<".
func languageFile(tag string) (string, error) {
	l, err := words.Load(tag)
	if err != nil {
		return "", err
	}
	all := make(map[string]string)
	for _, prefix := range shownPrefixes {
		for key, text := range l.Texts(prefix) {
			all[key] = text
		}
	}
	data, err := json.Marshal(all)
	return string(data), err
}
