package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// dependency is one of the modules that the program is linked from.
type dependency struct{ path, version, dir string }

// legalName are the files that a binary has to bring with it.
var legalName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)(\.(txt|md))?$`)

// likeGo is a module under the very licence of Go itself, of which the standard
// library and the runtime are linked in as well. Go's own file is not taken:
// some packages of Go come without it.
const likeGo = "golang.org/x/mod"

// licences returns the licences of the modules, each text once.
func licences(modules []dependency) ([]byte, error) {
	var texts []string
	holders := make(map[string][]string)
	for _, m := range modules {
		files, err := legalFiles(m)
		if err != nil {
			return nil, err
		}
		for _, name := range files {
			data, err := os.ReadFile(filepath.Join(m.dir, name))
			if err != nil {
				return nil, err
			}
			text := strings.TrimSpace(strings.ReplaceAll(string(data), "\r\n", "\n"))
			if len(holders[text]) == 0 {
				texts = append(texts, text)
			}
			holders[text] = append(holders[text], fmt.Sprintf("%s %s (%s)", m.path, m.version, name))
			if m.path == likeGo && strings.HasPrefix(name, "LICENSE") {
				holders[text] = append(holders[text], "the standard library and the runtime of Go")
			}
		}
	}
	var b bytes.Buffer
	fmt.Fprintln(&b, "The program gradseal is linked from the following, besides its own sources.")
	for _, text := range texts {
		fmt.Fprintf(&b, "\n%s\n%s:\n\n%s\n", strings.Repeat("=", 78), strings.Join(holders[text], "\n"), text)
	}
	return b.Bytes(), nil
}

// legalFiles returns the names of the module's licence files, in order.
func legalFiles(m dependency) ([]string, error) {
	entries, err := os.ReadDir(m.dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.path, err)
	}
	var names []string
	licensed := false
	for _, e := range entries {
		if e.IsDir() || !legalName.MatchString(e.Name()) {
			continue
		}
		names = append(names, e.Name())
		licensed = licensed || grants(e.Name())
	}
	if !licensed {
		return nil, fmt.Errorf("%s %s: has no licence file, so it may not be given out", m.path, m.version)
	}
	return names, nil
}

// grants tells whether a licence is in the file of this name; a notice or a word
// on patents is none.
func grants(name string) bool {
	upper := strings.ToUpper(name)
	return strings.HasPrefix(upper, "LICEN") || strings.HasPrefix(upper, "COPYING")
}
