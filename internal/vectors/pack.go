package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"gradseal/bitcoin"
)

type (
	segmentVector struct {
		head
		Segment string `json:"segment"`
		Network string `json:"network,omitempty"` // of one that is accepted, as what follows
		First   *int   `json:"first,omitempty"`   // height
		Count   int    `json:"count,omitempty"`
		Last    string `json:"last,omitempty"`
		Fails   string `json:"fails"`
	}
	packVector struct {
		head
		packInput
		Fingerprint string    `json:"fingerprint,omitempty"` // of one that is accepted
		Networks    *[]string `json:"networks,omitempty"`    // likewise, of the lists
		Headers     *[]string `json:"headers,omitempty"`     // likewise, of the segments
		Fails       string    `json:"fails"`
	}
	packInput struct {
		Pack  *string `json:"pack,omitempty"`
		Bytes []byte  `json:"pack_base64,omitempty"`
	}
)

func packOf(s string) packInput {
	text, raw := textOrBytes(s)
	return packInput{text, raw}
}

// rawSegment is a header segment before it is written: each part as it stands.
type rawSegment struct {
	magic   string
	network byte
	source  string
	length  int // of the source, as it is written; -1: as it is
	from    uint32
	work    []byte // 32 bytes
	count   int    // as it is written; -1: as it is
	headers []bitcoin.Header
	after   []byte
}

// newSegment has n headers of regtest from genesis on.
func newSegment(n int) rawSegment {
	return rawSegment{"gradseal-headers-v1\n", 5, "pack of " + uniID, -1, 0, make([]byte, 32), -1, regtestChain(n - 1), nil}
}

func (s rawSegment) bytes() []byte {
	length, count := s.length, s.count
	if length < 0 {
		length = len(s.source)
	}
	if count < 0 {
		count = len(s.headers)
	}
	b := append([]byte(s.magic), s.network, byte(length))
	b = append(b, s.source...)
	b = binary.LittleEndian.AppendUint32(b, s.from)
	previous := make([]byte, 32)
	if len(s.headers) > 0 {
		previous = s.headers[0][4:36]
	}
	b = slices.Concat(b, previous, s.work)
	b = binary.LittleEndian.AppendUint32(b, uint32(count))
	for _, h := range s.headers {
		b = slices.Concat(b, h[:4], h[36:])
	}
	return append(b, s.after...)
}

// at is the segment with another first height.
func (s rawSegment) at(from uint32) rawSegment {
	s.from = from
	return s
}

// of is the segment with the number of another network.
func (s rawSegment) of(network byte) rawSegment {
	s.network = network
	return s
}

func segmentVectors() []segmentVector {
	var all []segmentVector
	accept := func(name, why, network string, s rawSegment) {
		from := int(s.from)
		all = append(all, segmentVector{head{"segment-" + name, why}, hex.EncodeToString(s.bytes()), network, &from,
			len(s.headers), s.headers[len(s.headers)-1].Hash().String(), ""})
	}
	refuse := func(name, why, fails string, change func(*rawSegment)) {
		s := newSegment(3)
		change(&s)
		all = append(all, segmentVector{head: head{"segment-" + name, why}, Segment: hex.EncodeToString(s.bytes()), Fails: fails})
	}
	part := newSegment(5)
	part.headers, part.from, part.work[31] = part.headers[2:], 2, 4
	accept("regtest", "Three headers of regtest, the genesis header first.", "regtest", newSegment(3))
	accept("genesis", "One header.", "regtest", newSegment(1))
	accept("part", "Three headers from height 2 on.", "regtest", part)
	// Nothing here judges a header: these numbers of networks fit those headers
	// as well as any.
	for i, n := range bitcoin.Networks() {
		accept("of-"+n.String(), "The number of "+n.String()+", whatever the headers are.", n.String(), newSegment(1).of(byte(i+1)))
	}
	longest := newSegment(1)
	longest.source = strings.Repeat("~", 200)
	accept("source-200", "A source of 200 bytes.", "regtest", longest)
	accept("highest", "A header at the highest height.", "mainnet", newSegment(1).at(1<<24-1).of(1))
	claim := newSegment(1).at(2016)
	claim.work[4] = 0xff
	accept("work-224", "A chainwork of 224 bits.", "regtest", claim)
	lazy := newSegment(2)
	lazy.headers[1] = grind(lazy.headers[1], noWork)
	accept("without-work", "The second header does not meet its target: that is not judged here.", "regtest", lazy)

	refuse("magic", "Another version at the beginning.", "segment/magic", func(s *rawSegment) { s.magic = "gradseal-headers-v2\n" })
	refuse("no-line-feed", "No line feed after the version.", "segment/magic", func(s *rawSegment) { s.magic = "gradseal-headers-v1" })
	refuse("network-0", "The number 0, which is no network's.", "segment/network", func(s *rawSegment) { s.network = 0 })
	refuse("network-6", "The number 6, which is no network's.", "segment/network", func(s *rawSegment) { s.network = 6 })
	refuse("no-source", "An empty source.", "segment/source", func(s *rawSegment) { s.source = "" })
	refuse("source-201", "A source of 201 bytes.", "segment/source", func(s *rawSegment) { s.source = strings.Repeat("~", 201) })
	refuse("source-space-before", "A source that begins with a space.", "segment/source", func(s *rawSegment) { s.source = " a node" })
	refuse("source-space-after", "A source that ends with a space.", "segment/source", func(s *rawSegment) { s.source = "a node " })
	refuse("source-control", "A control in the source.", "segment/source", func(s *rawSegment) { s.source = "a\x1fnode" })
	refuse("source-delete", "U+007F in the source.", "segment/source", func(s *rawSegment) { s.source = "a\x7fnode" })
	refuse("source-utf-8", "A letter that is not ASCII in the source.", "segment/source", func(s *rawSegment) { s.source = "ä node" })
	refuse("work-225", "A chainwork of 225 bits.", "segment/work", func(s *rawSegment) { s.work[3] = 1 })
	refuse("no-headers", "No header.", "segment/count", func(s *rawSegment) { s.headers = nil })
	refuse("count-2000001", "More headers than a segment can have, of which none is there.", "segment/count", func(s *rawSegment) { s.count = 2_000_001 })
	refuse("count-largest", "The largest number of headers that can be written.", "segment/count", func(s *rawSegment) { s.count = 1<<32 - 1 })
	refuse("too-high", "The third header is above the highest height.", "segment/height", func(s *rawSegment) { s.from = 1<<24 - 2 })
	refuse("far-too-high", "The height of the first header is 2^32 - 1.", "segment/height", func(s *rawSegment) { s.from = 1<<32 - 1 })
	refuse("cut", "The last header is not whole.", "segment/size", func(s *rawSegment) { s.headers = s.headers[:2]; s.count = 3; s.after = make([]byte, 47) })
	refuse("one-less", "A header less than the number says.", "segment/size", func(s *rawSegment) { s.count = 4 })
	refuse("one-more", "A header more than the number says.", "segment/size", func(s *rawSegment) { s.count = 2 })
	refuse("byte-after", "A byte after the last header.", "segment/size", func(s *rawSegment) { s.after = []byte{0} })
	refuse("whole-headers", "Headers of 80 bytes.", "segment/size", func(s *rawSegment) { s.after = make([]byte, 3*32) })
	return all
}

// rawPack is a pack before it is written.
type rawPack struct {
	Format  string   `json:"format"`
	Issuer  string   `json:"issuer"`
	Status  []string `json:"status"`
	Headers []string `json:"headers"`
}

func (p rawPack) text() string {
	var out strings.Builder
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(p); err != nil {
		panic("vectors: " + err.Error())
	}
	return out.String()
}

// packed is a segment as it stands in a pack.
func packed(s rawSegment) string { return base64.StdEncoding.EncodeToString(s.bytes()) }

// listFor is a list of an issuer for a network.
func listFor(id, network string) string {
	text := "gradseal status v1\nissuer " + id + "\nnetwork " + network + "\nsequence 3\nasof 2026-11-22T09:00:00Z\n" + statusNext
	return signed(text, dean.as(id), registrar.as(id))
}

func newPack() rawPack {
	return rawPack{
		Format:  "gradseal-pack/1",
		Issuer:  signed(issuerHead+set(year2026, "-", 2, dean, registrar, spare), dean, registrar, spare),
		Status:  []string{listFor(uniID, "mainnet"), listFor(uniID, "regtest")},
		Headers: []string{packed(newSegment(3).of(1).at(2016)), packed(newSegment(2).of(1).at(2020)), packed(newSegment(3))},
	}
}

func packVectors() []packVector {
	var all []packVector
	accept := func(name, why string, networks, headers []string, change func(*rawPack)) {
		p := newPack()
		change(&p)
		all = append(all, packVector{head{"pack-" + name, why}, packOf(p.text()), fingerprint(p.Issuer), &networks, &headers, ""})
	}
	edited := func(name, why, fails, old, new string) {
		all = append(all, packVector{head: head{"pack-" + name, why}, packInput: packOf(edit(newPack().text(), old, new)), Fails: fails})
	}
	refuse := func(name, why, fails string, change func(*rawPack)) {
		p := newPack()
		change(&p)
		all = append(all, packVector{head: head{"pack-" + name, why}, packInput: packOf(p.text()), Fails: fails})
	}
	lists, segments := []string{"mainnet", "regtest"}, []string{"mainnet 2016 3", "mainnet 2020 2", "regtest 0 3"}
	accept("whole", "Two lists and three segments.", lists, segments, func(*rawPack) {})
	accept("no-headers", "No segment.", lists, []string{}, func(p *rawPack) { p.Headers = []string{} })
	accept("no-lists", "No status list.", []string{}, segments, func(p *rawPack) { p.Status = []string{} })
	accept("issuer-alone", "Neither lists nor segments.", []string{}, []string{}, func(p *rawPack) { p.Status, p.Headers = []string{}, []string{} })
	accept("five-lists", "A list for each network.", []string{"mainnet", "testnet3", "testnet4", "signet", "regtest"}, segments, func(p *rawPack) {
		p.Status = nil
		for _, n := range bitcoin.Networks() {
			p.Status = append(p.Status, listFor(uniID, n.String()))
		}
	})
	accept("gap-of-one", "Two segments between which one header is missing.", lists, []string{"regtest 0 3", "regtest 4 1"}, func(p *rawPack) {
		p.Headers = []string{packed(newSegment(3)), packed(newSegment(1).at(4))}
	})
	accept("strangers-list", "A list that strangers signed: signatures of lists are judged when they are taken in.", []string{"mainnet"}, segments, func(p *rawPack) {
		text, _, _ := strings.Cut(p.Status[0], "\n\n")
		p.Status = []string{signed(text+"\n", stranger)}
	})

	edited("newer", "A newer format.", "pack/format", "gradseal-pack/1", "gradseal-pack/2")
	edited("of-a-proof", "The format of a proof.", "pack/format", "gradseal-pack/1", "gradseal-proof/1")
	edited("without-headers", "No member headers.", "json/members", packTail(), "  ]\n}\n")
	edited("unknown-member", "An unknown member.", "json/members", "\",\n  \"issuer\"", "\",\n  \"time\": 1,\n  \"issuer\"")
	edited("headers-null", "null in place of the segments.", "json/members", packTail(), "  ],\n  \"headers\": null\n}\n")
	edited("segment-number", "A number in place of a segment.", "json/members", "\""+packed(newSegment(3))+"\"", "1")
	edited("space-more", "A space more.", "json/spelling", "\"headers\": [", "\"headers\":  [")
	edited("member-twice", "A member that stands twice.", "json/spelling", "  \"issuer\"", "  \"format\": \"gradseal-pack/1\",\n  \"issuer\"")
	edited("order", "Two members have changed places.", "json/spelling", packTail(), "  ],\n  \"headers\": [],\n  \"headers\": []\n}\n")
	edited("escaped-slash", "An escaped slash.", "json/spelling", "gradseal-pack/1", "gradseal-pack\\/1")
	edited("cut-off", "The last brace is missing.", "json/text", "  ]\n}\n", "  ]\n")
	edited("something-after", "A second text after the first.", "json/text", "  ]\n}\n", "  ]\n}\n{}\n")
	edited("byte-order-mark", "A byte order mark at the beginning.", "json/bom", "{\n  \"format\"", "\ufeff{\n  \"format\"")
	edited("not-utf-8", "A byte in the issuer's name that is not UTF-8.", "json/utf-8", "name University", "name Universit\xff")

	refuse("issuer-unsigned", "An issuer file that one of its officers did not sign.", "file/unsigned", func(p *rawPack) {
		p.Issuer = signed(issuerHead+set(year2026, "-", 2, dean, registrar, spare), dean, registrar)
	})
	refuse("list-for-issuer", "A status list in place of the issuer file.", "file/format", func(p *rawPack) { p.Issuer = p.Status[0] })
	refuse("list-malformed", "A status list with a sequence of 03.", "list/sequence", func(p *rawPack) {
		text, _, _ := strings.Cut(edit(p.Status[1], "sequence 3", "sequence 03"), "\n\n")
		p.Status[1] = signed(text+"\n", dean)
	})
	refuse("list-of-other", "A status list of another issuer.", "pack/status-issuer", func(p *rawPack) { p.Status[1] = listFor(allianceID, "regtest") })
	refuse("lists-descending", "The lists are not in the order of the networks.", "pack/status-order", func(p *rawPack) { slices.Reverse(p.Status) })
	refuse("list-twice", "Two lists for one network.", "pack/status-order", func(p *rawPack) { p.Status[1] = p.Status[0] })

	refuse("base64-unpadded", "A segment without its padding.", "pack/base64", func(p *rawPack) { p.Headers[0] = strings.TrimRight(packed(paddedSegment()), "=") })
	refuse("base64-respelled", "A segment of which the unused bits are not zero.", "pack/base64", func(p *rawPack) { p.Headers[0] = respell(packed(paddedSegment()), 1) })
	refuse("base64-url", "A segment in the alphabet for URLs.", "pack/base64", func(p *rawPack) { p.Headers[2] = "-" + p.Headers[2][1:] })
	refuse("base64-line-end", "A line end in a segment.", "pack/base64", func(p *rawPack) { p.Headers[2] = p.Headers[2][:76] + "\n" + p.Headers[2][76:] })
	refuse("segment-empty", "An empty segment.", "segment/magic", func(p *rawPack) { p.Headers[2] = "" })
	refuse("segment-cut", "A segment of which the last header is not whole.", "segment/size", func(p *rawPack) {
		b := newSegment(3).bytes()
		p.Headers[2] = base64.StdEncoding.EncodeToString(b[:len(b)-1])
	})
	refuse("networks-descending", "The segments are not in the order of the networks.", "pack/headers-order", func(p *rawPack) { slices.Reverse(p.Headers) })
	refuse("heights-descending", "Two segments of one network in the wrong order.", "pack/headers-order", func(p *rawPack) {
		p.Headers[0], p.Headers[1] = p.Headers[1], p.Headers[0]
	})
	refuse("segment-twice", "A segment that stands twice.", "pack/headers-order", func(p *rawPack) { p.Headers[1] = p.Headers[0] })
	refuse("overlap", "Two segments with one header in common.", "pack/headers-order", func(p *rawPack) { p.Headers[1] = packed(newSegment(2).of(1).at(2018)) })
	refuse("no-gap", "Two segments that could be one.", "pack/headers-order", func(p *rawPack) { p.Headers[1] = packed(newSegment(2).of(1).at(2019)) })
	return all
}

// packTail is the end of the usual pack, from its last list on.
func packTail() string {
	text := newPack().text()
	return text[strings.Index(text, "  ],\n  \"headers\""):]
}

// paddedSegment is one whose base64 ends in one character of padding.
func paddedSegment() rawSegment {
	s := newSegment(1).of(1).at(2016)
	for len(s.bytes())%3 != 2 {
		s.source += "."
	}
	return s
}
