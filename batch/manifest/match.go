package manifest

import (
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// RowFault names a row of a manifest that does not lead to one document.
type RowFault struct {
	Row   int    // index in Manifest.Rows
	Fault string // begins with the name in that row, in quotation marks
	Near  string // the name of the one document that is probably meant; may be empty
}

// Match joins the manifest's rows with documents. names[i] is what a row calls
// document i: its path with forward slashes below the folder that was given, or
// its base name if it was given itself. A row matches if its column "file" is
// the same bytes.
//
// rows[i] is the index of document i's row, or -1 if it has none. A document
// that several rows name has none, and each of them is a fault; so is a row
// with a name of several documents, and one with a name of none. Of a row
// without document, the fault names the document that is probably meant, and
// what differs.
func (m *Manifest) Match(names []string) (rows []int, faults []RowFault) {
	rows = make([]int, len(names))
	documents := make(map[string]int, len(names)) // index, or −n for a name of n documents
	for i, name := range names {
		rows[i] = -1
		switch other, ok := documents[name]; {
		case !ok:
			documents[name] = i
		case other >= 0:
			documents[name] = -2
		default:
			documents[name]--
		}
	}
	lines := m.linesOf()
	var near *nearNames
	for i, row := range m.Rows {
		document, ok := documents[row.File]
		repeated := lines.repeated[row.File]
		var fault, meant string
		switch {
		case !ok:
			if near == nil {
				near = newNearNames(names)
			}
			fault, meant = near.explain(row.File, lines)
			fault = "names no document" + fault
		case document < 0:
			fault = fmt.Sprintf("is the name of %d documents in different folders: "+
				"give the one folder above them, and write the paths from there into the list", -document)
		case repeated != nil:
			fault = "is in the list more than once: " + repeated.named(0)
		default:
			rows[document] = i
			continue
		}
		faults = append(faults, RowFault{i, shortened(row.File) + " " + fault, meant})
	}
	return rows, faults
}

// nameLines has for each name in a manifest the rows in which it is.
type nameLines struct {
	first    map[string]int
	repeated map[string]*lineList // of names in several rows, all of these
}

func (m *Manifest) linesOf() nameLines {
	l := nameLines{make(map[string]int, len(m.Rows)), make(map[string]*lineList)}
	for _, row := range m.Rows {
		first, ok := l.first[row.File]
		if !ok {
			l.first[row.File] = row.Number
			continue
		}
		if l.repeated[row.File] == nil {
			l.repeated[row.File] = &lineList{true, []int{first}, 1}
		}
		l.repeated[row.File].add(row.Number)
	}
	return l
}

// named is the rows with the name, in words, or nothing.
func (l nameLines) named(name string) string {
	if r := l.repeated[name]; r != nil {
		return r.named(0)
	}
	if row, ok := l.first[name]; ok {
		return fmt.Sprintf("row %d", row)
	}
	return ""
}

// nearNames finds names that differ from another only in what people do not
// see or do not think of.
type nearNames struct {
	names  []string
	byPath map[string]int // index of the first name with this key
	byBase map[string]int // the same with the key's last element
	// The next name with the same key, or -1.
	nextPath, nextBase []int
}

const (
	maxNear     = 16      // how many names of one key are looked at
	maxNearName = 4 << 10 // the longest name that is looked at, in bytes
)

func newNearNames(names []string) *nearNames {
	n := &nearNames{
		names: names, byPath: make(map[string]int, len(names)), byBase: make(map[string]int, len(names)),
		nextPath: make([]int, len(names)), nextBase: make([]int, len(names)),
	}
	link := func(first map[string]int, next []int, key string, i int) {
		next[i] = -1
		if j, ok := first[key]; ok {
			next[i] = j
		}
		first[key] = i
	}
	for i := len(names) - 1; i >= 0; i-- {
		key := looseKey(names[i])
		link(n.byPath, n.nextPath, key, i)
		link(n.byBase, n.nextBase, path.Base(key), i)
	}
	return n
}

// explain is the end of a sentence that began with "names no document", and the
// name of the document that is meant where there is just one. taken are the
// names for which there are rows.
func (n *nearNames) explain(file string, taken nameLines) (fault, meant string) {
	if len(file) > maxNearName {
		return "", ""
	}
	key := looseKey(file)
	for rest, more := key, true; more; _, rest, more = strings.Cut(rest, "/") {
		if i, ok := n.byPath[rest]; ok {
			return n.describe(file, i, n.nextPath, taken)
		}
	}
	if i, ok := n.byBase[path.Base(key)]; ok {
		return n.describe(file, i, n.nextBase, taken)
	}
	return "", ""
}

// describe takes the first of the names from index i on that has no row of its
// own, and says in what it differs.
func (n *nearNames) describe(file string, i int, next []int, taken nameLines) (fault, meant string) {
	name, count := n.names[i], 0
	for ; i >= 0 && count < maxNear; i = next[i] {
		if _, ok := taken.first[name]; ok {
			name = n.names[i]
		}
		count++
	}
	text := fmt.Sprintf("; the nearest is %s, which differs in %s", shortened(name), strings.Join(differences(file, name), ", and in "))
	switch lines := taken.named(name); {
	case lines != "":
		return text + "; but that is in " + lines + " already", ""
	case count > 1:
		return text + ": there are several such; write the one that is meant into the list, exactly as the folder has it", ""
	}
	return text + ": copy that name from the folder into the list, or rename the file", name
}

// foldings take away, one each, what a name may differ in unnoticed. The first
// two leave ASCII as it is.
var foldings = [...]struct {
	fold func(string) string
	// what says how two names differ, of which one is in the list and the other
	// is that of a file.
	what func(list, folder string) string
}{
	{norm.NFC.String, func(list, folder string) string {
		form := func(s string) string {
			switch {
			case norm.NFC.IsNormalString(s):
				return "composed (NFC)"
			case norm.NFD.IsNormalString(s):
				return "decomposed (NFD)"
			}
			return "partly composed"
		}
		return fmt.Sprintf("Unicode normalisation, which cannot be seen: the list has it %s, the folder %s "+
			"(decomposed is how macOS and some archives write names)", form(list), form(folder))
	}},
	{halfWidth, func(string, string) string { return "full-width and half-width characters" }},
	{withoutBlanks, differentBlanks},
	{strings.ToLower, func(string, string) string { return "upper and lower case" }},
	{withoutPDF, func(list, _ string) string {
		if withoutPDF(list) == list {
			return `the ending: the list has no ".pdf"`
		}
		return `the ending ".pdf"`
	}},
}

// looseKey is equal for two paths that differ only in what foldings take away
// and in how the path is written.
func looseKey(name string) string { return fold(cleanPath(name), allFoldings) }

const allFoldings = 1<<len(foldings) - 1

// fold applies those foldings whose bits are set.
func fold(s string, set uint) string {
	ascii := isASCII(s)
	for i, f := range foldings {
		if set>>i&1 == 1 && !(ascii && i < 2) {
			s = f.fold(s)
		}
	}
	return s
}

// fewestFoldings is a set that makes the names equal and of which none can be
// left out; ok is false if all do not make them equal. Where one does the work
// of another, upper case is a matter of case and not of the ending, and a
// full-width space one of blanks.
func fewestFoldings(a, b string) (set uint, ok bool) {
	for _, set := range []uint{0, 1 << 0, 1 << 3} { // quickly told
		if fold(a, set) == fold(b, set) {
			return set, true
		}
	}
	set = allFoldings
	if fold(a, set) != fold(b, set) {
		return 0, false
	}
	for _, i := range []int{4, 1, 0, 2, 3} {
		if less := set &^ (1 << i); fold(a, less) == fold(b, less) {
			set = less
		}
	}
	return set, true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// cleanPath is a path as names of documents are written.
func cleanPath(name string) string {
	return strings.TrimLeft(path.Clean(strings.ReplaceAll(name, `\`, "/")), "/")
}

// differences are what differs between two names with the same last element of
// their loose keys, in words.
func differences(list, folder string) []string {
	var words []string
	if strings.Contains(list, `\`) && !strings.Contains(folder, `\`) {
		words = append(words, "backslashes, where / is meant")
	}
	a, b := cleanPath(list), cleanPath(folder)
	set, ok := fewestFoldings(a, b)
	if !ok {
		switch n := strings.Count(a, "/") - strings.Count(b, "/"); {
		case n > 0:
			words = append(words, "the folder: the list has more than the path below the folder that was given")
		case n < 0:
			words = append(words, "the folder: the list leaves it out")
		default:
			words = append(words, "the folder")
		}
		a, b = path.Base(a), path.Base(b)
		set, _ = fewestFoldings(a, b)
	}
	for i, f := range foldings {
		if set>>i&1 == 1 {
			words = append(words, f.what(a, b))
		}
	}
	if len(words) == 0 {
		words = append(words, "how the path is written")
	}
	return words
}

// isBlankRune counts what cannot be seen as blank.
func isBlankRune(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }

// halfWidth replaces the full-width forms of ASCII (U+FF01–U+FF5E).
func halfWidth(s string) string {
	return strings.Map(func(r rune) rune {
		if '！' <= r && r <= '～' {
			return r - '！' + '!'
		}
		return r
	}, s)
}

func withoutBlanks(s string) string {
	return strings.Map(func(r rune) rune {
		if isBlankRune(r) {
			return -1
		}
		return r
	}, s)
}

func differentBlanks(list, folder string) string {
	trimmed := func(s string) string { return strings.TrimFunc(s, isBlankRune) }
	if trimmed(list) == folder {
		return "blanks: the list has some at an end of the name"
	}
	if trimmed(folder) == list {
		return "blanks: the file has some at an end of its name"
	}
	for _, side := range []struct{ who, name, other string }{{"list", list, folder}, {"folder", folder, list}} {
		for _, r := range side.name {
			if r != ' ' && isBlankRune(r) && !strings.ContainsRune(side.other, r) {
				return fmt.Sprintf("blanks: the %s has U+%04X%s", side.who, r, blankNames[r])
			}
		}
	}
	return "blanks"
}

// blankNames explain the blanks that word processors put into names.
var blankNames = map[rune]string{
	'\t': ", a tab", '\n': ", a line break", '\u00a0': ", a space that does not break", '\u3000': ", a full-width space",
	'\u200b': ", which has no width", '\ufeff': ", which has no width",
}

// withoutPDF takes away every ".pdf" at the end: where endings are hidden,
// people add another.
func withoutPDF(s string) string {
	for {
		i := len(s) - len(".pdf")
		if i < 0 || !strings.EqualFold(s[i:], ".pdf") {
			return s
		}
		s = s[:i]
	}
}
