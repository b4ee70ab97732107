package page_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/internal/browser"
	"gradseal/internal/gotool"
	"gradseal/internal/pagebuild"
	"gradseal/page"
	"gradseal/trust"
)

// patience is how long a test waits for what takes a second: the machine may be
// busy.
const patience = time.Minute

// program is what go generate builds, built for these tests.
var program = sync.OnceValues(func() (*page.Program, error) {
	t, err := gotool.New(context.Background(), ".")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "gradseal-page-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := watch("wasm"); err != nil {
		return nil, err
	}
	if err := pagebuild.Build(context.Background(), t, dir); err != nil {
		return nil, err
	}
	return page.ReadProgram(os.DirFS(dir))
})

// watch has Go's test cache see the Go files in a folder: it does not see what a go
// command reads that a test starts.
func watch(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := os.ReadFile(name); err != nil {
			return err
		}
	}
	return nil
}

// pageOf is a page with these packs, for regtest.
func pageOf(t testing.TB, packs ...[]byte) []byte {
	t.Helper()
	p, err := program()
	require.NoError(t, err)
	return pageWith(t, p, packs...)
}

func pageWith(t testing.TB, p *page.Program, packs ...[]byte) []byte {
	t.Helper()
	o := page.Options{
		Program: p, Network: bitcoin.Regtest, Confirmations: 1, Language: "en", Built: "gradseal v0.0.0-test", Now: time.Now(),
	}
	for _, data := range packs {
		pack, err := trust.ParsePack(data)
		require.NoError(t, err)
		o.Packs = append(o.Packs, pack)
	}
	var b bytes.Buffer
	_, err := page.Write(&b, o)
	require.NoError(t, err)
	return b.Bytes()
}

// outside is where everything goes that a page sends: a proxy that answers
// nothing.
type outside struct {
	net.Listener
	mu   sync.Mutex
	seen []string
}

func newOutside(t testing.TB) *outside {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	o := &outside{Listener: l}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go o.read(c)
		}
	}()
	return o
}

func (o *outside) url() string { return "http://" + o.Addr().String() }

func (o *outside) read(c net.Conn) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	b := make([]byte, 4096)
	n, _ := c.Read(b)
	line, _, _ := strings.Cut(string(b[:n]), "\r\n")
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen = append(o.seen, line)
}

func (o *outside) requests() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string{}, o.seen...)
}

func (o *outside) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen = nil
}

// visit is the page in a browser of its own, as a visitor has it.
type visit struct {
	testing.TB
	ctx     context.Context
	outside *outside
	url     string

	mu       sync.Mutex
	messages []string // of the console: errors, warnings, what was not caught
	loaded   []string // addresses that the page asked for
}

// chromium is the browser of the tests. Each visit has a profile of its own in it.
type chromium struct{ ctx context.Context }

// none is what a browser reaches without its proxy.
const none = "<-loopback>"

// TestBrowser has people of all kinds visit the page in a real browser.
func TestBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: takes a minute, and the race detector sees nothing of a browser")
	}
	// What a browser asks for by itself goes to a proxy of its own.
	c := &chromium{browser.New(t, 15*time.Minute, chromedp.Flag("disable-gpu", true),
		chromedp.Flag("proxy-server", newOutside(t).url()), chromedp.Flag("proxy-bypass-list", none))}
	_, err := program()
	require.NoError(t, err)
	t.Run("Verdict", c.testVerdict) // alone, because it is measured
	for _, test := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"Contrast", c.testContrast},
		{"Keyboard", c.testKeyboard},
		{"ScreenReader", c.testScreenReader},
		{"Axe", c.testAxe},
		{"Still", c.testStill},
		{"Files", c.testFiles},
		{"OneByOne", c.testOneByOne},
		{"Order", c.testOrder},
		{"OtherDocument", c.testOtherDocument},
		{"Tools", c.testTools},
		{"Chinese", c.testChinese},
		{"Languages", c.testLanguages},
		{"Large", c.testLarge},
		{"CanSend", c.testCanSend},
		{"AsksNobody", c.testAsksNobody},
		{"Phone", c.testPhone},
		{"Print", c.testPrint},
		{"Status", c.testStatus},
		{"Pack", c.testPack},
		{"Vectors", c.testVectors},
		{"HostileNames", c.testHostileNames},
		{"HostileIssuer", c.testHostileIssuer},
		{"Much", c.testMuch},
		{"Paper", c.testPaper},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t)
		})
	}
}

// browse opens an empty tab. At the end of the test nothing must have been sent.
func (c *chromium) browse(t testing.TB, setup ...chromedp.Action[chromedp.Void]) *visit {
	t.Helper()
	v := &visit{TB: t, outside: newOutside(t)}
	ctx, cancel := context.WithTimeout(c.ctx, 5*time.Minute)
	t.Cleanup(cancel)
	v.ctx, cancel = chromedp.NewContext(ctx, chromedp.WithNewBrowserContext(func(p *target.CreateBrowserContextParams) {
		p.ProxyServer, p.ProxyBypassList = v.outside.url(), none
	}))
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(v.ctx, chromedp.EmulateViewport(1100, 900)))
	t.Cleanup(func() { require.Empty(t, v.outside.requests(), "the page sent something") })
	require.NoError(t, chromedp.Listen(v.ctx, v.hear))
	v.do(setup...)
	return v
}

// open writes the page into a file and opens it from there.
func (c *chromium) open(t testing.TB, html []byte, setup ...chromedp.Action[chromedp.Void]) *visit {
	t.Helper()
	v := c.browse(t, setup...)
	v.navigate(html)
	v.ready()
	t.Cleanup(func() {
		if !t.Failed() {
			require.Empty(t, v.console(), "the console is quiet")
		}
	})
	return v
}

// within is the visit for a part of a test.
func (v *visit) within(t testing.TB) *visit {
	return &visit{TB: t, ctx: v.ctx, outside: v.outside, url: v.url}
}

func (v *visit) navigate(html []byte) {
	v.Helper()
	path := filepath.Join(v.TempDir(), "verify.html")
	require.NoError(v, os.WriteFile(path, html, 0o644))
	v.url = (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()
	v.do(chromedp.Navigate(v.url))
}

// ready waits until the page says whose documents it knows: then the module runs.
func (v *visit) ready() {
	v.Helper()
	v.wait(`document.getElementById("issuers").textContent !== "" || !document.getElementById("trouble").hidden`)
	require.Empty(v, v.text("#trouble-text"))
	// Counts how often the page has finished something.
	v.run(`window.finished = 0;
		new MutationObserver(() => {
			if (document.getElementById("cards").getAttribute("aria-busy") === "false") window.finished++;
		}).observe(document.getElementById("cards"), {attributes: true, attributeFilter: ["aria-busy"]})`)
}

func (v *visit) hear(event any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		v.loaded = append(v.loaded, e.Request.URL)
	case *network.EventWebSocketCreated:
		v.loaded = append(v.loaded, e.URL)
	case *network.EventWebTransportCreated:
		v.loaded = append(v.loaded, e.URL)
	case *log.EventEntryAdded:
		v.messages = append(v.messages, fmt.Sprintf("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
	case *runtime.EventExceptionThrown:
		v.messages = append(v.messages, "exception: "+e.ExceptionDetails.Text+" "+exception(e))
	case *runtime.EventConsoleAPICalled:
		v.messages = append(v.messages, fmt.Sprintf("console.%s", e.Type))
	}
}

// exception is what was thrown.
func exception(e *runtime.EventExceptionThrown) string {
	if e.ExceptionDetails.Exception == nil {
		return ""
	}
	return e.ExceptionDetails.Exception.Description
}

func (v *visit) console() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]string{}, v.messages...)
}

func (v *visit) forgetConsole() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.messages = nil
}

// asked are the addresses that the page asked for.
func (v *visit) asked() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]string{}, v.loaded...)
}

func (v *visit) do(steps ...chromedp.Action[chromedp.Void]) {
	v.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	require.NoError(v, chromedp.Do(ctx, steps...))
}

// run evaluates JavaScript, waits for a promise, and drops the result.
func (v *visit) run(script string) {
	v.Helper()
	v.do(chromedp.Evaluate[chromedp.Void](script, chromedp.EvalAwaitPromise))
}

// eval evaluates JavaScript and waits for a promise.
func eval[T any](v *visit, script string) T {
	v.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	require.NoError(v, err, script)
	return got
}

// js writes a value as JavaScript.
func js(value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// wait waits until an expression is true.
func (v *visit) wait(expression string) {
	v.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Poll[chromedp.Void]("Boolean("+expression+")", chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(patience)))
	if err != nil {
		text, _ := chromedp.Run(v.ctx, chromedp.Evaluate[string](`document.body.innerText`))
		require.NoError(v, err, "waiting for %s; console: %q; the page says:\n%s", expression, v.console(), text)
	}
}

// text is what is shown of an element, "" where there is none.
func (v *visit) text(selector string) string {
	v.Helper()
	return eval[string](v, fmt.Sprintf(`document.querySelector(%s)?.innerText ?? ""`, js(selector)))
}

func (v *visit) texts(selector string) []string {
	v.Helper()
	return eval[[]string](v, fmt.Sprintf(`[...document.querySelectorAll(%s)].map((e) => e.innerText)`, js(selector)))
}

// finish does something and waits until the page has dealt with it.
func (v *visit) finish(do func()) {
	v.Helper()
	before := eval[int](v, "window.finished")
	do()
	v.wait(fmt.Sprintf(`window.finished > %d && document.getElementById("cards").getAttribute("aria-busy") === "false"`, before))
}

// choose chooses files, or of the input for folders a folder.
func (v *visit) choose(paths ...string) {
	v.Helper()
	v.chooseIn("#files", paths...)
}

func (v *visit) chooseIn(selector string, paths ...string) {
	v.Helper()
	v.finish(func() { v.setFiles(selector, paths...) })
}

// setFiles gives an input files; that it is hidden is no matter.
func (v *visit) setFiles(selector string, paths ...string) {
	v.Helper()
	v.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		found, err := runtimeObject(ctx, fmt.Sprintf(`document.querySelector(%s)`, js(selector)))
		if err != nil {
			return chromedp.Void{}, err
		}
		_, err = chromedp.Call(ctx, dom.SetFileInputFiles, dom.SetFileInputFilesParams{Files: paths, ObjectID: found.ObjectID})
		return chromedp.Void{}, err
	})
}

func runtimeObject(ctx context.Context, expression string) (*runtime.RemoteObject, error) {
	return chromedp.Run(ctx, chromedp.Evaluate[*runtime.RemoteObject](expression))
}

// drop drops files or folders on the page as an operating system does.
func (v *visit) drop(paths ...string) {
	v.Helper()
	v.dropAt(dragged, paths...)
}

// dragged is how far below the top of the window files are dragged, in pixels.
const dragged = 250

// dropAt lets go of them in another place, over which they were not dragged.
func (v *visit) dropAt(y float64, paths ...string) {
	v.Helper()
	v.finish(func() {
		data := &input.DragData{Items: []*input.DragDataItem{}, Files: paths, DragOperationsMask: 1}
		for _, step := range []struct {
			kind input.DispatchDragEventType
			y    float64
		}{{input.DispatchDragEventTypeDragEnter, dragged}, {input.DispatchDragEventTypeDragOver, dragged}, {input.DispatchDragEventTypeDrop, y}} {
			ctx, cancel := context.WithTimeout(v.ctx, patience)
			_, err := chromedp.Call(ctx, input.DispatchDragEvent, input.DispatchDragEventParams{Type: step.kind, X: 300, Y: step.y, Data: data})
			cancel()
			require.NoError(v, err)
			require.Equal(v, step.kind != input.DispatchDragEventTypeDrop, eval[bool](v, `document.body.classList.contains("dragging")`), step.kind)
		}
	})
}

// startOver clicks on the button of this name.
func (v *visit) startOver() {
	v.Helper()
	v.run(`document.getElementById("clear").click()`)
	v.wait(`document.getElementById("results").hidden`)
}

// verdict is what a card says at its top.
type verdict struct{ File, Word, Headline string }

// verdicts are the cards, in their order.
func (v *visit) verdicts() []verdict {
	v.Helper()
	return eval[[]verdict](v, `[...document.querySelectorAll("#cards .card")].map((card) => ({
		File: card.querySelector(".file").textContent,
		Word: card.querySelector(".word").textContent,
		Headline: card.querySelector(".headline").textContent,
	}))`)
}

// words are the verdicts alone.
func (v *visit) words() []string {
	v.Helper()
	words := []string{}
	for _, c := range v.verdicts() {
		words = append(words, c.Word)
	}
	return words
}

// shoot writes a picture of the page, where somebody wants to look at them.
func (v *visit) shoot(name string) {
	v.Helper()
	dir := os.Getenv("TEST_SCREENSHOTS")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	require.NoError(v, err)
	require.NoError(v, os.MkdirAll(dir, 0o755))
	require.NoError(v, os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644))
}

// inLanguage is a browser whose user prefers languages, such as "zh-CN,zh".
func inLanguage(tags string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		agent, err := chromedp.Run(ctx, chromedp.Evaluate[string]("navigator.userAgent"))
		if err != nil {
			return chromedp.Void{}, err
		}
		_, err = chromedp.Call(ctx, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: agent, AcceptLanguage: tags})
		return chromedp.Void{}, err
	}
}

// prefers is a browser whose user prefers something, such as
// "prefers-color-scheme", "dark".
func prefers(feature, value string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: feature, Value: value}},
		})
		return chromedp.Void{}, err
	}
}
