package main

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
)

// A transcript is what one PDF says.
type transcript struct {
	file     string // below the output folder, slash-separated, in Unicode NFC
	layout   layout
	school   *institution
	student  student
	award    award
	number   string // of the document
	issued   string // 2006-01-02
	terms    []term
	deposits []deposit // of a credit bank, instead of terms
	remark   string
	signed   bool // carries a digital signature
}

type institution struct {
	name, english, motto  string
	office, address, city string
	registrar, title      string
	system                string // the program that its files name as their creator
	tint, accent          colour
	charge                charge // what the crest shows
	scale                 *scale
	lang                  string
}

type student struct {
	name, latin    string // latin: the name in Latin letters, where name is not
	id, born, from string
	sex            string
	admitted       string
}

// An award is the programme of study and, once conferred, the degree.
type award struct {
	degree, field, faculty string
	english                string
	level, length          string
	conferred, honours     string
	thesis, thesisEnglish  string
	supervisor             string
	required               credits // of the whole programme
}

type term struct {
	name    string
	courses []course
}

type course struct {
	code, title, english, kind string
	credits                    credits
	grade                      string
}

// A deposit is one entry in a credit bank's record.
type deposit struct {
	section, date, source, title string
	evidence, level, outcome     string
	hours                        int
}

// Credits are tenths of a credit: European programmes have courses of 7.5.
type credits int

func (c credits) String() string { return fixed(int(c), 10, 1) }

// short omits ".0".
func (c credits) short() string { return strings.TrimSuffix(c.String(), ".0") }

// A mark is what a grade is worth: points are hundredths.
type mark struct {
	points          int
	counted, earned bool
}

// A scale turns a percentage into a grade as the institution spells it, and that spelling into its worth.
type scale struct {
	name     string
	decimals int // of an average
	spell    func(percent int) string
	worth    func(grade string) (mark, error)
}

// A tally sums courses up. Everything in it is an integer, so an average is rounded once, when it is printed.
type tally struct {
	attempted, earned, counted credits
	weighted                   int // tenths of a credit times hundredths of a point
}

func (t *tally) add(c course, s *scale) error {
	m, err := s.worth(c.grade)
	if err != nil {
		return fmt.Errorf("%s %s: %w", c.code, c.title, err)
	}
	t.attempted += c.credits
	if m.earned {
		t.earned += c.credits
	}
	if m.counted {
		t.counted += c.credits
		t.weighted += int(c.credits) * m.points
	}
	return nil
}

func (t *tally) merge(u tally) {
	t.attempted += u.attempted
	t.earned += u.earned
	t.counted += u.counted
	t.weighted += u.weighted
}

// value is the average in points, for what is drawn and not printed.
func (t tally) value() float64 {
	if t.counted == 0 {
		return 0
	}
	return float64(t.weighted) / float64(t.counted) / 100
}

// mean is the average as it is printed; "-" when no course counts.
func (t tally) mean(decimals int) string {
	if t.counted == 0 {
		return "-"
	}
	return fixed(t.weighted, 100*int(t.counted), decimals)
}

// points is the sum of credits times grade points, with two decimals.
func (t tally) points() string { return fixed(t.weighted, 1000, 2) }

// fixed prints num/den with that many decimals, a half rounded up.
func fixed(num, den, decimals int) string {
	unit := 1
	for range decimals {
		unit *= 10
	}
	n := (2*num*unit + den) / (2 * den)
	if decimals == 0 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%d.%0*d", n/unit, decimals, n%unit)
}

func tallyTerm(t term, s *scale) (tally, error) {
	var sum tally
	for _, c := range t.courses {
		if err := sum.add(c, s); err != nil {
			return tally{}, fmt.Errorf("%s: %w", t.name, err)
		}
	}
	return sum, nil
}

func tallyAll(terms []term, s *scale) (tally, error) {
	var sum tally
	for _, t := range terms {
		one, err := tallyTerm(t, s)
		if err != nil {
			return tally{}, err
		}
		sum.merge(one)
	}
	return sum, nil
}

// parsePlan reads a programme of study. A line "# Fall {0}" opens a term, {0} being the first calendar year; each other
// line is a course: code | credits | title | English title | kind, the last two optional.
func parsePlan(text string, year int) ([]term, error) {
	var terms []term
	for line := range strings.Lines(strings.TrimSpace(text)) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "# "); ok {
			terms = append(terms, term{name: inYears(name, year)})
			continue
		}
		c, err := parseCourse(line)
		if err != nil {
			return nil, err
		}
		if len(terms) == 0 {
			return nil, fmt.Errorf("course %q before the first term", line)
		}
		last := &terms[len(terms)-1]
		last.courses = append(last.courses, c)
	}
	return terms, nil
}

func inYears(s string, year int) string {
	for i := range 6 {
		s = strings.ReplaceAll(s, fmt.Sprintf("{%d}", i), strconv.Itoa(year+i))
	}
	return s
}

func parseCourse(line string) (course, error) {
	fields := strings.Split(line, "|")
	if len(fields) < 3 || len(fields) > 5 {
		return course{}, fmt.Errorf("course %q has %d fields, want 3 to 5", line, len(fields))
	}
	for i := range fields {
		fields[i] = strings.TrimSpace(fields[i])
	}
	fields = append(fields, "", "")
	worth, err := strconv.ParseFloat(fields[1], 64)
	if err != nil {
		return course{}, fmt.Errorf("course %q: %w", line, err)
	}
	return course{code: fields[0], credits: credits(worth*10 + 0.5), title: fields[2], english: fields[3], kind: fields[4]}, nil
}

// A performance says how somebody did: about this percentage everywhere, but for the courses named.
type performance struct {
	percent int
	terms   int               // so many terms are on record; 0 means all
	grades  map[string]string // by course code; of a code that occurs twice, the first
}

// study gives somebody's grades in the terms of a plan.
func study(plan string, year int, s *scale, id string, p performance) ([]term, error) {
	terms, err := parsePlan(plan, year)
	if err != nil {
		return nil, err
	}
	if p.terms > 0 {
		terms = terms[:p.terms]
	}
	given := make(map[string]bool)
	for i := range terms {
		for j := range terms[i].courses {
			c := &terms[i].courses[j]
			grade, ok := p.grades[c.code]
			if ok && !given[c.code] {
				given[c.code] = true
				c.grade = grade
				continue
			}
			c.grade = s.spell(likely(p.percent, id+c.code+terms[i].name))
		}
	}
	for code := range p.grades {
		if !given[code] {
			return nil, fmt.Errorf("%s: no course %s in the plan", id, code)
		}
	}
	return terms, nil
}

// likely is a percentage near mean, always the same for the same seed.
func likely(mean int, seed string) int {
	h := fnv.New32a()
	h.Write([]byte(seed))
	sum := h.Sum32()
	spread := int(sum&15) + int(sum>>8&15) + int(sum>>16&15) - 22 // -22 to 23, mostly small
	return max(40, min(99, mean+spread*3/4))
}
