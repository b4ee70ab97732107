package proof

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// The layout of a proof file is fixed but for its values, so it can be written
// and read without encoding/json, in a tenth of the time. What this reader
// takes is what this writer writes, byte for byte, and package strictjson takes
// the same bytes for the same values. It explains nothing: what it does not
// take is left to strictjson, which says why.

// readLayout reads a proof file. It returns false for one that is not exactly
// as appendLayout writes it.
func readLayout(data []byte) (fileJSON, bool) {
	r := &layoutReader{rest: string(data)}
	f := r.file()
	if r.failed || r.rest != "" {
		return fileJSON{}, false
	}
	again, ok := appendLayout(make([]byte, 0, len(data)), &f)
	return f, ok && string(again) == string(data)
}

// layoutReader takes a file apart. After its first failure it reads nothing.
type layoutReader struct {
	rest   string
	failed bool
}

// skip passes over s, and reports whether it was there.
func (r *layoutReader) skip(s string) bool {
	rest, ok := strings.CutPrefix(r.rest, s)
	if !ok || r.failed {
		return false
	}
	r.rest = rest
	return true
}

// expect passes over s, which must be there.
func (r *layoutReader) expect(s string) {
	if !r.skip(s) {
		r.failed = true
	}
}

// take reads n bytes.
func (r *layoutReader) take(n int) string {
	if r.failed || n < 0 {
		r.failed = true
		return ""
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

// text reads a string, behind its first quotation mark.
func (r *layoutReader) text() string {
	s := r.raw()
	if r.skip(`"`) {
		return s
	}
	var b strings.Builder
	for !r.failed {
		b.WriteString(s)
		switch {
		case r.skip(`"`):
			return b.String()
		case r.skip(`\n`):
			b.WriteByte('\n')
		case r.skip(`\"`):
			b.WriteByte('"')
		default:
			r.expect(`\\`)
			b.WriteByte('\\')
		}
		s = r.raw()
	}
	return ""
}

// raw reads up to the next quotation mark or escape.
func (r *layoutReader) raw() string {
	return r.take(strings.IndexAny(r.rest, `"\`))
}

func (r *layoutReader) number(bits int) uint64 {
	n := 0
	for n < len(r.rest) && '0' <= r.rest[n] && r.rest[n] <= '9' {
		n++
	}
	v, err := strconv.ParseUint(r.take(n), 10, bits)
	if err != nil {
		r.failed = true
	}
	return v
}

// list reads a list with the items of item, each after the line break given.
func list[T any](r *layoutReader, line string, item func() T) []T {
	all := []T{}
	if r.skip("[]") {
		return all
	}
	r.expect("[")
	for more := true; more && !r.failed; more = r.skip(",") {
		r.expect(line + "  ")
		all = append(all, item())
	}
	r.expect(line + "]")
	return all
}

func (r *layoutReader) texts() []string {
	return list(r, "\n      ", func() string {
		r.expect(`"`)
		return r.text()
	})
}

func (r *layoutReader) file() (f fileJSON) {
	r.expect("{\n  \"format\": \"")
	f.Format = r.text()
	r.expect(",\n  \"document\": {\n    \"sha256\": \"")
	f.Document.SHA256 = r.text()
	r.expect(",\n    \"salt\": \"")
	f.Document.Salt = r.text()
	r.expect("\n  },\n  \"layers\": ")
	f.Layers = list(r, "\n  ", r.layer)
	r.expect(",\n  \"attestations\": ")
	f.Attestations = list(r, "\n  ", r.attestation)
	r.expect("\n}\n")
	return f
}

func (r *layoutReader) layer() (l layerJSON) {
	r.expect("{\n      \"index\": ")
	l.Index = r.number(64)
	r.expect(",\n      \"path\": ")
	l.Path = r.texts()
	r.expect(",\n      \"statement\": \"")
	l.Statement = r.text()
	r.expect("\n    }")
	return l
}

func (r *layoutReader) attestation() attestationJSON {
	r.expect("{\n      \"type\": \"")
	kind := r.text()
	if kind == typeOpenTimestamps {
		return attestationJSON{ots: r.timestamp(kind)}
	}
	return attestationJSON{bitcoin: r.bitcoin(kind)}
}

func (r *layoutReader) bitcoin(kind string) *bitcoinJSON {
	a := &bitcoinJSON{Type: kind}
	r.expect(",\n      \"transaction\": \"")
	a.Transaction = r.text()
	r.expect(",\n      \"position\": ")
	a.Position = uint32(r.number(32))
	r.expect(",\n      \"path\": ")
	a.Path = r.texts()
	r.expect(",\n      \"header\": \"")
	a.Header = r.text()
	r.expect(",\n      \"height\": ")
	a.Height = uint32(r.number(32))
	r.expect(",\n      \"successors\": ")
	a.Successors = r.texts()
	r.expect("\n    }")
	return a
}

func (r *layoutReader) timestamp(kind string) *otsJSON {
	a := &otsJSON{Type: kind}
	r.expect(",\n      \"timestamp\": \"")
	a.Timestamp = r.text()
	r.expect("\n    }")
	return a
}

// appendLayout appends the proof file of f to dst. It returns false where a
// string cannot be written with the three escapes of the format. A nil list is
// written as an empty one.
func appendLayout(dst []byte, f *fileJSON) ([]byte, bool) {
	w := &layoutWriter{out: dst}
	w.text("{\n  \"format\": ", f.Format)
	w.text(",\n  \"document\": {\n    \"sha256\": ", f.Document.SHA256)
	w.text(",\n    \"salt\": ", f.Document.Salt)
	w.put("\n  },\n  \"layers\": ")
	appendList(w, "\n  ", f.Layers, w.layer)
	w.put(",\n  \"attestations\": ")
	appendList(w, "\n  ", f.Attestations, w.attestation)
	w.put("\n}\n")
	return w.out, !w.failed
}

// layoutWriter puts a file together.
type layoutWriter struct {
	out    []byte
	failed bool // a string needs an escape that the format does not have
}

func (w *layoutWriter) put(s string) { w.out = append(w.out, s...) }

// number writes a key, with what stands before it, and a number.
func (w *layoutWriter) number(key string, v uint64) {
	w.put(key)
	w.out = strconv.AppendUint(w.out, v, 10)
}

// text writes a key, with what stands before it, and a string.
func (w *layoutWriter) text(key, s string) {
	w.put(key)
	w.put(`"`)
	begin, ascii := 0, true
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			ascii = ascii && c < utf8.RuneSelf
			continue
		}
		w.put(s[begin:i])
		w.put(escaped(c))
		w.failed = w.failed || escaped(c) == ""
		begin = i + 1
	}
	w.put(s[begin:])
	w.put(`"`)
	w.failed = w.failed || !ascii && !rawUTF8(s)
}

// escaped returns the escape of a byte; "" for one that the format has none for.
func escaped(c byte) string {
	switch c {
	case '\n':
		return `\n`
	case '"':
		return `\"`
	case '\\':
		return `\\`
	}
	return ""
}

// rawUTF8 tells whether encoding/json writes all of s that is not ASCII as it
// is. It escapes what is not UTF-8, and two line ends that JavaScript has.
func rawUTF8(s string) bool {
	return utf8.ValidString(s) && !strings.Contains(s, "\u2028") && !strings.Contains(s, "\u2029")
}

func appendList[T any](w *layoutWriter, line string, all []T, item func(T)) {
	if len(all) == 0 {
		w.put("[]")
		return
	}
	w.put("[")
	for i, v := range all {
		if i > 0 {
			w.put(",")
		}
		w.put(line)
		w.put("  ")
		item(v)
	}
	w.put(line)
	w.put("]")
}

func (w *layoutWriter) texts(key string, all []string) {
	w.put(key)
	appendList(w, "\n      ", all, func(s string) { w.text("", s) })
}

func (w *layoutWriter) layer(l layerJSON) {
	w.number("{\n      \"index\": ", l.Index)
	w.texts(",\n      \"path\": ", l.Path)
	w.text(",\n      \"statement\": ", l.Statement)
	w.put("\n    }")
}

func (w *layoutWriter) attestation(a attestationJSON) {
	if a.ots != nil {
		w.text("{\n      \"type\": ", a.ots.Type)
		w.text(",\n      \"timestamp\": ", a.ots.Timestamp)
	} else {
		w.bitcoin(a.bitcoin)
	}
	w.put("\n    }")
}

func (w *layoutWriter) bitcoin(a *bitcoinJSON) {
	w.text("{\n      \"type\": ", a.Type)
	w.text(",\n      \"transaction\": ", a.Transaction)
	w.number(",\n      \"position\": ", uint64(a.Position))
	w.texts(",\n      \"path\": ", a.Path)
	w.text(",\n      \"header\": ", a.Header)
	w.number(",\n      \"height\": ", uint64(a.Height))
	w.texts(",\n      \"successors\": ", a.Successors)
}
