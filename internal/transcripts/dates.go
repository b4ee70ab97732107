package main

import "time"

// longDate turns 2006-01-02 into January 2, 2006.
func longDate(day string) string { return dateAs("January 2, 2006", day) }

// dayMonthYear turns 2006-01-02 into 02.01.2006.
func dayMonthYear(day string) string { return dateAs("02.01.2006", day) }

// hanDate turns 2006-01-02 into 2006年1月2日.
func hanDate(day string) string { return dateAs("2006年1月2日", day) }

// dateAs leaves what is not a date as it is: an empty field, or "2022年9月".
func dateAs(format, day string) string {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day
	}
	return at.Format(format)
}
