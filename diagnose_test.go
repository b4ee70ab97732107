package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// damage is what another program makes of an issued document, IN, as OUT.
type damage struct {
	name    string
	program string   // that does it
	line    []string // its arguments
	want    []string // the codes of what must be found, in their order
}

// damages are done by the programs with which such files come about. What is
// proven stands alone; the rest is what the file shows.
var damages = []damage{
	{"saved by qpdf", "qpdf", []string{"IN", "OUT"}, []string{"resaved-mark"}},
	{"made for the web", "qpdf", []string{"--linearize", "IN", "OUT"}, []string{"resaved-mark"}},
	{"with its names compressed", "qpdf", []string{"--object-streams=generate", "IN", "OUT"}, []string{"resaved-mark"}},
	{"with a password", "qpdf", []string{"--encrypt", "user", "owner", "256", "--", "IN", "OUT"}, []string{"encrypted", "resaved-mark"}},
	{"saved by MuPDF", "mutool", []string{"clean", "-gggz", "IN", "OUT"}, []string{"resaved-mark"}},
	{"encrypted by MuPDF", "mutool", []string{"clean", "-E", "aes-256", "-O", "o", "IN", "OUT"}, []string{"encrypted", "resaved-mark"}},
	{"printed by Ghostscript", "gs", []string{"-q", "-dNOSAFER", "-sDEVICE=pdfwrite", "-o", "OUT", "IN"}, []string{"printed"}},
	{"printed by cairo", "pdftocairo", []string{"-pdf", "IN", "OUT"}, []string{"printed"}},
	{"line ends of DOS", "sh", []string{"-c", `LC_ALL=C sed 's/$/\r/' "$0" >"$1"`, "IN", "OUT"}, []string{"line-ends"}},
	{"line ends in mail", "python3", []string{"-c", mailAsText, "IN", "OUT"}, []string{"shifted"}},
	{"text of another encoding", "sh", []string{"-c", `iconv -f latin1 -t utf-8 "$0" >"$1"`, "IN", "OUT"}, []string{"transcoded"}},
	{"read as UTF-8", "python3", []string{"-c", `import sys; open(sys.argv[2], "wb").write(open(sys.argv[1], "rb").read().decode("utf-8", "replace").encode())`, "IN", "OUT"}, []string{"replaced-characters"}},
	{"cut off", "sh", []string{"-c", `head -c 8000 "$0" >"$1"`, "IN", "OUT"}, []string{"truncated"}},
	{"cut off, with its place kept", "sh", []string{"-c", `head -c 8000 "$0" >"$1" && truncate -s 20000 "$1"`, "IN", "OUT"}, []string{"zeros-at-end"}},
	{"cut off after it was made for the web", "sh", []string{"-c", `qpdf --linearize "$0" "$1.tmp" && head -c 2500 "$1.tmp" >"$1"`, "IN", "OUT"}, []string{"truncated-length", "resaved-mark"}},
	{"one more line end", "sh", []string{"-c", `(cat "$0"; echo) >"$1"`, "IN", "OUT"}, []string{"appended-blank"}},
	{"an appended change", "mutool", []string{"run", "SCRIPT", "IN", "OUT"}, []string{"appended"}},
	{"base64", "sh", []string{"-c", `base64 "$0" >"$1"`, "IN", "OUT"}, []string{"base64"}},
	{"gzip", "sh", []string{"-c", `gzip -c "$0" >"$1"`, "IN", "OUT"}, []string{"in-archive"}},
	{"zip, not compressed", "python3", []string{"-c", `import sys, zipfile; zipfile.ZipFile(sys.argv[2], "w").write(sys.argv[1], "transcript.pdf")`, "IN", "OUT"}, []string{"in-archive"}},
	{"zip", "python3", []string{"-c", `import sys, zipfile; zipfile.ZipFile(sys.argv[2], "w", zipfile.ZIP_DEFLATED).write(sys.argv[1], "transcript.pdf")`, "IN", "OUT"}, []string{"in-archive"}},
	{"a mail, attachment in base64", "python3", []string{"-c", mailWhole, "IN", "OUT", "base64"}, []string{"in-mail"}},
	{"a picture", "pdftoppm", []string{"-png", "-r", "50", "-singlefile", "IN", "OUT"}, []string{"image"}},
}

// mailAsText sends a PDF as a text, which it is not, through Python's mail: every
// line end becomes CRLF, also those of CR alone in pictures, which cannot be undone.
const mailAsText = `
import sys, email, email.policy, email.mime.base
part = email.mime.base.MIMEBase("text", "plain")
part.set_payload(open(sys.argv[1], "rb").read().decode("ascii", "surrogateescape"))
sent = part.as_bytes(policy=email.policy.SMTP)
got = sent.split(b"\r\n\r\n", 1)[1]
open(sys.argv[2], "wb").write(got)
`

// mailWhole saves a whole e-mail under the name of the document in it.
const mailWhole = `
import sys, email.message, email.policy
m = email.message.EmailMessage()
m["From"], m["To"], m["Subject"] = "registrar@uni.example", "hr@work.example", "Transcript"
m.set_content("Please find it attached.")
m.add_attachment(open(sys.argv[1], "rb").read(), maintype="application", subtype="pdf", filename="transcript.pdf", cte=sys.argv[3])
open(sys.argv[2], "wb").write(m.as_bytes(policy=email.policy.SMTP))
`

// saveChange is a script for mutool that saves a change as viewers do: the file
// as it was, and the change after it.
const saveChange = `
var doc = new PDFDocument(scriptArgs[0])
doc.getTrailer().get("Root").put("Lang", doc.newString("en"))
doc.save(scriptArgs[1], "incremental")
`

// TestDiagnosis has other programs damage issued documents, and verify say what
// they did.
func TestDiagnosis(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: other programs, one after the other, take a while")
	}
	t.Parallel()
	r := newRegistrar(t, builtProgram(t))
	documents := []string{"成绩单-林知遥-2022110417.pdf", "PJSC 1997 records 0043.pdf"}
	for i, name := range documents {
		data, err := os.ReadFile(filepath.Join("testdata/transcripts", name))
		require.NoError(t, err)
		documents[i] = filepath.Join(r.dir, name)
		require.NoError(t, os.WriteFile(documents[i], data, 0o666))
	}
	script := filepath.Join(r.dir, "change.js")
	require.NoError(t, os.WriteFile(script, []byte(saveChange), 0o666))
	r.run(t, slices.Concat([]string{"anchor"}, documents)...)
	for _, d := range damages {
		t.Run(d.name, func(t *testing.T) {
			needProgram(t, d.program)
			for i, document := range documents {
				out := filepath.Join(t.TempDir(), "damaged.pdf")
				runProgram(t, d.program, damageLine(d.line, document, out, script)...)
				if d.program == "pdftoppm" {
					out += ".png"
				}
				got, text := r.diagnose(t, out, document+".proof.json")
				want := d.want
				if i == 1 && d.name == "line ends in mail" {
					want = got // a text without pictures: what is found depends on its line ends
				}
				require.Equal(t, want, got, "%s\n%s", filepath.Base(document), text)
			}
		})
	}
	t.Run("printed by a browser", func(t *testing.T) {
		needProgram(t, "chromium")
		needProgram(t, "pdftoppm")
		out := printInBrowser(t, documents[0])
		got, text := r.diagnose(t, out, documents[0]+".proof.json")
		require.Equal(t, []string{"printed"}, got)
		require.Contains(t, text, "The file says that “Skia/PDF m")
		require.Contains(t, text, "What to do: ask for the file exactly as the institution issued it")
	})
	t.Run("nothing is said of documents that are whole", func(t *testing.T) {
		for i, document := range documents {
			got, text := r.diagnose(t, document, documents[(i+1)%len(documents)]+".proof.json")
			require.Empty(t, got)
			require.Contains(t, text, "the proof may belong to another document")
		}
	})
}

// needProgram skips a test where another program is not installed.
func needProgram(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed", name)
	}
}

func damageLine(line []string, in, out, script string) []string {
	line = slices.Clone(line)
	for i, arg := range line {
		switch arg {
		case "IN":
			line[i] = in
		case "OUT":
			line[i] = out
		case "SCRIPT":
			line[i] = script
		}
	}
	return line
}

// runProgram runs another program, for a minute at most.
func runProgram(t *testing.T, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && name == "qpdf" && exit.ExitCode() == 3 {
		err = nil // warnings
	}
	require.NoError(t, err, "%s %s\n%s", name, strings.Join(args, " "), out)
}

// diagnose verifies a file by a proof that it does not fit, and returns the codes
// of what was found in it, and the report for people.
func (r *registrar) diagnose(t *testing.T, file, proofFile string) (codes []string, text string) {
	t.Helper()
	verify := func(args ...string) []byte {
		cmd := r.command(t.Context(), append([]string{"verify", "--network", "regtest", "--proof", proofFile}, args...)...)
		out, err := cmd.Output()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, "%s", out)
		require.Equal(t, 3, exit.ExitCode(), "%s%s", out, exit.Stderr)
		return out
	}
	var answer struct {
		Verdict   string
		Diagnosis []struct{ Code, Text string }
		Hint      string
	}
	require.NoError(t, json.Unmarshal(verify("--json", file), &answer))
	require.Equal(t, "invalid", answer.Verdict)
	require.NotEmpty(t, answer.Hint)
	text = string(verify(file))
	for _, d := range answer.Diagnosis {
		codes = append(codes, d.Code)
		require.Contains(t, text, d.Text)
	}
	return codes, text
}

// printInBrowser prints a page that shows the first page of a PDF to a new PDF.
func printInBrowser(t *testing.T, document string) string {
	dir := t.TempDir()
	runProgram(t, "pdftoppm", "-png", "-r", "60", "-singlefile", document, filepath.Join(dir, "page"))
	html, out := filepath.Join(dir, "page.html"), filepath.Join(dir, "printed.pdf")
	require.NoError(t, os.WriteFile(html, []byte(`<!DOCTYPE html><title>transcript</title><img src="page.png">`), 0o666))
	runProgram(t, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--user-data-dir="+filepath.Join(dir, "browser"), "--no-pdf-header-footer", "--print-to-pdf="+out, "file://"+html)
	return out
}
