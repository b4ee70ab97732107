package cmd

import (
	"bufio"
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRowWithoutFormulas: no name makes a spreadsheet compute, also where that
// takes tables apart at semicolons.
func TestRowWithoutFormulas(t *testing.T) {
	for name, want := range map[string]string{
		"=1+1.pdf":         `"'=1+1.pdf"`,
		"a;=1+1.pdf":       `a\u{3B}=1+1.pdf`,
		`a; "=1+1.pdf`:     `"a\u{3B} ""=1+1.pdf"`,
		"a;b.pdf":          "a;b.pdf",
		"a;-b;+c;@d;;e.p":  `a\u{3B}-b\u{3B}+c\u{3B}@d;;e.p`,
		"in/;;;=cmd|' /C'": `in/;;\u{3B}=cmd|' /C'`,
	} {
		var b bytes.Buffer
		w := bufio.NewWriter(&b)
		require.NoError(t, (&verdictRow{File: name, Finding: "see " + name}).write(w))
		require.NoError(t, w.Flush())
		require.Equal(t, want, b.String()[:len(want)])
		require.NotRegexp(t, `;[ '"]*[=+@-]`, b.String())
	}
}
