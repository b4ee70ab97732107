// Package strictjson is the one spelling of JSON that gradseal's files have:
// UTF-8 without BOM, keys in the order of the Go struct, two-space indent, LF
// line ends and one final LF; in strings the only escapes are \n, \" and \\.
//
// Reading is strict by construction: what was read is written again, and the
// two must agree in every byte. So duplicate keys, unknown keys, other
// spellings of a number or a string, and trailing bytes are all refused by one
// comparison. Callers cap the size of what they pass in.
package strictjson

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Marshal returns v in the one spelling. A string that would need any escape
// but the three is an error: it could not be read back.
func Marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	if err := cmp.Or(checkText(buf.Bytes()), checkEscapes(buf.Bytes())); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// Unmarshal reads data into the pointer v and refuses every input that Marshal
// of the same value would not have written. On an error v is undefined. A nil
// slice in v means that the input said null: callers that have lists check it.
func Unmarshal(data []byte, v any) error {
	if err := checkText(data); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return decodeError(err)
	}
	// Not before: of a file that is no JSON, its first byte says more than an escape.
	if err := checkEscapes(data); err != nil {
		return err
	}
	again, err := Marshal(v)
	if err != nil {
		return err
	}
	if line := firstDifference(data, again); line != 0 {
		return fmt.Errorf("line %d is not in the one spelling of this format (was the file edited or re-formatted?)", line)
	}
	return nil
}

// decodeError is an error of encoding/json without the names of Go's types.
func decodeError(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Errorf("malformed JSON: unexpected %.40s at %q", wrong.Value, wrong.Field)
	}
	// Capped: the error quotes a key or a number of any length.
	return fmt.Errorf("malformed JSON: %.200s", strings.TrimPrefix(err.Error(), "json: "))
}

// checkText refuses what is no UTF-8, which encoding/json would read leniently.
func checkText(data []byte) error {
	if !utf8.Valid(data) {
		return fmt.Errorf("malformed text: not UTF-8")
	}
	if bytes.HasPrefix(data, []byte("\ufeff")) {
		return fmt.Errorf("malformed text: starts with a byte order mark")
	}
	return nil
}

// checkEscapes refuses the characters that the format never holds, which
// encoding/json reads and writes with other escapes.
func checkEscapes(data []byte) error {
	for i := 0; i+1 < len(data); i++ {
		if data[i] != '\\' {
			continue
		}
		i++
		if c := data[i]; c != 'n' && c != '"' && c != '\\' {
			return fmt.Errorf("line %d: an escape of another character than line feed, quotation mark and backslash", lineOf(data, i))
		}
	}
	return nil
}

func lineOf(data []byte, offset int) int {
	return 1 + bytes.Count(data[:offset], []byte("\n"))
}

// firstDifference returns the line in which a and b first differ, 0 if they
// are equal.
func firstDifference(a, b []byte) int {
	if bytes.Equal(a, b) {
		return 0
	}
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return lineOf(a, n)
}
