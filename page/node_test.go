package page_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"image"
	"image/draw"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	qrcode "github.com/skip2/go-qrcode"
	"github.com/stretchr/testify/require"

	"gradseal/internal/gotool"
	"gradseal/proof"
	"gradseal/qr"
)

// TestVectorsInWebAssembly has the tests of package inside that judge the vectors
// run by Node.js, as WebAssembly: the page gives the verdicts that the command
// line gives, all of them.
func TestVectorsInWebAssembly(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: building the tests for WebAssembly takes a while")
	}
	need(t, "node")
	tools, err := gotool.New(t.Context(), ".")
	require.NoError(t, err)
	root, err := gotool.Output(tools.Command(t.Context(), "env", "GOROOT"))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cmd := tools.Command(ctx, "test", "-mod=readonly", "-count=1", "-run=Vectors", "-v",
		"-exec="+filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "go_js_wasm_exec"), "./page/inside")
	cmd.Env = append(cmd.Env, "GOOS=js", "GOARCH=wasm")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, kind := range []string{"Verdict", "Trailer"} {
		data, err := os.ReadFile("../testdata/vectors/" + strings.ToLower(kind) + ".json")
		require.NoError(t, err)
		var file struct{ Vectors []json.RawMessage }
		require.NoError(t, json.Unmarshal(data, &file))
		require.NotEmpty(t, file.Vectors)
		require.Equal(t, len(file.Vectors), strings.Count(string(out), "--- PASS: Test"+kind+"Vectors/"))
	}
}

func need(t testing.TB, tool string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		t.Skipf("%s is not on PATH", tool)
	}
}

// call is a call of a function of the program, and its arguments.
type call []any

// answer is what such a call returned.
type answer struct {
	Answer       map[string]any
	Progress     [][2]int64
	Milliseconds float64
}

func (a answer) text(t testing.TB, key string) string {
	t.Helper()
	text, ok := a.Answer[key].(string)
	require.True(t, ok, "%s of %v", key, a.Answer)
	return text
}

// verdicts are the verdicts of judge.
func (a answer) verdicts(t testing.TB) (all []string) {
	t.Helper()
	views, ok := a.Answer["views"].([]any)
	require.True(t, ok, "%v", a.Answer)
	for _, v := range views {
		all = append(all, v.(map[string]any)["verdict"].(string))
	}
	return all
}

// run calls functions of the program under Node.js, one after the other.
func run(t testing.TB, calls ...call) []answer {
	t.Helper()
	need(t, "node")
	p, err := program()
	require.NoError(t, err)
	dir := t.TempDir()
	z, err := gzip.NewReader(bytes.NewReader(p.Wasm))
	require.NoError(t, err)
	wasm, err := io.ReadAll(z)
	require.NoError(t, err)
	paths := []string{filepath.Join(dir, "wasm_exec.js"), filepath.Join(dir, "page.wasm")}
	require.NoError(t, os.WriteFile(paths[0], p.Support, 0o600))
	require.NoError(t, os.WriteFile(paths[1], wasm, 0o600))
	input, err := json.Marshal(calls)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", append([]string{filepath.Join("testdata", "calls.js")}, paths...)...)
	cmd.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s", stderr.String())
	var answers []answer
	require.NoError(t, json.Unmarshal(out, &answers), "%s", out)
	require.Len(t, answers, len(calls))
	return answers
}

type object map[string]any

const options = `{"network":"regtest","confirmations":1,"language":"en","built":"v1"}`

// TestProgram takes documents through the program as it is in the page.
func TestProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: building the page takes a while")
	}
	b := transcripts(t)
	dir := t.TempDir()
	save := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, data, 0o600))
		return path
	}
	pack, document, beside := save("uni.pack", b.pack(t)), save("a.pdf", b.files[kbsu]), save("a.proof", b.files[kbsu+proof.Suffix])
	changed := save("b.pdf", append(bytes.Clone(b.files[kbsu]), '\n'))
	long := save("long.pdf", bytes.Repeat([]byte("%PDF-1.7\n"), 400_000))
	newer := save("status", b.status(t, 2, kbsu))
	other := packOf(t, college, nil, nil)
	added := save("college.pack", other)
	given := func(name, path string) object { return object{"name": name, "file": object{"blob": path}} }
	bytesOf := func(path string) object { return object{"bytes": path} }

	answers := run(t,
		call{"judge", []any{}},
		call{"open", options, []object{bytesOf(pack)}},
		call{"judge", []object{given("a.pdf", document), given("a.pdf.proof.json", beside)}, object{"progress": true}},
		call{"judge", []object{given("a.pdf", document), given("x.json", beside), given("b.pdf", changed)}},
		call{"judge", []object{given("b.pdf", changed), given("b.pdf.proof.json", beside)}},
		call{"judge", []object{given("long.pdf", long)}, object{"progress": true}},
		call{"language", "zh-TW"},
		call{"judge", []object{given("a.pdf", document), given("a.pdf.proof.json", beside)}},
		call{"language", "en"},
		call{"embed", object{"blob": document, "name": "a.pdf"}, object{"blob": beside}},
		call{"extract", object{"blob": document, "name": "a.pdf"}},
		call{"readPack", bytesOf(added)},
		call{"addPack", bytesOf(added), uni.fingerprint(t)},
		call{"addPack", bytesOf(added), college.fingerprint(t)},
		call{"addStatus", bytesOf(newer)},
		call{"judge", []object{given("a.pdf", document), given("a.pdf.proof.json", beside)}},
	)
	require.Equal(t, "open was not called, or has failed", answers[0].text(t, "error"))
	require.Equal(t, "regtest", answers[1].text(t, "network"))
	require.Len(t, answers[1].Answer["issuers"], 1)
	require.Equal(t, []string{"valid"}, answers[2].verdicts(t))
	size := int64(len(b.files[kbsu]))
	require.Equal(t, [][2]int64{{size, size}}, answers[2].Progress)
	require.Equal(t, []string{"valid", "cannot-tell"}, answers[3].verdicts(t))
	require.Equal(t, []string{"invalid"}, answers[4].verdicts(t))
	require.Greater(t, len(answers[5].Progress), 3)
	require.Equal(t, [2]int64{3_600_000, 3_600_000}, answers[5].Progress[len(answers[5].Progress)-1])
	require.Equal(t, "zh", answers[6].text(t, "language"))
	view := answers[7].Answer["views"].([]any)[0].(map[string]any)
	require.Equal(t, "有效", view["word"])
	require.Equal(t, "a-with-proof.pdf", answers[9].text(t, "name"))
	require.NotEmpty(t, answers[9].text(t, "trailer"))
	require.Contains(t, answers[10].text(t, "error"), "no proof inside")
	require.Equal(t, map[string]any{"id": college.id, "name": college.name}, answers[11].Answer)
	require.Contains(t, answers[12].text(t, "error"), "not the fingerprint")
	require.Contains(t, answers[13].text(t, "text"), "Added")
	require.Len(t, answers[13].Answer["info"].(map[string]any)["issuers"], 2)
	require.Contains(t, answers[14].text(t, "text"), "Taken in")
	require.Equal(t, []string{"withdrawn"}, answers[15].verdicts(t))

	trailer := decode(t, answers[9].text(t, "trailer"))
	whole := save("a-with-proof.pdf", append(bytes.Clone(b.files[kbsu]), trailer...))
	answers = run(t,
		call{"open", options, []object{bytesOf(pack)}},
		call{"judge", []object{given("a-with-proof.pdf", whole)}},
		call{"extract", object{"blob": whole, "name": "a-with-proof.pdf"}},
	)
	require.Equal(t, []string{"valid"}, answers[1].verdicts(t))
	require.Equal(t, "a.pdf", answers[2].text(t, "name"))
	require.Equal(t, "a.pdf.proof.json", answers[2].text(t, "proof_name"))
	require.EqualValues(t, size, answers[2].Answer["size"])
	require.Equal(t, string(b.files[kbsu+proof.Suffix]), string(decode(t, answers[2].text(t, "proof"))))
}

// decode reads base64 as encoding/json does.
func decode(t testing.TB, text string) (data []byte) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(`"`+text+`"`), &data))
	return data
}

// TestProgramScans reads a proof from the pixels of its codes.
func TestProgramScans(t *testing.T) {
	b := transcripts(t)
	whole, err := proof.Parse(b.files[kbsu+proof.Suffix])
	require.NoError(t, err)
	compact, err := proof.MarshalCompact(whole)
	require.NoError(t, err)
	parts, err := qr.Split(compact)
	require.NoError(t, err)
	dir := t.TempDir()
	calls := []call{{"open", options, []any{}}}
	for i, part := range parts {
		picture, err := qrcode.Encode(string(part), qrcode.Low, 600)
		require.NoError(t, err)
		img, err := png.Decode(bytes.NewReader(picture))
		require.NoError(t, err)
		rgba := image.NewNRGBA(img.Bounds())
		draw.Draw(rgba, rgba.Bounds(), img, img.Bounds().Min, draw.Src)
		path := filepath.Join(dir, string(rune('a'+i)))
		require.NoError(t, os.WriteFile(path, rgba.Pix, 0o600))
		calls = append(calls, call{"scan", object{"bytes": path}, rgba.Rect.Dx(), rgba.Rect.Dy()})
	}
	calls = append(calls, call{"scan", object{"bytes": filepath.Join(dir, "a")}, 1 << 20, 1 << 20}, call{"resetScan"}, calls[1])
	answers := run(t, calls...)
	last := answers[len(parts)].Answer
	require.Equal(t, true, last["done"], "%v", last)
	require.Equal(t, string(b.files[kbsu+proof.Suffix]), string(decode(t, last["proof"].(string))))
	require.Contains(t, answers[len(parts)+1].text(t, "error"), "cannot be looked through")
	again := answers[len(answers)-1].Answer
	require.EqualValues(t, 1, again["have"])
	require.Nil(t, again["proof"])
}

// TestProgramFaults: whatever JavaScript passes, and whatever goes wrong in it, is
// an error of that call. The next one goes well.
func TestProgramFaults(t *testing.T) {
	b := transcripts(t)
	dir := t.TempDir()
	paths := write(t, dir, b.files, kbsu, kbsu+proof.Suffix)
	pack := filepath.Join(dir, "uni.pack")
	require.NoError(t, os.WriteFile(pack, b.pack(t), 0o600))
	files := []object{{"name": "a.pdf", "file": object{"blob": paths[0]}}, {"name": "a.pdf.proof.json", "file": object{"blob": paths[1]}}}
	gone := object{"name": "gone.pdf", "file": object{"blob": filepath.Join(dir, "gone.pdf"), "size": 1000}}
	large := object{"name": "large.pdf", "file": object{"blob": filepath.Join(dir, "gone.pdf"), "size": 1 << 45}}
	calls := []call{{"open", options, []object{{"bytes": pack}}}}
	wants := []string{""}
	add := func(want string, c call) { calls, wants = append(calls, c), append(wants, want) }
	add("argument 1 is undefined, want string", call{"open"})
	add("malformed options", call{"open", "{", []any{}})
	add("argument 2 is object, want array", call{"open", options, object{}})
	add("argument 1 is number, want Uint8Array", call{"open", options, []any{1}})
	add("", calls[0])
	add("argument 1 is null, want array", call{"judge", nil})
	add("want {name, file}", call{"judge", []any{object{"name": "a.pdf", "file": "a.pdf"}}})
	add("want {name, file}", call{"judge", []any{1}})
	add("want string", call{"language", 1})
	add("unknown language", call{"language", "tlh"})
	add("want Uint8Array", call{"addStatus", "text"})
	add("want Uint8Array", call{"readPack"})
	add("want string", call{"addPack", object{"bytes": pack}, 5})
	add("want Blob", call{"embed", "a", "b"})
	add("want Blob", call{"extract", object{"bytes": pack}})
	add("want a whole number", call{"scan", object{"bytes": pack}, 1.5, 1})
	add("a fault in this page: JavaScript error: no room", call{"judge", files, object{"throws": "no room"}})
	add("", call{"judge", []object{gone, large, files[0], files[1]}})
	answers := run(t, calls...)
	for i, want := range wants {
		if want == "" {
			require.NotContains(t, answers[i].Answer, "error", "%v", calls[i])
			continue
		}
		require.Contains(t, answers[i].text(t, "error"), want, "%v", calls[i])
	}
	require.Equal(t, []string{"cannot-tell", "cannot-tell", "valid"}, answers[len(answers)-1].verdicts(t))
}
