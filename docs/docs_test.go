// Package docs_test holds the documents to what they speak of.
package docs_test

import (
	"bytes"
	"io/fs"
	"net/mail"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the repository.
const root = ".."

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.FromSlash(name))
	require.NoError(t, err)
	return string(data)
}

// tests are the names of all tests and fuzz targets, such as verify.TestChecks.
// Those of the root package are main.TestX.
func tests(t *testing.T) map[string]bool {
	t.Helper()
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	names := make(map[string]bool)
	require.NoError(t, filepath.WalkDir(root, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(file, "_test.go") {
			return err
		}
		pkg := filepath.Base(filepath.Dir(file))
		if filepath.Dir(file) == root {
			pkg = "main"
		}
		for _, m := range function.FindAllStringSubmatch(read(t, file), -1) {
			names[pkg+"."+m[1]] = true
		}
		return nil
	}))
	return names
}

// A threat model that names a test which is gone shows nothing.
func TestThreatModel(t *testing.T) {
	text := read(t, "threat-model.md")
	known := tests(t)
	cited := regexp.MustCompile(`\b(\w+\.(?:Test|Fuzz)\w+)`).FindAllString(text, -1)
	require.Greater(t, len(cited), 50)
	for _, name := range cited {
		require.True(t, known[name], "there is no test %s", name)
	}
	scripts := regexp.MustCompile(`\b[a-z-]+\.txtar`).FindAllString(text, -1)
	require.Greater(t, len(scripts), 20)
	for _, name := range scripts {
		require.FileExists(t, filepath.Join(root, "testdata", "script", name))
	}
}

// Sections and steps that are named are in the format.
func TestThreatModelSections(t *testing.T) {
	format := read(t, "format.md")
	text := read(t, "threat-model.md")
	for _, m := range regexp.MustCompile(`§(\d+)(\.\d+)?`).FindAllStringSubmatch(text, -1) {
		heading := "## " + m[1] + ". "
		if m[2] != "" {
			heading = "### " + m[1] + m[2] + " "
		}
		require.Contains(t, format, "\n"+heading, m[0])
	}
	line := regexp.MustCompile(`(?s)\b(V\d)(?:, line (\d+))?`)
	for _, m := range line.FindAllStringSubmatch(text, -1) {
		_, step, ok := strings.Cut(format, "\n**"+m[1]+". ")
		require.True(t, ok, m[0])
		step, _, _ = strings.Cut(step, "\n**V")
		if m[2] != "" {
			require.Contains(t, step, "\n"+m[2]+". ", m[0])
		}
	}
}

// What the documents point to is there.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#\s]+)[^)]*\)`)
	require.NoError(t, filepath.WalkDir(".", func(file string, e fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(file) != ".md" {
			return err
		}
		for _, m := range link.FindAllStringSubmatch(read(t, file), -1) {
			if !strings.Contains(m[1], "://") {
				require.FileExists(t, filepath.Join(filepath.Dir(file), filepath.FromSlash(m[1])), file)
			}
		}
		return nil
	}))
}

// mailTexts are the texts for graduates, in two languages, and mailGuides is
// what explains both of them, in the same two.
var (
	mailTexts  = []string{"mail/graduate.en.txt", "mail/graduate.zh.txt"}
	mailGuides = []string{"mail/README.md", "mail/README.zh.md"}
)

var (
	field = regexp.MustCompile(`\{\{(\w+)\}\}`)
	blank = regexp.MustCompile(`\[[A-Z ]+\]`)
)

// distinct are the different matches in a text, sorted.
func distinct(re *regexp.Regexp, text string) []string {
	all := re.FindAllString(text, -1)
	slices.Sort(all)
	return slices.Compact(all)
}

// Both texts use the same fields and have the same blanks to fill in, which are
// all explained; filled in, they are mails with the two files of the row.
func TestMailTexts(t *testing.T) {
	row := map[string]string{
		"name": "魏示例", "email": "graduate@uni.example",
		"document_path": "/registry/2026/a.pdf", "proof_path": "/registry/2026/a.pdf.proof.json",
	}
	for _, name := range mailTexts {
		t.Run(path.Base(name), func(t *testing.T) {
			text := read(t, name)
			require.Equal(t, []string{"{{document_path}}", "{{email}}", "{{name}}", "{{proof_path}}"}, distinct(field, text))
			require.Equal(t, []string{"[CONTACT]", "[INSTITUTION]", "[OFFICE]", "[WEB PAGE]"}, distinct(blank, text))
			for _, file := range mailGuides {
				guide := read(t, file)
				for _, b := range distinct(blank, text) {
					require.Contains(t, guide, "`"+b+"`", file)
				}
				require.Contains(t, guide, "]("+path.Base(name)+")", file)
			}
			for _, line := range strings.Split(text, "\n") {
				require.LessOrEqual(t, len(line), 998, "the longest line that mail may have, in bytes")
			}

			merged := field.ReplaceAllStringFunc(text, func(f string) string { return row[f[2:len(f)-2]] })
			m, err := mail.ReadMessage(strings.NewReader(merged))
			require.NoError(t, err)
			require.Equal(t, []string{row["document_path"], row["proof_path"]}, m.Header["Attachment"])
			to, err := m.Header.AddressList("To")
			require.NoError(t, err)
			require.Equal(t, row["email"], to[0].Address)
			_, err = m.Header.AddressList("From")
			require.NoError(t, err)
			require.NotEmpty(t, m.Header.Get("Subject"))
			var body bytes.Buffer
			_, err = body.ReadFrom(m.Body)
			require.NoError(t, err)
			require.Contains(t, body.String(), row["name"])
			require.Contains(t, body.String(), ".proof.json")
		})
	}
}

// The Chinese guide gives the commands and the sources of the English one, in
// the same order, with the Chinese text for the English; each leads to the
// other.
func TestMailGuideInChinese(t *testing.T) {
	english, chinese := read(t, mailGuides[0]), read(t, mailGuides[1])
	require.Contains(t, english, "]("+path.Base(mailGuides[1])+")")
	require.Contains(t, chinese, "]("+path.Base(mailGuides[0])+")")

	block := regexp.MustCompile("(?ms)^```\n.*?^```$")
	want := block.FindAllString(english, -1)
	require.NotEmpty(t, want)
	for i := range want {
		want[i] = strings.ReplaceAll(want[i], path.Base(mailTexts[0]), path.Base(mailTexts[1]))
	}
	require.Equal(t, want, block.FindAllString(chinese, -1))

	source := regexp.MustCompile(`\]\((https://[^)\s]+)\)`)
	require.NotEmpty(t, source.FindAllString(english, -1))
	require.Equal(t, source.FindAllString(english, -1), source.FindAllString(chinese, -1))
}
