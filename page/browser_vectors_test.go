package page_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"gradseal/internal/gotool"
	"gradseal/page"
)

// programForVectors is the program of the page with judgeVector beside judge.
func programForVectors(t *testing.T) *page.Program {
	t.Helper()
	usual, err := program()
	require.NoError(t, err)
	require.NoError(t, watch(filepath.Join("testdata", "vectors")))
	tool, err := gotool.New(t.Context(), ".")
	require.NoError(t, err)
	replace := make(map[string]string)
	for _, name := range []string{"inside", "wasm"} {
		replace[filepath.Join(tool.Root, "page", name, "vectors.go")] = filepath.Join(tool.Root, "page", "testdata", "vectors", name+".go")
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o644))
	cmd := tool.Command(t.Context(), "build", "-mod=readonly", "-buildvcs=false", "-ldflags=-s -w",
		"-overlay", filepath.Join(dir, "overlay.json"), "-o", filepath.Join(dir, "page.wasm"), "./page/wasm")
	cmd.Env = append(cmd.Env, "GOOS=js", "GOARCH=wasm")
	_, err = gotool.Output(cmd)
	require.NoError(t, err)
	wasm, err := os.ReadFile(filepath.Join(dir, "page.wasm"))
	require.NoError(t, err)
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	require.NoError(t, err)
	_, err = z.Write(wasm)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return &page.Program{Wasm: b.Bytes(), Support: usual.Support}
}

// vector is a vector of the kinds verdict and trailer; see the README of
// testdata/vectors.
type vector struct {
	Name          string            `json:"name"`
	Document      *string           `json:"document"`
	DocumentBytes []byte            `json:"document_base64"`
	File          *string           `json:"file"`
	FileBytes     []byte            `json:"file_base64"`
	Proof         *string           `json:"proof"`
	ProofBytes    []byte            `json:"proof_base64"`
	Original      int64             `json:"original"`
	Verdict       string            `json:"verdict"`
	Checks        map[string]string `json:"checks"`
	Fails         string            `json:"fails"`
}

// octets is a member of a vector, whichever form it has.
func octets(text *string, raw []byte) []byte {
	if text != nil {
		return []byte(*text)
	}
	return raw
}

func readVectors(t *testing.T, kind string) (raw []json.RawMessage, vectors []vector) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "testdata", "vectors", kind+".json"))
	require.NoError(t, err)
	file := struct{ Vectors any }{&raw}
	require.NoError(t, json.Unmarshal(data, &file))
	file.Vectors = &vectors
	require.NoError(t, json.Unmarshal(data, &file))
	require.NotEmpty(t, vectors)
	return raw, vectors
}

// judged is what the program answers.
type judged struct {
	Error string
	Views []struct {
		Verdict  string
		Headline string
		Checks   []struct{ Name, Outcome string }
	}
	Ignored []struct{ Name, Why string }
}

// judge has a function of the program in the worker judge files, as the page's
// script does: the bytes are in Blobs. Before the files it takes other arguments.
func (v *visit) judge(function string, before []string, names []string, contents ...[]byte) judged {
	v.Helper()
	var files []string
	for i, name := range names {
		files = append(files, fmt.Sprintf("file(%s, %s)", js(name), js(contents[i])))
	}
	arguments := append(before, "["+strings.Join(files, ",")+"]")
	script := `{
		const file = (name, text) => ({name, file: new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))])});
		const answer = ` + function + `(` + strings.Join(arguments, ",") + `);
		typeof answer === "string" ? answer : JSON.stringify(answer);
	}`
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](script))
	require.NoError(v, err)
	var answer judged
	require.NoError(v, json.Unmarshal([]byte(text), &answer))
	require.Empty(v, answer.Error)
	return answer
}

// testVectors gives every vector that verify is given to the page's worker
// in the browser: the verdicts are the same, all of them.
func (c *chromium) testVectors(t *testing.T) {
	b := transcripts(t)
	v := c.open(t, pageWith(t, programForVectors(t), b.pack(t)))
	worker := v.worker()
	const name = "transcript.pdf"
	raw, vectors := readVectors(t, "verdict")
	seen := make(map[string]int)
	for i, c := range vectors {
		names, contents := []string{name}, [][]byte{octets(c.Document, c.DocumentBytes)}
		if c.Proof != nil || c.ProofBytes != nil {
			names, contents = append(names, name+".proof.json"), append(contents, octets(c.Proof, c.ProofBytes))
		}
		got := worker.judge("judgeVector", []string{js(string(raw[i]))}, names, contents...)
		require.Len(t, got.Views, 1, c.Name)
		require.Empty(t, got.Ignored, c.Name)
		view := got.Views[0]
		require.Equal(t, c.Verdict, view.Verdict, "%s: %s", c.Name, view.Headline)
		seen[view.Verdict]++
		outcomes := make(map[string]string)
		for _, check := range view.Checks {
			outcomes[check.Name] = check.Outcome
		}
		if len(outcomes) == 0 { // the proof could not be read
			for question := range c.Checks {
				outcomes[question] = "unknown"
			}
		}
		require.Equal(t, c.Checks, outcomes, c.Name)
	}
	require.Len(t, seen, 5, "every verdict is among them: %v", seen)
	t.Logf("%d vectors: %v", len(vectors), seen)

	_, trailers := readVectors(t, "trailer")
	for _, c := range trailers {
		got := worker.judge("gradseal.judge", nil, []string{name}, octets(c.File, c.FileBytes))
		require.Len(t, got.Views, 1, c.Name)
		want := "invalid" // what the lines hold is no proof
		if c.Fails == "" && c.Original < 0 {
			want = "cannot-tell"
		}
		require.Equal(t, want, got.Views[0].Verdict, "%s: %s", c.Name, got.Views[0].Headline)
	}
	t.Logf("%d trailers", len(trailers))
}
