package main

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"

	"gradseal/bitcoin"
	"gradseal/proof"
	"gradseal/proof/ots"
)

type timestampVector struct {
	head
	Timestamp  string  `json:"timestamp"`
	BatchRoot  string  `json:"batch_root"`
	Height     *uint32 `json:"height,omitempty"` // of one that is accepted
	MerkleRoot string  `json:"merkle_root,omitempty"`
	Fails      string  `json:"fails"`
}

// The parts of a timestamp, written down byte by byte.
const sha = "\x08"

func pushed(tag byte, arg string) string {
	return string(binary.AppendUvarint([]byte{tag}, uint64(len(arg)))) + arg
}

func appended(arg string) string  { return pushed(0xf0, arg) }
func prepended(arg string) string { return pushed(0xf1, arg) }

// fill is so many bytes.
func fill(n int) string { return strings.Repeat("x", n) }

// inBlock is the Bitcoin attestation.
func inBlock(height uint64) string {
	number := binary.AppendUvarint(nil, height)
	return attested(ots.TagBitcoin, string(number))
}

// attested is an attestation of any kind.
func attested(kind ots.Tag, payload string) string {
	return "\x00" + string(kind[:]) + string(binary.AppendUvarint(nil, uint64(len(payload)))) + payload
}

// bigTimestamp has so many bytes, between 4,100 and 12,000.
func bigTimestamp(size int) string {
	end := sha + inBlock(anchorHeight)
	s := prepended(fill(4064)) + sha
	rest := size - len(s) - len(end) - len(sha) - 2*3
	return s + appended(fill(rest/2)) + sha + prepended(fill(rest-rest/2)) + end
}

// usualTimestamp is as a calendar makes one, by its length and its operations: a
// nonce, the calendar's tree, its transaction and the block's tree.
func usualTimestamp() string {
	at := func(i int) string { h := sum("sibling of a calendar %d", i); return string(h[:]) }
	s := appended(at(0)[:16]) + sha + prepended("\x65\x4a\x2b\x10") + appended(at(1)[:8])
	for i := range 6 {
		s += sha + []string{appended(at(i)), prepended(at(i))}[i%2]
	}
	tx := usualTx(sum("batch root")).bytes()
	s += sha + prepended(string(tx[:60])) + appended(string(tx[92:])) + sha + sha
	for i := range 4 {
		s += []string{prepended(at(i)), appended(at(i))}[i%2] + sha + sha
	}
	return s + inBlock(anchorHeight)
}

func timestampVectors() []timestampVector {
	var all []timestampVector
	root := sum("batch root")
	accept := func(name, why, timestamp string) {
		o := must(proof.ParseOpenTimestamps([]byte(timestamp)))
		merkle := walk(root, timestamp)
		all = append(all, timestampVector{head{"timestamp-" + name, why}, hex.EncodeToString([]byte(timestamp)), hex.EncodeToString(root[:]), &o.Height, hex.EncodeToString(merkle[:]), ""})
	}
	refuse := func(name, why, fails, timestamp string) {
		all = append(all, timestampVector{head{"timestamp-" + name, why}, hex.EncodeToString([]byte(timestamp)), hex.EncodeToString(root[:]), nil, "", "timestamp/" + fails})
	}
	usual, end := usualTimestamp(), inBlock(anchorHeight)
	accept("usual", "As long as a calendar's, with all three operations.", usual)
	accept("no-operation", "An attestation and no operation: the batch root is said to be the Merkle root.", end)
	accept("height-0", "The least height.", sha+inBlock(0))
	accept("height-2-32-less-1", "The greatest height, a number of five bytes.", sha+inBlock(1<<32-1))
	accept("255-operations", "As many operations as there may be.", strings.Repeat(sha, 255)+end)
	accept("message-4096", "A message of 4,096 bytes, put together from both sides.", prepended(fill(4000))+appended(fill(64))+sha+end)
	accept("10000-bytes", "As many bytes as there may be.", bigTimestamp(10000))

	refuse("10001-bytes", "A byte more.", "size", bigTimestamp(10001))
	refuse("empty", "No byte.", "truncated", "")
	refuse("no-attestation", "The attestation is missing.", "truncated", strings.TrimSuffix(usual, end))
	refuse("argument-cut", "The length of an argument reaches beyond the end.", "truncated", prepended(fill(20))[:15])
	refuse("kind-cut", "The end stands in the kind of the attestation.", "truncated", sha+end[:6])
	refuse("height-cut", "The last byte of the height is missing.", "truncated", usual[:len(usual)-1])
	refuse("number-cut", "The end stands in a length.", "truncated", "\xf0\xff")
	refuse("byte-more", "A byte after the attestation.", "left-over", usual+"\x00")
	refuse("line-feed", "A line feed after the attestation.", "left-over", usual+"\n")
	refuse("two-timestamps", "A second timestamp after the first.", "left-over", usual+usual)

	one := "\x81\x00" // 1 in two bytes
	refuse("length-two-bytes", "The length of an argument in two bytes where one does.", "number", "\xf0"+one+"x"+sha+end)
	refuse("length-three-bytes", "A length of 128 in three bytes where two do.", "number", "\xf1\x80\x81\x00"+fill(128)+sha+end)
	refuse("length-0-two-bytes", "A length of zero in two bytes.", "number", "\xf0\x80\x00"+sha+end)
	refuse("length-2-64", "A length of 2^64 + 1, which 64 bits cut to 1.", "number", "\xf0\x81"+strings.Repeat("\x80", 8)+"\x02x"+sha+end)
	refuse("length-11-bytes", "A length of eleven bytes, which 64 bits cut to 1.", "number", "\xf0\x81"+strings.Repeat("\x80", 9)+"\x01x"+sha+end)
	refuse("payload-length-two-bytes", "The length of the payload in two bytes where one does.", "number", sha+"\x00"+string(ots.TagBitcoin[:])+"\x81\x00\x07")
	refuse("argument-empty", "An argument without a byte.", "length", "\xf0\x00"+sha+end)
	refuse("argument-4097", "An argument of 4,097 bytes.", "length", prepended(fill(4097))+sha+end)
	refuse("argument-2-63", "An argument of 2^63 bytes is announced.", "length", "\xf1"+strings.Repeat("\x80", 9)+"\x01"+fill(40))
	refuse("message-4097", "A message of 4,097 bytes.", "message", prepended(fill(4065))+sha+end)
	refuse("message-4097-two-sides", "A message of 4,097 bytes, put together from both sides.", "message", prepended(fill(4000))+appended(fill(65))+sha+end)
	refuse("argument-4096", "The longest argument there may be: with the batch root there is no room for it.", "message", appended(fill(4096))+sha+end)
	refuse("256-operations", "An operation more than there may be.", "depth", strings.Repeat(sha, 256)+end)

	litecoin, pending := attested(ots.TagLitecoin, "\x07"), ots.Pending("https://calendar.example").Payload
	refuse("fork-of-attestations", "Two heights for one message.", "fork", sha+"\xff"+inBlock(7)+inBlock(8))
	refuse("fork-at-once", "Two ways from the batch root to the same block.", "fork", "\xff"+appended("x")+sha+end+appended("y")+sha+end)
	refuse("fork-pending", "A pending attestation beside the way to the block, as calendars have it.", "fork",
		appended("x")+sha+"\xff"+attested(ots.TagPending, pending)+prepended("y")+sha+end)
	refuse("attestation-twice", "The same attestation twice.", "fork", sha+"\xff"+end+end)
	refuse("operation-twice", "The same operation twice, to two heights.", "fork", "\xff"+sha+inBlock(7)+sha+inBlock(8))
	for _, c := range []struct{ name, why, op string }{
		{"sha1", "A SHA-1 on the way.", "\x02"},
		{"ripemd160", "A RIPEMD-160 on the way.", "\x03"},
		{"keccak256", "A Keccak-256 on the way, which leaves 32 bytes.", "\x67"},
		{"reverse", "The message is turned round.", "\xf2"},
		{"hexlify", "The message is written in hex.", "\xf3"},
		{"unknown", "An operation that is not known.", "\xf4"},
	} {
		refuse("operation-"+c.name, c.why, "operation", sha+c.op+sha+end)
	}
	refuse("litecoin", "A block of Litecoin.", "attestation", sha+litecoin)
	refuse("pending", "A calendar that has not anchored it yet.", "attestation", sha+attested(ots.TagPending, pending))
	refuse("unknown-attestation", "An attestation of a kind that is not known.", "attestation", sha+attested(ots.Tag{1, 2, 3, 4, 5, 6, 7, 8}, "\x07"))
	refuse("kind-turned", "The kind of the attestation is written backwards.", "attestation", sha+attested(turned(ots.TagBitcoin), "\x07"))
	refuse("height-2-32", "A height of 2^32, which 32 bits cut to 0.", "height", sha+inBlock(1<<32))
	refuse("height-2-64", "A height of 2^64 + 7, which 64 bits cut to 7.", "height", sha+attested(ots.TagBitcoin, "\x87"+strings.Repeat("\x80", 8)+"\x02"))
	refuse("height-two-bytes", "A height in two bytes where one does.", "height", sha+attested(ots.TagBitcoin, "\x87\x00"))
	refuse("height-empty", "A payload without a byte.", "height", sha+attested(ots.TagBitcoin, ""))
	refuse("height-and-more", "A byte after the height, in the payload.", "height", sha+attested(ots.TagBitcoin, "\x07\x00"))
	refuse("height-open", "A height of which the last byte says that another follows.", "height", sha+attested(ots.TagBitcoin, "\x87"))
	refuse("result-33", "The last message has 33 bytes.", "result", sha+appended("x")+end)
	refuse("result-64", "The last message is two hashes, the pair below the Merkle root.", "result", sha+appended(fill(32))+end)
	return all
}

func turned(kind ots.Tag) ots.Tag {
	slices.Reverse(kind[:])
	return kind
}

// walk is where a timestamp of three operations leads, by arithmetic alone.
func walk(message [32]byte, timestamp string) bitcoin.Hash {
	m := message[:]
	for timestamp[0] != 0 {
		tag := timestamp[0]
		timestamp = timestamp[1:]
		if tag == sha[0] {
			h := sumBytes(m)
			m = h[:]
			continue
		}
		n, used := binary.Uvarint([]byte(timestamp))
		arg := []byte(timestamp[used : used+int(n)])
		timestamp = timestamp[used+int(n):]
		if tag == 0xf0 {
			m = slices.Concat(m, arg)
		} else {
			m = slices.Concat(arg, m)
		}
	}
	return bitcoin.Hash(m)
}
