// Package figures puts what was measured into the documentation: a table between
// two lines of a page, and a plot beside it.
package figures

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"gradseal/internal/atomicfile"
)

// The table stands between these lines of a file.
const (
	begin = "<!-- figures: begin -->\n"
	end   = "<!-- figures: end -->\n"
)

// Replace puts text between the two markers of a file, in the place of what is
// there.
func Replace(path, text string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok1 := bytes.Cut(old, []byte(begin))
	_, after, ok2 := bytes.Cut(rest, []byte(end))
	if !ok1 || !ok2 {
		return fmt.Errorf("%s: no lines %q and %q to put the figures between", path, strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	out := bytes.Join([][]byte{before, []byte(begin + "\n" + text + "\n" + end), after}, nil)
	return atomicfile.WriteFile(path, out, 0o644)
}

// Thousands prints 12345 as 12,345.
func Thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
