package main

import (
	"fmt"
	"strconv"
)

// creditbank is the statement of a credit bank: learning from work, courses and examinations, each entry worth credits, with
// the balance after it as in a bank's book.
var creditbank = layout{a4Width, a4Height, drawCreditbank}

const (
	bankLeft = 44.0
	bankWide = a4Width - 2*bankLeft
	bankFoot = 778.0
	bankLine = 30.0
)

var bankColumns = []column{
	{bankLeft + 4, 50, 'l', ""}, {bankLeft + 58, 206, 'l', ""}, {bankLeft + 266, 34, 'c', ""}, {bankLeft + 302, 40, 'r', ""},
	{bankLeft + 346, 42, 'r', ""}, {bankLeft + 392, 42, 'r', ""}, {bankLeft + 444, bankWide - 446, 'l', ""},
}

// A bankWording is what the statement says in one language.
type bankWording struct {
	title, holder, account, born, opened, goal, page string
	heads                                            [7]string
	summary, entries                                 string
	closing, redeemable, assessor, issued, rule      string
	hours                                            int // of learning for one credit
	date                                             func(string) string
}

var bankWordings = map[string]bankWording{
	"en": {
		title: "Record of recognised learning", holder: "Account holder", account: "Account", born: "Born", opened: "Opened", goal: "Towards",
		page:    "Page %d of %d",
		heads:   [7]string{"Date", "Learning and source", "Level", "Hours", "Credits", "Balance", "Outcome"},
		summary: "Summary", entries: "Entries",
		closing: "Closing balance", redeemable: "Credits towards the award: %s of %s", assessor: "Assessed for the board by", issued: "Issued",
		rule: "One credit stands for ten hours of learning that was assessed against the outcomes of a registered unit. A credit counts once, and " +
			"can be redeemed at any member institution. Levels run from 1 to 10. Evidence is kept for seven years.",
		hours: 10, date: longDate,
	},
	"zh": {
		title: "学分银行个人学习成果证明", holder: "姓名", account: "账号", born: "出生日期", opened: "开户日期", goal: "目标",
		page:    "第 %[1]d 页 共 %[2]d 页  Page %[1]d of %[2]d",
		heads:   [7]string{"日期", "学习成果及来源", "等级", "学时", "学分", "累计", "认定"},
		summary: "汇总", entries: "项数",
		closing: "累计学分", redeemable: "可转换学分：%s／%s", assessor: "认定人", issued: "出具日期",
		rule: "每16学时经认定可存入1学分；同一学习成果只存入一次。等级为1至10级。学分可向任一成员院校申请转换，转换与否由该校决定。" +
			"证明材料保存七年。",
		hours: 16, date: hanDate,
	},
}

func drawCreditbank(s *sheet, t *transcript) {
	w := bankWordings[t.school.lang]
	y := bankHeads(s, t, w, bankFirstPage(s, t, w))
	var balance credits
	section := ""
	for i, d := range t.deposits {
		if y+bankLine+22 > bankFoot {
			y = bankHeads(s, t, w, bankNextPage(s, t, w))
		}
		if d.section != section {
			section = d.section
			y = bankSection(s, t, section, y)
		}
		worth := w.worth(d.hours)
		balance += worth
		y = bankDeposit(s, w, d, worth, balance, i, y)
	}
	if y+290 > bankFoot {
		y = bankNextPage(s, t, w)
	}
	bankClosing(s, t, w, balance, bankSummary(s, t, w, y))
}

func bankFooter(s *sheet, t *transcript, w bankWording) {
	s.box(0, a4Height-30, a4Width, 30, t.school.tint)
	s.colour(white)
	s.set(sans, regular, 7.4)
	s.text(bankLeft, a4Height-12, t.school.name+"  ·  "+t.number)
	s.right(bankLeft+bankWide, a4Height-12, s.pageOf(w.page))
	s.colour(black)
}

func bankFirstPage(s *sheet, t *transcript, w bankWording) float64 {
	s.page()
	bankFooter(s, t, w)
	i := t.school
	s.LinearGradient(0, 0, a4Width, 96, i.tint[0], i.tint[1], i.tint[2], i.accent[0], i.accent[1], i.accent[2], 0, 0, 1, 0)
	s.crest(bankLeft, 22, 44, &institution{tint: white, accent: i.tint, charge: i.charge})
	s.colour(white)
	s.set(sans, bold, 18)
	s.text(bankLeft+60, 46, i.name)
	s.set(sans, regular, 8.6)
	s.text(bankLeft+60, 62, i.office)
	s.set(sans, regular, 7.6)
	s.text(bankLeft+60, 76, i.address)
	s.colour(i.tint)
	s.set(sans, bold, 15)
	s.text(bankLeft, 126, w.title)
	s.set(sans, regular, 9)
	s.right(bankLeft+bankWide, 126, t.number)
	s.colour(black)
	return bankHolder(s, t, w, 140)
}

func bankHolder(s *sheet, t *transcript, w bankWording, y float64) float64 {
	s.fill(mix(t.school.tint, white, 0.07))
	s.RoundedRect(bankLeft, y, bankWide, 62, 6, "1234", "F")
	p := t.student
	name := p.name
	if p.latin != "" {
		name += "  " + p.latin
	}
	facts := [][2]string{
		{w.holder, name}, {w.account, p.id}, {w.born, w.date(p.born)},
		{w.goal, t.award.degree}, {w.opened, w.date(p.admitted)}, {w.issued, w.date(t.issued)},
	}
	for i, fact := range facts {
		x := bankLeft + 12 + []float64{0, 230, 376}[i%3]
		width := []float64{220, 138, 116}[i%3]
		at := y + 16 + float64(i/3)*27
		s.set(sans, regular, 6.8)
		s.colour(grey)
		s.text(x, at, fact[0])
		s.colour(black)
		s.set(sans, bold, 9.4)
		s.fit(x, at+12.4, width, 'l', fact[1])
	}
	return y + 76
}

func bankNextPage(s *sheet, t *transcript, w bankWording) float64 {
	s.page()
	bankFooter(s, t, w)
	s.box(0, 0, a4Width, 8, t.school.tint)
	s.set(sans, bold, 9)
	s.colour(t.school.tint)
	s.text(bankLeft, 32, w.title)
	s.colour(black)
	s.set(sans, regular, 9)
	s.right(bankLeft+bankWide, 32, t.student.name+"  ·  "+t.student.id)
	return 46
}

func bankHeads(s *sheet, t *transcript, w bankWording, y float64) float64 {
	s.box(bankLeft, y, bankWide, 16, t.school.tint)
	s.colour(white)
	s.set(sans, bold, 7.4)
	for i, c := range bankColumns {
		s.fit(c.x, y+11, c.w, c.align, w.heads[i])
	}
	s.colour(black)
	return y + 16
}

func bankSection(s *sheet, t *transcript, name string, y float64) float64 {
	s.set(sans, bold, 8.6)
	s.colour(t.school.tint)
	s.text(bankLeft+4, y+15, name)
	s.colour(black)
	return y + 22
}

func bankDeposit(s *sheet, w bankWording, d deposit, worth, balance credits, i int, y float64) float64 {
	if i%2 == 0 {
		s.box(bankLeft, y, bankWide, bankLine-2, colour{246, 247, 248})
	}
	s.set(sans, bold, 8.4)
	s.row(y+12, bankColumns, "", d.title)
	s.set(sans, regular, 7)
	s.colour(grey)
	s.row(y+22.6, bankColumns, "", d.source+"  ·  "+d.evidence)
	s.colour(black)
	s.set(sans, regular, 8.2)
	s.row(y+16.6, bankColumns, d.date, "", d.level, strconv.Itoa(d.hours), worth.String(), balance.String(), d.outcome)
	s.rule(bankLeft, y+bankLine-1, bankWide, 0.25, grey)
	return y + bankLine
}

// worth is what so many hours of learning are worth.
func (w bankWording) worth(hours int) credits { return credits(hours * 10 / w.hours) }

// bankSummary has a line for each section.
func bankSummary(s *sheet, t *transcript, w bankWording, y float64) float64 {
	columns := []column{{bankLeft + 4, 250, 'l', w.summary}, {bankLeft + 258, 42, 'r', w.entries}, bankColumns[3], bankColumns[4]}
	columns[2].head, columns[3].head = w.heads[3], w.heads[4]
	y += 24
	s.set(sans, bold, 7.6)
	s.colour(t.school.tint)
	s.heads(y, columns)
	s.rule(bankLeft, y+4, bankWide, 0.8, t.school.tint)
	s.colour(black)
	s.set(sans, regular, 8.2)
	for i := 0; i < len(t.deposits); {
		from, hours, worth := i, 0, credits(0)
		for ; i < len(t.deposits) && t.deposits[i].section == t.deposits[from].section; i++ {
			hours += t.deposits[i].hours
			worth += w.worth(t.deposits[i].hours)
		}
		y += 15
		s.row(y, columns, t.deposits[from].section, strconv.Itoa(i-from), strconv.Itoa(hours), worth.String())
		s.rule(bankLeft, y+4, bankWide, 0.2, grey)
	}
	return y + 8
}

func bankClosing(s *sheet, t *transcript, w bankWording, balance credits, y float64) {
	s.fill(t.school.tint)
	s.RoundedRect(bankLeft, y+12, bankWide, 32, 5, "1234", "F")
	s.colour(white)
	s.set(sans, bold, 11)
	s.text(bankLeft+12, y+32, w.closing+"  "+balance.String())
	s.set(sans, regular, 9)
	s.right(bankLeft+bankWide-12, y+32, fmt.Sprintf(w.redeemable, min(balance, t.award.required), t.award.required))
	s.colour(black)
	s.set(sans, regular, 7.8)
	y = s.paragraph(bankLeft+2, y+64, bankWide-4, 11.4, w.rule)
	if t.remark != "" {
		y = s.paragraph(bankLeft+2, y+2, bankWide-4, 11.4, t.remark)
	}
	bankSign(s, t, w, y+54)
}

func bankSign(s *sheet, t *transcript, w bankWording, y float64) {
	s.set(sans, regular, 8)
	s.text(bankLeft+2, y-30, w.assessor)
	s.rule(bankLeft+2, y+12, 190, 0.5, black)
	s.set(sans, bold, 8.6)
	s.text(bankLeft+2, y+24, t.school.registrar)
	s.set(sans, regular, 8)
	s.text(bankLeft+2, y+35, t.school.title)
	if t.school.lang == "zh" {
		s.chop(bankLeft+74, y-24, 28, t.school.registrar)
		s.redSeal(bankLeft+bankWide-70, y-2, 50, t.school.name, "认定专用章")
		return
	}
	s.signature(bankLeft+16, y+4, 124, t.school.registrar)
	s.seal(bankLeft+bankWide-66, y-4, 48, t.school, t.school.tint, t.school.name+" · "+t.school.city)
}
