package pagebuild

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"gradseal/internal/gotool"
)

// The reader of QR codes can read letters in Chinese, Japanese and Korean
// encodings, whose tables would be an eighth of the page. The codes of a proof
// have none (docs/format.md), so the page is built with a golang.org/x/text in
// which those encodings give U+FFFD for everything: a code in one of them is
// somebody else's, and stays so. docs/decisions/0017-the-page.md says what else
// was tried.
const textModule = "golang.org/x/text"

// withoutTables are the packages of the tables, and what others use of them.
var withoutTables = map[string][]string{
	"japanese":           {"EUCJP", "ISO2022JP", "ShiftJIS"},
	"korean":             {"EUCKR"},
	"simplifiedchinese":  {"GB18030", "GBK", "HZGB2312"},
	"traditionalchinese": {"Big5"},
}

// textPath is where the go command finds that module, below the module's root. It
// is there for the go command only, which writes it into what it builds: so it
// must be the same everywhere.
const textPath = Directory + "/.text"

// slim writes what the go command needs to build with the smaller module to work,
// and returns the flags that name it.
func slim(ctx context.Context, t *gotool.Toolchain, work string) ([]string, error) {
	cmd := t.Command(ctx, "list", "-mod=readonly", "-deps",
		"-f", `{{with .Module}}{{if eq .Path "`+textModule+`"}}{{$.ImportPath}}|{{.Dir}}|{{.GoVersion}}|{{join $.GoFiles "|"}}{{end}}{{end}}`, "./page/wasm")
	cmd.Env = append(cmd.Env, "GOOS=js", "GOARCH=wasm")
	out, err := gotool.Output(cmd)
	if err != nil {
		return nil, err
	}
	s := &slimmer{root: filepath.Join(t.Root, filepath.FromSlash(textPath)), work: work, replace: make(map[string]string)}
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "|")
		if err := s.add(f[0], f[1], f[2], f[3:]); err != nil {
			return nil, err
		}
	}
	if len(s.replace) == 0 {
		return nil, nil // it is not used
	}
	return s.flags(t.Root)
}

// slimmer collects the files of the smaller module.
type slimmer struct {
	root, work string
	replace    map[string]string // file as the go command sees it → where it is
}

// add takes in a package: its own files, or one in their place.
func (s *slimmer) add(pkg, dir, version string, files []string) error {
	below := strings.TrimPrefix(pkg, textModule+"/")
	if err := s.write("go.mod", fmt.Sprintf("module %s\n\ngo %s\n", textModule, version)); err != nil {
		return err
	}
	names, ok := withoutTables[path.Base(below)]
	if !ok || path.Dir(below) != "encoding" {
		for _, name := range files {
			file := filepath.Join(filepath.FromSlash(below), name)
			s.replace[filepath.Join(s.root, file)] = filepath.Join(dir, file)
		}
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "package %s\n\nimport %q\n\n", path.Base(below), textModule+"/encoding")
	for _, name := range names {
		fmt.Fprintf(&b, "var %s = encoding.Replacement\n", name)
	}
	return s.write(below+"/all.go", b.String())
}

func (s *slimmer) write(name, text string) error {
	file := filepath.Join(s.work, strings.ReplaceAll(name, "/", "_"))
	s.replace[filepath.Join(s.root, filepath.FromSlash(name))] = file
	return os.WriteFile(file, []byte(text), 0o666)
}

// flags writes the overlay and a go.mod that names the module in it.
func (s *slimmer) flags(root string) ([]string, error) {
	overlay, err := json.Marshal(map[string]any{"Replace": s.replace})
	if err != nil {
		return nil, err
	}
	overlayFile, modFile := filepath.Join(s.work, "overlay.json"), filepath.Join(s.work, "page.mod")
	if err := os.WriteFile(overlayFile, overlay, 0o666); err != nil {
		return nil, err
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return nil, err
	}
	mod = fmt.Appendf(mod, "\nreplace %s => ./%s\n", textModule, textPath)
	if err := os.WriteFile(modFile, mod, 0o666); err != nil {
		return nil, err
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(strings.TrimSuffix(modFile, ".mod")+".sum", sum, 0o666); err != nil {
		return nil, err
	}
	return []string{"-overlay=" + overlayFile, "-modfile=" + modFile}, nil
}
