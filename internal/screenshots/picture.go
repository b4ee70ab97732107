package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image/png"
	"regexp"
	"strings"
)

// picture is what is shown somewhere, and the words in it.
type picture struct {
	name  string
	text  string
	image []byte // PNG, as the browser made it
}

// changing is what is another in each run, and what stands for it.
var changing = []struct {
	pattern *regexp.Regexp
	word    string
}{
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "HASH"},
	{regexp.MustCompile(`\b([0-9a-f]{4}\s){9}[0-9a-f]{4}\b`), "FINGERPRINT"},
	{regexp.MustCompile(`\b\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}Z)?`), "DATE"},
	{regexp.MustCompile(`\b\d{1,2} (January|February|March|April|May|June|July|August|September|October|November|December) \d{4}`), "DATE"},
	{regexp.MustCompile(`\b\d{4} ?年 ?\d{1,2} ?月 ?\d{1,2} ?日`), "DATE"},
	{regexp.MustCompile(`DATE(, | at | )\d{1,2}:\d{2}(:\d{2})?`), "DATE"},
	{regexp.MustCompile(`\bentry \d+ of\b`), "entry N of"},
	{regexp.MustCompile(`\bnumber \d+ of\b`), "number N of"},
	{regexp.MustCompile(`\bgradseal (v\d\S*|\(devel\)|devel\S*)`), "gradseal VERSION"},
}

// settled is text with placeholders for what is another in each run, without
// blanks at the ends of lines and without a second empty line.
func settled(text string) string {
	for _, c := range changing {
		text = c.pattern.ReplaceAllLiteralString(text, c.word)
	}
	var b strings.Builder
	empty := true
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \u00a0\n")
		if line == "" && empty {
			continue
		}
		empty = line == ""
		b.WriteString(line + "\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// keyword names the text of a PNG that holds the SHA-256 of the words in it.
const keyword = "Words"

// png is the image with few colours, so that it is small, and with the hash of its
// words in it.
func (p *picture) png() ([]byte, error) {
	full, err := png.Decode(bytes.NewReader(p.image))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, reduced(full)); err != nil {
		return nil, err
	}
	return withText(b.Bytes(), keyword, fmt.Sprintf("%x", sha256.Sum256([]byte(p.text)))), nil
}

// header is the size of a PNG's signature and first chunk, IHDR, in bytes.
const header = 8 + 4 + 4 + 13 + 4

// withText puts a tEXt chunk (PNG, third edition, 11.3.3.2) behind the first chunk.
func withText(data []byte, key, text string) []byte {
	body := []byte("tEXt" + key + "\x00" + text)
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(body)-4))
	chunk = append(chunk, body...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(body))
	return append(append(bytes.Clone(data[:header]), chunk...), data[header:]...)
}

// textOf is what withText put there.
func textOf(data []byte, key string) (string, error) {
	start := []byte("tEXt" + key + "\x00")
	if len(data) < header+8 || !bytes.HasPrefix(data[header+4:], start) {
		return "", errors.New("a picture that this program did not make")
	}
	n := int(binary.BigEndian.Uint32(data[header:])) - (len(start) - 4)
	rest := data[header+4+len(start):]
	if n < 0 || n > len(rest) {
		return "", errors.New("half a picture")
	}
	return string(rest[:n]), nil
}
