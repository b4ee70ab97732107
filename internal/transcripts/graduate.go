package main

import "fmt"

// graduate is the bilingual transcript of a Chinese graduate student: one table, the thesis, the notes, stamp and name seal.
var graduate = layout{a4Width, a4Height, drawGraduate}

const (
	graduateLeft = 50.0
	graduateWide = a4Width - 2*graduateLeft
	graduateLine = 24.0
	graduateFoot = 780.0
)

var graduateColumns = []column{
	{graduateLeft, 70, 'c', "课程编号 Code"}, {graduateLeft + 70, 222, 'l', "课程名称 Course"}, {graduateLeft + 292, 40, 'c', "类别 Type"},
	{graduateLeft + 332, 68, 'c', "学期 Term"}, {graduateLeft + 400, 46, 'c', "学分 Credit"}, {graduateLeft + 446, graduateWide - 446, 'c', "成绩 Mark"},
}

func drawGraduate(s *sheet, t *transcript) {
	y := graduateHead(s, t)
	y = graduateFacts(s, t, y)
	y = graduateHeads(s, t, y)
	for _, one := range t.terms {
		for _, c := range one.courses {
			if y+graduateLine > graduateFoot-20 {
				y = graduateHeads(s, t, graduateNextPage(s, t))
			}
			y = graduateCourse(s, one, c, y)
		}
	}
	y = graduateTotals(s, t, y)
	if y+180 > graduateFoot {
		y = graduateNextPage(s, t)
	}
	graduateThesis(s, t, y+24)
}

func graduateFooter(s *sheet, t *transcript) {
	s.rule(graduateLeft, 798, graduateWide, 0.5, t.school.tint)
	s.set(sans, regular, 7.4)
	s.colour(grey)
	s.text(graduateLeft, 811, "编号 No. "+t.number)
	s.right(graduateLeft+graduateWide, 811, s.pageOf("第 %[1]d 页 共 %[2]d 页  Page %[1]d of %[2]d"))
	s.colour(black)
}

func graduateHead(s *sheet, t *transcript) float64 {
	s.page()
	graduateFooter(s, t)
	i := t.school
	s.crest(graduateLeft+4, 40, 56, i)
	s.colour(i.tint)
	s.set(sans, bold, 21)
	s.centre(a4Width/2, 60, i.name)
	s.set(sans, regular, 9)
	s.centre(a4Width/2, 75, i.english)
	s.colour(black)
	s.set(sans, bold, 14)
	s.centre(a4Width/2, 98, "研 究 生 成 绩 单")
	s.set(sans, regular, 9)
	s.centre(a4Width/2, 111, "Graduate Academic Record")
	return 126
}

func graduateNextPage(s *sheet, t *transcript) float64 {
	s.page()
	graduateFooter(s, t)
	s.set(sans, bold, 9)
	s.colour(t.school.tint)
	s.text(graduateLeft, 50, t.school.name+"研究生成绩单")
	s.colour(black)
	s.set(sans, regular, 9)
	s.right(graduateLeft+graduateWide, 50, t.student.name+"  "+t.student.id)
	s.rule(graduateLeft, 57, graduateWide, 0.8, t.school.tint)
	return 70
}

func graduateFacts(s *sheet, t *transcript, y float64) float64 {
	p, a := t.student, t.award
	facts := [][2]string{
		{"姓名 Name", p.name + "  " + p.latin}, {"学号 Student No.", p.id},
		{"性别 Sex", p.sex}, {"出生日期 Born", p.born},
		{"学院 School", a.faculty}, {"入学年月 Enrolled", p.admitted},
		{"专业 Major", a.field}, {"学位 Degree", a.degree},
		{"导师 Supervisor", a.supervisor}, {"授予日期 Conferred", a.conferred},
	}
	const h = 20.0
	s.stroke(black, 0.4)
	for i, fact := range facts {
		x := graduateLeft + float64(i%2)*graduateWide/2
		at := y + float64(i/2)*h
		s.box(x, at, 82, h, mix(t.school.tint, white, 0.08))
		s.stroke(black, 0.4)
		s.Rect(x, at, 82, h, "D")
		s.Rect(x+82, at, graduateWide/2-82, h, "D")
		s.set(sans, regular, 7.4)
		s.fit(x+4, at+13, 76, 'l', fact[0])
		s.set(sans, bold, 9)
		s.fit(x+88, at+13.2, graduateWide/2-94, 'l', fact[1])
	}
	return y + 5*h + 12
}

func graduateHeads(s *sheet, t *transcript, y float64) float64 {
	s.box(graduateLeft, y, graduateWide, 20, t.school.tint)
	s.colour(white)
	s.set(sans, bold, 7.6)
	for _, c := range graduateColumns {
		s.fit(c.x+2, y+13, c.w-4, 'c', c.head)
	}
	s.colour(black)
	return y + 20
}

func graduateCourse(s *sheet, one term, c course, y float64) float64 {
	s.stroke(black, 0.3)
	for _, at := range graduateColumns {
		s.Rect(at.x, y, at.w, graduateLine, "D")
	}
	name := graduateColumns[1]
	s.set(sans, regular, 9)
	s.fit(name.x+6, y+10.6, name.w-12, 'l', c.title)
	s.set(sans, regular, 7)
	s.colour(grey)
	s.fit(name.x+6, y+19.8, name.w-12, 'l', c.english)
	s.colour(black)
	s.set(sans, regular, 8.4)
	s.row(y+15, graduateColumns, c.code, "", c.kind, one.name, c.credits.String())
	s.set(sans, bold, 9)
	s.row(y+15, graduateColumns, "", "", "", "", "", c.grade)
	return y + graduateLine
}

func graduateTotals(s *sheet, t *transcript, y float64) float64 {
	sum, err := tallyAll(t.terms, fivePoint)
	s.SetError(err)
	marks, err := tallyAll(t.terms, hundred)
	s.SetError(err)
	s.box(graduateLeft, y, graduateWide, 22, mix(t.school.tint, white, 0.08))
	s.stroke(black, 0.3)
	s.Rect(graduateLeft, y, graduateWide, 22, "D")
	s.set(sans, bold, 8.6)
	s.centre(a4Width/2, y+14.4, fmt.Sprintf("总学分 Credits %s    加权平均成绩 Weighted mark %s    平均学分绩点 GPA %s / 5.00",
		sum.earned, marks.mean(2), sum.mean(2)))
	return y + 22
}

func graduateThesis(s *sheet, t *transcript, y float64) {
	a := t.award
	s.set(sans, bold, 9.4)
	s.text(graduateLeft, y, "学位论文 Thesis")
	s.set(sans, regular, 9.4)
	y = s.paragraph(graduateLeft+92, y, graduateWide-92, 14, a.thesis)
	s.set(sans, regular, 8.2)
	s.colour(grey)
	y = s.paragraph(graduateLeft+92, y, graduateWide-92, 12, a.thesisEnglish)
	s.colour(black)
	s.set(sans, regular, 8.6)
	y = s.paragraph(graduateLeft+92, y+4, graduateWide-92, 13, "答辩结果 Defence： "+a.honours) + 12
	s.set(sans, bold, 9.4)
	s.text(graduateLeft, y, "备注 Notes")
	s.set(sans, regular, 8.2)
	y = s.paragraph(graduateLeft+92, y, graduateWide-92, 12.4, "成绩为百分制，60分及格；绩点＝成绩÷10－5。类别：学位＝学位课，必修＝必修课，选修＝选修课。"+
		"Marks are out of 100 and passed from 60; the grade point is the mark divided by 10, less 5. "+t.remark)
	graduateSign(s, t, y+20)
}

func graduateSign(s *sheet, t *transcript, y float64) {
	s.set(sans, regular, 9)
	s.text(graduateLeft, y+34, "经办人 Registrar")
	s.rule(graduateLeft+82, y+38, 96, 0.5, black)
	s.chop(graduateLeft+104, y+8, 27, t.school.registrar)
	s.set(sans, regular, 9)
	s.text(graduateLeft+206, y+34, "签发日期 Issued  "+hanDate(t.issued))
	s.redSeal(graduateLeft+graduateWide-58, y+22, 46, t.school.name, "研究生院")
}
