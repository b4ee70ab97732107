package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A legacy transcript is what a records office of the 1990s printed on continuous paper and kept as PDF 1.2: one face of
// fixed width, no compression, every object spelled out here.
const (
	legacyColumns = 80
	legacyLines   = 58
	legacyLead    = 11.5
)

func renderLegacy(t *transcript) ([]byte, error) {
	blocks, err := legacyText(t)
	if err != nil {
		return nil, err
	}
	issued, err := time.Parse(time.DateOnly, t.issued)
	if err != nil {
		return nil, err
	}
	pages := legacyPages(t, blocks)
	doc := &objects{version: "1.2"}
	kids := make([]string, len(pages))
	for i := range pages {
		kids[i] = fmt.Sprintf("%d 0 R", 5+2*i)
	}
	doc.add("<< /Type /Catalog /Pages 2 0 R >>")
	doc.add(fmt.Sprintf("<< /Type /Pages /Kids [ %s ] /Count %d >>", strings.Join(kids, " "), len(pages)))
	doc.add("<< /Type /Font /Subtype /Type1 /Name /F1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>")
	doc.add(fmt.Sprintf("<< /Title (%s) /Author (%s) /Producer (%s) /Keywords (gradseal test data, fictitious) /CreationDate (D:%s) >>",
		t.number, t.school.name, t.school.system, issued.Format("20060102090000")))
	for i, page := range pages {
		doc.add(fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [ 0 0 612 792 ] /Contents %d 0 R\n"+
			"/Resources << /ProcSet [ /PDF /Text ] /Font << /F1 3 0 R >> >> >>", 6+2*i))
		content := legacyContent(page)
		doc.add(fmt.Sprintf("<< /Length %d >>\nstream\n%sendstream", len(content), content))
	}
	return doc.bytes(1, 4), nil
}

// legacyText is the whole transcript but for page heads, at most 80 characters a line, in blocks that are not to be split.
func legacyText(t *transcript) ([][]string, error) {
	a := t.award
	blocks := [][]string{{
		fmt.Sprintf("NAME     %-38s STUDENT NO  %s", t.student.name, t.student.id),
		fmt.Sprintf("BORN     %-38s ADMITTED    %s", t.student.born, t.student.admitted),
		fmt.Sprintf("DEGREE   %-38s CONFERRED   %s", a.degree, a.conferred),
		fmt.Sprintf("MAJOR    %-38s HONORS      %s", a.field, a.honours),
		strings.Repeat("-", legacyColumns),
	}}
	var sum tally
	for _, one := range t.terms {
		block, err := legacyTerm(one, t.school.scale, &sum)
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, block)
	}
	blocks = append(blocks, []string{"",
		fmt.Sprintf("*** END OF RECORD ***   CREDITS EARNED %s   CUMULATIVE GPA %s", sum.earned, sum.mean(t.school.scale.decimals)),
		"", "A=4 B=3 C=2 D=1 F=0  CR=CREDIT BY EXAMINATION, NO POINTS  W=WITHDRAWN", "",
		"NOT OFFICIAL WITHOUT THE RAISED SEAL OF THE COLLEGE.", "", "",
		"                                   ____________________________________________",
		"                                   " + t.school.registrar,
		"                                   " + t.school.title})
	for _, line := range slices.Concat(blocks...) {
		if len(line) > legacyColumns {
			return nil, fmt.Errorf("%s: line %q has %d characters, room for %d", t.number, line, len(line), legacyColumns)
		}
	}
	return blocks, nil
}

func legacyTerm(one term, s *scale, sum *tally) ([]string, error) {
	lines := []string{"", fmt.Sprintf("%-53s CREDITS  GRADE   POINTS", one.name)}
	for _, c := range one.courses {
		var own tally
		if err := own.add(c, s); err != nil {
			return nil, err
		}
		points := ""
		if own.counted > 0 {
			points = own.points()
		}
		lines = append(lines, fmt.Sprintf("  %-10s %-40s  %6s   %-4s  %7s", c.code, c.title, c.credits, c.grade, points))
	}
	own, err := tallyTerm(one, s)
	if err != nil {
		return nil, err
	}
	sum.merge(own)
	means := fmt.Sprintf("TERM GPA %s   CUMULATIVE GPA %s", own.mean(s.decimals), sum.mean(s.decimals))
	return append(lines, fmt.Sprintf("  %51s  %6s         %7s", means, own.earned, own.points())), nil
}

func legacyPages(t *transcript, blocks [][]string) [][]string {
	const head = 5
	var pages [][]string
	for _, block := range blocks {
		if n := len(pages); n == 0 || head+len(pages[n-1])+len(block) > legacyLines {
			pages = append(pages, nil)
		}
		last := &pages[len(pages)-1]
		*last = append(*last, block...)
	}
	for i := range pages {
		pages[i] = append([]string{
			fmt.Sprintf("%-58s%22s", t.school.name, fmt.Sprintf("PAGE %d OF %d", i+1, len(pages))),
			fmt.Sprintf("%-58s%22s", t.school.address, "DOC "+t.number),
			fmt.Sprintf("%-58s%22s", "PERMANENT ACADEMIC RECORD", "ISSUED "+t.issued),
			strings.Repeat("=", legacyColumns),
			"",
		}, pages[i]...)
	}
	return pages
}

// legacyContent prints on green-bar paper with holes at its edges.
func legacyContent(lines []string) string {
	var b strings.Builder
	b.WriteString("0.90 0.96 0.91 rg\n")
	for y := 742 - 3*legacyLead; y > 40; y -= 6 * legacyLead {
		fmt.Fprintf(&b, "40 %.1f 532 %.1f re f\n", y, 3*legacyLead)
	}
	b.WriteString("0.75 G 0.5 w\n")
	for y := 24; y < 792; y += 36 {
		fmt.Fprintf(&b, "13 %d 8 8 re S 591 %d 8 8 re S\n", y, y)
	}
	b.WriteString("[2 3] 0 d 32 0 m 32 792 l S 580 0 m 580 792 l S [] 0 d\n0 g\nBT\n/F1 10 Tf\n")
	fmt.Fprintf(&b, "%.1f TL\n66 734 Td\n", legacyLead)
	escape := strings.NewReplacer(`\`, `\\`, `(`, `\(`, `)`, `\)`)
	for _, line := range lines {
		fmt.Fprintf(&b, "(%s) '\n", escape.Replace(strings.TrimRight(line, " ")))
	}
	b.WriteString("ET\n")
	return b.String()
}

// objects is a PDF of numbered objects with a cross-reference table.
type objects struct {
	version string
	bodies  []string
}

func (o *objects) add(body string) { o.bodies = append(o.bodies, body) }

func (o *objects) bytes(root, info int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%%PDF-%s\n%%\xe2\xe3\xcf\xd3\n", o.version)
	offsets := make([]int, len(o.bodies))
	for i, body := range o.bodies {
		offsets[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, body)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, at := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, root, info, xref)
	return b.Bytes()
}
