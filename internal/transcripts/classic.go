package main

import "fmt"

// classic is the American transcript in a book face: a framed page with the crest in its head, one block of courses per
// term, and the key to the grades on the last page.
var classic = layout{letterWidth, letterHeight, drawClassic}

const (
	classicLeft  = 54.0
	classicWide  = letterWidth - 2*classicLeft
	classicFoot  = 728.0
	classicLine  = 11.6
	classicTitle = 300.0
)

var classicColumns = []column{
	{classicLeft + 6, 54, 'l', "Course"},
	{classicLeft + 64, classicTitle - 40, 'l', "Title"},
	{352, 44, 'r', "Attempted"},
	{402, 40, 'r', "Earned"},
	{448, 36, 'c', "Grade"},
	{490, 62, 'r', "Quality points"},
}

func drawClassic(s *sheet, t *transcript) {
	y := classicFirstPage(s, t)
	var sum tally
	for _, one := range t.terms {
		if y+classicHeight(one) > classicFoot {
			y = classicNextPage(s, t)
		}
		y = classicTerm(s, t, one, &sum, y)
	}
	if y+132 > classicFoot {
		y = classicNextPage(s, t)
	}
	classicClosing(s, t, sum, y)
	classicKey(s, t)
}

func classicFrame(s *sheet, t *transcript) {
	s.page()
	c := t.school.tint
	s.stroke(c, 1.6)
	s.Rect(28, 28, letterWidth-56, letterHeight-56, "D")
	s.stroke(c, 0.4)
	s.Rect(32, 32, letterWidth-64, letterHeight-64, "D")
	for _, at := range [][2]float64{{28, 28}, {letterWidth - 28, 28}, {28, letterHeight - 28}, {letterWidth - 28, letterHeight - 28}} {
		s.box(at[0]-4, at[1]-4, 8, 8, c)
		s.box(at[0]-1.6, at[1]-1.6, 3.2, 3.2, white)
	}
	s.rule(classicLeft, 738, classicWide, 0.4, c)
	s.set(times, regular, 8)
	s.colour(grey)
	s.text(classicLeft, 749, "Document "+t.number+"  ·  Issued "+longDate(t.issued))
	s.right(classicLeft+classicWide, 749, s.pageOf("Page %d of %d"))
	s.colour(black)
}

func classicFirstPage(s *sheet, t *transcript) float64 {
	classicFrame(s, t)
	i := t.school
	s.crest(classicLeft+2, 50, 52, i)
	mid := letterWidth/2 + 24.0
	s.colour(i.tint)
	s.set(times, bold, 25)
	s.centre(mid, 72, i.name)
	s.set(times, italic, 10.5)
	s.centre(mid, 87, i.motto)
	s.colour(black)
	s.set(times, regular, 9.5)
	s.centre(mid, 101, i.office+"  ·  "+i.address)
	s.rule(classicLeft, 120, classicWide, 1.2, i.tint)
	s.set(times, bold, 13)
	s.centre(letterWidth/2, 136, "OFFICIAL ACADEMIC TRANSCRIPT")
	s.rule(classicLeft, 143, classicWide, 0.4, i.tint)
	return classicFacts(s, t, 160)
}

func classicFacts(s *sheet, t *transcript, y float64) float64 {
	left := [][2]string{{"Name", t.student.name}, {"Student number", t.student.id}, {"Date of birth", longDate(t.student.born)},
		{"Admitted", t.student.admitted}}
	conferred := "In progress"
	if t.award.conferred != "" {
		conferred = longDate(t.award.conferred)
	}
	right := [][2]string{{"Degree", t.award.degree}, {"Major", t.award.field}, {"College", t.award.faculty}, {"Degree conferred", conferred}}
	for i := range left {
		at := y + float64(i)*13.4
		classicFact(s, classicLeft+4, at, 76, 152, left[i])
		classicFact(s, 312, at, 82, 164, right[i])
	}
	if t.award.honours != "" {
		classicFact(s, 312, y+4*13.4, 82, 164, [2]string{"Honors", t.award.honours})
	}
	s.rule(classicLeft, y+62, classicWide, 0.4, t.school.tint)
	return y + 82
}

func classicFact(s *sheet, x, y, label, w float64, fact [2]string) {
	s.set(times, italic, 9.5)
	s.text(x, y, fact[0])
	s.set(times, bold, 10)
	s.fit(x+label, y, w, 'l', fact[1])
}

func classicNextPage(s *sheet, t *transcript) float64 {
	classicFrame(s, t)
	s.set(times, bold, 10)
	s.colour(t.school.tint)
	s.text(classicLeft, 54, t.school.name)
	s.colour(black)
	s.set(times, regular, 9.5)
	s.right(classicLeft+classicWide, 54, fmt.Sprintf("%s  ·  %s", t.student.name, t.student.id))
	s.rule(classicLeft, 60, classicWide, 0.8, t.school.tint)
	return 82
}

// classicHeight is the room that a term takes: its heading, its courses, two lines of totals.
func classicHeight(t term) float64 { return float64(len(t.courses)+3)*classicLine + 18 }

func classicTerm(s *sheet, t *transcript, one term, sum *tally, y float64) float64 {
	s.box(classicLeft, y-9.5, classicWide, 13, mix(t.school.tint, white, 0.1))
	s.set(times, bold, 10)
	s.colour(t.school.tint)
	s.text(classicLeft+6, y, one.name)
	s.set(times, italic, 8)
	s.heads(y, classicColumns[2:])
	s.colour(black)
	own, err := tallyTerm(one, t.school.scale)
	s.SetError(err)
	y += 2
	for _, c := range one.courses {
		y += classicLine
		classicCourse(s, t, c, y)
	}
	sum.merge(own)
	y += classicLine + 3
	s.rule(352, y-9.6, 200, 0.3, grey)
	classicTotals(s, t, "Term", own, y)
	y += classicLine
	classicTotals(s, t, "Cumulative", *sum, y)
	return y + 20
}

func classicCourse(s *sheet, t *transcript, c course, y float64) {
	var one tally
	s.SetError(one.add(c, t.school.scale))
	s.set(times, regular, 9.6)
	points := ""
	if one.counted > 0 {
		points = one.points()
	}
	s.row(y, classicColumns, c.code, c.title, one.attempted.String(), one.earned.String(), c.grade, points)
}

func classicTotals(s *sheet, t *transcript, label string, sum tally, y float64) {
	mean := sum.mean(t.school.scale.decimals)
	s.set(times, italic, 9.2)
	if label == "Term" && sum.counted >= 120 && sum.weighted >= 370*int(sum.counted) {
		s.text(classicLeft+64, y, "Dean’s List")
	}
	s.right(344, y, label+" GPA "+mean)
	s.set(times, italic, 9.2)
	s.row(y, classicColumns, "", "", sum.attempted.String(), sum.earned.String(), "", sum.points())
}

func classicClosing(s *sheet, t *transcript, sum tally, y float64) {
	s.set(times, bold, 10)
	s.centre(letterWidth/2, y+2, "— End of academic record —")
	s.set(times, regular, 10)
	y = s.paragraph(classicLeft+4, y+24, 330, 13, fmt.Sprintf(
		"Credits attempted %s, credits earned %s, quality points %s, cumulative grade point average %s on a scale of %s.",
		sum.attempted, sum.earned, sum.points(), sum.mean(t.school.scale.decimals), t.school.scale.name))
	if t.remark != "" {
		y = s.paragraph(classicLeft+4, y+2, 330, 13, t.remark)
	}
	s.set(times, italic, 9.5)
	s.paragraph(classicLeft+4, y+4, 330, 12.4, "This transcript is official when it is issued by the Office of the University Registrar. "+
		"The student is in good standing and is eligible to return or has graduated unless a remark above says otherwise.")
	s.seal(466, y+38, 54, t.school, t.school.tint, t.school.name+" · "+t.school.city)
	classicSign(s, t, y+92)
}

func classicSign(s *sheet, t *transcript, y float64) {
	s.signature(classicLeft+16, y, 130, t.school.registrar)
	s.rule(classicLeft+4, y+6, 220, 0.5, black)
	s.set(times, bold, 9.5)
	s.text(classicLeft+4, y+17, t.school.registrar)
	s.set(times, regular, 9.5)
	s.text(classicLeft+4, y+28, t.school.title)
}

func classicKey(s *sheet, t *transcript) {
	y := classicNextPage(s, t)
	s.set(times, bold, 13)
	s.centre(letterWidth/2, y+8, "KEY TO THE TRANSCRIPT")
	y += 34
	left := classicKeyTable(s, t, classicLeft, y)
	right := y
	for _, note := range classicNotes {
		s.set(times, bold, 10)
		s.text(308, right, note[0])
		s.set(times, regular, 9.5)
		right = s.paragraph(308, right+12.5, letterWidth-308-classicLeft, 12, note[1]) + 6
	}
	s.guilloche(classicLeft, max(left, right)+12, classicWide, 120, mix(t.school.tint, white, 0.3))
	s.set(times, italic, 10)
	s.colour(t.school.tint)
	s.centre(letterWidth/2, max(left, right)+152, t.school.motto)
	s.colour(black)
}

func classicKeyTable(s *sheet, t *transcript, x, y float64) float64 {
	columns := []column{{x, 40, 'l', "Grade"}, {x + 44, 58, 'l', "Percentage"}, {x + 108, 54, 'r', "Points"}, {x + 176, 56, 'l', ""}}
	s.set(times, bold, 10)
	s.text(x, y, "Grades")
	y += 15
	s.set(times, italic, 9.5)
	s.heads(y, columns[:3])
	s.rule(x, y+3, 226, 0.4, t.school.tint)
	s.set(times, regular, 10)
	above := 100
	for _, b := range americanBands {
		y += 13.4
		s.row(y, columns, b.grade, fmt.Sprintf("%d–%d", b.from, above), fixed(b.points, 100, 2))
		above = b.from - 1
	}
	y += 8
	for _, one := range [][2]string{{"P", "Passed; earns credit, no points"}, {"TR", "Credit transferred; no points"},
		{"W", "Withdrawn; no credit, no points"}, {"IP", "In progress; not yet graded"}} {
		y += 13.4
		s.text(x, y, one[0])
		s.text(x+44, y, one[1])
	}
	return y
}

var classicNotes = [][2]string{
	{"Credit", "One credit stands for fifteen hours of instruction and thirty hours of independent work. The academic year has two " +
		"semesters of fifteen weeks; a full course load is sixteen credits a semester."},
	{"Grade point average", "Quality points are the credits of a course times the points of its grade. The average is the sum of the " +
		"quality points divided by the credits of the courses that carry points, rounded to three decimals. Courses graded " +
		"P, TR, W or IP do not count. A course that is repeated counts each time."},
	{"Dean’s List", "A semester of at least twelve graded credits with an average of 3.700 or better."},
	{"Course numbers", "100–199 first year; 200–299 second year; 300–399 advanced; 400–499 seminars and senior projects."},
	{"Privacy", "This record may not be passed to a third party without the written consent of the student."},
}
