package words

import (
	"fmt"
	"path/filepath"
	"strings"
	"unicode"
)

// plainPunctuation may stand in a name from a stranger's file.
const plainPunctuation = " !#$%&'()*+,-./:;=?@[]_{}~–—’“”·・（），。《》"

// Safe returns text that may hold words of a stranger's file such that a
// terminal or a page shows it and does nothing else.
func Safe(s string) string {
	return escape(s, plainPunctuation+`"<>|`+string(filepath.Separator))
}

// Quoted is a name in quotation marks, which it cannot leave.
func Quoted(s string) string { return `"` + escape(s, plainPunctuation) + `"` }

// Curly is Quoted in “ ”, as in the sentences of a page.
func Curly(s string) string { return "“" + named(s) + "”" }

// nested makes single quotation marks of double ones.
var nested = strings.NewReplacer("“", "‘", "”", "’")

// named is a name for a text that has it in “ ”, which it cannot leave: double
// quotation marks in it become single ones.
func named(s string) string {
	return escape(nested.Replace(s), strings.NewReplacer("“", "‘", "”", "").Replace(plainPunctuation))
}

// escape writes everything but letters, marks, digits and the punctuation
// given as \u{…}. Blank letters are escaped too, and all spaces after another:
// with enough of them, a name would wrap into a line of its own that looks like
// one of ours.
func escape(s, punctuation string) string {
	var b strings.Builder
	last := rune(0)
	for _, r := range s {
		plain := unicode.In(r, unicode.L, unicode.M, unicode.Nd) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
		if r != unicode.ReplacementChar && (plain || strings.ContainsRune(punctuation, r)) && (r != ' ' || last != ' ') {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\u{%X}`, r)
		}
		last = r
	}
	return b.String()
}
