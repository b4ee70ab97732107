package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"regexp"
)

// policy is the Content-Security-Policy of a page: nothing but the style and the
// script with these texts, a worker from a Blob, pictures of its own, and no
// connection to anything. A worker from a Blob is under the policy of its page.
func policy(style, script string) string {
	return "default-src 'none'; connect-src 'none'; base-uri 'none'; form-action 'none'; " +
		"style-src " + source(style) + "; " +
		"script-src " + source(script) + " 'wasm-unsafe-eval'; worker-src blob:; img-src blob: data:"
}

// source names an inline text in a policy.
func source(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

var policyElement = regexp.MustCompile(`<meta http-equiv="Content-Security-Policy" content="[^"]*">`)

// policyMeta is the element of page.html that the policy replaces. It is there
// so that the page works from its parts too.
func policyMeta(page string) string { return policyElement.FindString(page) }

// zip packs data as gzip does, with neither name nor time.
func zip(data []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
