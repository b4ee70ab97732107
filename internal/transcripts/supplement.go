package main

import "fmt"

// supplement is a European diploma supplement: eight numbered sections over three or four pages, every course with its name
// in the language of instruction and in English.
var supplement = layout{a4Width, a4Height, drawSupplement}

const (
	supplementLeft = 56.0
	supplementWide = a4Width - 2*supplementLeft
	supplementFoot = 770.0
)

var supplementColumns = []column{
	{supplementLeft + 4, 58, 'l', "Code"}, {supplementLeft + 66, 262, 'l', "Course unit"},
	{supplementLeft + 332, 34, 'r', "ECTS"}, {supplementLeft + 376, 44, 'c', "Grade"}, {supplementLeft + 424, 55, 'l', "Result"},
}

// A supplementist carries the place on the page from section to section.
type supplementist struct {
	*sheet
	t *transcript
	y float64
}

func drawSupplement(s *sheet, t *transcript) {
	d := &supplementist{s, t, 0}
	d.cover()
	d.holder()
	d.qualification()
	d.level()
	d.contents()
	d.results()
	d.function()
	d.certification()
	d.system()
}

func (d *supplementist) newPage() {
	d.page()
	d.rule(supplementLeft, 44, supplementWide, 0.6, d.t.school.accent)
	d.set(serif, regular, 7.4)
	d.colour(grey)
	d.text(supplementLeft, 38, d.t.school.name)
	d.right(supplementLeft+supplementWide, 38, d.t.student.name)
	d.rule(supplementLeft, 794, supplementWide, 0.6, d.t.school.accent)
	d.text(supplementLeft, 806, "Diploma Supplement No. "+d.t.number)
	d.right(supplementLeft+supplementWide, 806, d.pageOf("Page %d of %d"))
	d.colour(black)
	d.y = 72
}

// need starts a page when less than h points are left.
func (d *supplementist) need(h float64) {
	if d.y+h > supplementFoot {
		d.newPage()
	}
}

func (d *supplementist) cover() {
	d.newPage()
	i := d.t.school
	d.crest(supplementLeft, 58, 50, i)
	d.set(serif, bold, 17)
	d.colour(i.tint)
	d.text(supplementLeft+66, 80, i.name)
	d.set(serif, regular, 9.5)
	d.text(supplementLeft+66, 95, i.english)
	d.set(serif, regular, 8)
	d.colour(grey)
	d.text(supplementLeft+66, 109, i.address)
	d.box(supplementLeft, 132, supplementWide, 34, i.tint)
	d.colour(white)
	d.set(serif, bold, 15)
	d.text(supplementLeft+12, 154, supplementTitle[i.lang])
	d.set(serif, regular, 9.5)
	d.right(supplementLeft+supplementWide-12, 154, "No. "+d.t.number)
	d.colour(black)
	d.set(serif, regular, 8)
	d.y = d.paragraph(supplementLeft, 184, supplementWide, 11.2, "This supplement accompanies a diploma and describes, in a form that is the same in "+
		"every country, the nature, level, content and status of the studies that the person named below completed. It is free of "+
		"value judgements and makes no statement on equivalence or recognition. Where information is missing, the reason is given.") + 14
}

var supplementTitle = map[string]string{
	"cs": "Dodatek k diplomu / Diploma Supplement",
	"fr": "Supplément au diplôme / Diploma Supplement",
}

func (d *supplementist) section(number int, title string) {
	d.need(60)
	d.box(supplementLeft, d.y-10, supplementWide, 15, mix(d.t.school.tint, white, 0.13))
	d.set(serif, bold, 9.4)
	d.colour(d.t.school.tint)
	d.text(supplementLeft+5, d.y, fmt.Sprintf("%d  %s", number, title))
	d.colour(black)
	d.y += 20
}

func (d *supplementist) item(number, label, value string) {
	d.set(serif, bold, 8.6)
	lines := d.lines(supplementWide-206, value)
	d.need(float64(len(lines))*12 + 4)
	d.set(serif, regular, 7.8)
	d.colour(grey)
	d.text(supplementLeft+5, d.y, number)
	d.fit(supplementLeft+30, d.y, 168, 'l', label)
	d.colour(black)
	d.set(serif, bold, 8.6)
	if len(lines) > 1 {
		d.set(serif, regular, 8.6)
	}
	d.y = d.paragraph(supplementLeft+206, d.y, supplementWide-206, 12, value) + 2.6
}

func (d *supplementist) holder() {
	p := d.t.student
	d.section(1, "Information identifying the holder of the qualification")
	d.item("1.1", "Name", p.name)
	d.item("1.2", "Date and place of birth", dayMonthYear(p.born)+", "+p.from)
	d.item("1.3", "Student identification number", p.id)
	d.y += 6
}

func (d *supplementist) qualification() {
	a := d.t.award
	d.section(2, "Information identifying the qualification")
	d.item("2.1", "Name of qualification", a.degree)
	d.item("2.2", "Main field of study", a.field+" / "+a.english)
	d.item("2.3", "Awarding institution", d.t.school.name+" ("+d.t.school.english+")")
	d.item("2.4", "Faculty", a.faculty)
	d.item("2.5", "Language of instruction", supplementLanguage[d.t.school.lang])
	d.y += 6
}

var supplementLanguage = map[string]string{"cs": "Czech, some course units English", "fr": "French"}

func (d *supplementist) level() {
	a := d.t.award
	d.section(3, "Information on the level of the qualification")
	d.item("3.1", "Level", a.level)
	d.item("3.2", "Official length of programme", a.length)
	d.item("3.3", "Access requirements", "Completed secondary education with a school-leaving examination, and the entrance procedure of the faculty.")
	d.y += 6
}

func (d *supplementist) contents() {
	d.section(4, "Information on the contents and results gained")
	d.item("4.1", "Mode of study", "Full time")
	d.item("4.2", "Programme requirements", fmt.Sprintf("%s ECTS credits, a thesis and its defence, the final state examination.", d.t.award.required.short()))
	d.item("4.3", "Programme details", "Individual credits, grades and averages are in the table that follows.")
	d.y += 4
}

func (d *supplementist) tableHead(name string) {
	d.set(serif, bold, 8.8)
	d.colour(d.t.school.tint)
	d.text(supplementLeft+4, d.y, name)
	d.set(serif, regular, 7.2)
	d.heads(d.y, supplementColumns[2:])
	d.colour(black)
	d.rule(supplementLeft, d.y+4, supplementWide, 0.8, d.t.school.tint)
	d.y += 17
}

func (d *supplementist) results() {
	var sum tally
	for _, one := range d.t.terms {
		d.need(float64(len(one.courses))*23.4 + 32)
		d.tableHead(one.name)
		for _, c := range one.courses {
			d.course(c)
		}
		own, err := tallyTerm(one, d.t.school.scale)
		d.SetError(err)
		sum.merge(own)
		d.set(serif, bold, 8)
		d.row(d.y+1, supplementColumns, "", "Credits and weighted average of the semester", own.earned.String(), own.mean(d.t.school.scale.decimals))
		d.y += 24
	}
	d.need(150)
	d.box(supplementLeft, d.y-11, supplementWide, 17, mix(d.t.school.accent, white, 0.22))
	d.set(serif, bold, 9)
	d.row(d.y, supplementColumns, "", "Total credits and weighted average of the studies", sum.earned.String(), sum.mean(d.t.school.scale.decimals))
	d.y += 24
	d.thesis()
	d.scaleTable()
	d.item("4.5", "Overall classification", d.t.award.honours)
	d.y += 6
}

func (d *supplementist) course(c course) {
	m, err := d.t.school.scale.worth(c.grade)
	d.SetError(err)
	result := "not passed"
	if m.earned {
		result = "passed"
	}
	d.set(serif, regular, 8.6)
	d.row(d.y, supplementColumns, c.code, c.title, c.credits.String(), c.grade, result)
	d.set(serif, regular, 7)
	d.colour(grey)
	d.row(d.y+9.2, supplementColumns, "", c.english)
	d.colour(black)
	d.rule(supplementLeft, d.y+13.4, supplementWide, 0.2, mix(grey, white, 0.5))
	d.y += 23.4
}

func (d *supplementist) thesis() {
	if d.t.award.thesis == "" {
		return
	}
	d.item("", "Title of the thesis", d.t.award.thesis)
	d.item("", "Title in English", d.t.award.thesisEnglish)
	d.item("", "Supervisor", d.t.award.supervisor)
}

func (d *supplementist) scaleTable() {
	rows := supplementScales[d.t.school.lang]
	d.need(float64(len(rows))*12 + 40)
	d.item("4.4", "Grading scheme", rows[0][0])
	x := supplementLeft + 206
	columns := []column{{x, 48, 'l', ""}, {x + 54, 66, 'l', ""}, {x + 126, 148, 'l', ""}}
	d.set(serif, regular, 7.8)
	for _, cells := range rows[1:] {
		d.row(d.y, columns, cells...)
		d.rule(x, d.y+3, supplementWide-206, 0.2, grey)
		d.y += 11.6
	}
	d.y += 6
}

var supplementScales = map[string][][]string{
	"cs": {
		{"Grades A to F; the average is that of the numerical values, weighted with credits: the smaller, the better."},
		{"A", "1.0", "výborně / excellent"}, {"B", "1.5", "velmi dobře / very good"}, {"C", "2.0", "dobře / good"},
		{"D", "2.5", "uspokojivě / satisfactory"}, {"E", "3.0", "dostatečně / sufficient"}, {"F", "4.0", "nedostatečně / failed"},
		{"Z", "–", "započteno / credit given, not graded"},
	},
	"fr": {
		{"Marks from 0 to 20, passed from 10; the average is weighted with credits."},
		{"16–20", "", "très bien / very good"}, {"14–15.9", "", "bien / good"}, {"12–13.9", "", "assez bien / fairly good"},
		{"10–11.9", "", "passable / sufficient"}, {"0–9.9", "", "ajourné / failed"},
	},
}

func (d *supplementist) function() {
	d.section(5, "Information on the function of the qualification")
	d.item("5.1", "Access to further study", "Gives access to studies of the next cycle, subject to the admission rules of the institution that offers them.")
	d.item("5.2", "Professional status", "No regulated profession.")
	d.y += 8
	d.section(6, "Additional information")
	remark := d.t.remark
	if remark == "" {
		remark = "None."
	}
	d.item("6.1", "Additional information", remark)
	d.item("6.2", "Further sources", d.t.school.office+", "+d.t.school.address)
	d.y += 6
}

func (d *supplementist) certification() {
	d.need(196)
	d.section(7, "Certification of the supplement")
	d.item("7.1", "Date", dayMonthYear(d.t.issued))
	d.item("7.2", "Name and capacity", d.t.school.registrar+", "+d.t.school.title)
	d.item("7.3", "Signature and official stamp", " ")
	y := d.y + 54
	d.signature(supplementLeft+216, y-6, 120, d.t.school.registrar)
	d.rule(supplementLeft+206, y, 160, 0.5, black)
	d.seal(supplementLeft+422, y-22, 46, d.t.school, d.t.school.tint, d.t.school.name)
	d.y += 104
}

func (d *supplementist) system() {
	d.newPage()
	d.section(8, "Information on the national higher education system")
	d.set(serif, regular, 8.4)
	d.y = d.paragraph(supplementLeft+5, d.y, supplementWide-10, 12, "Higher education is offered by universities and specialised schools. Studies have three "+
		"cycles. One academic year is 60 ECTS credits; one credit stands for 25 to 30 hours of work. Institutions and programmes are accredited "+
		"by the national accreditation authority, which reviews them every eight years.") + 14
	d.cycles()
	d.ladder(d.y + 26)
}

var supplementCycles = [][]string{
	{"First", "Bachelor", "3–4 years", "180–240", "6", "School-leaving examination"},
	{"Second", "Master", "1–3 years", "60–180", "7", "Degree of the first cycle"},
	{"Third", "Doctor", "3–4 years", "–", "8", "Degree of the second cycle"},
}

func (d *supplementist) cycles() {
	x := supplementLeft
	columns := []column{
		{x + 5, 50, 'l', "Cycle"}, {x + 62, 70, 'l', "Degree"}, {x + 140, 64, 'l', "Length"},
		{x + 214, 50, 'l', "ECTS"}, {x + 270, 60, 'l', "EQF level"}, {x + 338, 140, 'l', "Access with"},
	}
	d.set(serif, bold, 8.4)
	d.colour(d.t.school.tint)
	d.heads(d.y, columns)
	d.colour(black)
	d.rule(x, d.y+4, supplementWide, 0.8, d.t.school.tint)
	d.set(serif, regular, 8.4)
	for _, cells := range supplementCycles {
		d.y += 16
		d.row(d.y, columns, cells...)
		d.rule(x, d.y+5, supplementWide, 0.2, grey)
	}
}

// ladder draws the cycles as steps, the holder's one in full colour.
func (d *supplementist) ladder(y float64) {
	const w, h = 132.0, 42.0
	for i, cells := range supplementCycles {
		x := supplementLeft + 12 + float64(i)*(w+24)
		top := y + float64(2-i)*30
		shade := 0.25
		d.colour(d.t.school.tint)
		if i == 0 {
			shade = 1
			d.colour(white)
		}
		d.fill(mix(d.t.school.tint, white, shade))
		d.RoundedRect(x, top, w, h, 4, "1234", "F")
		d.set(serif, bold, 10)
		d.centre(x+w/2, top+18, cells[1])
		d.set(serif, regular, 7.6)
		d.centre(x+w/2, top+31, cells[0]+" cycle  ·  "+cells[2])
		if i < 2 {
			d.stroke(d.t.school.accent, 1.4)
			d.Line(x+w+3, top+h/2, x+w+21, top-h/2+33)
		}
	}
	d.set(serif, regular, 7.6)
	d.colour(grey)
	d.text(supplementLeft+12, y+122, "The qualification described in this supplement belongs to the first cycle.")
	d.colour(black)
}
