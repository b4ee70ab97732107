package main

import (
	"bytes"
	"cmp"
	"context"
	"debug/buildinfo"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"gradseal/internal/gotool"
)

// billSuffix ends the name of a program's bill of materials.
const billSuffix = ".cdx.json"

// standardLibrary is how the bill names the library and the runtime of Go.
const standardLibrary = "std"

// writeBill writes the bill of materials of the program for p, as CycloneDX 1.6
// has it. Modules, versions and sums are those that the go command stamped into
// the program, so a module that is linked in cannot be left out. It has no
// serial number and no time but the commit's: the same commit gives the same
// bytes.
func (w *writer) writeBill(ctx context.Context, p platform, modules []dependency) error {
	program := filepath.Join(w.dir, w.programName(p))
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return err
	}
	sum, err := sumFile(program)
	if err != nil {
		return err
	}
	edges, err := w.edges(ctx, p)
	if err != nil {
		return err
	}
	components, err := billed(info, modules)
	if err != nil {
		return fmt.Errorf("%s: %w", program, err)
	}
	bom, err := w.stamp.bill(info, hex.EncodeToString(sum), components, edges)
	if err != nil {
		return fmt.Errorf("%s: %w", program, err)
	}
	var b bytes.Buffer
	if err := cdx.NewBOMEncoder(&b, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).EncodeVersion(bom, cdx.SpecVersion1_6); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(w.dir, w.billName(p)), b.Bytes(), 0o666)
}

// billName is "gradseal_v1.2.3_linux_amd64.cdx.json".
func (w *writer) billName(p platform) string {
	return strings.TrimSuffix(w.programName(p), ".exe") + billSuffix
}

// bill is the bill of a program with this digest, in hex, whose modules are the
// components.
func (s stamp) bill(info *buildinfo.BuildInfo, digest string, components []cdx.Component, edges map[string][]string) (*cdx.BOM, error) {
	own := cdx.Component{
		BOMRef: purl(modulePath, s.version), Type: cdx.ComponentTypeApplication, Name: modulePath, Version: s.version,
		PackageURL: purl(modulePath, s.version),
		Hashes:     &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: digest}},
		Properties: settings(info),
	}
	refs := map[string]string{modulePath: own.BOMRef}
	for _, c := range components {
		refs[c.Name] = c.BOMRef
	}
	var dependencies []cdx.Dependency
	for _, c := range append([]cdx.Component{own}, components...) {
		on := make([]string, 0, len(edges[c.Name]))
		for _, name := range edges[c.Name] {
			if refs[name] == "" {
				return nil, fmt.Errorf("%s imports %s, which is not linked in", c.Name, name)
			}
			on = append(on, refs[name])
		}
		dependencies = append(dependencies, cdx.Dependency{Ref: c.BOMRef, Dependencies: &on})
	}
	name, address, _ := strings.Cut(strings.TrimSuffix(maintainer, ">"), " <")
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{
		Timestamp: s.time.Format(time.RFC3339),
		Authors:   &[]cdx.OrganizationalContact{{Name: name, Email: address}},
		Component: &own,
	}
	bom.Components = &components
	bom.Dependencies = &dependencies
	bom.Compositions = &[]cdx.Composition{{
		Aggregate: cdx.CompositionAggregateComplete, Dependencies: &[]cdx.BOMReference{cdx.BOMReference(own.BOMRef)},
	}}
	return bom, nil
}

// billed are the modules that are linked into a program, and Go's own library,
// with the licences that lie in the modules' directories.
func billed(info *buildinfo.BuildInfo, modules []dependency) ([]cdx.Component, error) {
	release, _, _ := strings.Cut(info.GoVersion, " ") // what follows are experiments
	number := strings.TrimPrefix(release, "go")
	go1 := cdx.Component{
		BOMRef: purl(standardLibrary, number), Type: cdx.ComponentTypeLibrary, Name: standardLibrary, Version: number,
		Description: "the standard library and the runtime of Go", PackageURL: purl(standardLibrary, number),
	}
	var components []cdx.Component
	for _, dep := range info.Deps {
		i := slices.IndexFunc(modules, func(m dependency) bool { return m.path == dep.Path && m.version == dep.Version })
		switch {
		case dep.Replace != nil || dep.Sum == "":
			return nil, fmt.Errorf("%s %s: is replaced, or has no sum in go.sum", dep.Path, dep.Version)
		case i < 0:
			return nil, fmt.Errorf("%s %s: is linked in, and go list does not list it", dep.Path, dep.Version)
		}
		c, err := component(dep, modules[i])
		if err != nil {
			return nil, err
		}
		if dep.Path == likeGo {
			go1.Licenses = c.Licenses
		}
		components = append(components, c)
	}
	if go1.Licenses == nil {
		return nil, fmt.Errorf("%s: is not linked in any more, so the licence of Go has to be taken from elsewhere", likeGo)
	}
	components = append(components, go1)
	slices.SortFunc(components, func(a, b cdx.Component) int { return cmp.Compare(a.Name, b.Name) })
	return components, nil
}

// component is one module. Its sum is a property and no hash: it is one over the
// names and digests of the module's files, as go.sum has it, and of no one file.
func component(dep *debug.Module, m dependency) (cdx.Component, error) {
	ids, err := m.licenceIDs()
	if err != nil {
		return cdx.Component{}, err
	}
	licences := make(cdx.Licenses, 0, len(ids))
	for _, id := range ids {
		licences = append(licences, cdx.LicenseChoice{License: &cdx.License{ID: id}})
	}
	return cdx.Component{
		BOMRef: purl(dep.Path, dep.Version), Type: cdx.ComponentTypeLibrary, Name: dep.Path, Version: dep.Version,
		PackageURL: purl(dep.Path, dep.Version), Licenses: &licences,
		Properties: &[]cdx.Property{{Name: "go:sum", Value: dep.Sum}},
	}, nil
}

// purl is the package URL of a Go module. Of what modules' names and versions
// may hold, "+" alone has to be escaped.
func purl(path, version string) string {
	return "pkg:golang/" + strings.ToLower(path) + "@" + strings.ReplaceAll(version, "+", "%2B")
}

// settings are what the go command says of the build.
func settings(info *buildinfo.BuildInfo) *[]cdx.Property {
	all := []cdx.Property{{Name: "go:version", Value: info.GoVersion}}
	for _, s := range info.Settings {
		all = append(all, cdx.Property{Name: "go:build:" + s.Key, Value: s.Value})
	}
	return &all
}

// licenceIDs are the SPDX identifiers of the module's licences, sorted. Where
// there are several, the files say which of them is for what.
func (m dependency) licenceIDs() ([]string, error) {
	files, err := legalFiles(m)
	if err != nil {
		return nil, err
	}
	found := make(map[string]bool)
	for _, name := range files {
		if !grants(name) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(m.dir, name))
		if err != nil {
			return nil, err
		}
		ids, err := licenceIDs(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s %s: %s %w", m.path, m.version, name, err)
		}
		for _, id := range ids {
			found[id] = true
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// edges says which modules each module that is linked in for p imports packages
// of, sorted.
func (t *toolchain) edges(ctx context.Context, p platform) (map[string][]string, error) {
	cmd := t.Command(ctx, "list", "-mod=readonly", "-deps", "-f", `{{.ImportPath}} {{with .Module}}{{.Path}}{{else}}`+standardLibrary+`{{end}} {{join .Imports " "}}`, ".")
	cmd.Env = append(cmd.Env, "GOOS="+p.os, "GOARCH="+p.arch)
	out, err := gotool.Output(cmd)
	if err != nil {
		return nil, err
	}
	module := make(map[string]string)
	found := make(map[string]map[string]bool)
	for line := range strings.Lines(string(out)) { // what is imported comes first
		f := strings.Fields(line)
		of := f[1]
		module[f[0]] = of
		if found[of] == nil {
			found[of] = make(map[string]bool)
		}
		for _, imported := range f[2:] {
			if module[imported] == "" {
				return nil, fmt.Errorf("%s imports %s, which go list does not list", f[0], imported)
			}
			if module[imported] != of {
				found[of][module[imported]] = true
			}
		}
	}
	sorted := make(map[string][]string)
	for of, on := range found {
		sorted[of] = slices.Sorted(maps.Keys(on))
	}
	return sorted, nil
}
