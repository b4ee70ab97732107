package manifest_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"gradseal/batch/manifest"
)

// listOf is a manifest with a column of names.
func listOf(names ...string) *manifest.Manifest {
	m := &manifest.Manifest{Columns: []string{"file"}}
	for i, name := range names {
		m.Rows = append(m.Rows, manifest.Row{Number: i + 2, File: name, Fields: []string{name}})
	}
	return m
}

func TestMatch(t *testing.T) {
	composed, decomposed := "Zoë.pdf", norm.NFD.String("Zoë.pdf")
	require.NotEqual(t, composed, decomposed)
	rows, faults := listOf("b.pdf", "2026/a.pdf", composed, "沈若溪.pdf").Match(
		[]string{"沈若溪.pdf", "2026/a.pdf", "more.pdf", "b.pdf", "Zoë.pdf"})
	require.Equal(t, []int{3, 1, -1, 0, 2}, rows)
	require.Empty(t, faults)

	// Two names that differ in what is overlooked are two names.
	rows, faults = listOf("a.pdf", "A.pdf", decomposed, composed).Match([]string{"A.pdf", "a.pdf", composed, decomposed})
	require.Equal(t, []int{1, 0, 3, 2}, rows)
	require.Empty(t, faults)

	rows, faults = listOf("a.pdf").Match(nil)
	require.Empty(t, rows)
	require.Equal(t, []manifest.RowFault{{Row: 0, Fault: `"a.pdf" names no document`}}, faults)
}

func TestMatchDuplicates(t *testing.T) {
	rows, faults := listOf("a.pdf", "b.pdf", "a.pdf", "c.pdf", "a.pdf").Match([]string{"a.pdf", "b.pdf", "c.pdf", "c.pdf"})
	require.Equal(t, []int{-1, 1, -1, -1}, rows)
	twice := `"a.pdf" is in the list more than once: rows 2, 4, 6`
	require.Equal(t, []manifest.RowFault{
		{Row: 0, Fault: twice}, {Row: 2, Fault: twice},
		{Row: 3, Fault: `"c.pdf" is the name of 2 documents in different folders: give the one folder above them, and write the paths from there into the list`},
		{Row: 4, Fault: twice},
	}, faults)
}

func TestMatchNearNames(t *testing.T) {
	tests := []struct{ name, list, folder, want string }{
		{"composed", "Zoë.pdf", norm.NFD.String("Zoë.pdf"), "the list has it composed (NFC), the folder decomposed (NFD) (decomposed is how macOS"},
		{"decomposed", norm.NFD.String("Zoë.pdf"), "Zoë.pdf", "the list has it decomposed (NFD), the folder composed (NFC)"},
		{"case", "KBSU-1.PDF", "KBSU-1.pdf", "differs in upper and lower case: copy"},
		{"blank at the end", "a.pdf ", "a.pdf", "the list has some at an end of the name"},
		{"blank before", "\u3000a.pdf", "a.pdf", "the list has some at an end"},
		{"blank in the file's name", "a.pdf", " a.pdf", "the file has some at an end"},
		{"hard space", "a\u00a0b.pdf", "a b.pdf", "the list has U+00A0, a space that does not break"},
		{"full-width space in the folder", "a b.pdf", "a\u3000b.pdf", "the folder has U+3000, a full-width space"},
		{"zero width", "a\u200bb.pdf", "ab.pdf", "the list has U+200B, which has no width"},
		{"two blanks", "a  b.pdf", "a b.pdf", "differs in blanks: copy"},
		{"full-width brackets", "a（1）.pdf", "a(1).pdf", "full-width and half-width characters"},
		{"backslash", `2026\a.pdf`, "2026/a.pdf", "differs in backslashes, where / is meant: copy"},
		{"no ending", "2026/a", "2026/a.pdf", `the list has no ".pdf"`},
		{"ending twice", "a.pdf", "a.pdf.pdf", `the ending ".pdf"`},
		{"base name", "a.pdf", "2026/07/a.pdf", "the folder: the list leaves it out"},
		{"whole path", `C:\Users\Ann\2026\a.pdf`, "2026/a.pdf", "backslashes, where / is meant, and in the folder: the list has more than the path below"},
		{"path from above", "transcripts/a.pdf", "a.pdf", "the list has more than the path below"},
		{"another folder", "2025/a.pdf", "2026/a.pdf", "differs in the folder: copy"},
		{"dot", "./a.pdf", "a.pdf", "how the path is written"},
		{"several", norm.NFD.String("Å b"), "x/å\u00a0B.pdf", "the folder: the list leaves it out, and in Unicode normalisation"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rows, faults := listOf("first.pdf", test.list).Match([]string{"other.pdf", test.folder, "first.pdf"})
			require.Equal(t, []int{-1, -1, 0}, rows)
			require.Len(t, faults, 1)
			require.Equal(t, 1, faults[0].Row)
			require.Contains(t, faults[0].Fault, `"`+test.list+`" names no document; the nearest is "`+test.folder+`", which differs in `)
			require.Contains(t, faults[0].Fault, test.want)
		})
	}
	for _, list := range []string{"b.pdf", "a1.pdf", "a.docx", "2026", "/", ".", "..", ""} {
		_, faults := listOf(list).Match([]string{"a.pdf", "2026/c.pdf"})
		require.Equal(t, []manifest.RowFault{{Fault: `"` + list + `" names no document`}}, faults, list)
	}
}

func TestMatchNearNamesThatAreTaken(t *testing.T) {
	_, faults := listOf("a.pdf", "A.pdf").Match([]string{"a.pdf"})
	require.Equal(t, `"A.pdf" names no document; the nearest is "a.pdf", which differs in upper and lower case; but that is in row 2 already`, faults[0].Fault)
	_, faults = listOf("A.pdf", "a.pdf").Match([]string{"A.pdf", "x/a.pdf", "y/a.pdf"})
	require.Contains(t, faults[0].Fault, `"A.pdf", which differs in upper and lower case; but that is in row 2`)
	_, faults = listOf("x/a.pdf", "a.pdf").Match([]string{"x/a.pdf", "y/a.pdf"})
	require.Contains(t, faults[0].Fault, `the nearest is "y/a.pdf", which differs in the folder: the list leaves it out: there are several such`)
}

// BenchmarkMatch holds 100,000 rows against as many names, of which all are
// right, all are in the other normalisation form, or all are the same but for
// the folder.
func BenchmarkMatch(b *testing.B) {
	var right, decomposed, folders, upper []string
	for i := range many {
		right = append(right, fmt.Sprintf("2026/%06d Zoë Peñalver.pdf", i))
		decomposed = append(decomposed, norm.NFD.String(right[i]))
		folders = append(folders, fmt.Sprintf("%06d/transcript.pdf", i))
		upper = append(upper, fmt.Sprintf("%06dx/Transcript.pdf", i))
	}
	rand.Shuffle(many, func(i, j int) { decomposed[i], decomposed[j] = decomposed[j], decomposed[i] })
	for name, test := range map[string]struct{ list, names []string }{
		"right": {right, right}, "decomposed": {right, decomposed}, "folders": {upper, folders},
	} {
		b.Run(name, func(b *testing.B) {
			m := listOf(test.list...)
			b.ReportAllocs()
			for b.Loop() {
				_, faults := m.Match(test.names)
				require.Equal(b, name == "right", len(faults) == 0)
			}
		})
	}
}
