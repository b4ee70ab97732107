package words

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/diagnose"
	"gradseal/issuer"
	"gradseal/verify"
)

func load(t *testing.T, tag string) *Language {
	t.Helper()
	l, err := Load(tag)
	require.NoError(t, err)
	return l
}

func TestLoad(t *testing.T) {
	require.Equal(t, []string{"en", "zh"}, Languages())
	for tag, want := range map[string]string{
		"en": "en", "EN-gb": "en", "zh": "zh", "zh-CN": "zh", "zh_CN.UTF-8": "zh", "zh-Hans-SG": "zh", "en.UTF-8": "en", "en@euro": "en",
	} {
		require.Equal(t, want, load(t, tag).Tag(), tag)
	}
	for _, tag := range []string{"", "C", "C.UTF-8", "de", "english", "../en", "-en"} {
		_, err := Load(tag)
		require.ErrorContains(t, err, "unknown language", tag)
	}
	require.Equal(t, "简体中文", load(t, "zh").Name())
}

// texts reads a language file key by key, as encoding/json takes the last of two
// equal keys.
func texts(t *testing.T, tag string) map[string]string {
	t.Helper()
	data, err := files.ReadFile("lang/" + tag + ".json")
	require.NoError(t, err)
	dec := json.NewDecoder(bytes.NewReader(data))
	all := make(map[string]string)
	_, err = dec.Token()
	require.NoError(t, err)
	for dec.More() {
		key, err := dec.Token()
		require.NoError(t, err)
		value, err := dec.Token()
		require.NoError(t, err)
		require.NotContains(t, all, key, "twice")
		text, ok := value.(string)
		require.True(t, ok, "%s is no text", key)
		all[key.(string)] = text
	}
	return all
}

// TestLanguages: all languages say the same things, with the same placeholders.
func TestLanguages(t *testing.T) {
	english := texts(t, Default)
	for _, tag := range Languages() {
		other := texts(t, tag)
		for key, text := range english {
			require.Contains(t, other, key, tag)
			require.Equal(t, places(text), places(other[key]), "%s: %s", tag, key)
		}
		for key, text := range other {
			require.Contains(t, english, key, "%s has it, %s does not", tag, Default)
			require.NotEmpty(t, strings.TrimSpace(text), "%s: %s", tag, key)
			require.Equal(t, strings.Count(text, "{"), len(placeholder().FindAllString(text, -1)), "%s: %s", tag, key)
		}
	}
}

// places are the placeholders of a text, each once.
func places(text string) []string {
	found := placeholder().FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// reasons are the constants of verify.Reason, read from its source: a new one
// has no words yet.
func reasons(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../verify/result.go", nil, 0)
	require.NoError(t, err)
	var all []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); ok && name.Name == "Reason" {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			all = append(all, value)
		}
		return true
	})
	require.GreaterOrEqual(t, len(all), 30)
	require.Contains(t, all, string(verify.UnsupportedTimestamp))
	return all
}

func TestEveryReasonHasWords(t *testing.T) {
	for _, tag := range Languages() {
		l := load(t, tag)
		for _, why := range reasons(t) {
			for _, kind := range []string{"headline.", "why.", "advice."} {
				require.True(t, l.Has(kind+why), "%s: %s%s", tag, kind, why)
			}
		}
		for _, why := range issuer.Reasons() {
			require.True(t, l.Has("withdrawal."+why), "%s: %s", tag, why)
			require.True(t, l.Has(WithdrawalAdvice(&issuer.Withdrawal{Reason: why})), "%s: %s", tag, why)
		}
		for _, code := range diagnose.Codes() {
			require.True(t, l.Has("diagnosis."+string(code)), "%s: %s", tag, code)
		}
		for _, v := range []verify.Verdict{verify.Valid, verify.Invalid, verify.Pending, verify.CannotTell, verify.Withdrawn} {
			require.True(t, l.Has("verdict."+v.String()), tag)
		}
	}
}

func TestText(t *testing.T) {
	l := &Language{texts: map[string]string{"a": "{x} and {y}, {x}"}}
	require.Equal(t, "{y} and {z}, {y}", l.Text("a", map[string]string{"x": "{y}", "y": "{z}"}), "once, and not again")
	require.Equal(t, "1 and {y}, 1", l.Text("a", map[string]string{"x": "1"}))
	require.Equal(t, "missing", l.Text("missing", nil))
}

func TestDay(t *testing.T) {
	day := time.Date(2026, 11, 24, 23, 30, 0, 0, time.FixedZone("", 3600))
	require.Equal(t, "24 November 2026", load(t, "en").Day(day))
	require.Equal(t, "2026年11月24日", load(t, "zh").Day(day))
	require.Equal(t, "25 November 2026", load(t, "en").Day(day.Add(2*time.Hour)), "in UTC")
	require.Empty(t, load(t, "en").Day(time.Time{}))
}

func TestEscape(t *testing.T) {
	require.Equal(t, `"a\u{22}b\u{202E}c"`, Quoted("a\"b\u202ec"))
	require.Equal(t, `"清华大学《证书》“甲”"`, Quoted("清华大学《证书》“甲”"))
	require.Equal(t, `a\u{1B}[31m "b" \u{20}c`, Safe("a\x1b[31m \"b\"  c"))
	require.Equal(t, `‘Best’ \u{201F}`, named("“Best” \u201f"), "a name cannot leave its quotation marks")
	require.Equal(t, `“‘Best’ \u{22}”`, Curly(`“Best” "`))
	require.Equal(t, `\u{FFFD}`, Safe("\xff"))
}
