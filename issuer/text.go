package issuer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gradseal/bitcoin"
)

// MaxSequence is the greatest sequence number of an issuer file or a status
// list: 2^53-1, the greatest integer that every JSON reader keeps exactly.
const MaxSequence = 1<<53 - 1

// ErrUnknownFormat is wrapped by the error of ParseStatement, ParseStatus and
// ParseFile when the envelope is sound and the first line names another
// version, such as "gradseal statement v2". Such a text was made by a newer
// gradseal; it is not damaged.
var ErrUnknownFormat = errors.New("unknown format")

const (
	maxID     = 100 // bytes of an issuer id, and of any signature's name
	maxTitle  = 200 // bytes of a title or an issuer's name
	maxHolder = 100 // bytes of a key holder

	// Bitcoin's first block is of 2009, and a year of five digits would not be
	// the one spelling of a time.
	minYear, maxYear = 2009, 9999

	timeLayout = "2006-01-02T15:04:05Z"
	dateLayout = "2006-01-02"

	lowerHex = "0123456789abcdef"
)

// ValidID returns an error unless id is a well-formed issuer id: 1 to 100 bytes
// of a–z, 0–9, '.', '/' and '-'. An id is an opaque name, never a path: "../x"
// is well-formed.
func ValidID(id string) error {
	if len(id) < 1 || len(id) > maxID {
		return fmt.Errorf("issuer id has %d bytes, want 1 to %d", len(id), maxID)
	}
	for i := 0; i < len(id); i++ {
		c := id[i]
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '.' || c == '/' || c == '-') {
			return fmt.Errorf("issuer id %s has a character outside a-z, 0-9, '.', '/' and '-'", quote(id))
		}
	}
	return nil
}

// ValidTitle returns an error unless s can be a title or an issuer's name: 1 to
// 200 bytes of UTF-8 without control characters (U+0000–U+001F, U+007F–U+009F),
// U+2028, U+2029, U+FEFF and bidirectional controls (Unicode's Bidi_Control
// property), and with no white space (Unicode's White_Space property) at either
// end. Nothing is normalised.
func ValidTitle(s string) error {
	return validLabel("title", s, maxTitle)
}

// ValidHolder returns an error unless s can name the holder of a key: the rules
// of ValidTitle, and at most 100 bytes.
func ValidHolder(s string) error {
	return validLabel("holder", s, maxHolder)
}

func validLabel(what, s string, maxLen int) error {
	if len(s) < 1 || len(s) > maxLen {
		return fmt.Errorf("%s has %d bytes, want 1 to %d", what, len(s), maxLen)
	}
	if err := checkCharacters([]byte(s)); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if strings.IndexByte(s, '\n') >= 0 {
		return fmt.Errorf("%s %s has a control character: a line feed", what, quote(s))
	}
	if strings.TrimSpace(s) != s {
		return fmt.Errorf("%s %s has white space at an end", what, quote(s))
	}
	return nil
}

// checkCharacters returns an error unless b is valid UTF-8 without forbidden
// characters. The line feed is not one of them.
func checkCharacters(b []byte) error {
	for i := 0; i < len(b); {
		if i+8 <= len(b) && plainASCII(binary.LittleEndian.Uint64(b[i:])) {
			i += 8
			continue
		}
		if c := b[i]; c == '\n' || 0x20 <= c && c < 0x7f {
			i++
			continue
		}
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			return fmt.Errorf("byte %d (0x%02x) is not valid UTF-8", i, b[i])
		}
		if name := forbidden(r); name != "" {
			return fmt.Errorf("byte %d starts %U, a %s", i, r, name)
		}
		i += size
	}
	return nil
}

// plainASCII tells whether all eight bytes of x are 0x20 to 0x7e. Where no byte
// has its high bit set, adding 1 sets it for 0x7f only and without a carry, and
// subtracting 0x20 sets it for the lowest byte below 0x20, if there is one.
func plainASCII(x uint64) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	return (x|(x+ones)|(x-0x20*ones))&high == 0
}

// forbidden names the reason why r stands nowhere in a text, or returns "".
func forbidden(r rune) string {
	switch {
	case unicode.Is(unicode.Cc, r) && r != '\n':
		return "control character"
	case r == 0x2028 || r == 0x2029:
		return "line or paragraph separator"
	case r == 0xfeff:
		return "byte order mark"
	case unicode.Is(unicode.Bidi_Control, r):
		return "bidirectional control"
	}
	return ""
}

// quote makes a stranger's bytes safe to print: ASCII only, and not too many.
func quote(s string) string {
	const most = 64
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + "..."
	}
	return strconv.QuoteToASCII(s)
}

// checkTime returns an error unless t has a spelling: whole seconds, and a year
// from 2009 to 9999 in UTC.
func checkTime(what string, t time.Time) error {
	if t.Nanosecond() != 0 {
		return fmt.Errorf("%s time %s is not in whole seconds", what, t.UTC().Format(time.RFC3339Nano))
	}
	if y := t.UTC().Year(); y < minYear || y > maxYear {
		return fmt.Errorf("%s time has year %d, want %d to %d", what, y, minYear, maxYear)
	}
	return nil
}

func formatTime(t time.Time) string {
	return t.UTC().Format(timeLayout)
}

func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(timeLayout, s)
	// time.Parse also takes fractions and a single digit for the hour.
	if err != nil || t.Format(timeLayout) != s {
		return time.Time{}, fmt.Errorf("malformed time %s, want one such as 2026-11-23T09:00:00Z", quote(s))
	}
	return t, nil
}

// ValidDate returns an error unless s is a real day of the calendar in the form
// 2006-01-02, of the years 2009 to 9999.
func ValidDate(s string) error {
	year, month, day, ok := splitDate(s)
	if !ok {
		return fmt.Errorf("malformed date %s, want a day such as 2026-11-23", quote(s))
	}
	if year < minYear {
		return fmt.Errorf("date has year %04d, want %d to %d", year, minYear, maxYear)
	}
	if month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return fmt.Errorf("date %s is no day of the calendar", s)
	}
	return nil
}

// splitDate is time.Parse without its cost: a status list can have more than
// 150,000 dates.
func splitDate(s string) (year, month, day int, ok bool) {
	if len(s) != len(dateLayout) || s[4] != '-' || s[7] != '-' {
		return 0, 0, 0, false
	}
	for _, part := range []struct {
		value    *int
		from, to int
	}{{&year, 0, 4}, {&month, 5, 7}, {&day, 8, 10}} {
		for _, c := range []byte(s[part.from:part.to]) {
			if c < '0' || c > '9' {
				return 0, 0, 0, false
			}
			*part.value = *part.value*10 + int(c-'0')
		}
	}
	return year, month, day, true
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// parseHex32 reads 64 lower-case hexadecimal digits in byte order.
func parseHex32(s string) (h [32]byte, err error) {
	if len(s) != 2*len(h) {
		return h, fmt.Errorf("malformed hash %s: %d characters, want %d", quote(s), len(s), 2*len(h))
	}
	for i := range h {
		high, low := hexValue[s[2*i]], hexValue[s[2*i+1]]
		if high > 15 || low > 15 {
			return [32]byte{}, fmt.Errorf("malformed hash %s, want lower-case hexadecimal digits", quote(s))
		}
		h[i] = high<<4 | low
	}
	return h, nil
}

var hexValue = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i := range len(lowerHex) {
		t[lowerHex[i]] = byte(i)
	}
	return t
}()

// parseNumber reads a decimal number from low to high without sign or leading
// zero.
func parseNumber(s string, low, high uint64) (uint64, error) {
	v, err := strconv.ParseUint(s, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || len(s) > 1 && s[0] == '0' {
		return 0, fmt.Errorf("malformed number %s, want decimal digits without a leading zero", quote(s))
	}
	if err != nil || v < low || v > high {
		return 0, fmt.Errorf("number %s is out of range, want %d to %d", quote(s), low, high)
	}
	return v, nil
}

// lineReader takes a text apart line by line. Its first error stays, and makes
// everything after it read as nothing.
type lineReader struct {
	rest string // what is left; ends in a line feed or is empty
	line int    // number of the line read last, from 1
	err  error
}

func (r *lineReader) fail(err error) {
	if r.err == nil {
		r.err = fmt.Errorf("line %d: %w", r.line, err)
	}
}

// format reads the first line, "gradseal KIND v1".
func (r *lineReader) format(kind string) {
	prefix := "gradseal " + kind + " v"
	line := r.take()
	version, ok := strings.CutPrefix(line, prefix)
	if ok && version == "1" {
		return
	}
	if _, err := parseNumber(version, 2, MaxSequence); ok && err == nil {
		r.fail(fmt.Errorf("%w %s, want %q", ErrUnknownFormat, quote(line), prefix+"1"))
		return
	}
	r.fail(fmt.Errorf("malformed format line %s, want %q", quote(line), prefix+"1"))
}

// take reads a whole line.
func (r *lineReader) take() string {
	line, rest, _ := strings.Cut(r.rest, "\n")
	r.rest = rest
	r.line++
	return line
}

// optional reads the line if it starts with key and a space.
func (r *lineReader) optional(key string) (value string, ok bool) {
	if r.err != nil || len(r.rest) <= len(key) || r.rest[:len(key)] != key || r.rest[len(key)] != ' ' {
		return "", false
	}
	return r.take()[len(key)+1:], true
}

// value reads the line, which must start with key and a space.
func (r *lineReader) value(key string) string {
	value, ok := r.optional(key)
	if ok || r.err != nil {
		return value
	}
	if r.rest == "" {
		r.fail(fmt.Errorf("text ends, want a %q line next", key))
		return ""
	}
	line := r.take()
	r.fail(fmt.Errorf("unexpected line %s, want a %q line", quote(line), key))
	return ""
}

func (r *lineReader) number(key string, low, high uint64) uint64 {
	v, err := parseNumber(r.value(key), low, high)
	if err != nil {
		r.fail(fmt.Errorf("%s: %w", key, err))
	}
	return v
}

func (r *lineReader) time(key string) time.Time {
	t, err := parseTime(r.value(key))
	if err != nil {
		r.fail(fmt.Errorf("%s: %w", key, err))
	}
	return t
}

func (r *lineReader) hash(key string) [32]byte {
	h, err := parseHex32(r.value(key))
	if err != nil {
		r.fail(fmt.Errorf("%s: %w", key, err))
	}
	return h
}

func (r *lineReader) network() bitcoin.Network {
	name := r.value("network")
	n, err := bitcoin.ParseNetwork(name)
	if err != nil {
		r.fail(fmt.Errorf("unknown network %s", quote(name)))
	}
	return n
}

// end returns the first error, or one when lines are left.
func (r *lineReader) end() error {
	if r.err == nil && r.rest != "" {
		line := r.take()
		r.fail(fmt.Errorf("unexpected line %s", quote(line)))
	}
	return r.err
}

// checkNetwork returns an error unless n is a network. A zero Network would be
// written as a text that does not read back.
func checkNetwork(n bitcoin.Network) error {
	if got, err := bitcoin.ParseNetwork(n.String()); err != nil || got != n {
		return fmt.Errorf("network %d is not known", n)
	}
	return nil
}
