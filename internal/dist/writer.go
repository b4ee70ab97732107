package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"gradseal/cmd"
	"gradseal/cmd/man"
	"gradseal/internal/pagebuild"
)

// What is below the output beside the programs, the packages and the sums.
const (
	manName         = "man"
	completionsName = "completions"
	licencesName    = "THIRD-PARTY-LICENSES.txt"
)

// writer fills the new output directory.
type writer struct {
	*toolchain
	stamp stamp
	dir   string
	bare  bool // no packages
}

func (w *writer) write(ctx context.Context, chosen []platform) error {
	note("building what the page embeds")
	if err := pagebuild.Build(ctx, w.Toolchain, filepath.Join(w.Root, filepath.FromSlash(pagebuild.Directory))); err != nil {
		return err
	}
	for _, p := range chosen {
		note("building for %s", p)
		if err := w.writeProgram(ctx, p); err != nil {
			return err
		}
	}
	if w.stamp.dirty {
		note("there are changes that are not committed: nobody can build the same from any commit")
	}
	modules, err := w.modules(ctx)
	if err != nil {
		return err
	}
	note("writing manual pages, completions and licences")
	if err := w.writeTexts(modules); err != nil {
		return err
	}
	note("writing bills of materials")
	for _, p := range chosen {
		if err := w.writeBill(ctx, p, modules); err != nil {
			return err
		}
	}
	if !w.bare {
		note("writing Debian packages")
		if err := w.writePackages(ctx, chosen); err != nil {
			return err
		}
	}
	return writeSums(w.dir)
}

func note(format string, args ...any) { fmt.Fprintf(os.Stderr, "dist: "+format+"\n", args...) }

// programName is "gradseal_v1.2.3_linux_amd64".
func (w *writer) programName(p platform) string {
	name := fmt.Sprintf("gradseal_%s_%s_%s", w.stamp.version, p.os, p.arch)
	if p.os == "windows" {
		name += ".exe"
	}
	return name
}

// writeProgram builds the program for p, and takes the stamp from it.
func (w *writer) writeProgram(ctx context.Context, p platform) error {
	unnamed := filepath.Join(w.dir, "unnamed")
	if err := w.build(ctx, p, w.stamp, unnamed); err != nil {
		return err
	}
	if w.stamp.told == "" {
		before := w.stamp
		if err := w.stamp.read(unnamed); err != nil {
			return err
		}
		if before.version != "" && before != w.stamp {
			return errors.New("the commit or the tree has changed during the build: run it again")
		}
	}
	return os.Rename(unnamed, filepath.Join(w.dir, w.programName(p)))
}

// writeTexts writes what is the same for every platform.
func (w *writer) writeTexts(modules []dependency) error {
	pages := filepath.Join(w.dir, manName)
	if err := os.Mkdir(pages, 0o777); err != nil {
		return err
	}
	if err := man.Write(pages, w.stamp.version, w.stamp.time); err != nil {
		return err
	}
	if err := writeCompletions(filepath.Join(w.dir, completionsName)); err != nil {
		return err
	}
	text, err := licences(modules)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(w.dir, licencesName), text, 0o666)
}

// writeCompletions writes the scripts under the names that the shells look for.
// They ask the program itself what may follow, and hold nothing of its commands.
func writeCompletions(dir string) error {
	if err := os.Mkdir(dir, 0o777); err != nil {
		return err
	}
	root := cmd.Commands()
	return errors.Join(
		root.GenBashCompletionFileV2(filepath.Join(dir, "gradseal"), true),
		root.GenZshCompletionFile(filepath.Join(dir, "_gradseal")),
		root.GenFishCompletionFile(filepath.Join(dir, "gradseal.fish"), true),
		root.GenPowerShellCompletionFileWithDesc(filepath.Join(dir, "gradseal.ps1")),
	)
}
