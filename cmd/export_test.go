package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/batch"
	"gradseal/proof"
	"gradseal/proof/ots"
)

// anchorFolder anchors n documents of a few bytes and returns their folder.
func anchorFolder(t *testing.T, home string, n int) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "docs")
	require.NoError(t, os.Mkdir(folder, 0o777))
	for i := range n {
		text := fmt.Sprintf("%%PDF-1.4\n%% %d\n%%%%EOF\n", i)
		require.NoError(t, os.WriteFile(filepath.Join(folder, fmt.Sprintf("t%04d.pdf", i)), []byte(text), 0o666))
	}
	require.Equal(t, 0, run(t, home, "--quiet", "anchor", folder))
	return folder
}

func readProofOf(t *testing.T, document string) *proof.Proof {
	t.Helper()
	data, err := os.ReadFile(document + proof.Suffix)
	require.NoError(t, err)
	p, err := proof.Parse(data)
	require.NoError(t, err)
	return p
}

// claim is a calendar's attestation that leads anywhere: no header is at hand
// that could say more.
func claim(t *testing.T, nonce string, height uint64) *proof.OpenTimestamps {
	t.Helper()
	a, err := proof.NewOpenTimestamps(ots.Path{Ops: []ots.Operation{ots.Append([]byte(nonce)), ots.SHA256}, Attestation: ots.Bitcoin(height)})
	require.NoError(t, err)
	return a
}

func exportOf(t *testing.T, p *proof.Proof) []byte {
	t.Helper()
	file, err := p.Export(nil)
	require.NoError(t, err)
	data, err := file.Marshal()
	require.NoError(t, err)
	return data
}

// TestExportOver: what lies in the place of a file is replaced only where
// nothing that it says is lost.
func TestExportOver(t *testing.T) {
	home := t.TempDir()
	folder := anchorFolder(t, home, 2)
	document := filepath.Join(folder, "t0000.pdf")
	bitcoinOnly := readProofOf(t, document)
	proofWith := func(a *proof.OpenTimestamps) *proof.Proof {
		p := *bitcoinOnly
		p.OpenTimestamps = a
		return &p
	}
	mine, theirs := proofWith(claim(t, "mine", 7)), proofWith(claim(t, "theirs", 8))
	both := exportOf(t, mine)
	bytesOf, err := proof.Marshal(mine)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(document+proof.Suffix, bytesOf, 0o666))

	merged, err := mine.Export(theirs.OpenTimestamps.Timestamp())
	require.NoError(t, err)
	three, err := merged.Marshal()
	require.NoError(t, err)
	require.Greater(t, len(three), len(both))
	other := exportOf(t, readProofOf(t, filepath.Join(folder, "t0001.pdf")))
	weak, err := (&ots.File{Hash: ots.SHA1, Digest: make([]byte, 20), Timestamp: merged.Timestamp}).Marshal()
	require.NoError(t, err)

	for name, test := range map[string]struct {
		old       []byte
		merge     bool
		want      []byte // nil: what was there, and an error
		change    string
		wantError string
	}{
		"nothing there":              {want: both, change: "written"},
		"the same":                   {old: both, want: both, change: "unchanged"},
		"an older one":               {old: exportOf(t, bitcoinOnly), want: both, change: "replaced"},
		"one that says more":         {old: three, want: three, change: "unchanged"},
		"cut off":                    {old: both[:100], want: both, change: "replaced"},
		"cut off, with zero bytes":   {old: append(bytes.Clone(both[:100]), make([]byte, 50)...), want: both, change: "replaced"},
		"zero bytes":                 {old: make([]byte, len(both)), want: both, change: "replaced"},
		"more zero bytes than that":  {old: make([]byte, len(both)+1), wantError: "was not overwritten"},
		"it, with zero bytes":        {old: append(bytes.Clone(both), 0), wantError: "was not overwritten"},
		"one that differs":           {old: exportOf(t, theirs), wantError: "--merge"},
		"one that differs, merged":   {old: exportOf(t, theirs), merge: true, want: three, change: "merged"},
		"of another document":        {old: other, wantError: "was not overwritten"},
		"of another document, again": {old: other, merge: true, wantError: "was not overwritten"},
		"of another hash":            {old: weak, merge: true, wantError: "was not overwritten"},
		"no timestamp":               {old: []byte("notes\n"), merge: true, wantError: "was not overwritten"},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "x.ots")
			if test.old != nil {
				require.NoError(t, os.WriteFile(out, test.old, 0o600))
			}
			args := []string{"--json", "export", "--to", "ots", document, "-o", out}
			if test.merge {
				args = append(args, "--merge")
			}
			code, said, errs := outputOf(home, nil, args...)
			got, err := os.ReadFile(out)
			require.NoError(t, err)
			if test.want == nil {
				require.Equal(t, exitError, code, said)
				require.Contains(t, said, test.wantError)
				require.Equal(t, test.old, got)
				return
			}
			require.Equal(t, exitOK, code, said+errs)
			require.Equal(t, test.want, got)
			var result exportJSON
			require.NoError(t, json.Unmarshal([]byte(said), &result))
			require.Equal(t, []exportFileJSON{{out, document + proof.Suffix, "regtest", test.change}}, result.Files)
		})
	}
}

// TestExportOverOthers: what is no file is never replaced.
func TestExportOverOthers(t *testing.T) {
	home := t.TempDir()
	document := filepath.Join(anchorFolder(t, home, 1), "t0000.pdf")
	out := document + otsSuffix
	require.NoError(t, os.Mkdir(out, 0o777))
	refused := func(args ...string) {
		t.Helper()
		code, _, errs := outputOf(home, nil, append([]string{"export", "--to", "ots", document}, args...)...)
		require.Equal(t, exitError, code)
		require.Contains(t, errs, "is not a regular file, and was not overwritten")
		require.Contains(t, errs, "hint: name another file with -o")
		require.NotContains(t, errs, "move")
	}
	refused()
	require.NoError(t, os.Remove(out))
	if runtime.GOOS == "windows" {
		return
	}
	target := filepath.Join(t.TempDir(), "target")
	require.NoError(t, os.WriteFile(target, nil, 0o600))
	require.NoError(t, os.Symlink(target, out))
	refused()
	refused("-o", os.DevNull)
}

// TestExportOverSources: nothing is written over the document or its proof,
// whatever name leads there.
func TestExportOverSources(t *testing.T) {
	home := t.TempDir()
	document := filepath.Join(anchorFolder(t, home, 1), "t0000.pdf")
	sources := []string{document, document + proof.Suffix}
	if runtime.GOOS != "windows" {
		for _, source := range sources {
			link := filepath.Join(t.TempDir(), "link")
			require.NoError(t, os.Symlink(source, link))
			sources = append(sources, link)
		}
	}
	for _, named := range []string{document, document + proof.Suffix} {
		for _, out := range sources {
			before, err := os.ReadFile(out)
			require.NoError(t, err)
			for _, to := range []string{toOTS, toJSON} {
				code, _, errs := outputOf(home, nil, "export", "--to", to, named, "-o", out)
				require.Equal(t, exitError, code)
				require.Contains(t, errs, filepath.Base(out)+": is what is exported, and is not overwritten")
				require.Contains(t, errs, "hint: name another file with -o, such as ")
			}
			after, err := os.ReadFile(out)
			require.NoError(t, err)
			require.Equal(t, before, after)
		}
	}
}

// TestExportChanged: a document that is named is the one of its proof, or it is
// left out; in a folder it is not read.
func TestExportChanged(t *testing.T) {
	home := t.TempDir()
	folder := anchorFolder(t, home, 2)
	document, sound := filepath.Join(folder, "t0000.pdf"), filepath.Join(folder, "t0001.pdf")
	require.NoError(t, os.WriteFile(document, []byte("another"), 0o600))
	const fault = "is not byte for byte the document of this proof"
	for _, args := range [][]string{
		{"--to", "ots", document},
		{"--to", "ots", document + proof.Suffix, document}, // named both ways
		{"--to", "json", document},
	} {
		code, out, errs := outputOf(home, nil, append([]string{"export"}, args...)...)
		require.Equal(t, exitError, code)
		require.Empty(t, out)
		require.Contains(t, errs, "t0000.pdf"+proof.Suffix+": ")
		require.Contains(t, errs, fault)
		require.NoFileExists(t, document+otsSuffix)
	}
	code, out, errs := outputOf(home, nil, "export", "--to", "ots", document, sound)
	require.Equal(t, exitError, code)
	require.Contains(t, out, "Wrote "+sound+otsSuffix)
	require.Contains(t, errs, fault)
	require.NoFileExists(t, document+otsSuffix)
	require.Equal(t, exitOK, run(t, home, "export", "--to", "ots", document+proof.Suffix))
	require.Equal(t, exitOK, run(t, home, "export", "--to", "ots", folder))
}

// TestExportDeep: a way that is longer than the format allows is said to be
// that, and can be followed by hand.
func TestExportDeep(t *testing.T) {
	home := t.TempDir()
	document := filepath.Join(anchorFolder(t, home, 1), "t0000.pdf")
	p := readProofOf(t, document)
	steps, err := p.Steps()
	require.NoError(t, err)
	for most, code := range map[int]int{ots.MaxDepth - 1: exitOK, ots.MaxDepth: exitError} {
		var ops []ots.Operation
		for len(steps)+len(ops) < most {
			ops = append(ops, ots.SHA256)
		}
		p.Bitcoin = nil
		p.OpenTimestamps, err = proof.NewOpenTimestamps(ots.Path{Ops: ops, Attestation: ots.Bitcoin(7)})
		require.NoError(t, err)
		data, err := proof.Marshal(p)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(document+proof.Suffix, data, 0o666))
		got, _, errs := outputOf(home, nil, "export", "--to", "ots", document)
		require.Equal(t, code, got, "%d operations: %s", most, errs)
		if code == exitError {
			require.Contains(t, errs, "t0000.pdf"+proof.Suffix+": the way from the document to the block is too long for an .ots file")
			require.Contains(t, errs, "hint: --to json")
		}
		require.Equal(t, exitOK, run(t, home, "export", "--to", "json", document))
		require.NoError(t, os.RemoveAll(document+otsSuffix))
	}
}

// TestExportAgainNamed: timestamps among what is named, such as those of the
// last run, are passed over.
func TestExportAgainNamed(t *testing.T) {
	home := t.TempDir()
	folder := anchorFolder(t, home, 2)
	require.Equal(t, exitOK, run(t, home, "export", "--to", "ots", folder))
	all, err := filepath.Glob(filepath.Join(folder, "*"))
	require.NoError(t, err)
	require.Len(t, all, 6)
	code, out, errs := outputOf(home, nil, append([]string{"export", "--to", "ots"}, all...)...)
	require.Equal(t, exitOK, code, errs)
	require.Contains(t, out, "2 were there already")
	require.Regexp(t, `Passed over \S*t0000\.pdf\.ots \S*t0001\.pdf\.ots: timestamps already, and no proofs`, errs)
	code, _, errs = outputOf(home, nil, "export", "--to", "ots", filepath.Join(folder, "t0000.pdf.ots"))
	require.Equal(t, exitError, code)
	require.Contains(t, errs, "t0000.pdf.ots: is a timestamp already, and no proof")
}

// TestExportOutName: a name of a file does not become a folder.
func TestExportOutName(t *testing.T) {
	home := t.TempDir()
	folder := anchorFolder(t, home, 2)
	out := filepath.Join(t.TempDir(), "one.ots")
	named := []string{filepath.Join(folder, "t0000.pdf"), filepath.Join(folder, "t0001.pdf")}
	for _, args := range [][]string{named, {folder}} {
		args = append([]string{"export", "--to", "ots", "-o", out}, args...)
		code, _, errs := outputOf(home, nil, args...)
		require.Equal(t, exitError, code)
		require.Contains(t, errs, "one.ots: is the name of a file, and a folder is wanted")
		require.Contains(t, errs, "hint: name a folder with -o")
		require.NoFileExists(t, out)
		require.NoDirExists(t, out)
	}
	require.Equal(t, exitOK, run(t, home, "export", "--to", "ots", "-o", out+string(filepath.Separator), folder))
	require.FileExists(t, filepath.Join(out, "t0001.pdf.ots"))
	require.Equal(t, exitOK, run(t, home, "export", "--to", "ots", "-o", out, folder))
	hidden := filepath.Join(t.TempDir(), ".hidden")
	require.Equal(t, exitOK, run(t, home, "export", "--to", "ots", "-o", hidden, folder))
	require.FileExists(t, filepath.Join(hidden, "t0001.pdf.ots"))
}

// TestExportFalseProofs: a proof whose steps do not meet is named and not
// exported, whatever it is attested by.
func TestExportFalseProofs(t *testing.T) {
	home := t.TempDir()
	folder := anchorFolder(t, home, 3)
	document := filepath.Join(folder, "t0000.pdf")
	sound := readProofOf(t, document)
	for name, test := range map[string]struct {
		spoil func(p *proof.Proof)
		want  string
	}{
		"a calendar's, of another document": {func(p *proof.Proof) { p.Bitcoin, p.OpenTimestamps = nil, claim(t, "x", 7); p.Digest[0] ^= 1 }, "leads to the batch root"},
		"of another document":               {func(p *proof.Proof) { p.Digest[0] ^= 1 }, "leads to the Merkle root"},
		"of another header":                 {func(p *proof.Proof) { b := *p.Bitcoin; b.Header[40] ^= 1; p.Bitcoin = &b }, "leads to the Merkle root"},
		"of another tree size":              {func(p *proof.Proof) { p.Layers[0].Path = nil }, "audit path has 0 hashes"},
	} {
		t.Run(name, func(t *testing.T) {
			p := *sound
			p.Layers = slices.Clone(sound.Layers)
			test.spoil(&p)
			data, err := proof.Marshal(&p)
			require.NoError(t, err)
			path := filepath.Join(t.TempDir(), "x.pdf"+proof.Suffix)
			require.NoError(t, os.WriteFile(path, data, 0o600))
			code, _, errs := outputOf(home, nil, "export", "--to", "ots", path)
			require.Equal(t, exitError, code, errs)
			require.Contains(t, errs, test.want)
			require.NoFileExists(t, strings.TrimSuffix(path, proof.Suffix)+otsSuffix)
		})
	}
}

// TestExportBatchAsFiles: a batch exports to what its proofs do, also after its
// folder has moved.
func TestExportBatchAsFiles(t *testing.T) {
	home := t.TempDir()
	folder := anchorFolder(t, home, 5)
	require.Equal(t, exitOK, run(t, home, "export", "--to", "ots", folder))
	ids, err := os.ReadDir(filepath.Join(home, batchesName))
	require.NoError(t, err)
	moved := folder + "-moved"
	require.NoError(t, os.Rename(folder, moved))
	code, out, _ := outputOf(home, nil, "--json", "export", "--to", "ots", "--batch", ids[0].Name())
	require.Equal(t, exitError, code)
	require.Contains(t, out, "not where it was")
	require.Contains(t, out, "-o")
	require.NoDirExists(t, folder)

	to := filepath.Join(t.TempDir(), "new", "folder")
	require.Equal(t, exitOK, run(t, home, "export", "--to", "ots", "--batch", ids[0].Name(), "-o", to))
	for i := range 5 {
		name := fmt.Sprintf("t%04d.pdf.ots", i)
		want, err := os.ReadFile(filepath.Join(moved, name))
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(to, name))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// TestExportBatchCalendars: a batch exports what every calendar attests, its
// proofs only what they carry. Calendars that are still to answer are left out.
func TestExportBatchCalendars(t *testing.T) {
	home := t.TempDir()
	folder := anchorFolder(t, home, 2)
	list, err := batch.Open(filepath.Join(home, batchesName)).List()
	require.NoError(t, err)
	pending := ots.Path{Ops: []ots.Operation{ots.SHA256}, Attestation: ots.Pending("https://calendar.example")}.Timestamp()
	// Blocks beyond the header chain may be, one that it has another of is not.
	claims := ots.Merge(claim(t, "one", 1007).Timestamp(), claim(t, "two", 1009).Timestamp())
	require.NoError(t, list[0].SaveCalendars(ots.Merge(ots.Merge(pending, claim(t, "three", 5).Timestamp()), claims)))

	document := filepath.Join(folder, "t0001.pdf")
	require.Equal(t, exitOK, run(t, home, "export", "--to", "ots", folder))
	require.Equal(t, exitOK, run(t, home, "export", "--to", "ots", "--batch", list[0].ID)) // says more, so it replaces
	data, err := os.ReadFile(document + otsSuffix)
	require.NoError(t, err)
	file, err := ots.ParseFile(data)
	require.NoError(t, err)
	paths, err := file.Timestamp.Paths(file.Digest)
	require.NoError(t, err)
	heights := make(map[uint64]bool)
	for _, p := range paths {
		height, ok := p.Attestation.BitcoinHeight()
		require.True(t, ok, "%s", p.Attestation)
		heights[height] = true
	}
	own := readProofOf(t, document).Bitcoin
	require.Equal(t, map[uint64]bool{1007: true, 1009: true, uint64(own.Height): true}, heights)
	code, out, _ := outputOf(home, nil, "--json", "export", "--to", "json", "--batch", list[0].ID)
	require.Equal(t, exitOK, code)
	var steps stepsJSON
	require.NoError(t, json.NewDecoder(strings.NewReader(out)).Decode(&steps))
	types := make(map[string]int)
	for _, a := range steps.Attestations {
		types[a.Type]++
	}
	require.Equal(t, map[string]int{"bitcoin": 1, "opentimestamps": 2}, types)
}

// TestExportInterrupted: Ctrl-C ends the run, every file that is there is whole,
// and the same command again finishes.
func TestExportInterrupted(t *testing.T) {
	home := t.TempDir()
	const documents = 60
	folder := anchorFolder(t, home, documents)
	e := &exporter{app: &app{ui: newUI(Stdio{Err: new(bytes.Buffer)})}, exportOptions: exportOptions{to: toOTS}}
	require.NoError(t, e.findProofs([]string{folder}))
	require.Len(t, e.jobs, documents)
	require.NoError(t, e.place())
	ctx, cancel := context.WithCancel(t.Context())
	middle := e.jobs[documents/2]
	load := middle.load
	middle.load = func() (*proof.Proof, *ots.File, error) {
		cancel()
		return load()
	}
	require.ErrorIs(t, e.write(ctx), context.Canceled)
	written, err := filepath.Glob(filepath.Join(folder, "*"+otsSuffix))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(written), documents/2-runtime.GOMAXPROCS(0))
	require.Less(t, len(written), documents)
	for _, path := range written {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, exportOf(t, readProofOf(t, strings.TrimSuffix(path, otsSuffix))), data)
	}
	left, err := filepath.Glob(filepath.Join(folder, exportTemporary))
	require.NoError(t, err)
	require.Empty(t, left)
	code, out, _ := outputOf(home, nil, "--quiet", "export", "--to", "ots", folder)
	require.Equal(t, exitOK, code)
	require.Contains(t, out, fmt.Sprintf("%d were there already", len(written)))
}

// TestExportSweeps: what a killed process left is removed, and nothing that
// another one may be writing.
func TestExportSweeps(t *testing.T) {
	home := t.TempDir()
	folder := anchorFolder(t, home, 1)
	old, fresh, other := filepath.Join(folder, ".gradseal-export-1"), filepath.Join(folder, ".gradseal-export-2"), filepath.Join(folder, ".gradseal-other")
	past := time.Now().Add(-2 * abandonedAfter)
	for _, path := range []string{old, fresh, other} {
		require.NoError(t, os.WriteFile(path, nil, 0o600))
	}
	require.NoError(t, os.Chtimes(old, past, past))
	require.NoError(t, os.Chtimes(other, past, past))
	require.Equal(t, exitOK, run(t, home, "export", "--to", "ots", folder))
	require.NoFileExists(t, old)
	require.FileExists(t, fresh)
	require.FileExists(t, other)
}

// TestExportUnwritable: a folder that cannot be written to is named.
func TestExportUnwritable(t *testing.T) {
	home := t.TempDir()
	folder := anchorFolder(t, home, 2)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	code, _, errs := outputOf(home, nil, "export", "--to", "ots", folder, "-o", filepath.Join(file, "sub"))
	require.Equal(t, exitError, code)
	require.Contains(t, errs, "sub")
	require.Contains(t, errs, "written before that: 0 of 2 files")
	code, _, errs = outputOf(home, nil, "export", "--to", "ots", folder, "-o", file)
	require.Equal(t, exitError, code)
	require.Contains(t, errs, "is a file, and a folder is exported")
}

// TestCommonFolder: files from several folders keep their places among each
// other.
func TestCommonFolder(t *testing.T) {
	slashed := func(paths ...string) []string {
		for i := range paths {
			paths[i] = filepath.FromSlash(paths[i])
		}
		return paths
	}
	for _, test := range []struct {
		dirs []string
		want string
	}{
		{slashed("/a/b"), "/a/b"},
		{slashed("/a/b", "/a/b/c"), "/a/b"},
		{slashed("/a/b/c", "/a/b"), "/a/b"},
		{slashed("/a/b", "/a/bc"), "/a"},
		{slashed("/a", "/b"), "/"},
	} {
		require.Equal(t, filepath.FromSlash(test.want), commonFolder(test.dirs), "%v", test.dirs)
	}
}

// TestStepsByHand follows the steps of --to json with the commands that it
// names: nothing of this program takes part.
func TestStepsByHand(t *testing.T) {
	for _, tool := range []string{"sh", "sha256sum", "xxd", "jq"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: %s is not installed", tool)
		}
	}
	home := t.TempDir()
	folder := anchorFolder(t, home, 11)
	document := filepath.Join(folder, "t0003.pdf")
	p := readProofOf(t, document)
	p.OpenTimestamps = claim(t, "calendar", 7)
	data, err := proof.Marshal(p)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(document+proof.Suffix, data, 0o666))
	file := filepath.Join(t.TempDir(), "steps.json")
	require.Equal(t, exitOK, run(t, home, "export", "--to", "json", document, "-o", file))
	data, err = os.ReadFile(file)
	require.NoError(t, err)
	var steps stepsJSON
	require.NoError(t, json.Unmarshal(data, &steps))
	how := strings.Join(steps.How, "\n")
	// by runs a command of the text, with HEX and the like replaced.
	by := func(command string, replace ...string) string {
		t.Helper()
		require.Contains(t, how, command)
		out, err := exec.Command("sh", "-c", strings.NewReplacer(replace...).Replace(command)).CombinedOutput()
		require.NoError(t, err, "%s", out)
		return strings.Fields(string(out))[0]
	}
	require.Equal(t, steps.SHA256, by("sha256sum of the document", "of the document", document))
	follow := func(result string, n int, list []stepJSON) string {
		for _, s := range list {
			n++
			require.Equal(t, n, s.N)
			switch s.Op {
			case "prepend":
				result = s.Argument + result
			case "append":
				result += s.Argument
			default:
				require.Equal(t, "sha256", s.Op)
				require.Empty(t, s.Argument)
				result = by("printf %s HEX | xxd -r -p | sha256sum", "HEX", result)
			}
			require.Equal(t, s.Result, result, "step %d", s.N)
		}
		return result
	}
	root := follow(steps.SHA256, 0, steps.Steps)
	require.Equal(t, steps.Layers[0].BatchRoot, root)
	statement := by("jq -j '.layers[0].statement' FILE | sha256sum", "FILE", file)
	require.Equal(t, "02"+statement, steps.Steps[len(steps.Steps)-2].Argument)

	require.Len(t, steps.Attestations, 2)
	for _, a := range steps.Attestations {
		require.Equal(t, a.MerkleRoot, follow(root, len(steps.Steps), a.Steps))
		require.Equal(t, a.MerkleRoot, reversedHex(a.MerkleRootReversed))
		if a.Type == "opentimestamps" {
			require.EqualValues(t, 7, a.Height)
			require.Nil(t, a.Header)
			continue
		}
		require.Equal(t, "bitcoin", a.Type)
		require.EqualValues(t, p.Bitcoin.Height, a.Height)
		require.Equal(t, a.MerkleRoot, (*a.Header)[72:136])
		hash := by("printf %s HEADER | xxd -r -p | sha256sum | cut -c -64 | xxd -r -p | sha256sum", "HEADER", *a.Header)
		require.Equal(t, reversedHex(*a.BlockHash), hash)
	}
}

// reversedHex turns the bytes around that hex digits stand for.
func reversedHex(digits string) string {
	var out strings.Builder
	for i := len(digits); i > 0; i -= 2 {
		out.WriteString(digits[i-2 : i])
	}
	return out.String()
}

// TestExportPendingBatch: what is to be done about it is said once.
func TestExportPendingBatch(t *testing.T) {
	s := newStamping(t, 1)
	s.anchor(0, "--min-calendars", "1")
	_, errs := s.run(exitError, "export", "--to", "ots", "--batch", s.batch().Batch)
	require.Contains(t, errs, "is pending: it leads to no block yet")
	require.Contains(t, errs, "hint: gradseal upgrade")
	require.NotContains(t, errs, "Next:")
}

// TestGrouped: however many findings there are, and in whatever their texts
// differ, a person reads some of each kind and how many more there are.
func TestGrouped(t *testing.T) {
	var numbers, names, same []batch.Finding
	for i := range 1000 {
		numbers = append(numbers, batch.Finding{Path: fmt.Sprint(i, ".pdf"), Text: fmt.Sprintf("ends at byte %d of %d", i, 2*i)})
		names = append(names, batch.Finding{Path: "a.pdf", Text: strings.Repeat("x", i+1)})
		same = append(same, batch.Finding{Path: "a.pdf", Text: "version 2"})
	}
	out := grouped(append(numbers, batch.Finding{Path: "b.pdf", Text: "something else"}))
	require.Equal(t, alike+2, strings.Count(out, "\n"))
	require.Contains(t, out, "\n  and 980 more, which --json lists: ends at byte # of #\n  b.pdf: something else")
	out = grouped(names)
	require.Equal(t, mostKinds+1, strings.Count(out, "\n"))
	require.True(t, strings.HasSuffix(out, "\n  and 950 more of other kinds, which --json lists"))
	require.True(t, strings.HasSuffix(grouped(same), "\n  and 980 more, which --json lists: version 2"))
}
