package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// TestBill builds the program and holds its bill of materials against what
// "go version -m" prints of it, and against the schema of CycloneDX.
func TestBill(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: builds the program")
	}
	here := platform{runtime.GOOS, runtime.GOARCH}
	w := &writer{
		toolchain: newTestToolchain(t, filepath.Join("..", "..")), dir: t.TempDir(),
		stamp: stamp{told: "v1.2.3", version: "v1.2.3", time: time.Date(2026, 11, 22, 19, 31, 42, 0, time.UTC)},
	}
	program := filepath.Join(w.dir, w.programName(here))
	require.NoError(t, w.writeProgram(t.Context(), here))
	modules, err := w.modules(t.Context())
	require.NoError(t, err)
	require.NoError(t, w.writeBill(t.Context(), here, modules))
	file := filepath.Join(w.dir, w.billName(here))
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, w.writeBill(t.Context(), here, modules))
	again, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(data), string(again))
	requireCycloneDX(t, data)

	bom := new(cdx.BOM)
	require.NoError(t, cdx.NewBOMDecoder(bytes.NewReader(data), cdx.BOMFileFormatJSON).Decode(bom))
	require.Empty(t, bom.SerialNumber, "a random number would be another in each build")
	require.Equal(t, "2026-11-22T19:31:42Z", bom.Metadata.Timestamp)
	sum, err := sumFile(program)
	require.NoError(t, err)
	require.Equal(t, []cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(sum)}}, *bom.Metadata.Component.Hashes)

	release, linked := goVersion(t, program)
	require.Greater(t, len(linked), 30)
	linked = append(linked, standardLibrary+" "+release+" ")
	slices.Sort(linked)
	var billed []string
	refs := map[string]bool{bom.Metadata.Component.BOMRef: true}
	for _, c := range *bom.Components {
		h1 := ""
		if c.Properties != nil {
			h1 = (*c.Properties)[0].Value
		}
		billed = append(billed, c.Name+" "+c.Version+" "+h1)
		require.Equal(t, "pkg:golang/"+c.Name+"@"+c.Version, c.PackageURL)
		require.NotEmpty(t, *c.Licenses, c.Name)
		refs[c.BOMRef] = true
	}
	slices.Sort(billed)
	require.Equal(t, linked, billed)
	require.Len(t, refs, len(billed)+1)
	require.NotContains(t, string(data), "cyclonedx-go", "what writes the bill is no part of the program")

	// From the program, every module is reached by what imports what.
	on := make(map[string][]string)
	for _, d := range *bom.Dependencies {
		require.True(t, refs[d.Ref], d.Ref)
		if d.Dependencies != nil {
			on[d.Ref] = *d.Dependencies
		}
	}
	reached := make(map[string]bool)
	var follow func(ref string)
	follow = func(ref string) {
		if !reached[ref] {
			reached[ref] = true
			for _, r := range on[ref] {
				follow(r)
			}
		}
	}
	follow(bom.Metadata.Component.BOMRef)
	require.Equal(t, refs, reached)
}

// goVersion is what the go command says of a program: its own release, and of
// each module "path version sum".
func goVersion(t *testing.T, program string) (release string, linked []string) {
	t.Helper()
	out, err := exec.Command("go", "version", "-m", program).Output()
	require.NoError(t, err)
	first, rest, _ := strings.Cut(string(out), "\n")
	release, ok := strings.CutPrefix(strings.TrimPrefix(first, program), ": go")
	require.True(t, ok, first)
	for line := range strings.Lines(rest) {
		if f := strings.Fields(line); f[0] == "dep" {
			linked = append(linked, strings.Join(f[1:], " "))
		}
	}
	return release, linked
}

// requireCycloneDX validates against the schema that the library brings with
// its sources, by another library.
func requireCycloneDX(t *testing.T, data []byte) {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), "go", "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go")
	dir, err := cmd.Output()
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	const base = "http://cyclonedx.org/schema/" // nothing is fetched: these are added
	for name, file := range map[string]string{
		"bom-1.6.schema.json": "bom-1.6.schema.json", "spdx.schema.json": "spdx.schema.json", "jsf-0.82.schema.json": "jsf-0.82.schemax.json",
	} {
		text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "schema", file))
		require.NoError(t, err)
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		require.NoError(t, err)
		require.NoError(t, c.AddResource(base+name, value))
	}
	schema, err := c.Compile(base + "bom-1.6.schema.json")
	require.NoError(t, err)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	require.NoError(t, err)
	require.NoError(t, schema.Validate(value))
	value.(map[string]any)["components"].([]any)[0].(map[string]any)["type"] = "module"
	require.Error(t, schema.Validate(value), "the schema says nothing")
}

func TestLicenceIDs(t *testing.T) {
	const (
		mit = "MIT License\n\nCopyright (c) 2018 A\n\nPermission is hereby granted, free of charge, to any person obtaining a copy of this software\nand associated " +
			"documentation files\n\nThe above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.\n\n" +
			"THE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND"
		two = "Redistribution and use in source and binary forms, with or without modification, are\r\npermitted provided that the following conditions are met:\n" +
			" * Redistributions of source code must retain the above\n * Redistributions in binary form must reproduce the above\n"
		end = "THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS"
	)
	for text, want := range map[string]string{
		mit:       "MIT",
		two + end: "BSD-2-Clause",
		two + " * Neither the name of A nor the names of its contributors\n" + end: "BSD-3-Clause",
		mit + "\n\n" + two + end: "BSD-2-Clause MIT",
	} {
		ids, err := licenceIDs(text)
		require.NoError(t, err)
		require.Equal(t, want, strings.Join(ids, " "))
	}
	for _, text := range []string{"", "MIT License", "All rights reserved.", mit[200:], "GNU GENERAL PUBLIC LICENSE Version 3, 29 June 2007"} {
		_, err := licenceIDs(text)
		require.ErrorContains(t, err, "is under no licence that is known here")
	}
}

func TestPackageURL(t *testing.T) {
	require.Equal(t, "pkg:golang/github.com/burntsushi/toml@v1.2.3%2Bincompatible", purl("github.com/BurntSushi/toml", "v1.2.3+incompatible"))
}
