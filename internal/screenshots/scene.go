package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"gradseal/internal/gotool"
	"gradseal/internal/pagebuild"
)

// scene is an institution that has issued some of the sample transcripts, and what
// a visitor of its page drops there.
type scene struct {
	id, name, holder, title string
	documents               []string // in testdata/transcripts
	language                string   // of the visitor's browser, such as "zh-CN,zh"
}

var (
	english = scene{
		id: "kestrel-bay.example/records", name: "Kestrel Bay State University", holder: "Office of Records", title: "June 2026",
		documents: []string{"KBSU-884120.pdf", "KBSU-884377.PDF", "KBSU-879902 (reissued).pdf"},
		language:  "en-US,en",
	}
	chinese = scene{
		id: "wangshu.example/registrar", name: "望舒理工大学", holder: "教务处", title: "2026届",
		documents: []string{"成绩单-林知遥-2022110417.pdf"},
		language:  "zh-CN,zh",
	}
)

// stage is a scene that is set: a home with the issuer in it, and a folder with the
// documents and their proofs, on a machine without anything else.
type stage struct {
	scene
	program string
	dir     string // holds the documents
	home    string // of the user; the program's own home is below it
}

// buildProgram builds gradseal with a page in it, as people do after "go generate
// ./page", below dir and returns its path.
func buildProgram(ctx context.Context, t *gotool.Toolchain, dir string) (string, error) {
	generated := filepath.Join(dir, "generated")
	if err := pagebuild.Build(ctx, t, generated); err != nil {
		return "", err
	}
	overlay, err := pagebuild.Overlay(t, generated)
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o666); err != nil {
		return "", err
	}
	program := filepath.Join(dir, "gradseal")
	_, err = gotool.Output(t.Command(ctx, "build", "-mod=readonly", "-buildvcs=false", "-overlay="+file, "-o", program, "."))
	return program, err
}

// set makes the issuer and anchors the documents, in a new folder below dir.
func (s scene) set(ctx context.Context, program, root, dir string) (*stage, error) {
	dir, err := os.MkdirTemp(dir, "scene-")
	if err != nil {
		return nil, err
	}
	g := &stage{scene: s, program: program, dir: filepath.Join(dir, "documents"), home: filepath.Join(dir, "home")}
	for _, d := range []string{g.dir, g.home} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return nil, err
		}
	}
	for _, name := range s.documents {
		data, err := os.ReadFile(filepath.Join(root, "testdata", "transcripts", name))
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(g.dir, name), data, 0o666); err != nil {
			return nil, err
		}
	}
	for _, args := range [][]string{
		{"issuer", "create", "--id", s.id, "--name", s.name, "--holder", s.holder, "--unsafe-no-passphrase", "--no-recovery"},
		{"anchor", "--title", s.title, "."},
		{"page", "--network", "regtest", "-o", "verify.html"},
	} {
		if _, err := gotool.Output(g.command(ctx, args...)); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// command is the program, as that user starts it in the folder of the documents.
func (g *stage) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, g.program, args...)
	cmd.Dir = g.dir
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "GRADSEAL_") && !strings.HasPrefix(name, "XDG_") && !strings.HasPrefix(name, "LC_") {
			cmd.Env = append(cmd.Env, pair)
		}
	}
	cmd.Env = append(cmd.Env, "HOME="+g.home, "LANG=C.UTF-8", "TZ=UTC", "TERM=xterm", "NO_COLOR=")
	return cmd
}

var (
	startxref = regexp.MustCompile(`startxref\s+(\d+)\s+%%EOF\s*$`)
	size      = regexp.MustCompile(`/Size (\d+)`)
	rootOf    = regexp.MustCompile(`/Root \d+ 0 R`)
)

// writeAltered writes a copy of a document to which an editor has added something,
// as PDF allows it (ISO 32000-1, 7.5.6): the issued bytes, then an object, a table
// and a trailer that leads to both. The proof of the document is copied, too.
func (g *stage) writeAltered(document, name string) error {
	data, err := os.ReadFile(filepath.Join(g.dir, document))
	if err != nil {
		return err
	}
	last, objects, catalog := startxref.FindSubmatch(data), size.FindSubmatch(data), rootOf.Find(data)
	if last == nil || objects == nil || catalog == nil {
		return errors.New(document + ": no end of a PDF with a table")
	}
	next, err := strconv.Atoi(string(objects[1]))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.Write(data)
	b.WriteByte('\n')
	object := b.Len()
	fmt.Fprintf(&b, "%d 0 obj\n<</Type /Annot /Subtype /FreeText /Contents (A)>>\nendobj\n", next)
	table := b.Len()
	fmt.Fprintf(&b, "xref\n%d 1\n%010d 00000 n \ntrailer\n<</Size %d %s /Prev %s>>\nstartxref\n%d\n%%%%EOF\n",
		next, object, next+1, catalog, last[1], table)
	if err := os.WriteFile(filepath.Join(g.dir, name), b.Bytes(), 0o666); err != nil {
		return err
	}
	proof, err := os.ReadFile(filepath.Join(g.dir, document+".proof.json"))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(g.dir, name+".proof.json"), proof, 0o666)
}

// takeAll makes the scenes and takes all pictures, in a folder that is gone when it
// returns.
func takeAll(ctx context.Context, t *gotool.Toolchain) (_ []*picture, err error) {
	dir, err := os.MkdirTemp("", "gradseal-screenshots-*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program, err := buildProgram(ctx, t, dir)
	if err != nil {
		return nil, err
	}
	here, err := english.set(ctx, program, t.Root, dir)
	if err != nil {
		return nil, err
	}
	there, err := chinese.set(ctx, program, t.Root, dir)
	if err != nil {
		return nil, err
	}
	typed, err := here.typed(ctx)
	if err != nil {
		return nil, err
	}
	c, err := startCamera(ctx, filepath.Join(dir, "profile"))
	if err != nil {
		return nil, err
	}
	defer c.stop()
	var pictures []*picture
	for _, take := range []func() (*picture, error){
		func() (*picture, error) { return c.page("page", here) },
		func() (*picture, error) { return c.page("page.zh", there) },
		func() (*picture, error) { return c.terminal("terminal", dir, typed) },
	} {
		p, err := take()
		if err != nil {
			return nil, err
		}
		pictures = append(pictures, p)
	}
	return pictures, nil
}

// typed is what a verifier types, and what the terminal then shows: a sound
// document, and one that was added to.
func (g *stage) typed(ctx context.Context) ([]byte, error) {
	if err := g.writeAltered(g.documents[0], "received.pdf"); err != nil {
		return nil, err
	}
	var screen bytes.Buffer
	for i, call := range []struct {
		document string
		code     int
	}{{g.documents[0], 0}, {"received.pdf", 3}} {
		args := []string{"verify", "--network", "regtest", call.document}
		output, code, err := onTerminal(g.command(ctx, args...))
		if err != nil {
			return nil, err
		}
		if code != call.code {
			return nil, fmt.Errorf("verify %s exits with %d, want %d:\n%s", call.document, code, call.code, output)
		}
		if i > 0 {
			screen.WriteByte('\n')
		}
		fmt.Fprintf(&screen, "$ gradseal %s\n", strings.Join(args, " "))
		screen.Write(output)
	}
	return screen.Bytes(), nil
}
