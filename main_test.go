package main

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/keys"
	"gradseal/proof"
	"gradseal/trust"
)

func TestMain(m *testing.M) {
	testscript.Main(testsAndProgram{m}, map[string]func(){"gradseal": main})
}

// testsAndProgram removes, after the tests, the program that they built.
type testsAndProgram struct{ *testing.M }

func (m testsAndProgram) Run() int {
	defer func() { os.RemoveAll(programDir) }()
	return m.M.Run()
}

var programDir string

var buildOnce = sync.OnceValues(func() (program string, err error) {
	if programDir, err = os.MkdirTemp("", "gradseal-test-"); err != nil {
		return "", err
	}
	program = filepath.Join(programDir, "gradseal.exe")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return program, os.Chmod(programDir, 0o755)
})

// builtProgram is the program as people build it: for tests that kill it, and
// for those with passphrases, which take the race detector ten times as long.
func builtProgram(t *testing.T) string {
	t.Helper()
	program, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// TestScript runs the stories in testdata/script, one file each, on the real
// main in processes of its own. See scriptCommands for what they can say
// beside testscript's own commands.
func TestScript(t *testing.T) {
	samples, err := filepath.Abs("testdata/transcripts")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		Cmds:                scriptCommands,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Vars = append(env.Vars, "SAMPLES="+samples)
			return useEmptyUser(env)
		},
	})
}

// useEmptyUser gives a script a user with an empty home directory, in which
// gradseal's default home, $DATA, does not exist.
func useEmptyUser(env *testscript.Env) error {
	user := filepath.Join(env.WorkDir, "user")
	data := map[string]string{
		"windows": filepath.Join(user, "AppData", "Local", "gradseal"),
		"darwin":  filepath.Join(user, "Library", "Application Support", "gradseal"),
	}[runtime.GOOS]
	data = cmp.Or(data, filepath.Join(user, ".local", "share", "gradseal"))
	for _, name := range []string{"HOME", "USERPROFILE"} {
		env.Setenv(name, user)
	}
	env.Setenv("LocalAppData", filepath.Join(user, "AppData", "Local"))
	env.Setenv("DATA", data)
	// A program under the race detector would sleep for a second before it ends.
	env.Setenv("GORACE", "atexit_sleep_ms=0")
	return os.Mkdir(user, 0o700)
}

// scriptCommands are the commands of the scripts beside testscript's own.
var scriptCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"ago":        cmdAgo,
	"code":       cmdCode,
	"json":       cmdJSON,
	"jsonkeys":   cmdJSONKeys,
	"jsonlines":  cmdJSONLines,
	"readcsv":    cmdReadCSV,
	"jsonenv":    cmdJSONEnv,
	"snapshot":   cmdSnapshot,
	"same":       cmdSame,
	"clone":      cmdClone,
	"pdf":        cmdPDF,
	"flip":       cmdFlip,
	"cut":        cmdCut,
	"append":     cmdAppend,
	"garbage":    cmdGarbage,
	"rename":     cmdRename,
	"empty":      cmdEmpty,
	"trailer":    cmdTrailer,
	"rewrite":    cmdRewrite,
	"unattested": cmdUnattested,
	"statuslist": cmdStatusList,
	"goback":     cmdGoBack,
	"documents":  cmdDocuments,
	"zero":       cmdZero,
	"recode":     cmdRecode,
	"copybatch":  cmdCopyBatch,
	"cmptable":   cmdCompareTable,
	"rudelink":   cmdRudeLink,
	"weaken":     cmdWeaken,
}

// code N PROGRAM ARGUMENT…: runs the program, which must end with exit code N.
func cmdCode(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if err != nil || neg {
		ts.Fatalf("usage: code N program…")
	}
	got := 0
	var exit *exec.ExitError
	switch err := ts.Exec(args[1], args[2:]...); {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// outputLine takes "-N" from the arguments and returns the N-th line of the
// last standard output (the first without -N), parsed as JSON.
func outputLine(ts *testscript.TestScript, args []string) (any, []string) {
	line := 1
	if n, err := strconv.Atoi(strings.TrimPrefix(args[0], "-")); err == nil && strings.HasPrefix(args[0], "-") {
		line, args = n, args[1:]
	}
	lines := outputLines(ts)
	if line > len(lines) {
		ts.Fatalf("the output has %d lines, want at least %d", len(lines), line)
	}
	decoder := json.NewDecoder(strings.NewReader(lines[line-1]))
	decoder.UseNumber()
	var value any
	ts.Check(decoder.Decode(&value))
	return value, args
}

func outputLines(ts *testscript.TestScript) []string {
	text := ts.ReadFile("stdout")
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// lookUp follows a path such as checks.0.name.
func lookUp(value any, path string) (any, bool) {
	if path == "." {
		return value, true
	}
	for key := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			next, ok := v[key]
			if !ok {
				return nil, false
			}
			value = next
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(v) {
				return nil, false
			}
			value = v[i]
		default:
			return nil, false
		}
	}
	return value, true
}

func mustLookUp(ts *testscript.TestScript, value any, path string) any {
	found, ok := lookUp(value, path)
	if !ok {
		ts.Fatalf("no %s in the output", path)
	}
	return found
}

// [!] json [-N] PATH VALUE: the value at PATH, printed as text, is VALUE; one
// between slashes is a regular expression. With ! and no VALUE, there is none.
func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	value, args := outputLine(ts, args)
	if neg && len(args) == 1 {
		if found, ok := lookUp(value, args[0]); ok {
			ts.Fatalf("%s is there: %v", args[0], found)
		}
		return
	}
	if len(args) != 2 {
		ts.Fatalf("usage: json [-N] path value")
	}
	got, want := scalar(mustLookUp(ts, value, args[0])), args[1]
	match := got == want
	if pattern, ok := strings.CutPrefix(want, "/"); ok {
		match = regexp.MustCompile(strings.TrimSuffix(pattern, "/")).MatchString(got)
	}
	if match == neg {
		ts.Fatalf("%s is %q, want %q (negated: %v)", args[0], got, want, neg)
	}
}

func scalar(value any) string {
	if value == nil {
		return "null"
	}
	return fmt.Sprint(value)
}

// jsonkeys [-N] PATH KEY…: the object at PATH has exactly these keys.
func cmdJSONKeys(ts *testscript.TestScript, neg bool, args []string) {
	value, args := outputLine(ts, args)
	object, ok := mustLookUp(ts, value, args[0]).(map[string]any)
	if !ok || neg {
		ts.Fatalf("%s is not an object", args[0])
	}
	var got []string
	for key := range object {
		got = append(got, key)
	}
	want := slices.Clone(args[1:])
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		ts.Fatalf("%s has the keys\n  %s, want\n  %s", args[0], strings.Join(got, " "), strings.Join(want, " "))
	}
}

// jsonlines N: the output is N lines, each a JSON object.
func cmdJSONLines(ts *testscript.TestScript, neg bool, args []string) {
	lines := outputLines(ts)
	if strconv.Itoa(len(lines)) != args[0] || neg {
		ts.Fatalf("the output has %d lines, want %s", len(lines), args[0])
	}
	for i, line := range lines {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			ts.Fatalf("line %d: %v", i+1, err)
		}
	}
}

// jsonenv [-N] PATH VARIABLE: puts the value at PATH into the environment.
func cmdJSONEnv(ts *testscript.TestScript, neg bool, args []string) {
	value, args := outputLine(ts, args)
	if len(args) != 2 || neg {
		ts.Fatalf("usage: jsonenv [-N] path variable")
	}
	ts.Setenv(args[1], scalar(mustLookUp(ts, value, args[0])))
}

// snapshotFile is where snapshot leaves what same compares with.
func snapshotFile(ts *testscript.TestScript, dir string) string {
	return ts.MkAbs(strings.TrimRight(dir, "/") + ".snapshot")
}

// snapshot DIR…: remembers names, modes and contents of all that is in each.
func cmdSnapshot(ts *testscript.TestScript, neg bool, args []string) {
	for _, dir := range args {
		ts.Check(os.WriteFile(snapshotFile(ts, dir), []byte(describe(ts, dir)), 0o600))
	}
}

// same DIR…: each is as it was when it was remembered. The lock file, which is
// always empty, may have come.
func cmdSame(ts *testscript.TestScript, neg bool, args []string) {
	for _, dir := range args {
		before := ts.ReadFile(snapshotFile(ts, dir))
		if after := describe(ts, dir); after != before || neg {
			ts.Fatalf("%s was:\n%sand is:\n%s", dir, before, after)
		}
	}
}

func describe(ts *testscript.TestScript, dir string) string {
	var lines strings.Builder
	root := ts.MkAbs(dir)
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path == root {
			return nil
		}
		if err != nil {
			return err
		}
		if path == root || e.Name() == "lock" {
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		var data []byte
		if info.Mode().IsRegular() {
			if data, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		rel, err := filepath.Rel(root, path)
		fmt.Fprintf(&lines, "  %s %s %x\n", rel, info.Mode(), data)
		return err
	})
	ts.Check(err)
	return lines.String()
}

// clone SOURCE TARGET: copies a folder with all that is in it but proofs.
func cmdClone(ts *testscript.TestScript, neg bool, args []string) {
	source, target := ts.MkAbs(args[0]), ts.MkAbs(args[1])
	ts.Check(filepath.WalkDir(source, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		to := filepath.Join(target, rel)
		if e.IsDir() {
			return os.MkdirAll(to, 0o777)
		}
		if strings.HasSuffix(path, proof.Suffix) {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o666)
	}))
}

// pdf FILE…: writes one-page PDFs, each with its name as its text.
func cmdPDF(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		path := ts.MkAbs(name)
		ts.Check(os.MkdirAll(filepath.Dir(path), 0o777))
		ts.Check(os.WriteFile(path, smallPDF(filepath.ToSlash(name)), 0o666))
	}
}

// smallPDF is a PDF of one page with a line of text.
func smallPDF(text string) []byte {
	content := fmt.Sprintf("BT /F1 12 Tf 72 720 Td <%x> Tj ET", text)
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(content), content),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	var xref strings.Builder
	for i, object := range objects {
		fmt.Fprintf(&xref, "%010d 00000 n \n", b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n%s", len(objects)+1, xref.String())
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, start)
	return b.Bytes()
}

// flip FILE: changes one bit in the middle of the file.
func cmdFlip(ts *testscript.TestScript, neg bool, args []string) {
	data := []byte(ts.ReadFile(args[0]))
	data[len(data)/2] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o666))
}

// cut FILE N: keeps the first N bytes of the file; a negative N takes so many
// off its end.
func cmdCut(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	data := ts.ReadFile(args[0])
	if n < 0 {
		n += len(data)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(data[:n]), 0o666))
}

// append FILE SOURCE: adds the content of SOURCE to the end of the file.
func cmdAppend(ts *testscript.TestScript, neg bool, args []string) {
	data := ts.ReadFile(args[0]) + ts.ReadFile(args[1])
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(data), 0o666))
}

// garbage FILE N: writes N random bytes, the same on every run.
func cmdGarbage(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	data := make([]byte, n)
	rand.NewChaCha8([32]byte{}).Read(data)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o666))
}

// rename FILE NAME: gives the file a name that is written as a Go string
// without its quotes. It does nothing where files cannot have such names.
func cmdRename(ts *testscript.TestScript, neg bool, args []string) {
	name, err := strconv.Unquote(`"` + args[1] + `"`)
	ts.Check(err)
	if runtime.GOOS != "windows" {
		ts.Check(os.Rename(ts.MkAbs(args[0]), ts.MkAbs(name)))
	}
}

// [!] empty DIR: the directory is empty, or is not there.
func cmdEmpty(ts *testscript.TestScript, neg bool, args []string) {
	names, err := os.ReadDir(ts.MkAbs(args[0]))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		ts.Fatalf("%v", err)
	}
	if (len(names) == 0) == neg {
		ts.Fatalf("%s holds %v", args[0], names)
	}
}

var startXref = regexp.MustCompile(`startxref(?:\r\n|\r|\n)([0-9]+)(?:\r\n|\r|\n)%%EOF(?:\r\n|\r|\n)?$`)

// trailer PDF PROOF OUT: puts the proof into the PDF as trailerOf does, whatever
// it is for.
func cmdTrailer(ts *testscript.TestScript, neg bool, args []string) {
	original, proofFile := ts.ReadFile(args[0]), ts.ReadFile(args[1])
	end := startXref.FindStringSubmatch(original)
	if end == nil {
		ts.Fatalf("%s does not end in startxref and %%%%EOF", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), append([]byte(original), trailerOf([]byte(proofFile), end[1])...), 0o666))
}

// trailerOf is the grammar of docs/format.md, section 11, written out a second
// time, without the program's code.
func trailerOf(proofFile []byte, startxref string) []byte {
	encoded := base64.StdEncoding.EncodeToString(proofFile)
	var b bytes.Buffer
	b.WriteString("\n%gradseal-proof-1\n")
	for len(encoded) > 0 {
		n := min(76, len(encoded))
		b.WriteString("%" + encoded[:n] + "\n")
		encoded = encoded[n:]
	}
	b.WriteString("startxref\n" + startxref + "\n%%EOF\n")
	return b.Bytes()
}

// rewrite FILE OLD NEW: replaces a text that stands in the file exactly once.
func cmdRewrite(ts *testscript.TestScript, neg bool, args []string) {
	text := ts.ReadFile(args[0])
	if n := strings.Count(text, args[1]); n != 1 {
		ts.Fatalf("%s holds %q %d times, want once", args[0], args[1], n)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, args[1], args[2], 1)), 0o666))
}

// unattested PROOF: takes the Bitcoin attestation out of a proof.
func cmdUnattested(ts *testscript.TestScript, neg bool, args []string) {
	p, err := proof.Parse([]byte(ts.ReadFile(args[0])))
	ts.Check(err)
	p.Bitcoin = nil
	data, err := proof.Marshal(p)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o666))
}

// statuslist HOME OUT WORD…: signs another status list with the key in HOME,
// which must not be encrypted, and writes it to OUT. It follows the newest list
// in HOME, unless the words say otherwise:
//
//	again              with the sequence number of the newest list
//	past               to be renewed by yesterday
//	later              as of ten years from now
//	tomorrow           as of 20 hours from now
//	last               never to be renewed
//	empty              without the batches
//	withdraw PROOF     withdraws the document of that proof
//	withdraw-batch PROOF
func cmdStatusList(ts *testscript.TestScript, neg bool, args []string) {
	key, store := keyAndStore(ts, ts.MkAbs(args[0]))
	newest, _, err := store.Status(key.Name(), bitcoin.Regtest)
	ts.Check(err)
	list := newest.Clone()
	list.Sequence++
	for words := args[2:]; len(words) > 0; words = words[1:] {
		switch words[0] {
		case "again":
			list.Sequence--
			list.Next = list.Next.Add(time.Hour)
		case "past":
			list.AsOf = list.AsOf.AddDate(0, 0, -180)
			list.Next = list.AsOf.AddDate(0, 0, 179)
		case "later":
			list.AsOf = list.AsOf.AddDate(10, 0, 0)
			list.Next = list.AsOf.AddDate(0, 0, 180)
		case "tomorrow":
			list.AsOf = list.AsOf.Add(20 * time.Hour)
		case "last":
			list.Next = time.Time{}
		case "empty":
			list.Batches = nil
		case "withdraw", "withdraw-batch":
			withdraw(ts, list, words[0], words[1])
			words = words[1:]
		default:
			ts.Fatalf("unknown word %s", words[0])
		}
	}
	text, err := list.Text()
	ts.Check(err)
	signed, err := issuer.SignNote(text, issuer.MaxStatus, key)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), signed, 0o666))
}

func keyAndStore(ts *testscript.TestScript, home string) (*keys.Key, *trust.Store) {
	found, err := filepath.Glob(filepath.Join(home, "keys", "*.key"))
	ts.Check(err)
	if len(found) != 1 {
		ts.Fatalf("%s has %d keys, want 1", home, len(found))
	}
	key, err := keys.Read(found[0], func() (string, error) { return "", errors.New("encrypted") })
	ts.Check(err)
	return key, trust.Open(filepath.Join(home, "trust"))
}

func withdraw(ts *testscript.TestScript, list *issuer.StatusList, what, proofFile string) {
	p, err := proof.Parse([]byte(ts.ReadFile(proofFile)))
	ts.Check(err)
	w := issuer.Withdrawal{ID: issuer.WithdrawalID(p.Salt, p.Digest), Date: "2026-11-22", Reason: issuer.ReasonIssuedInError}
	if what == "withdraw" {
		list.AddWithdrawn(w)
		return
	}
	w.ID = proof.BatchRoot(p.Layers[0].Signed, p.Layers[0].Statement.Root)
	list.AddWithdrawnBatch(w)
}

// goback HOME STATE: puts the one batch of the home back to where a killed
// command can leave it, "planned" or "signed", with no block mined yet.
func cmdGoBack(ts *testscript.TestScript, neg bool, args []string) {
	home := ts.MkAbs(args[0])
	found, err := filepath.Glob(filepath.Join(home, "batches", "*"))
	ts.Check(err)
	if len(found) != 1 {
		ts.Fatalf("%s has %d batches, want 1", home, len(found))
	}
	gone := []string{filepath.Join(home, "embedded-node"), filepath.Join(home, "headers")}
	for _, name := range []string{"request", "transaction", "attestation", "complete"} {
		gone = append(gone, filepath.Join(found[0], name))
	}
	if args[1] == "planned" {
		lists, err := filepath.Glob(filepath.Join(home, "trust", "*.status"))
		ts.Check(err)
		gone = append(append(gone, lists...), filepath.Join(found[0], "statement"), filepath.Join(home, "proposals", "sequences"))
	}
	for _, path := range gone {
		ts.Check(os.RemoveAll(path))
	}
}

// documents FOLDER: every PDF below the folder has its proof beside it, there
// are at least 24, and nothing else is there.
func cmdDocuments(ts *testscript.TestScript, neg bool, args []string) {
	pdfs := 0
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		document, isProof := strings.CutSuffix(path, proof.Suffix)
		switch {
		case isProof:
			_, err = os.Stat(document)
		case strings.EqualFold(filepath.Ext(path), ".pdf"):
			pdfs++
			_, err = os.Stat(path + proof.Suffix)
		default:
			err = fmt.Errorf("%s: what is that?", path)
		}
		return err
	}))
	if pdfs < 24 || neg {
		ts.Fatalf("%s has %d documents, want at least 24", args[0], pdfs)
	}
}

// zero FILE KEY: makes the hash under the key in a proof all zeros.
func cmdZero(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: zero file key")
	}
	path := ts.MkAbs(args[0])
	data, err := os.ReadFile(path)
	ts.Check(err)
	value := regexp.MustCompile(`("` + regexp.QuoteMeta(args[1]) + `": )"[0-9a-f]{64}"`)
	if !value.Match(data) {
		ts.Fatalf("%s has no hash %s", args[0], args[1])
	}
	ts.Check(os.WriteFile(path, value.ReplaceAll(data, []byte(`$1"`+strings.Repeat("0", 64)+`"`)), 0o644))
}

// rudelink DIR: makes a link to nowhere in DIR whose name would clear the line
// on a terminal and write a verdict, and beside it one that would wrap into a
// line of its own.
func cmdRudeLink(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: rudelink dir")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	for _, name := range []string{"x\x1b[2K\r\x1b[1;32mVALID\x1b[0m.pdf", "cv" + strings.Repeat(" ", 60) + "VALID.pdf"} {
		ts.Check(os.Symlink("nowhere", filepath.Join(dir, name)))
	}
}

// recode ENCODING FILE NEW: writes the file in gb18030 or utf16, as Excel does.
func cmdRecode(ts *testscript.TestScript, neg bool, args []string) {
	encodings := map[string]encoding.Encoding{
		"gb18030": simplifiedchinese.GB18030,
		"utf16":   unicode.UTF16(unicode.LittleEndian, unicode.UseBOM),
	}
	if len(args) != 3 || encodings[args[0]] == nil {
		ts.Fatalf("usage: recode gb18030|utf16 file new")
	}
	data, err := encodings[args[0]].NewEncoder().String(ts.ReadFile(args[1]))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(data), 0o666))
}

// cmptable TABLE WANT: compares a table of anchor, which has a byte order mark
// and CR LF, with a file that has neither, $WORK replaced.
func cmdCompareTable(ts *testscript.TestScript, neg bool, args []string) {
	got, ok := strings.CutPrefix(ts.ReadFile(args[0]), "\ufeff")
	if !ok {
		ts.Fatalf("%s has no byte order mark", args[0])
	}
	want := strings.ReplaceAll(ts.ReadFile(args[1]), "$WORK", ts.Getenv("WORK"))
	if lines := strings.Count(got, "\r\n"); lines < 2 {
		ts.Fatalf("%s has %d lines that end in CR LF", args[0], lines)
	}
	if got := strings.ReplaceAll(got, "\r\n", "\n"); got != want {
		ts.Fatalf("%s is\n%s\nwant\n%s", args[0], got, want)
	}
}

// copybatch HOME: copies the one batch of the home to another id.
func cmdCopyBatch(ts *testscript.TestScript, neg bool, args []string) {
	found, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "batches", "2*"))
	ts.Check(err)
	if len(found) != 1 {
		ts.Fatalf("%s has %d batches, want 1", args[0], len(found))
	}
	ts.Check(os.CopyFS(filepath.Join(filepath.Dir(found[0]), "20991231-00000000"), os.DirFS(found[0])))
}
