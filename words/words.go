// Package words says what a result means, in the language of who reads it: the
// page, the report and the command line take their sentences from here, so that
// all of them say the same.
//
// It judges nothing and adds nothing: every sentence follows from what verify
// answered, and from what diagnose found in the document. What strangers wrote
// – names, titles, file names – is escaped before it stands in a sentence, and
// in quotation marks that it cannot leave.
//
// A language is one file in words/lang: a flat JSON object of texts by key, with
// placeholders such as {issuer}. One more file is one more language.
package words

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed lang/*.json
var files embed.FS

// Default is the tag of the language in which every text exists first.
const Default = "en"

// Language is the texts of one language.
type Language struct {
	tag   string
	texts map[string]string
}

// Languages returns the tags of all languages, in their order.
func Languages() []string {
	names, err := fs.Glob(files, "lang/*.json")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	for i, name := range names {
		names[i] = strings.TrimSuffix(path.Base(name), ".json")
	}
	return names
}

// Load returns the language of a tag such as "zh", "zh-CN" or "zh_CN.UTF-8": of
// its first part, whatever the others say.
func Load(tag string) (*Language, error) {
	primary, _, _ := strings.Cut(strings.NewReplacer("_", "-", ".", "-", "@", "-").Replace(tag), "-")
	primary = strings.ToLower(primary)
	if !slices.Contains(Languages(), primary) {
		return nil, fmt.Errorf("unknown language %q, want one of %s", tag, strings.Join(Languages(), ", "))
	}
	data, err := files.ReadFile("lang/" + primary + ".json")
	if err != nil {
		return nil, err
	}
	l := &Language{tag: primary}
	if err := json.Unmarshal(data, &l.texts); err != nil {
		return nil, fmt.Errorf("language %s: %w", primary, err)
	}
	return l, nil
}

// Tag is the tag of the language, such as "zh".
func (l *Language) Tag() string { return l.tag }

// Name is the name of the language in itself, such as "简体中文".
func (l *Language) Name() string { return l.texts["language"] }

// Has reports whether there is a text for a key.
func (l *Language) Has(key string) bool { return l.texts[key] != "" }

var placeholder = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\{[a-z_]+\}`)
})

// Text is the text of a key with what args has for its placeholders, as it is:
// what strangers wrote must be escaped before, by Safe. What an argument brings
// in is not taken for a placeholder. A key that there is no text for is
// returned itself.
func (l *Language) Text(key string, args map[string]string) string {
	text, ok := l.texts[key]
	if !ok {
		return key
	}
	return placeholder().ReplaceAllStringFunc(text, func(p string) string {
		if value, ok := args[p[1:len(p)-1]]; ok {
			return value
		}
		return p
	})
}

// Texts returns all texts whose keys begin with a prefix, by key.
func (l *Language) Texts(prefix string) map[string]string {
	found := make(map[string]string)
	for key, text := range l.texts {
		if strings.HasPrefix(key, prefix) {
			found[key] = text
		}
	}
	return found
}

// Day is a date in words, in UTC; "" of the zero time.
func (l *Language) Day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	year, month, day := t.UTC().Date()
	return l.Text("date", map[string]string{
		"day": strconv.Itoa(day), "year": strconv.Itoa(year),
		"month": l.Text("month."+strconv.Itoa(int(month)), nil),
	})
}

// clock is a time to the second, in UTC.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
