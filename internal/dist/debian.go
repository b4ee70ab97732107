package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"gradseal/internal/gotool"
)

// nfpm makes the packages. Releases after this one need modules that are not
// served everywhere.
const nfpm = "github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2"

// maintainer is who the package and its changelog name; packaging/nfpm.yaml
// says the same.
const maintainer = "gradseal maintainers <maintainers@gradseal.example>"

// Where things lie in the package.
const (
	programPath   = "usr/bin/gradseal"
	docPath       = "usr/share/doc/gradseal"
	pagesPath     = "usr/share/man/man1"
	overridesPath = "usr/share/lintian/overrides/gradseal"
)

// completionPaths says where a shell looks for its script.
var completionPaths = map[string]string{
	"gradseal":      "usr/share/bash-completion/completions/gradseal",
	"_gradseal":     "usr/share/zsh/vendor-completions/_gradseal",
	"gradseal.fish": "usr/share/fish/vendor_completions.d/gradseal.fish",
}

// writePackages writes a Debian package for every Linux platform.
func (w *writer) writePackages(ctx context.Context, chosen []platform) error {
	chosen = slices.DeleteFunc(slices.Clone(chosen), func(p platform) bool { return p.os != "linux" })
	if len(chosen) == 0 {
		return nil
	}
	work, err := os.MkdirTemp("", "gradseal-dist-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	tool, err := w.install(ctx, nfpm, filepath.Join(work, "bin"))
	if err != nil {
		return err
	}
	stage := filepath.Join(work, "stage")
	if err := w.stageTexts(stage); err != nil {
		return err
	}
	for _, p := range chosen {
		if err := copyFile(filepath.Join(w.dir, w.programName(p)), filepath.Join(stage, programPath)); err != nil {
			return err
		}
		if err := copyFile(filepath.Join(w.dir, w.billName(p)), filepath.Join(stage, docPath, "gradseal"+billSuffix)); err != nil {
			return err
		}
		config := filepath.Join(work, "nfpm.yaml")
		if err := w.writeConfig(stage, config); err != nil {
			return err
		}
		file := filepath.Join(w.dir, fmt.Sprintf("gradseal_%s_%s.deb", w.stamp.debian(), p.arch))
		cmd := exec.CommandContext(ctx, tool, "package", "--packager", "deb", "--config", config, "--target", file)
		cmd.Dir = stage
		cmd.Env = append(os.Environ(), "VERSION="+w.stamp.debian(), "ARCH="+p.arch, fmt.Sprintf("SOURCE_DATE_EPOCH=%d", w.stamp.time.Unix()))
		if _, err := gotool.Output(cmd); err != nil {
			return err
		}
	}
	return nil
}

// writeConfig writes nfpm's configuration: packaging/nfpm.yaml and every file of
// the stage, with a mode that owes nothing to this user's umask.
func (w *writer) writeConfig(stage, config string) error {
	head, err := os.ReadFile(filepath.Join(w.Root, "packaging", "nfpm.yaml"))
	if err != nil {
		return err
	}
	names, err := listFiles(stage)
	if err != nil {
		return err
	}
	b := bytes.NewBuffer(head)
	b.WriteString("disable_globbing: true\ncontents:\n")
	for _, name := range names {
		mode := "0644"
		if name == programPath {
			mode = "0755"
		}
		fmt.Fprintf(b, "  - {src: %q, dst: %q, file_info: {mode: %s}}\n", name, "/"+name, mode)
	}
	return os.WriteFile(config, b.Bytes(), 0o666)
}

// stageTexts makes the tree that is packed, all but the program.
func (w *writer) stageTexts(stage string) error {
	doc := filepath.Join(stage, docPath)
	copies := map[string]string{
		filepath.Join(w.dir, licencesName):                      filepath.Join(doc, licencesName),
		filepath.Join(w.Root, "config.example.yaml"):            filepath.Join(doc, "config.example.yaml"),
		filepath.Join(w.Root, "packaging", "copyright"):         filepath.Join(doc, "copyright"),
		filepath.Join(w.Root, "packaging", "lintian-overrides"): filepath.Join(stage, overridesPath),
	}
	for name, path := range completionPaths {
		copies[filepath.Join(w.dir, completionsName, name)] = filepath.Join(stage, path)
	}
	readmes, err := filepath.Glob(filepath.Join(w.Root, "README*.md"))
	if err != nil {
		return err
	}
	for _, file := range readmes {
		copies[file] = filepath.Join(doc, filepath.Base(file))
	}
	docs, err := listFiles(filepath.Join(w.Root, "docs"))
	if err != nil {
		return err
	}
	for _, name := range docs {
		if filepath.Ext(name) != ".go" { // the documents have tests
			copies[filepath.Join(w.Root, "docs", filepath.FromSlash(name))] = filepath.Join(doc, "docs", filepath.FromSlash(name))
		}
	}
	for from, to := range copies {
		if err := copyFile(from, to); err != nil {
			return err
		}
	}
	if err := zipPages(filepath.Join(w.dir, manName), filepath.Join(stage, pagesPath)); err != nil {
		return err
	}
	return writeZipped(filepath.Join(doc, "changelog.gz"), w.stamp.changelog())
}

// changelog is what Debian wants of every package.
func (s stamp) changelog() []byte {
	return fmt.Appendf(nil, "gradseal (%s) unstable; urgency=medium\n\n  * The sources of gradseal %s.\n\n -- %s  %s\n",
		s.debian(), s.version, maintainer, s.time.Format(time.RFC1123Z))
}

func zipPages(from, to string) error {
	pages, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, page := range pages {
		data, err := os.ReadFile(filepath.Join(from, page.Name()))
		if err != nil {
			return err
		}
		if err := writeZipped(filepath.Join(to, page.Name()+".gz"), data); err != nil {
			return err
		}
	}
	return nil
}

// writeZipped writes a gzip file with neither name nor time in it.
func writeZipped(file string, data []byte) error {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(data); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return writeFile(file, b.Bytes())
}

// copyFile copies a file's bytes, and makes the directories on the way.
func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return writeFile(to, data)
}

func writeFile(file string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o666)
}
