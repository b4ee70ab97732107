package main

import (
	"context"
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"gradseal/internal/browser"
)

// patience is how long one step in the browser may take, on a busy machine.
const patience = 2 * time.Minute

// scale is how many dots of a picture make one of the page.
const scale = 1.5

// width is that of the page, in its own dots, before scale.
const width = 980

// margin is what a picture shows of the page below its last line.
const margin = 24

// camera is a headless Chromium.
type camera struct {
	ctx  context.Context
	stop func()
}

// startCamera starts the browser with an empty profile. Its pictures are the same
// on every machine that has the same fonts.
func startCamera(ctx context.Context, profile string) (*camera, error) {
	tab, stop, err := browser.Start(ctx, profile,
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-lcd-text", true),
		chromedp.Flag("force-color-profile", "srgb"),
	)
	if err != nil {
		return nil, err
	}
	return &camera{tab, stop}, nil
}

// page drops the scene's first document and its proof on the scene's page, and
// takes a picture when the verdict is there: of the page down to what the verdict
// does not prove.
func (c *camera) page(name string, g *stage) (*picture, error) {
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	err := chromedp.Do(ctx,
		chromedp.EmulateViewport(width, 800, chromedp.EmulateScale(scale)),
		inLanguage(g.language),
		chromedp.Navigate(fileURL(filepath.Join(g.dir, "verify.html"))),
		until(`document.getElementById("issuers").textContent !== ""`),
		drop(filepath.Join(g.dir, g.documents[0]), filepath.Join(g.dir, g.documents[0]+".proof.json")),
		until(`document.querySelector("#cards .card") && document.getElementById("cards").getAttribute("aria-busy") === "false"`),
		chromedp.Evaluate[chromedp.Void](`document.activeElement?.blur(); scrollTo(0, 0)`),
	)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return capture(ctx, name, width, ".limits")
}

// terminal takes a picture of a terminal that shows screen. The page with it is
// written into dir.
func (c *camera) terminal(name, dir string, screen []byte) (*picture, error) {
	text, err := drawn(screen)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, name+".html")
	if err := os.WriteFile(file, fmt.Appendf(nil, terminalPage, columns, text), 0o666); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(fileURL(file))); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p, err := capture(ctx, name, 0, "pre")
	if err != nil {
		return nil, err
	}
	p.text = settled(plain(screen)) // lines that the window breaks are whole in it
	return p, nil
}

// edge is the right and the lower edge of an element.
type edge struct{ Right, Bottom float64 }

// capture takes a picture of the upper end of the page: all that is as wide as
// width, or as the element where that is 0, down to the end of the element. Its
// words are those of the whole page.
func capture(ctx context.Context, name string, width int64, element string) (*picture, error) {
	failed := func(err error) (*picture, error) { return nil, fmt.Errorf("%s: %w", name, err) }
	end, err := chromedp.Run(ctx, chromedp.Evaluate[edge](fmt.Sprintf(
		`(({right, bottom}) => ({Right: right, Bottom: bottom}))(document.querySelector(%q).getBoundingClientRect())`, element)))
	if err != nil {
		return failed(err)
	}
	height := int64(math.Ceil(end.Bottom))
	if width == 0 {
		width = int64(math.Ceil(end.Right))
	} else {
		height += margin
	}
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText`))
	if err != nil {
		return failed(err)
	}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, height, chromedp.EmulateScale(scale))); err != nil {
		return failed(err)
	}
	image, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		return failed(err)
	}
	return &picture{name: name, text: settled(text), image: image}, nil
}

func fileURL(path string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()
}

// until waits until an expression is true.
func until(expression string) chromedp.Action[chromedp.Void] {
	return chromedp.Poll[chromedp.Void]("Boolean("+expression+")",
		chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(patience))
}

// drop drops files on the page as an operating system does.
func drop(paths ...string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		data := &input.DragData{Items: []*input.DragDataItem{}, Files: paths, DragOperationsMask: 1}
		for _, kind := range []input.DispatchDragEventType{
			input.DispatchDragEventTypeDragEnter, input.DispatchDragEventTypeDragOver, input.DispatchDragEventTypeDrop,
		} {
			_, err := chromedp.Call(ctx, input.DispatchDragEvent, input.DispatchDragEventParams{Type: kind, X: 300, Y: 250, Data: data})
			if err != nil {
				return chromedp.Void{}, err
			}
		}
		return chromedp.Void{}, nil
	}
}

// inLanguage is a browser whose user prefers languages, such as "zh-CN,zh".
func inLanguage(tags string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		agent, err := chromedp.Run(ctx, chromedp.Evaluate[string]("navigator.userAgent"))
		if err != nil {
			return chromedp.Void{}, err
		}
		_, err = chromedp.Call(ctx, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: agent, AcceptLanguage: tags})
		return chromedp.Void{}, err
	}
}
