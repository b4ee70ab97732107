package strictjson_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/internal/strictjson"
)

type value struct {
	Name  string   `json:"name"`
	Count uint64   `json:"count"`
	Small uint32   `json:"small"`
	List  []string `json:"list"`
	Inner inner    `json:"inner"`
}

type inner struct {
	Yes bool `json:"yes"`
}

// good is written by hand: it is the spelling, not what Marshal makes of it.
const good = `{
  "name": "Zoë <b>&amp;</b> 魏 \"q\" \\ a/b\nnext",
  "count": 9007199254740991,
  "small": 4294967295,
  "list": [
    "a",
    ""
  ],
  "inner": {
    "yes": true
  }
}
`

func goodValue() value {
	return value{
		Name:  "Zoë <b>&amp;</b> 魏 \"q\" \\ a/b\nnext",
		Count: 1<<53 - 1, Small: 1<<32 - 1,
		List: []string{"a", ""}, Inner: inner{Yes: true},
	}
}

func TestTheOneSpelling(t *testing.T) {
	data, err := strictjson.Marshal(goodValue())
	require.NoError(t, err)
	require.Equal(t, good, string(data))

	var v value
	require.NoError(t, strictjson.Unmarshal([]byte(good), &v))
	require.Equal(t, goodValue(), v)
}

func TestEmptyLists(t *testing.T) {
	type lists struct {
		A []int `json:"a"`
		B []int `json:"b"`
	}
	var v lists
	require.NoError(t, strictjson.Unmarshal([]byte("{\n  \"a\": [],\n  \"b\": null\n}\n"), &v))
	require.NotNil(t, v.A)
	require.Nil(t, v.B, "a nil slice tells the caller that the input said null")
}

// DEL and the characters around the escapes are written raw.
func TestRawCharacters(t *testing.T) {
	for _, s := range []string{"\x7f", "\u0080", "\u2027", "\u202a", "\ufffd", "\ufeff", "\U0010ffff", "e\u0301", "é", "'", "<>&"} {
		data, err := strictjson.Marshal([]string{s})
		require.NoError(t, err)
		require.Equal(t, "[\n  \""+s+"\"\n]\n", string(data))
		var back []string
		require.NoError(t, strictjson.Unmarshal(data, &back))
		require.Equal(t, []string{s}, back)
	}
}

func TestMarshalRefuses(t *testing.T) {
	for name, s := range map[string]string{
		"tab": "a\tb", "carriage return": "\r", "backspace": "\b", "form feed": "\f",
		"NUL": "\x00", "U+001F": "\x1f", "U+2028": "a\u2028", "U+2029": "\u2029b",
		"not UTF-8": "a\xffb", "surrogate": "\xed\xa0\x80",
	} {
		t.Run(name, func(t *testing.T) {
			data, err := strictjson.Marshal(value{Name: s})
			require.ErrorContains(t, err, "an escape of another character")
			require.Nil(t, data)
		})
	}
	_, err := strictjson.Marshal(make(chan int))
	require.Error(t, err)
}

func TestUnmarshalRefuses(t *testing.T) {
	replace := func(old, new string) string {
		require.Equal(t, 1, strings.Count(good, old), old)
		return strings.Replace(good, old, new, 1)
	}
	compact := func() string {
		var b bytes.Buffer
		require.NoError(t, json.Compact(&b, []byte(good)))
		return b.String() + "\n"
	}
	const spelling = "is not in the one spelling of this format"
	tests := []struct{ name, input, want string }{
		{"nothing", "", "malformed JSON: EOF"},
		{"white space alone", "\n", "malformed JSON: EOF"},
		{"half of it", good[:len(good)/2], "malformed JSON: unexpected EOF"},
		{"byte order mark", "\ufeff" + good, "starts with a byte order mark"},
		{"not UTF-8", replace("魏", "\xe9\xad"), "not UTF-8"},
		{"surrogate", replace("魏", "\xed\xa0\x80"), "not UTF-8"},
		{"CRLF", strings.ReplaceAll(good, "\n", "\r\n"), "line 1 " + spelling},
		{"one CR", replace("true\n", "true\r\n"), "line 10 " + spelling},
		{"no final line feed", strings.TrimSuffix(good, "\n"), "line 12 " + spelling},
		{"two final line feeds", good + "\n", "line 13 " + spelling},
		{"a space after it", good + " ", "line 13 " + spelling},
		{"a byte after it", good + "x", "line 13 " + spelling},
		{"a NUL after it", good + "\x00", "line 13 " + spelling},
		{"a second value after it", good + good, "line 13 " + spelling},
		{"a space before it", " " + good, "line 1 " + spelling},
		{"compact", compact(), "line 1 " + spelling},
		{"tab indent", strings.ReplaceAll(good, "  ", "\t"), "line 2 " + spelling},
		{"space before a colon", replace(`"small":`, `"small" :`), "line 4 " + spelling},
		{"unknown key", replace("  \"count\"", "  \"extra\": 1,\n  \"count\""), `unknown field "extra"`},
		{"unknown key inside", replace("true", "true,\n    \"no\": false"), `unknown field "no"`},
		{"duplicate key", replace("  \"count\"", "  \"count\": 9007199254740991,\n  \"count\""), "line 4 " + spelling},
		{"duplicate key, other value first", replace("  \"count\"", "  \"count\": 1,\n  \"count\""), "line 3 " + spelling},
		{"missing key", replace("  \"small\": 4294967295,\n", ""), "line 4 " + spelling},
		{"reordered keys", replace("  \"count\": 9007199254740991,\n  \"small\": 4294967295,\n", "  \"small\": 4294967295,\n  \"count\": 9007199254740991,\n"), "line 3 " + spelling},
		{"other case of a key", replace(`"name"`, `"Name"`), "line 2 " + spelling},
		{"escaped key", replace(`"count"`, `"c\u006funt"`), "line 3: an escape of another character"},
		{"leading zero", replace("4294967295", "04294967295"), "malformed JSON: invalid character '4'"},
		{"plus", replace("4294967295", "+1"), "malformed JSON: invalid character '+'"},
		{"exponent", replace("4294967295", "1e3"), "number 1e3"},
		{"fraction", replace("4294967295", "1.0"), "number 1.0"},
		{"negative", replace("4294967295", "-1"), "number -1"},
		{"negative zero", replace("4294967295", "-0"), "number -0"},
		{"too great for its type", replace("4294967295", "4294967296"), "number 4294967296"},
		{"number as a string", replace("4294967295", `"1"`), "unexpected string"},
		{"string as a number", replace(`"a"`, "1"), "unexpected number"},
		{"null for a number", replace("4294967295", "null"), "line 4 " + spelling},
		{"null for a string", replace(`"a"`, "null"), "line 6 " + spelling},
		{"null for an object", replace("{\n    \"yes\": true\n  }", "null"), "line 9 " + spelling},
		{"null for everything", "null\n", "line 1 " + spelling},
		{"a list", "[]\n", "unexpected array"},
		{`\u escape`, replace("魏", `\u9b4f`), "line 2: an escape of another character"},
		{`\u0041`, replace("魏", `\u0041`), "line 2: an escape of another character"},
		{`\/`, replace("a/b", `a\/b`), "line 2: an escape of another character"},
		{`\t`, replace("魏", `\t`), "line 2: an escape of another character"},
		{`\r`, replace("魏", `\r`), "line 2: an escape of another character"},
		{`\b`, replace("魏", `\b`), "line 2: an escape of another character"},
		{`\f`, replace("魏", `\f`), "line 2: an escape of another character"},
		{`escape after an escaped backslash`, replace("魏", `\\\t`), "line 2: an escape of another character"},
		{"HTML escapes", replace("<b>", `\u003cb\u003e`), "line 2: an escape of another character"},
		{"raw tab", replace("魏", "\t"), "malformed JSON: invalid character '\\t'"},
		{"raw line feed", replace("魏", "\n"), "malformed JSON: invalid character '\\n'"},
		{"raw NUL", replace("魏", "\x00"), "malformed JSON: invalid character '\\x00'"},
		{"raw U+2028", replace("魏", "\u2028"), "an escape of another character"},
		{"raw U+2029", replace("魏", "\u2029"), "an escape of another character"},
		{"backslash at the end", good + `\`, "line 13 " + spelling},
		{"comment", replace("true", "true // yes"), "malformed JSON: invalid character '/'"},
		{"trailing comma", replace("\"\"\n  ]", "\"\",\n  ]"), "malformed JSON: invalid character ']'"},
		{"10,000 lists deep", replace("true", strings.Repeat("[", 10000)+strings.Repeat("]", 10000)), "exceeded max depth"},
		{"a long unknown key is not printed whole", `{"` + strings.Repeat("k", 60000) + `":1}`, `unknown field "kkk`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var v value
			err := strictjson.Unmarshal([]byte(test.input), &v)
			require.ErrorContains(t, err, test.want)
			require.Less(t, len(err.Error()), 400, "the error holds little of the stranger's bytes")
		})
	}
}

// An escaped backslash does not make an escape of the letter after it.
func TestBackslashes(t *testing.T) {
	for _, s := range []string{`\u0041`, `\\t`, `\`, `\\`, `\n`, `\/`} {
		data, err := strictjson.Marshal([]string{s})
		require.NoError(t, err)
		var back []string
		require.NoError(t, strictjson.Unmarshal(data, &back))
		require.Equal(t, []string{s}, back)
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("null\n"))
	f.Add([]byte(strings.Replace(good, "魏", `\u9b4f`, 1)))
	f.Add([]byte("{\n  \"name\": \"\\\\\"\n}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var v value
		if strictjson.Unmarshal(data, &v) != nil {
			return
		}
		again, err := strictjson.Marshal(v)
		require.NoError(t, err)
		require.Equal(t, string(data), string(again))
		require.True(t, json.Valid(data))
	})
}
