package main

import (
	"fmt"
	"strconv"
	"strings"
)

// A band is a grade, the percentage that it takes, and its worth in hundredths of a point.
type band struct {
	from   int
	grade  string
	points int
	earned bool
}

// letters is a scale of named grades, best first, with grades that carry no points: true where they earn credits.
func letters(name string, decimals int, bands []band, special map[string]bool) *scale {
	worth := make(map[string]mark)
	for _, b := range bands {
		worth[b.grade] = mark{b.points, true, b.earned}
	}
	for grade, earned := range special {
		worth[grade] = mark{earned: earned}
	}
	return &scale{
		name:     name,
		decimals: decimals,
		spell: func(percent int) string {
			for _, b := range bands {
				if percent >= b.from {
					return b.grade
				}
			}
			return bands[len(bands)-1].grade
		},
		worth: func(grade string) (mark, error) {
			m, ok := worth[grade]
			if !ok {
				return mark{}, fmt.Errorf("grade %q is not on the scale %q", grade, name)
			}
			return m, nil
		},
	}
}

// numbers is a scale whose grades are numbers, with at most two decimals, that count as they stand.
func numbers(name string, decimals, pass int, comma bool, spell func(percent int) string) *scale {
	return &scale{
		name:     name,
		decimals: decimals,
		spell: func(percent int) string {
			s := spell(percent)
			if comma {
				return strings.Replace(s, ".", ",", 1)
			}
			return s
		},
		worth: func(grade string) (mark, error) {
			v, err := strconv.ParseFloat(strings.Replace(grade, ",", ".", 1), 64)
			if err != nil {
				return mark{}, fmt.Errorf("grade %q is not on the scale %q", grade, name)
			}
			points := int(v*100 + 0.5)
			return mark{points, true, points >= pass}, nil
		},
	}
}

var americanBands = []band{
	{93, "A", 400, true}, {90, "A-", 370, true}, {87, "B+", 330, true}, {83, "B", 300, true},
	{80, "B-", 270, true}, {77, "C+", 230, true}, {73, "C", 200, true}, {70, "C-", 170, true},
	{60, "D", 100, true}, {0, "F", 0, false},
}

var (
	fourPoint = letters("4.00", 3, americanBands,
		map[string]bool{"P": true, "TR": true, "W": false, "IP": false})

	wholeLetters = letters("A to F", 2, []band{
		{90, "A", 400, true}, {80, "B", 300, true}, {70, "C", 200, true}, {60, "D", 100, true}, {0, "F", 0, false},
	}, map[string]bool{"CR": true, "W": false, "IP": false})

	nordic = letters("A–F", 2, []band{
		{90, "A", 500, true}, {80, "B", 400, true}, {65, "C", 300, true}, {55, "D", 200, true}, {45, "E", 100, true}, {0, "F", 0, false},
	}, map[string]bool{"Bestått": true})

	// On the Czech scale the best grade has the smallest number.
	czech = letters("A–F", 2, []band{
		{90, "A", 100, true}, {80, "B", 150, true}, {70, "C", 200, true}, {60, "D", 250, true}, {50, "E", 300, true}, {0, "F", 400, false},
	}, map[string]bool{"Z": true})

	outOfTen = numbers("0–10", 2, 500, true, func(p int) string { return fixed(p, 10, 1) })

	outOfTwenty = numbers("0–20", 2, 1000, false, func(p int) string { return fixed((p*2+2)/5*5, 10, 1) })

	// A Swiss grade is a multiple of a quarter, 6 the best.
	outOfSix = numbers("1–6", 2, 400, false, func(p int) string { return fixed(min(24, (p+24)/5)*25, 100, 2) })

	hundred = numbers("百分制", 2, 6000, false, strconv.Itoa)
)

// fivePoint is the grade point of a Chinese mark out of 100: 90 is worth 4.0, 60 is worth 1.0, less is worth nothing.
var fivePoint = &scale{
	name:     "绩点",
	decimals: 2,
	spell:    hundred.spell,
	worth: func(grade string) (mark, error) {
		m, err := hundred.worth(grade)
		if err != nil {
			return mark{}, err
		}
		if !m.earned {
			return mark{counted: true}, nil
		}
		m.points = m.points/10 - 500
		return m, nil
	},
}
