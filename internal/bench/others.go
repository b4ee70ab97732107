package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/chromedp/chromedp"

	"gradseal/internal/browser"
	"gradseal/internal/gotool"
	"gradseal/internal/pagebuild"
)

var benchmarkLine = regexp.MustCompile(`(?m)^BenchmarkImport\S*\s+\d+\s+(\d+) ns/op`)

// headers runs the benchmark of package headers that imports a million headers:
// they are made there, in memory, and checked by every rule.
func (b *bench) headers(ctx context.Context, quick bool) ([]row, error) {
	what := "1,000,000 headers, imported: checked by every rule of regtest, and synced"
	if quick {
		return []row{{what: what, measured: "not in a quick run"}}, nil
	}
	b.say("headers: importing a million")
	program := filepath.Join(b.dir, "headers.test")
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", program, "./headers").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go test -c ./headers: %w\n%s", err, out)
	}
	p, err := b.start(ctx, program, "-test.run=^$", "-test.bench=^BenchmarkImport$", "-test.count="+strconv.Itoa(b.runs))
	if err != nil {
		return nil, err
	}
	out, err := os.ReadFile(p.out)
	if err != nil {
		return nil, err
	}
	var took []time.Duration
	for _, m := range benchmarkLine.FindAllSubmatch(out, -1) {
		ns, err := strconv.ParseInt(string(m[1]), 10, 64)
		if err != nil {
			return nil, err
		}
		took = append(took, time.Duration(ns))
	}
	if len(took) == 0 {
		return nil, fmt.Errorf("go test -bench Import ./headers: no figure in\n%s", out)
	}
	return []row{{
		what: what, measured: spread(took, seconds),
		target: "under " + seconds(importTime), met: judge(median(took) < importTime),
	}, {what: "– memory at most of the benchmark, which also makes them", measured: megabytes(p.peak)}}, nil
}

// pageReady is true when the page runs and says whose documents it knows.
const pageReady = `Boolean(document.getElementById("issuers") && document.getElementById("issuers").textContent !== "")`

// page measures how long a browser takes from the address of the offline page to a
// page that can verify.
func (b *bench) page(ctx context.Context, quick bool) ([]row, error) {
	what := "the offline page, from a file, until it can verify (headless Chromium)"
	if quick {
		return []row{{what: what, measured: "not in a quick run"}}, nil
	}
	if _, err := browser.Find(); err != nil {
		return []row{{what: what, measured: "not here: " + err.Error()}}, nil
	}
	b.say("page: building it")
	html, err := b.buildPage(ctx)
	if err != nil {
		return nil, err
	}
	var took []time.Duration
	for i := range b.runs {
		d, err := loadPage(ctx, filepath.Join(b.dir, fmt.Sprintf("browser-%d", i)), html)
		if err != nil {
			return nil, err
		}
		took = append(took, d)
	}
	info, err := os.Stat(html)
	if err != nil {
		return nil, err
	}
	return []row{{what: fmt.Sprintf("%s, %s", what, megabytes(info.Size())), measured: spread(took, seconds)}}, nil
}

// buildPage builds a program with a page in it, and has it write the page.
func (b *bench) buildPage(ctx context.Context) (string, error) {
	tools, err := gotool.New(ctx, ".")
	if err != nil {
		return "", err
	}
	dir := filepath.Join(b.dir, "page")
	if err := os.Mkdir(dir, 0o777); err != nil {
		return "", err
	}
	if err := pagebuild.Build(ctx, tools, dir); err != nil {
		return "", err
	}
	overlay, err := pagebuild.Overlay(tools, dir)
	if err != nil {
		return "", err
	}
	file, program, html := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "gradseal"), filepath.Join(dir, "verify.html")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		return "", err
	}
	if _, err := gotool.Output(tools.Command(ctx, "build", "-mod=readonly", "-buildvcs=false", "-overlay="+file, "-o", program, ".")); err != nil {
		return "", err
	}
	// A home with an issuer and a batch, so that the page has something to know.
	documents, home := filepath.Join(dir, "documents"), filepath.Join(dir, "home")
	if _, err := writeDocuments(ctx, documents, 3, 4_000); err != nil {
		return "", err
	}
	if _, err := b.anchor(ctx, home, documents, "", 3); err != nil {
		return "", err
	}
	_, err = b.start(ctx, program, "--home", home, "--quiet", "page", "--network", "regtest", "-o", html)
	return html, err
}

// loadPage opens a page in a new browser, and waits until it is ready.
func loadPage(ctx context.Context, profile, html string) (took time.Duration, err error) {
	tab, stop, err := browser.Start(ctx, profile)
	if err != nil {
		return 0, err
	}
	defer stop()
	tab, cancel := context.WithTimeout(tab, time.Minute)
	defer cancel()
	at := (&url.URL{Scheme: "file", Path: filepath.ToSlash(html)}).String()
	begin := time.Now()
	if err := chromedp.Do(tab, chromedp.Navigate(at)); err != nil {
		return 0, err
	}
	_, err = chromedp.Run(tab, chromedp.Poll[chromedp.Void](pageReady, chromedp.WithPollingInterval(5*time.Millisecond), chromedp.WithPollingTimeout(time.Minute)))
	return time.Since(begin), errors.Join(err, ctx.Err())
}
