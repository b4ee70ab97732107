package main

import (
	"bytes"
	"encoding/hex"
	"strings"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/proof"
	"gradseal/proof/ots"
	"gradseal/qr"
)

type compactVector struct {
	head
	Compact string `json:"compact"`
	Proof   string `json:"proof,omitempty"` // of one that is accepted
	Fails   string `json:"fails"`
}

func compactOf(p *proof.Proof) string { return string(must(proof.MarshalCompact(p))) }

func compactVectors() []compactVector {
	var all []compactVector
	accept := func(name, why string, p *proof.Proof) {
		all = append(all, compactVector{head{"compact-" + name, why}, hex.EncodeToString([]byte(compactOf(p))), marshal(p), ""})
	}
	refuse := func(name, why, compact, fails string) {
		all = append(all, compactVector{head{"compact-" + name, why}, hex.EncodeToString([]byte(compact)), "", fails})
	}
	usual := func() *proof.Proof { return confirmed(issue(contents(3), 1, uniStatement(), dean, registrar)) }
	with := func(change func(p *proof.Proof)) *proof.Proof {
		p := usual()
		change(p)
		return p
	}
	stamped := &proof.OpenTimestamps{Ops: []ots.Operation{ots.SHA256}, Height: anchorHeight}
	quoted := uniStatement()
	quoted.Title, quoted.After = `A "title" with \ and <&> / 学位`, &issuer.After{Height: anchorHeight - 2, Hash: sum("a block")}
	accept("usual", "One layer, two signature lines of the issuer and a successor that follows the header.", usual())
	accept("pending", "No attestation.", with(func(p *proof.Proof) { p.Bitcoin = nil }))
	accept("title-and-after", "All lines that are optional.", confirmed(issue(contents(1), 0, quoted, dean)))
	accept("no-title", "No line that is optional.", issue(contents(1), 0, allianceStatement(), secretary))
	accept("other-names", "A signature line of somebody else before that of the issuer.", issue(contents(3), 1, uniStatement(), stranger.as("other.example"), dean))
	accept("two-layers", "Two layers, by different issuers.", with(func(p *proof.Proof) { p.Bitcoin = nil; joinBatches(p, allianceStatement(), secretary); confirmed(p) }))
	accept("no-successors", "No successor.", with(func(p *proof.Proof) { p.Bitcoin.Successors = []bitcoin.Header{} }))
	accept("unlinked", "A successor that follows another header, with all of its bytes.", with(func(p *proof.Proof) {
		p.Bitcoin.Successors = []bitcoin.Header{mine(sum("another block"), sum("next"), blockTime.Unix()+600)}
	}))
	accept("half-linked", "The second of two successors follows another header than the first: both with all of their bytes.", with(func(p *proof.Proof) {
		p.Bitcoin.Successors = append(p.Bitcoin.Successors, mine(sum("another block"), sum("next"), blockTime.Unix()+600))
	}))
	accept("timestamp", "An OpenTimestamps attestation.", with(func(p *proof.Proof) { p.Bitcoin, p.OpenTimestamps = nil, stamped }))
	accept("both", "Both attestations.", with(func(p *proof.Proof) { p.OpenTimestamps = stamped }))

	p := usual()
	good := compactOf(p)
	const layers, network, index = 65, 66, 67 // behind version, digest and salt
	at := func(i int, with string) string { return good[:i] + with + good[i+1:] }
	position := string(good[index])
	id := string(rune(len(uniID))) + uniID
	refuse("empty", "No byte.", "", "compact/truncated")
	refuse("newer", "Version 2.", at(0, "\x02"), "compact/newer")
	refuse("version-0", "Version 0.", at(0, "\x00"), "compact/version")
	refuse("cut", "The last byte is missing.", good[:len(good)-1], "compact/truncated")
	refuse("cut-in-number", "It ends within a number.", good[:index]+"\x80", "compact/truncated")
	refuse("left-over", "A byte after the end.", good+"\x00", "compact/left-over")
	refuse("no-layers", "No layer, and nothing after it but that there is no attestation.", good[:layers]+"\x00\x01\x00", "proof/layers")
	refuse("five-layers", "Five layers.", at(layers, "\x05"), "compact/count")
	refuse("network-0", "No network.", at(network, "\x00"), "compact/network")
	refuse("network-6", "A network after the last one.", at(network, "\x06"), "compact/network")
	refuse("number-long", "A number with a byte more than it needs.", at(index, string(position[0]|0x80)+"\x00"), "compact/number")
	refuse("number-2-64", "A number of 2^64.", at(index, strings.Repeat("\x80", 9)+"\x02"), "compact/number")
	refuse("index-2-32", "A leaf index of 2^32.", at(index, "\x80\x80\x80\x80\x10"), "proof/index")
	refuse("path-33", "A path of 33 hashes.", good[:index+1]+"\x21"+strings.Repeat("h", 33*32)+good[index+2+32*len(p.Layers[0].Path):], "compact/count")
	refuse("length", "A length of more bytes than there are.", edit(good, id, "\xff\xff\x03"+uniID), "compact/truncated")
	refuse("name-spelled-out", "The issuer id as the name of a signature.", edit(good, "\x02\x00"+string(keyIDOf(p)), "\x02"+id+string(keyIDOf(p))), "compact/spelling")
	refuse("year-10000", "A statement issued in the year 10000.", edit(good, issuedNumber(), "\x80\x83\xd1\xff\xaf\x07"), "statement/issued")
	refuse("year-2008", "A statement issued before 2009.", edit(good, issuedNumber(), "\xff\x8e\xf0\xca\x04"), "statement/issued")
	refuse("after-2", "2 where 0 or 1 says whether a block is named.", edit(good, issuedNumber()+"\x00", issuedNumber()+"\x02"), "compact/count")
	refuse("attestations-4", "Attestations of a kind that is not known.", edit(compactOf(with(func(p *proof.Proof) { p.Bitcoin = nil }))+"!", "\x00!", "\x04"), "compact/count")
	refuse("successors-13", "13 successors.", good[:len(good)-48-2]+"\x0d\x01"+strings.Repeat(good[len(good)-48:], 13), "compact/count")
	refuse("successors-way", "2 where 0 or 1 says how successors are written.", good[:len(good)-48-1]+"\x02"+good[len(good)-48:], "compact/count")
	successor := p.Bitcoin.Successors[0]
	refuse("link-spelled-out", "A successor that follows the header, with all of its bytes.", good[:len(good)-48-1]+"\x00"+string(successor[:]), "compact/spelling")
	refuse("position-2-32", "A position of 2^32.", editLast(good, p.Bitcoin.Transaction, "\x01", "\x80\x80\x80\x80\x10"), "proof/position")
	return all
}

// editLast replaces what follows the transaction.
func editLast(good string, tx []byte, old, new string) string {
	before, after, ok := strings.Cut(good, string(tx))
	if !ok || !strings.HasPrefix(after, old) {
		panic("vectors: not what follows the transaction")
	}
	return before + string(tx) + new + strings.TrimPrefix(after, old)
}

// keyIDOf is the key id of the first signature line.
func keyIDOf(p *proof.Proof) []byte {
	_, n, err := issuer.ParseStatement(p.Layers[0].Signed)
	id := must(n, err).Signatures[0].KeyID
	return []byte{byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)}
}

// issuedNumber is the time of uniStatement: 1795338000.
func issuedNumber() string { return "\x90\xde\x8a\xd8\x06" }

type codesVector struct {
	head
	Codes   []string `json:"codes"`
	Compact string   `json:"compact,omitempty"` // of codes that are accepted
	Fails   string   `json:"fails"`
}

func codesVectors() []codesVector {
	var all []codesVector
	compact := []byte(compactOf(confirmed(issue(contents(200), 1, uniStatement(), dean, registrar))))
	texts := func(compact []byte) (out []string) {
		for _, p := range must(qr.Split(compact)) {
			out = append(out, string(p))
		}
		return out
	}
	accept := func(name, why string, compact []byte, codes ...string) {
		all = append(all, codesVector{head{"codes-" + name, why}, codes, hex.EncodeToString(compact), ""})
	}
	refuse := func(name, why, fails string, codes ...string) {
		all = append(all, codesVector{head{"codes-" + name, why}, append([]string{}, codes...), "", "codes/" + fails})
	}
	c, short := texts(compact), []byte("what is in the codes need not be a proof")
	one := texts(short)[0]
	full := bytes.Repeat([]byte("full"), 446/2)
	accept("usual", "The codes of a proof.", compact, c...)
	accept("any-order", "The last code first, and the first one twice.", compact, append([]string{c[len(c)-1], c[0]}, c...)...)
	accept("others", "An address and an empty code beside those of a proof.", compact, append([]string{"https://uni.example/", "", "gradseal 1/1 00"}, c...)...)
	accept("one", "One code.", short, one)
	accept("one-byte", "A proof of one byte.", []byte{1}, texts([]byte{1})...)
	accept("446-bytes", "As much as one code can have.", full[:446], texts(full[:446])...)
	accept("447-bytes", "A byte more: two codes.", full[:447], texts(full[:447])...)
	accept("uneven", "The last code has a byte fewer than the other.", full[:892-1], texts(full[:892-1])...)
	accept("65536-bytes", "As much as a compact proof can have: 147 codes.", bytes.Repeat(full, 100)[:65536], texts(bytes.Repeat(full, 100)[:65536])...)

	refuse("none", "No code.", "missing")
	refuse("missing", "The first code is missing.", "missing", c[1:]...)
	refuse("no-numbers", "A code without its number.", "form", edit(one, "1/1 ", ""))
	refuse("zero", "Code 0.", "form", edit(one, "1/1", "0/1"))
	refuse("leading-zero", "A leading zero.", "form", edit(one, "1/1", "01/1"))
	refuse("above-total", "Code 2 of 1.", "form", edit(one, "1/1", "2/1"))
	refuse("148", "Code 148 of 148.", "form", edit(one, "1/1", "148/148"))
	refuse("two-spaces", "Two spaces before the base45.", "base45", edit(one, "1/1 ", "1/1  "))
	refuse("lower-case", "A small letter in the base45.", "form", one[:len(one)-1]+strings.ToLower("A"))
	refuse("line-feed", "A line feed at the end.", "form", one+"\n")
	refuse("701-bytes", "A code of 701 bytes.", "form", "GRADSEAL 1/1 "+strings.Repeat("0", 688))
	refuse("base45-1", "A base45 character alone at the end.", "base45", one+"0")
	refuse("base45-65536", "Three base45 characters that stand for 65536.", "base45", edit(one, one[13:16], "GGW"))
	refuse("base45-256", "Two base45 characters that stand for 256.", "base45", texts(short[:39])[0][:len(texts(short[:39])[0])-2]+"V5")
	refuse("no-chunk", "A code without a chunk.", "form", one[:13+12])
	refuse("447-chunk", "A chunk of 447 bytes.", "form", edit(texts(full[:446])[0]+"!", "!", "U0"))
	refuse("other-proof", "Two codes of different proofs.", "other", c[0], texts(full[:(446 * len(c))])[1])
	refuse("other-total", "Two codes with different totals.", "other", c[0], edit(c[1], "2/"+c[1][11:12], "2/9"))
	refuse("twice", "Two different codes with one number.", "twice", c[0], c[0][:len(c[0])-3]+"000")
	refuse("digest", "Codes that do not have the digest of the whole.", "split", edit(one, one[13:16], "000"))
	refuse("empty-last", "More codes than the bytes ask for.", "split", splitUneven(short)...)
	return all
}

// splitUneven splits into two parts what belongs into one.
func splitUneven(compact []byte) []string {
	whole := string(must(qr.Split(compact))[0])
	half := 13 + 12 + 3*(len(compact)/4) // prefix, digest, and an even number of bytes
	return []string{edit(whole[:half], "1/1", "1/2"), edit(whole[:13], "1/1", "2/2") + whole[13:13+12] + whole[half:]}
}
