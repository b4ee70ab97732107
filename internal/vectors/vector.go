package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// file is one file of vectors.
type file struct {
	Kind    string `json:"kind"`
	Vectors []any  `json:"vectors"`
}

func fileOf[V any](kind string, vectors []V) file {
	f := file{Kind: kind}
	for _, v := range vectors {
		f.Vectors = append(f.Vectors, v)
	}
	return f
}

// encode writes every character that cannot be seen as an escape: a
// bidirectional control would show a reader of the file something else than
// what is in it.
func (f file) encode() ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(f); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Kind, err)
	}
	var out strings.Builder
	for _, r := range buf.String() {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			out.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return []byte(out.String()), nil
}

// head begins every vector.
type head struct {
	Name string `json:"name"` // unique in all files
	Why  string `json:"why"`
}

// The inputs that need not be UTF-8: one of the two members is there.
type (
	noteInput struct {
		Note  *string `json:"note,omitempty"`
		Bytes []byte  `json:"note_base64,omitempty"`
	}
	fileInput struct {
		File  *string `json:"file,omitempty"`
		Bytes []byte  `json:"file_base64,omitempty"`
	}
	proofInput struct {
		Proof *string `json:"proof,omitempty"`
		Bytes []byte  `json:"proof_base64,omitempty"`
	}
	documentInput struct {
		Document *string `json:"document,omitempty"`
		Bytes    []byte  `json:"document_base64,omitempty"`
	}
)

func noteOf(s string) noteInput {
	text, raw := textOrBytes(s)
	return noteInput{text, raw}
}

func fileInputOf(s string) fileInput {
	text, raw := textOrBytes(s)
	return fileInput{text, raw}
}

func proofOf(s string) proofInput {
	text, raw := textOrBytes(s)
	return proofInput{text, raw}
}

func documentOf(s string) documentInput {
	text, raw := textOrBytes(s)
	return documentInput{text, raw}
}

func textOrBytes(s string) (*string, []byte) {
	if utf8.ValidString(s) {
		return &s, nil
	}
	return nil, []byte(s)
}

// edit replaces the one place where old stands in s. Every other number of
// places means that the vector is not what its author thinks.
func edit(s, old, new string) string {
	if n := strings.Count(s, old); n != 1 {
		panic(fmt.Sprintf("vectors: %q stands %d times in %q", old, n, s))
	}
	return strings.Replace(s, old, new, 1)
}

// must is for what only a mistake in this program can break.
func must[T any](v T, err error) T {
	if err != nil {
		panic("vectors: " + err.Error())
	}
	return v
}
