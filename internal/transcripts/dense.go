package main

import "fmt"

// dense is the transcript of a large state university: a coloured head, everything in two narrow columns of terms on one
// side, and the legend on the other.
var dense = layout{letterWidth, letterHeight, drawDense}

const (
	denseLeft = 30.0
	denseWide = letterWidth - 2*denseLeft
	denseHalf = denseWide/2 - 7
	denseTop  = 168.0
	denseFoot = 632.0
	denseLine = 10.2
)

func denseColumns(x float64) []column {
	return []column{
		{x + 2, 44, 'l', "COURSE"}, {x + 50, 124, 'l', "TITLE"}, {x + 176, 22, 'r', "CRED"},
		{x + 202, 26, 'c', "GRADE"}, {x + 232, denseHalf - 234, 'r', "POINTS"},
	}
}

func drawDense(s *sheet, t *transcript) {
	denseHead(s, t)
	denseFrame(s, t)
	sum := denseBody(s, t)
	denseSummary(s, t, sum)
	denseSign(s, t)
	denseBack(s, t)
}

func denseHead(s *sheet, t *transcript) {
	s.page()
	i := t.school
	s.guilloche(denseLeft, 190, denseWide, 420, mix(i.tint, white, 0.16))
	s.box(0, 0, letterWidth, 72, i.tint)
	s.box(0, 72, letterWidth, 3, i.accent)
	s.crest(denseLeft, 12, 42, i)
	s.colour(white)
	s.set(helvetica, bold, 19)
	s.text(86, 36, i.name)
	s.set(helvetica, regular, 8.5)
	s.text(86, 51, i.office+"  |  "+i.address)
	s.set(helvetica, bold, 10)
	s.right(letterWidth-denseLeft, 36, "OFFICIAL TRANSCRIPT")
	s.set(helvetica, regular, 8.5)
	s.right(letterWidth-denseLeft, 51, "Document "+t.number)
	s.colour(black)
	denseFacts(s, t)
	denseFooter(s, t)
}

func denseFacts(s *sheet, t *transcript) {
	conferred := "Degree not yet conferred"
	if t.award.conferred != "" {
		conferred = "Conferred " + longDate(t.award.conferred)
	}
	facts := [][2]string{
		{"STUDENT", t.student.name}, {"STUDENT ID", t.student.id}, {"DATE OF BIRTH", t.student.born},
		{"PROGRAM", t.award.degree + ", " + t.award.field}, {"FIRST TERM", t.student.admitted}, {"ISSUED", t.issued},
		{"COLLEGE", t.award.faculty}, {"STATUS", conferred}, {"HONORS", t.award.honours},
	}
	for i, fact := range facts {
		x := denseLeft + []float64{0, 258, 440}[i%3]
		w := []float64{250, 174, 112}[i%3]
		y := 90 + float64(i/3)*23
		s.set(helvetica, regular, 5.8)
		s.colour(grey)
		s.text(x, y, fact[0])
		s.colour(black)
		s.set(helvetica, bold, 9)
		if fact[1] == "" {
			fact[1] = "–"
		}
		s.fit(x, y+10, w, 'l', fact[1])
	}
}

func denseFrame(s *sheet, t *transcript) {
	s.stroke(t.school.tint, 0.5)
	s.Rect(denseLeft-4, denseTop-12, denseWide+8, denseFoot-denseTop+16, "D")
	s.Line(letterWidth/2, denseTop-12, letterWidth/2, denseFoot+4)
	for _, x := range []float64{denseLeft, letterWidth/2 + 7} {
		s.box(x-2, denseTop-9, denseHalf+4, 10, t.school.tint)
		s.colour(white)
		s.set(helvetica, bold, 6)
		s.heads(denseTop-2, denseColumns(x))
		s.colour(black)
	}
}

func denseBody(s *sheet, t *transcript) tally {
	var sum tally
	x, y := denseLeft, denseTop+13
	lines, all := 0, denseLines(t.terms)
	for _, one := range t.terms {
		if 2*lines >= all && x == denseLeft {
			x, y = letterWidth/2+7, denseTop+13
		}
		lines += denseLines([]term{one})
		y = denseTerm(s, t, one, &sum, x, y)
	}
	if y > denseFoot+8 {
		s.SetErrorf("%s: terms end at %.0f, below %.0f", t.number, y, denseFoot)
	}
	return sum
}

// denseLines is the height of terms in lines: their names, their courses, their averages and the gaps between them.
func denseLines(terms []term) int {
	n := 0
	for _, one := range terms {
		n += len(one.courses) + 3
	}
	return n
}

func denseTerm(s *sheet, t *transcript, one term, sum *tally, x, y float64) float64 {
	columns := denseColumns(x)
	s.set(helvetica, bold, 8)
	s.colour(t.school.tint)
	s.text(x+2, y, one.name)
	s.colour(black)
	s.set(helvetica, regular, 7.8)
	for _, c := range one.courses {
		y += denseLine
		var own tally
		s.SetError(own.add(c, t.school.scale))
		points := ""
		if own.counted > 0 {
			points = own.points()
		}
		s.row(y, columns, c.code, c.title, c.credits.String(), c.grade, points)
	}
	own, err := tallyTerm(one, t.school.scale)
	s.SetError(err)
	sum.merge(own)
	y += denseLine + 1
	s.rule(x, y-7.9, denseHalf, 0.25, grey)
	s.set(helvetica, bold, 7)
	s.text(x+50, y, "Term GPA "+own.mean(t.school.scale.decimals)+"    Cumulative GPA "+sum.mean(t.school.scale.decimals))
	s.row(y, columns, "", "", own.earned.String(), "", own.points())
	return y + denseLine + 8
}

func denseSummary(s *sheet, t *transcript, sum tally) {
	y := denseFoot + 11
	s.box(denseLeft-4, y, denseWide+8, 26, mix(t.school.tint, white, 0.1))
	for i, fact := range [][2]string{
		{"CREDITS ATTEMPTED", sum.attempted.String()}, {"CREDITS EARNED", sum.earned.String()}, {"GPA CREDITS", sum.counted.String()},
		{"QUALITY POINTS", sum.points()}, {"CUMULATIVE GPA", sum.mean(t.school.scale.decimals)}, {"ACADEMIC STANDING", denseStanding(sum)},
	} {
		x := denseLeft + 4 + float64(i)*93
		s.set(helvetica, regular, 5.8)
		s.text(x, y+9, fact[0])
		s.set(helvetica, bold, 10)
		s.text(x, y+21, fact[1])
	}
}

func denseStanding(sum tally) string {
	if sum.weighted >= 200*int(sum.counted) {
		return "Good standing"
	}
	return "Probation"
}

func denseSign(s *sheet, t *transcript) {
	y := 722.0
	s.set(helvetica, regular, 7)
	if t.remark != "" {
		s.paragraph(denseLeft, y-36, 250, 9, t.remark)
	}
	s.signature(308, y-8, 104, t.school.registrar)
	s.rule(298, y, 170, 0.5, black)
	s.set(helvetica, bold, 7.5)
	s.text(298, y+10, t.school.registrar)
	s.set(helvetica, regular, 7.5)
	s.text(298, y+19, t.school.title)
	s.seal(528, y-12, 36, t.school, t.school.tint, t.school.name)
}

func denseFooter(s *sheet, t *transcript) {
	s.rule(denseLeft-4, 762, denseWide+8, 0.5, t.school.tint)
	s.set(helvetica, regular, 6.8)
	s.colour(grey)
	s.text(denseLeft, 773, fmt.Sprintf("%s  |  %s  |  Document %s  |  Issued %s", t.student.name, t.student.id, t.number, t.issued))
	s.right(letterWidth-denseLeft, 773, s.pageOf("Page %d of %d"))
	s.colour(black)
}

func denseBack(s *sheet, t *transcript) {
	s.page()
	s.box(0, 0, letterWidth, 34, t.school.tint)
	s.box(0, 34, letterWidth, 2, t.school.accent)
	s.colour(white)
	s.set(helvetica, bold, 12)
	s.text(denseLeft, 22, t.school.name)
	s.set(helvetica, regular, 9)
	s.right(letterWidth-denseLeft, 22, "Explanation of the transcript")
	s.colour(black)
	y := denseLegend(s, t, 62)
	next := y
	for i, note := range denseNotes {
		x := denseLeft + float64(i%2)*(denseWide/2+4)
		s.set(helvetica, bold, 8.5)
		s.colour(t.school.tint)
		s.text(x, y, note[0])
		s.colour(black)
		s.set(helvetica, regular, 7.8)
		next = max(next, s.paragraph(x, y+12, denseWide/2-14, 10.4, note[1]))
		if i%2 == 1 {
			y = next + 14
		}
	}
	s.guilloche(denseLeft, 440, denseWide, 260, mix(t.school.tint, white, 0.16))
	denseFooter(s, t)
}

func denseLegend(s *sheet, t *transcript, y float64) float64 {
	rows := [][]string{
		{"A", "90–100", "4.00", "Excellent"}, {"B", "80–89", "3.00", "Good"}, {"C", "70–79", "2.00", "Satisfactory"},
		{"D", "60–69", "1.00", "Minimum passing"}, {"F", "0–59", "0.00", "Failed, no credit"},
		{"CR", "", "–", "Credit by examination or transfer"}, {"W", "", "–", "Withdrawn"}, {"IP", "", "–", "In progress"},
	}
	x := denseLeft
	columns := []column{{x + 8, 60, 'l', "Grade"}, {x + 90, 80, 'l', "Percentage"}, {x + 180, 80, 'r', "Grade points"}, {x + 300, 230, 'l', "Meaning"}}
	s.box(x, y-10, denseWide, 14, t.school.tint)
	s.colour(white)
	s.set(helvetica, bold, 8)
	s.heads(y, columns)
	s.colour(black)
	s.set(helvetica, regular, 8)
	for i, cells := range rows {
		y += 13
		if i%2 == 1 {
			s.box(x, y-9.4, denseWide, 13, mix(t.school.tint, white, 0.08))
		}
		s.row(y, columns, cells...)
	}
	return y + 30
}

var denseNotes = [][2]string{
	{"Quarters", "The academic year has three quarters of eleven weeks. One credit stands for eleven hours of instruction and twenty-two hours " +
		"of study. Three quarter credits equal two semester credits."},
	{"Grade point average", "Quality points are credits times grade points. The average is the quality points divided by the GPA credits, " +
		"rounded to two decimals. Grades CR, W and IP do not enter it."},
	{"Good standing", "A student is in good standing whose cumulative average is 2.00 or better."},
	{"Accreditation", "The university awards bachelor’s and master’s degrees under its own charter. Course numbers from 100 to 299 are lower " +
		"division, from 300 to 499 upper division."},
	{"Release", "This transcript has been released at the request of the student and may not be passed on without the student’s consent."},
	{"Authenticity", "Questions about this document go to the Office of Records; give the document number. A photocopy or a print is not official."},
}
