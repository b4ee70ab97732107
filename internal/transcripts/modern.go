package main

import "fmt"

// modern is a transcript with a coloured column beside the courses: who, what, and how it went at a glance.
var modern = layout{a4Width, a4Height, drawModern}

const (
	modernSide  = 172.0
	modernLeft  = modernSide + 26
	modernRight = a4Width - 34
	modernFoot  = 776.0
	modernLine  = 15.0
)

// A wording is what a modern transcript says in one language.
type wording struct {
	title, subtitle, page                  string
	student, id, born, programme, admitted string
	award, honours, average, credits       string
	number, issued                         string
	heads                                  [4]string
	term, end, certify                     string
	date                                   func(string) string
	comma                                  bool
}

var wordings = map[string]wording{
	"nb": {
		title: "Karakterutskrift", subtitle: "Transcript of Records", page: "Side %[1]d av %[2]d  ·  Page %[1]d of %[2]d",
		student: "Student", id: "Studentnummer", born: "Født", programme: "Studieprogram", admitted: "Studiestart",
		award: "Grad tildelt", honours: "Merknad", average: "Snittkarakter", credits: "Studiepoeng",
		number: "Dokument", issued: "Utstedt", heads: [4]string{"Emne", "Navn", "Studiepoeng", "Karakter"},
		term: "Sum", end: "Slutt på karakterutskriften",
		certify: "Karakterskalaen går fra A (best, 5 poeng) til E (bestått, 1 poeng); F er ikke bestått. Snittkarakteren er vektet med " +
			"studiepoeng. Et studieår er 60 studiepoeng, som svarer til 60 ECTS.",
		date: dayMonthYear, comma: true,
	},
	"es": {
		title: "Certificado académico", subtitle: "Expediente personal", page: "Página %d de %d",
		student: "Estudiante", id: "Matrícula", born: "Nacimiento", programme: "Titulación", admitted: "Ingreso",
		award: "Título expedido", honours: "Mención", average: "Nota media", credits: "Créditos ECTS",
		number: "Documento", issued: "Expedido el", heads: [4]string{"Código", "Asignatura", "Créditos", "Nota"},
		term: "Semestre", end: "Fin del certificado",
		certify: "Calificaciones de 0 a 10: aprobado desde 5,0; notable desde 7,0; sobresaliente desde 9,0. La nota media está ponderada por " +
			"créditos. El presente certificado se expide a petición de la persona interesada.",
		date: dayMonthYear, comma: true,
	},
	"de": {
		title: "Leistungsausweis", subtitle: "Academic Record", page: "Seite %[1]d von %[2]d  ·  Page %[1]d of %[2]d",
		student: "Studentin / Student", id: "Matrikelnummer", born: "Geboren am", programme: "Studiengang", admitted: "Studienbeginn",
		award: "Abschluss erteilt", honours: "Prädikat", average: "Notenmittel", credits: "ECTS-Punkte",
		number: "Dokument", issued: "Ausgestellt am", heads: [4]string{"Nummer", "Modul", "ECTS", "Note"},
		term: "Semester", end: "Ende des Leistungsausweises",
		certify: "Notenskala 1 bis 6 in Viertelschritten; 6 ist die beste Note, ab 4 gilt ein Modul als bestanden. Das Notenmittel ist mit den " +
			"ECTS-Punkten gewichtet.",
		date: dayMonthYear,
	},
}

var modernColumns = []column{
	{modernLeft, 66, 'l', ""}, {modernLeft + 70, 196, 'l', ""}, {modernLeft + 264, 54, 'r', ""}, {modernRight - 46, 46, 'r', ""},
}

// figure prints a number with the decimal sign of the language.
func (w wording) figure(s string) string {
	if !w.comma {
		return s
	}
	out := []byte(s)
	for i, c := range out {
		if c == '.' {
			out[i] = ','
		}
	}
	return string(out)
}

func drawModern(s *sheet, t *transcript) {
	w := wordings[t.school.lang]
	sum, err := tallyAll(t.terms, t.school.scale)
	s.SetError(err)
	y := modernFirstPage(s, t, w, sum)
	for _, one := range t.terms {
		if y+modernLine*float64(len(one.courses))+46 > modernFoot {
			y = modernNextPage(s, t, w)
		}
		y = modernTerm(s, t, w, one, y)
	}
	need := 122.0
	if t.remark != "" {
		need += 13
	}
	if y+need > modernFoot {
		y = modernNextPage(s, t, w)
	}
	modernClosing(s, t, w, y)
}

func modernSidebar(s *sheet, t *transcript, w wording) {
	s.page()
	i := t.school
	s.box(0, 0, modernSide, a4Height, mix(i.tint, white, 0.09))
	s.box(0, 0, modernSide, 150, i.tint)
	s.box(modernSide-3, 0, 3, a4Height, i.accent)
	s.crest(24, 28, 46, i)
	s.colour(white)
	s.set(sans, bold, 12)
	s.paragraph(24, 106, modernSide-40, 15, i.name)
	s.set(sans, regular, 7)
	s.colour(grey)
	s.text(modernLeft, 812, t.student.name+"  ·  "+t.number)
	s.right(modernRight, 812, s.pageOf(w.page))
	s.rule(modernLeft, 801, modernRight-modernLeft, 0.4, grey)
	s.set(sans, regular, 6.4)
	s.paragraph(24, 796, modernSide-40, 8.5, i.address)
	s.colour(black)
}

func modernFact(s *sheet, y float64, label, value string) float64 {
	if value == "" {
		return y
	}
	s.set(sans, regular, 6.6)
	s.colour(grey)
	s.text(24, y, label)
	s.colour(black)
	s.set(sans, bold, 8.6)
	return s.paragraph(24, y+12, modernSide-44, 11.5, value) + 7
}

func modernFirstPage(s *sheet, t *transcript, w wording, sum tally) float64 {
	modernSidebar(s, t, w)
	y := 176.0
	for _, fact := range [][2]string{
		{w.student, t.student.name}, {w.id, t.student.id}, {w.born, w.date(t.student.born)}, {w.programme, t.award.degree + " " + t.award.field},
		{w.admitted, t.student.admitted}, {w.award, w.date(t.award.conferred)}, {w.honours, t.award.honours},
		{w.number, t.number}, {w.issued, w.date(t.issued)},
	} {
		y = modernFact(s, y, fact[0], fact[1])
	}
	y = modernAverage(s, t, w, sum, y+6)
	modernBars(s, t, w, y+4)
	s.set(sans, bold, 21)
	s.colour(t.school.tint)
	s.text(modernLeft, 62, w.title)
	s.set(sans, regular, 11)
	s.colour(grey)
	s.text(modernLeft, 80, w.subtitle)
	s.colour(black)
	s.set(sans, regular, 8.5)
	s.text(modernLeft, 102, t.school.office)
	return 134
}

func modernNextPage(s *sheet, t *transcript, w wording) float64 {
	modernSidebar(s, t, w)
	y := modernFact(s, 176, w.student, t.student.name)
	modernFact(s, y, w.id, t.student.id)
	s.set(sans, bold, 11)
	s.colour(t.school.tint)
	s.text(modernLeft, 50, w.title)
	s.colour(black)
	return 84
}

func modernAverage(s *sheet, t *transcript, w wording, sum tally, y float64) float64 {
	s.rule(24, y-10, modernSide-48, 0.6, t.school.accent)
	s.set(sans, regular, 6.6)
	s.colour(grey)
	s.text(24, y+2, w.average)
	s.colour(t.school.tint)
	s.set(sans, bold, 27)
	s.text(24, y+28, w.figure(sum.mean(t.school.scale.decimals)))
	s.set(sans, regular, 6.6)
	s.colour(grey)
	s.text(24, y+44, w.credits)
	s.colour(black)
	s.set(sans, bold, 9)
	s.text(24, y+56, fmt.Sprintf("%s / %s", w.figure(sum.earned.short()), t.award.required.short()))
	full := modernSide - 48.0
	s.box(24, y+61, full, 4, white)
	s.box(24, y+61, full*min(1, float64(sum.earned)/float64(t.award.required)), 4, t.school.accent)
	return y + 86
}

// modernBars draws one bar a term, from the lowest passing grade to the best.
func modernBars(s *sheet, t *transcript, w wording, y float64) {
	lowest, best := modernSpan(t.school.scale)
	for i, one := range t.terms {
		own, err := tallyTerm(one, t.school.scale)
		s.SetError(err)
		at := y + float64(i)*13
		s.set(sans, regular, 6.4)
		s.text(24, at, one.name)
		share := (own.value() - lowest) / (best - lowest)
		s.box(84, at-5, 40, 5, white)
		s.box(84, at-5, 40*max(0.04, min(1, share)), 5, t.school.tint)
		s.right(modernSide-24, at, w.figure(own.mean(t.school.scale.decimals)))
	}
}

func modernSpan(scale *scale) (lowest, best float64) {
	switch scale {
	case nordic:
		return 0, 5
	case outOfSix:
		return 3, 6
	}
	return 4, 10
}

func modernTerm(s *sheet, t *transcript, w wording, one term, y float64) float64 {
	s.box(modernLeft, y-8, 9, 9, t.school.accent)
	s.set(sans, bold, 10.5)
	s.colour(t.school.tint)
	s.text(modernLeft+15, y, one.name)
	s.set(sans, regular, 6.8)
	s.colour(grey)
	for i, c := range modernColumns[2:] {
		s.fit(c.x, y, c.w, c.align, w.heads[i+2])
	}
	s.colour(black)
	s.rule(modernLeft, y+5, modernRight-modernLeft, 0.8, t.school.tint)
	y += 4
	for _, c := range one.courses {
		y += modernLine
		s.set(sans, regular, 8.6)
		s.row(y, modernColumns, c.code, c.title, w.figure(c.credits.String()))
		s.set(sans, bold, 8.6)
		s.row(y, modernColumns, "", "", "", c.grade)
		s.rule(modernLeft, y+4.6, modernRight-modernLeft, 0.25, mix(grey, white, 0.5))
	}
	own, err := tallyTerm(one, t.school.scale)
	s.SetError(err)
	y += modernLine
	s.set(sans, regular, 8)
	s.colour(t.school.tint)
	s.row(y, modernColumns, "", fmt.Sprintf("%s: %s", w.term, w.average), w.figure(own.earned.String()), w.figure(own.mean(t.school.scale.decimals)))
	s.colour(black)
	return y + 24
}

func modernClosing(s *sheet, t *transcript, w wording, y float64) {
	wide := modernRight - modernLeft
	s.set(sans, regular, 7)
	s.colour(grey)
	s.centre(modernLeft+wide/2, y-4, "— "+w.end+" —")
	s.colour(black)
	s.set(sans, regular, 7.8)
	y = s.paragraph(modernLeft, y+16, wide, 10.8, w.certify)
	if t.remark != "" {
		y = s.paragraph(modernLeft, y+2, wide, 10.8, t.remark)
	}
	y += 52
	s.signature(modernLeft+12, y-8, 120, t.school.registrar)
	s.rule(modernLeft, y, 190, 0.5, black)
	s.set(sans, bold, 8.5)
	s.text(modernLeft, y+12, t.school.registrar)
	s.set(sans, regular, 8)
	s.text(modernLeft, y+23, t.school.title)
	s.text(modernLeft, y+34, t.school.city+", "+w.date(t.issued))
	s.seal(modernRight-54, y-6, 44, t.school, t.school.tint, t.school.name)
}
