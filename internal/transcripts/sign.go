package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// signatureRoom is what is kept free for the signature, in bytes.
const signatureRoom = 2048

// sign appends an incremental update (ISO 32000-1, 7.5.6) with a signature field (12.7.4.5) on the last page and a detached
// CMS signature (12.8.3.3, adbe.pkcs7.detached) over everything but the signature itself.
func sign(pdf []byte, t *transcript) ([]byte, error) {
	at, err := time.Parse(time.DateOnly, t.issued)
	if err != nil {
		return nil, err
	}
	at = at.Add(14 * time.Hour)
	key, cert, err := signer(t.school)
	if err != nil {
		return nil, err
	}
	out, err := addField(pdf, t, at)
	if err != nil {
		return nil, err
	}
	start := bytes.LastIndex(out, []byte("/Contents <")) + len("/Contents ")
	end := start + 2*signatureRoom + 2
	span := fmt.Sprintf("[0 %d %d %d]", start, end, len(out)-end)
	blank := []byte("/ByteRange " + blankRange)
	copy(out[bytes.LastIndex(out, blank)+len("/ByteRange "):], fmt.Sprintf("%-*s", len(blankRange), span))

	cms, err := detached(slices.Concat(out[:start], out[end:]), key, cert)
	if err != nil {
		return nil, err
	}
	if len(cms) > signatureRoom {
		return nil, fmt.Errorf("signature has %d bytes, room for %d", len(cms), signatureRoom)
	}
	hex.Encode(out[start+1:], cms)
	return out, nil
}

// blankRange keeps the place of the byte range, which is not known before everything else is written.
const blankRange = "[0 0000000000 0000000000 0000000000]"

// addField writes the update. It knows how fpdf writes: pages, catalog and trailer are plain objects of one generation.
func addField(pdf []byte, t *transcript, at time.Time) ([]byte, error) {
	size, root, info, prev, err := trailer(pdf)
	if err != nil {
		return nil, err
	}
	page, err := lastPage(pdf)
	if err != nil {
		return nil, err
	}
	field, value, face, look := size, size+1, size+2, size+3
	stream := appearance(t, at)
	update := []numbered{
		{page, strings.Replace(object(pdf, page), "<<", fmt.Sprintf("<</Annots [%d 0 R] ", field), 1)},
		{root, strings.Replace(object(pdf, root), "<<", fmt.Sprintf("<</Version /1.6 /AcroForm <</Fields [%d 0 R] /SigFlags 3>>", field), 1)},
		{field, fmt.Sprintf("<</Type /Annot /Subtype /Widget /FT /Sig /T (Signature1) /F 132 /P %d 0 R /Rect [56 60 296 102] /V %d 0 R /AP <</N %d 0 R>>>>",
			page, value, look)},
		{value, fmt.Sprintf("<</Type /Sig /Filter /Adobe.PPKLite /SubFilter /adbe.pkcs7.detached /M (D:%s) /ByteRange %s /Contents <%s>>>",
			at.Format("20060102150405Z"), blankRange, strings.Repeat("0", 2*signatureRoom))},
		{face, "<</Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding>>"},
		{look, fmt.Sprintf("<</Type /XObject /Subtype /Form /BBox [0 0 240 42] /Resources <</Font <</F1 %d 0 R>>>> /Length %d>>\nstream\n%s\nendstream",
			face, len(stream), stream)},
	}
	slices.SortFunc(update, func(a, b numbered) int { return a.n - b.n })
	return appendObjects(pdf, update, fmt.Sprintf("/Size %d /Root %d 0 R /Info %d 0 R /Prev %d", size+4, root, info, prev)), nil
}

type numbered struct {
	n    int
	body string
}

func appendObjects(pdf []byte, update []numbered, entries string) []byte {
	b := bytes.NewBuffer(slices.Clone(pdf))
	var xref strings.Builder
	xref.WriteString("xref\n0 1\n0000000000 65535 f \n")
	for _, o := range update {
		fmt.Fprintf(&xref, "%d 1\n%010d 00000 n \n", o.n, b.Len())
		fmt.Fprintf(b, "%d 0 obj\n%s\nendobj\n", o.n, strings.TrimSpace(o.body))
	}
	start := b.Len()
	fmt.Fprintf(b, "%strailer\n<<%s>>\nstartxref\n%d\n%%%%EOF\n", xref.String(), entries, start)
	return b.Bytes()
}

// appearance is what the field shows.
func appearance(t *transcript, at time.Time) string {
	return fmt.Sprintf("0.97 0.97 0.92 rg 0.45 0.45 0.5 RG 0.6 w 0.5 0.5 239 41 re B 0 g\n"+
		"BT /F1 8 Tf 11 TL 8 28 Td (Digitally signed by %s) Tj T* (%s) Tj T* (%s) Tj ET",
		winAnsi(t.school.registrar), winAnsi(t.school.english), at.Format("2006-01-02 15:04 UTC"))
}

// winAnsi spells text in the encoding of the field's face, which has Latin-1's letters in their places.
func winAnsi(s string) string {
	var b []byte
	for _, r := range s {
		switch {
		case r == '’':
			r = 0x92
		case r > 0xff:
			r = '?'
		}
		b = append(b, byte(r))
	}
	return string(b)
}

var trailerPattern = regexp.MustCompile(`/Size (\d+)\n/Root (\d+) 0 R\n/Info (\d+) 0 R\n>>\nstartxref\n(\d+)\n%%EOF\n$`)

func trailer(pdf []byte) (size, root, info, prev int, err error) {
	m := trailerPattern.FindSubmatch(pdf)
	if m == nil {
		return 0, 0, 0, 0, errors.New("no trailer to update")
	}
	for i, v := range []*int{&size, &root, &info, &prev} {
		if *v, err = strconv.Atoi(string(m[i+1])); err != nil {
			return 0, 0, 0, 0, err
		}
	}
	return size, root, info, prev, nil
}

// lastPage is the number of the last page's object.
func lastPage(pdf []byte) (int, error) {
	all := regexp.MustCompile(`(?m)^(\d+) 0 obj\n<</Type /Page\n`).FindAllSubmatch(pdf, -1)
	if len(all) == 0 {
		return 0, errors.New("no page to put a signature on")
	}
	return strconv.Atoi(string(all[len(all)-1][1]))
}

// object is the body of an object that holds no stream.
func object(pdf []byte, n int) string {
	_, after, _ := bytes.Cut(pdf, fmt.Appendf(nil, "\n%d 0 obj\n", n))
	body, _, _ := bytes.Cut(after, []byte("\nendobj"))
	return string(body)
}

// signer makes the key and certificate of an institution that does not exist. The key follows from the name: it protects
// nothing, and the file comes out the same on every run.
func signer(of *institution) (*ecdsa.PrivateKey, *x509.Certificate, error) {
	seed := sha256.Sum256([]byte("gradseal test data: " + of.name))
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(20260101),
		Subject:      pkix.Name{CommonName: of.registrar, Organization: []string{of.name}, OrganizationalUnit: []string{"Test data, fictitious"}},
		NotBefore:    time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment,
	}
	// Without a source of randomness ECDSA signs as RFC 6979 says: the same bytes every time.
	der, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return key, cert, err
}

// The types of RFC 5652, sections 3 and 5, as far as one signer with one certificate needs them.
type (
	contentInfo struct {
		Type    asn1.ObjectIdentifier
		Content signedData `asn1:"explicit,tag:0"`
	}
	signedData struct {
		Version      int
		Digests      []pkix.AlgorithmIdentifier `asn1:"set"`
		Encapsulated struct{ Type asn1.ObjectIdentifier }
		Certificates asn1.RawValue
		Signers      []signerInfo `asn1:"set"`
	}
	signerInfo struct {
		Version   int
		ID        issuerAndSerial
		Digest    pkix.AlgorithmIdentifier
		Signed    asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature []byte
	}
	issuerAndSerial struct {
		Issuer asn1.RawValue
		Serial *big.Int
	}
	attribute struct {
		Type   asn1.ObjectIdentifier
		Values []any `asn1:"set"`
	}
)

var (
	oidData          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSHA256        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidECDSASHA256   = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
)

// detached is a CMS SignedData whose content is elsewhere.
func detached(content []byte, key *ecdsa.PrivateKey, cert *x509.Certificate) ([]byte, error) {
	digest := sha256.Sum256(content)
	attributes, err := asn1.MarshalWithParams([]attribute{
		{oidContentType, []any{oidData}},
		{oidMessageDigest, []any{digest[:]}},
	}, "set")
	if err != nil {
		return nil, err
	}
	// What is signed is the SET; what is stored has the tag [0] instead (RFC 5652, section 5.4).
	toSign := sha256.Sum256(attributes)
	signature, err := key.Sign(nil, toSign[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	stored := slices.Clone(attributes)
	stored[0] = 0xa0
	sha := pkix.AlgorithmIdentifier{Algorithm: oidSHA256}
	info := contentInfo{Type: oidSignedData, Content: signedData{
		Version:      1,
		Digests:      []pkix.AlgorithmIdentifier{sha},
		Certificates: asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: cert.Raw},
		Signers: []signerInfo{{
			Version:   1,
			ID:        issuerAndSerial{asn1.RawValue{FullBytes: cert.RawIssuer}, cert.SerialNumber},
			Digest:    sha,
			Signed:    asn1.RawValue{FullBytes: stored},
			Algorithm: pkix.AlgorithmIdentifier{Algorithm: oidECDSASHA256},
			Signature: signature,
		}},
	}}
	info.Content.Encapsulated.Type = oidData
	return asn1.Marshal(info)
}
