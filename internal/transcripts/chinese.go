package main

import "fmt"

// chinese is the 成绩单 of an undergraduate: one landscape page, ruled throughout, all terms in three columns, a red stamp.
var chinese = layout{a4Height, a4Width, drawChinese}

const (
	chineseLeft  = 36.0
	chineseWide  = a4Height - 2*chineseLeft
	chineseGroup = chineseWide / 3
	chineseTop   = 118.0
	chineseRows  = 22
	chineseLine  = 15.6
	chineseFoot  = chineseTop + (chineseRows+1)*chineseLine
)

var chineseHeads = []column{
	{0, 142, 'l', "课程名称"}, {142, 26, 'c', "性质"}, {168, 28, 'c', "学分"}, {196, 30, 'c', "成绩"}, {226, chineseGroup - 226, 'c', "绩点"},
}

// A chineseRow is the name of a term (or the end of the list), which spans its column, or a course.
type chineseRow struct {
	term  string
	cells []string
}

func drawChinese(s *sheet, t *transcript) {
	s.page()
	chineseHead(s, t)
	chineseGrid(s)
	for g, rows := range chineseTable(s, t) {
		for i, row := range rows {
			chineseCells(s, t, row, chineseLeft+float64(g)*chineseGroup, chineseTop+float64(i+1)*chineseLine)
		}
	}
	chineseSummary(s, t)
	chineseClosing(s, t)
}

func chineseHead(s *sheet, t *transcript) {
	i, p, a := t.school, t.student, t.award
	s.crest(chineseLeft+6, 22, 36, i)
	s.set(sans, bold, 21)
	s.colour(i.tint)
	s.centre(a4Height/2, 46, i.name+"学生成绩单")
	s.set(sans, regular, 8)
	s.centre(a4Height/2, 60, i.english+"  ·  Academic Transcript")
	s.colour(black)
	s.set(sans, regular, 9)
	s.right(chineseLeft+chineseWide, 40, "编号："+t.number)
	facts := []string{
		"姓名：" + p.name, "学号：" + p.id, "性别：" + p.sex, "出生日期：" + hanDate(p.born),
		"学院：" + a.faculty, "专业：" + a.field, "学制：" + a.length, "入学年月：" + p.admitted,
	}
	for n, fact := range facts {
		s.fit(chineseLeft+2+float64(n%4)*chineseWide/4, 86+float64(n/4)*17, chineseWide/4-8, 'l', fact)
	}
}

func chineseGrid(s *sheet) {
	bottom := chineseFoot
	s.box(chineseLeft, chineseTop, chineseWide, chineseLine, colour{236, 238, 242})
	s.stroke(black, 0.35)
	for i := range chineseRows + 2 {
		y := chineseTop + float64(i)*chineseLine
		s.Line(chineseLeft, y, chineseLeft+chineseWide, y)
	}
	s.set(sans, bold, 8)
	for g := range 3 {
		x := chineseLeft + float64(g)*chineseGroup
		for _, c := range chineseHeads {
			s.fit(x+c.x, chineseTop+10.8, c.w, 'c', c.head)
		}
	}
	s.stroke(black, 0.9)
	s.Rect(chineseLeft, chineseTop, chineseWide, bottom-chineseTop, "D")
	for g := 1; g < 3; g++ {
		x := chineseLeft + float64(g)*chineseGroup
		s.Line(x, chineseTop, x, bottom)
	}
}

// chineseTable deals the terms out to the three columns, evenly and without splitting one.
func chineseTable(s *sheet, t *transcript) [3][]chineseRow {
	var columns [3][]chineseRow
	all := 0
	for _, one := range t.terms {
		all += len(one.courses) + 1
	}
	g := 0
	for _, one := range t.terms {
		if len(columns[g])+len(one.courses)+1 > min(chineseRows, all/3+4) && g < 2 {
			g++
		}
		columns[g] = append(columns[g], chineseTerm(s, one)...)
	}
	columns[g] = append(columns[g], chineseRow{term: "（以下空白）"})
	if n := len(columns[g]); n > chineseRows {
		s.SetErrorf("%s: %d rows in the last column, room for %d", t.number, n, chineseRows)
	}
	return columns
}

func chineseTerm(s *sheet, one term) []chineseRow {
	own, err := tallyTerm(one, fivePoint)
	s.SetError(err)
	rows := []chineseRow{{term: fmt.Sprintf("%s  学分 %s  平均绩点 %s", one.name, own.earned.short(), own.mean(2))}}
	for _, c := range one.courses {
		m, err := fivePoint.worth(c.grade)
		s.SetError(err)
		rows = append(rows, chineseRow{cells: []string{c.title, c.kind, c.credits.short(), c.grade, fixed(m.points, 100, 1)}})
	}
	return rows
}

func chineseCells(s *sheet, t *transcript, row chineseRow, x, y float64) {
	if row.term != "" {
		s.box(x+0.5, y+0.3, chineseGroup-1, chineseLine-0.6, mix(t.school.tint, white, 0.1))
		s.set(sans, bold, 7.6)
		s.fit(x+4, y+10.6, chineseGroup-8, 'c', row.term)
		return
	}
	s.set(sans, regular, 8)
	s.stroke(black, 0.35)
	for i, cell := range row.cells {
		c := chineseHeads[i]
		if i > 0 {
			s.Line(x+c.x, y, x+c.x, y+chineseLine)
			s.fit(x+c.x+2, y+10.8, c.w-4, 'c', cell)
			continue
		}
		s.fit(x+4, y+10.8, c.w-6, 'l', cell)
	}
}

func chineseSummary(s *sheet, t *transcript) {
	sum, err := tallyAll(t.terms, fivePoint)
	s.SetError(err)
	marks, err := tallyAll(t.terms, hundred)
	s.SetError(err)
	required, elective := chineseKinds(t)
	y := chineseFoot + 16
	s.set(sans, bold, 8.6)
	for i, fact := range []string{
		"必修课学分：" + required.short(), "选修课学分：" + elective.short(), "总学分：" + sum.earned.short(),
		"平均学分绩点：" + sum.mean(2), "加权平均成绩：" + marks.mean(2), "学位：" + chineseDegree(t.award),
	} {
		x := chineseLeft + []float64{4, 100, 190, 268, 372, 478}[i]
		s.text(x, y, fact)
	}
}

func chineseDegree(a award) string {
	if a.conferred == "" {
		return "在读"
	}
	return a.degree + "（" + hanDate(a.conferred) + "）"
}

// chineseKinds sums up the credits that were earned in required courses (必修) and in all others.
func chineseKinds(t *transcript) (required, elective credits) {
	for _, one := range t.terms {
		for _, c := range one.courses {
			m, err := fivePoint.worth(c.grade)
			switch {
			case err != nil || !m.earned:
			case c.kind == "必":
				required += c.credits
			default:
				elective += c.credits
			}
		}
	}
	return required, elective
}

func chineseClosing(s *sheet, t *transcript) {
	y := chineseFoot + 35
	s.set(sans, regular, 7.4)
	s.colour(grey)
	s.text(chineseLeft+4, y, "说明：1. 成绩为百分制，60分及格；绩点＝成绩÷10－5，不及格为0。")
	s.text(chineseLeft+4, y+11, "　　　2. 平均学分绩点＝Σ（学分×绩点）÷Σ学分。性质：必＝必修，限＝限选，选＝任选。")
	s.text(chineseLeft+4, y+22, "　　　3. 本成绩单涂改无效，加盖教务处公章有效。"+t.remark)
	s.colour(black)
	s.set(sans, regular, 9)
	s.text(560, y+2, "教务处（盖章）：")
	s.text(560, y+19, "打印日期："+hanDate(t.issued))
	s.chop(650, y-12, 22, t.school.registrar)
	s.redSeal(a4Height-98, y+2, 38, t.school.name, "教务处")
	s.set(sans, regular, 7.4)
	s.colour(grey)
	s.centre(a4Height/2, a4Width-12, s.pageOf("第 %[1]d 页 共 %[2]d 页  ·  Page %[1]d of %[2]d"))
	s.colour(black)
}
