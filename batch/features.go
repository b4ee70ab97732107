package batch

import (
	"bytes"
	"compress/zlib"
	"io"
)

// feature is something in a PDF by which it may show, later or to others,
// something else than what was signed. The values are bits of a set.
type feature uint8

const (
	encryption feature = 1 << iota
	javaScript
	formFields
	foreignParts
	attachments
)

// featureWarnings are in the words that stand after a file's name.
var featureWarnings = []struct {
	feature feature
	text    string
}{
	{encryption, "is encrypted: those who check it may need a password to read it"},
	{javaScript, "has JavaScript: a program in it can change what is shown"},
	{formFields, "has form fields: what they show can be filled in, and differs between viewers"},
	{foreignParts, "refers to other files or programs, which are no part of what is signed"},
	{attachments, "carries other files: whoever gets the PDF gets them too"},
}

const (
	// scanBuffer is how much of a file is looked at in one go, in bytes.
	scanBuffer = 64 << 10
	// lookBack is how far before a byte its object is searched for, and
	// lookAhead how far after it what decides about it may stand.
	lookBack, lookAhead = 4 << 10, 128

	// Limits of object streams: bytes of one in the file and inflated, and of
	// all in one file inflated. What is beyond is not looked at.
	maxObjectStream = 4 << 20
	maxInflated     = 16 << 20
	maxAllInflated  = 256 << 20
)

// featureScan looks for features of a PDF while its bytes are written to it.
// The zero value is ready, and reset makes it ready again.
//
// It is a byte scan and no PDF parser: it knows names, strings, comments and
// the bounds of streams (ISO 32000-1, 7.2, 7.3), inflates object streams
// (7.5.7), and follows no reference. It helps a registrar against accidents. It
// is no defence: who wants to hide something from it can, for instance in what
// it takes for the data of a stream, which a false length makes longer, or in an
// object stream with a filter other than FlateDecode. What is encrypted, or in a
// file that is attached, it does not see either.
//
// What it finds does not depend on how the bytes are split among writes.
type featureScan struct {
	found feature

	// Where lengths is set, the data of a stream is passed over by its /Length, and not
	// searched for its end: most of a document is such data. A /Length that does not
	// lead to an end sets misled; then the file is to be scanned again without lengths.
	lengths, misled bool

	// buf holds the bytes of the file that are still needed: those after pos are
	// to be looked at, lookBack bytes before it may be looked at once more.
	buf []byte
	pos int

	// lexed is where in buf the lexer stands; it is negative where what it needs
	// is no longer there. object is where the object that it reads begins.
	lexer         pdfLexer
	lexed, object int

	inStream bool
	skip     int64  // bytes of its data that are passed over, after pos
	skipped  bool   // and then its end must be there
	keep     bool   // the data of this stream is collected in stream
	deflated bool   // and is to be inflated
	stream   []byte // data of an object stream

	inflated int64 // bytes so far
	inflater io.ReadCloser
	chunk    []byte       // from inflater to inner
	inner    *featureScan // looks at the objects in object streams
	isInner  bool
}

// reset makes the scan ready for another file, without lengths. It keeps the buffers:
// 64 kB, about 200 kB after an object stream of usual size, and never 6 MB.
func (f *featureScan) reset() {
	*f = featureScan{buf: f.buf[:0], stream: f.stream[:0], inflater: f.inflater, chunk: f.chunk, inner: f.inner, isInner: f.isInner}
}

// Write looks at more of the file. It never fails.
func (f *featureScan) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		p = p[f.passOver(len(p)):]
		fits := min(len(p), scanBuffer-len(f.buf))
		f.buf = append(f.buf, p[:fits]...)
		p = p[fits:]
		if len(f.buf) == scanBuffer {
			f.scan(scanBuffer - lookAhead)
			f.slide()
		}
	}
	return n, nil
}

// passOver returns how many of the n bytes that come need not be looked at. They are
// not put into buf, and what is in it is not needed any more.
func (f *featureScan) passOver(n int) int {
	rest := int64(len(f.buf) - f.pos)
	if f.skip <= rest {
		return 0
	}
	f.skip -= rest
	f.buf, f.pos, f.lexed, f.object = f.buf[:0], 0, 0, 0
	n = int(min(int64(n), f.skip))
	f.skip -= int64(n)
	return n
}

// warnings ends the scan of one file, and says what was found.
func (f *featureScan) warnings() []string {
	found := f.finish()
	var texts []string
	for _, w := range featureWarnings {
		if found&w.feature != 0 {
			texts = append(texts, w.text)
		}
	}
	return texts
}

func (f *featureScan) finish() feature {
	f.scan(len(f.buf))
	if f.inStream {
		f.misled = f.misled || f.skipped
		f.endStream() // cut off
	}
	return f.found
}

// slide drops what is no longer needed.
func (f *featureScan) slide() {
	if f.isInner {
		f.isQuoted(f.pos) // an object stream has no "obj" at which to begin anew
	}
	cut := max(f.pos-lookBack, 0)
	f.buf = f.buf[:copy(f.buf, f.buf[cut:])]
	f.pos -= cut
	f.lexed -= cut
	f.object -= cut
}

// scan looks at all bytes before limit. Only a few bytes are of interest, and
// those are searched for with the fast functions of package bytes.
func (f *featureScan) scan(limit int) {
	for f.pos < limit {
		if f.inStream {
			f.scanStream(limit)
		} else {
			f.scanObjects(limit)
		}
	}
}

var (
	streamKeyword    = []byte("stream")
	endStreamKeyword = []byte("endstream")
)

// scanObjects goes on to limit or to the beginning of a stream's data.
func (f *featureScan) scanObjects(limit int) {
	slash, keyword := -1, -1
	if f.isInner {
		keyword = limit // there are no streams in streams
	}
	for f.pos < limit {
		if slash < f.pos {
			slash = f.next([]byte{'/'}, limit)
		}
		if keyword < f.pos {
			keyword = f.next(streamKeyword, limit)
		}
		switch {
		case slash < keyword:
			f.pos = slash + 1
			f.look(slash)
		case keyword < limit:
			f.pos = keyword + len(streamKeyword)
			if f.beginsStream(keyword) {
				return
			}
		default:
			f.pos = limit
		}
	}
}

// next is the place from pos on at which the word begins, or limit.
func (f *featureScan) next(word []byte, limit int) int {
	end := min(limit+len(word)-1, len(f.buf))
	if i := bytes.Index(f.buf[f.pos:end], word); i >= 0 {
		return f.pos + i
	}
	return limit
}

// look judges the name at the slash.
func (f *featureScan) look(slash int) {
	after := f.buf[slash+1 : min(slash+lookAhead, len(f.buf))]
	if len(after) == 0 || !beginsFeature[after[0]] {
		return
	}
	if found := featureOf(after); found&^f.found != 0 && !f.isQuoted(slash) {
		f.found |= found
	}
}

// beginsFeature has the first bytes of the names that featureOf knows.
var beginsFeature = [256]bool{
	'#': true, 'E': true, 'F': true, 'G': true, 'I': true, 'J': true, 'L': true, 'M': true, 'R': true, 'S': true, 'X': true,
}

// featureOf is the feature that a name stands for; after begins with the name,
// without its slash. Where the name alone could be a font's or a style's, what
// follows decides: a reference or a value of the right type.
func featureOf(after []byte) feature {
	name, after := cutName(after)
	switch string(name) {
	case "Encrypt": // in the trailer: a reference or a dictionary
		if isDict(after) || isReference(after) {
			return encryption
		}
	case "JavaScript":
		return javaScript
	case "JS":
		if isDict(after) || isReference(after) || begins(after, '(') || begins(after, '<') {
			return javaScript
		}
	case "XFA":
		return formFields
	case "FT": // of a field; a signature is no form
		switch string(nextName(after)) {
		case "Tx", "Btn", "Ch":
			return formFields
		}
	case "Launch", "GoToR", "GoToE", "ImportData", "SubmitForm", "RichMedia", "Movie":
		return foreignParts
	case "FS":
		if string(nextName(after)) == "URL" {
			return foreignParts
		}
	case "Ref": // to a page of another file, in a form XObject
		if isDict(after) {
			return foreignParts
		}
	case "EmbeddedFile":
		return attachments
	case "EF":
		if isDict(after) {
			return attachments
		}
	}
	return 0
}

// cutName decodes the name that text begins with, without its slash.
func cutName(text []byte) (name, after []byte) {
	end := 0
	for end < len(text) && isRegular(text[end]) {
		end++
	}
	name, after = text[:end], text[end:]
	if bytes.IndexByte(name, '#') >= 0 {
		name = decodeName(name)
	}
	return name, after
}

// decodeName replaces #xx in a name by the byte.
func decodeName(name []byte) []byte {
	decoded := make([]byte, 0, len(name))
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '#' && i+2 < len(name) && unhex(name[i+1]) < 16 && unhex(name[i+2]) < 16 {
			c = unhex(name[i+1])<<4 | unhex(name[i+2])
			i += 2
		}
		decoded = append(decoded, c)
	}
	return decoded
}

// nextName is the name that follows, or nil.
func nextName(text []byte) []byte {
	text = skipSpace(text)
	if len(text) == 0 || text[0] != '/' {
		return nil
	}
	name, _ := cutName(text[1:])
	return name
}

func begins(text []byte, c byte) bool {
	text = skipSpace(text)
	return len(text) > 0 && text[0] == c
}

func isDict(text []byte) bool { return bytes.HasPrefix(skipSpace(text), []byte("<<")) }

// isReference reports whether an object number follows.
func isReference(text []byte) bool {
	text = skipSpace(text)
	return len(text) > 0 && '0' <= text[0] && text[0] <= '9'
}

func skipSpace(text []byte) []byte {
	for len(text) > 0 && isSpace(text[0]) {
		text = text[1:]
	}
	return text
}

// isSpace and isRegular are the classes of characters of ISO 32000-1, 7.2.2.
func isSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == 0
}

func isRegular(c byte) bool {
	switch c {
	case ' ', '\n', '\r', '\t', '\f', 0, '(', ')', '<', '>', '[', ']', '{', '}', '/', '%':
		return false
	}
	return true
}

// unhex is the value of a hexadecimal digit, or 16.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return (c | 0x20) - 'a' + 10
	}
	return 16
}

// beginsStream reports whether the keyword at the place begins a stream, and
// goes to its data.
func (f *featureScan) beginsStream(keyword int) bool {
	data := f.buf[keyword+len(streamKeyword) : min(keyword+lookAhead, len(f.buf))]
	before := f.buf[max(keyword-lookAhead, 0):keyword]
	if len(data) == 0 || !isSpace(data[0]) || !bytes.HasSuffix(bytes.TrimRight(before, " \r\n\t\f\x00"), []byte(">>")) || f.isQuoted(keyword) {
		return false
	}
	switch {
	case bytes.HasPrefix(data, []byte("\r\n")):
		f.pos += 2
	case data[0] == '\n', data[0] == '\r':
		f.pos++
	}
	f.inStream = true
	if f.object >= max(keyword-lookBack, 0) {
		dict := f.buf[f.object:keyword]
		f.keep, f.deflated = objectStream(dict)
		if f.lengths && !f.keep {
			f.skip, f.skipped = streamLength(dict)
		}
	}
	return true
}

// streamLength is the number of bytes of a stream's data, where its dictionary says
// that once and there, and not in an object of its own.
func streamLength(dict []byte) (n int64, ok bool) {
	for {
		i := bytes.IndexByte(dict, '/')
		if i < 0 {
			return n, ok
		}
		var name []byte
		name, dict = cutName(dict[i+1:])
		if string(name) != "Length" {
			continue
		}
		text := skipSpace(dict)
		digits := 0
		for digits < len(text) && digits < 18 && '0' <= text[digits] && text[digits] <= '9' {
			n = 10*n + int64(text[digits]-'0')
			digits++
		}
		if ok || digits == 0 || isReference(text[digits:]) {
			return 0, false
		}
		ok = true
	}
}

// objectStream reports whether the dictionary is that of an object stream whose
// data can be read, and whether it is deflated.
func objectStream(dict []byte) (readable, deflated bool) {
	var isObjStm, others bool
	for {
		i := bytes.IndexByte(dict, '/')
		if i < 0 {
			return isObjStm && !others, deflated
		}
		var name []byte
		name, dict = cutName(dict[i+1:])
		switch {
		case string(name) == "ObjStm":
			isObjStm = true
		case string(name) == "FlateDecode":
			deflated = true
		case bytes.HasSuffix(name, []byte("Decode")), string(name) == "Crypt", string(name) == "Predictor":
			others = true
		}
	}
}

// scanStream goes on to limit or to the end of the stream. Without lengths, or where
// they mislead, that is searched for.
func (f *featureScan) scanStream(limit int) {
	n := int(min(f.skip, int64(limit-f.pos)))
	f.pos += n
	f.skip -= int64(n)
	if f.pos == limit {
		return
	}
	if f.skipped {
		f.skipped = false
		next := skipSpace(f.buf[f.pos:min(f.pos+lookAhead, len(f.buf))])
		f.misled = f.misled || !bytes.HasPrefix(next, endStreamKeyword)
	}
	end := f.next(endStreamKeyword, limit)
	if f.keep {
		f.stream = append(f.stream, f.buf[f.pos:min(end, f.pos+maxObjectStream-len(f.stream))]...)
	}
	f.pos = end
	if end == limit {
		return
	}
	f.pos += len(endStreamKeyword)
	f.endStream()
	f.lexer, f.lexed, f.object = pdfLexer{}, f.pos, f.pos
}

// endStream looks at the objects of an object stream.
func (f *featureScan) endStream() {
	if f.keep {
		f.lookInside()
	}
	f.inStream, f.skip, f.skipped, f.keep, f.deflated, f.stream = false, 0, false, false, false, f.stream[:0]
}

func (f *featureScan) lookInside() {
	if f.inner == nil {
		f.inner = &featureScan{isInner: true}
		f.chunk = make([]byte, 8<<10)
	}
	f.inner.reset()
	if f.deflated {
		f.inflate()
	} else {
		f.inner.Write(f.stream)
	}
	f.found |= f.inner.finish()
}

// inflate gives the inner scan as much as can be inflated: a stream that is cut
// off or damaged is read as far as it goes, as viewers do.
func (f *featureScan) inflate() {
	data := bytes.NewReader(f.stream)
	if f.inflater == nil {
		r, err := zlib.NewReader(data)
		if err != nil {
			return
		}
		f.inflater = r
	} else if f.inflater.(zlib.Resetter).Reset(data, nil) != nil {
		return
	}
	limited := io.LimitReader(f.inflater, min(maxInflated, maxAllInflated-f.inflated))
	n, _ := io.CopyBuffer(f.inner, limited, f.chunk)
	f.inflated += n
}

// isQuoted reports whether a place in buf, not before that of the last call, is
// within a string or a comment. It reads from the beginning of the object, from
// where it last stood in that object, or, if neither is within lookBack, not at
// all: then the place counts as outside.
func (f *featureScan) isQuoted(place int) bool {
	from := max(place-lookBack, 0)
	if f.isInner {
		from = 0 // slide lets the lexer keep pace
	}
	if i := f.lastObject(from, place); i >= 0 {
		f.lexer, f.lexed, f.object = pdfLexer{}, i, i
	}
	if f.lexed < from {
		f.lexer, f.lexed = pdfLexer{}, place
	}
	f.lexer.feed(f.buf[f.lexed:place])
	f.lexed = place
	return f.lexer.depth > 0 || f.lexer.comment
}

// lastObject is the place after the last "obj" (of "1 0 obj" or "endobj") that
// the lexer has not passed yet, or -1.
func (f *featureScan) lastObject(from, place int) int {
	if f.isInner {
		return -1
	}
	from = max(from, f.lexed)
	if i := bytes.LastIndex(f.buf[from:place], []byte("obj")); i >= 0 {
		return from + i + len("obj")
	}
	return -1
}

// pdfLexer tells strings and comments from the rest (ISO 32000-1, 7.2.3 and
// 7.3.4.2). Hexadecimal strings have neither names nor keywords in them.
type pdfLexer struct {
	depth   int  // parentheses that are open
	escaped bool // the byte before is a backslash in a string
	comment bool
}

func (l *pdfLexer) feed(text []byte) {
	for _, c := range text {
		switch {
		case l.comment:
			l.comment = c != '\n' && c != '\r'
		case l.escaped:
			l.escaped = false
		case c == '(':
			l.depth++
		case l.depth == 0:
			l.comment = c == '%'
		case c == ')':
			l.depth--
		case c == '\\':
			l.escaped = true
		}
	}
}
