package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"

	"gradseal/bitcoin"
	"gradseal/proof"
)

type transactionVector struct {
	head
	Transaction string `json:"transaction"`
	ID          string `json:"id,omitempty"`         // reversed; of one that is accepted
	BatchRoot   string `json:"batch_root,omitempty"` // of one that is accepted
	Fails       string `json:"fails"`
}

// rawTx is a stripped transaction in parts, so that a part can be replaced by
// bytes that no serializer writes.
type rawTx struct {
	inputs  []byte // their number
	script  []byte // of the one input, with its length
	outputs []byte // their number
	output  [][]byte
	lock    []byte
}

func (t rawTx) bytes() []byte {
	outpoint := sum("a coin")
	return slices.Concat([]byte{2, 0, 0, 0}, t.inputs, outpoint[:], []byte{1, 0, 0, 0}, t.script,
		[]byte{0xfd, 0xff, 0xff, 0xff}, t.outputs, slices.Concat(t.output...), t.lock)
}

// output is an output with a script of fewer than 253 bytes.
func output(value uint64, script []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, value)
	return append(append(b, byte(len(script))), script...)
}

// changeOutput is an output that pays to a witness public key hash.
func changeOutput() []byte {
	hash := sum("a key")
	return output(4_998_000_000, append([]byte{0, 20}, hash[:20]...))
}

// usualTx is what a writer makes.
func usualTx(root [32]byte) rawTx {
	return rawTx{
		inputs: []byte{1}, script: []byte{0}, outputs: []byte{2},
		output: [][]byte{output(0, proof.Commitment(root)), changeOutput()}, lock: make([]byte, 4),
	}
}

// withOutputs is a transaction of these outputs.
func withOutputs(outputs ...[]byte) rawTx {
	return rawTx{inputs: []byte{1}, script: []byte{0}, outputs: []byte{byte(len(outputs))}, output: outputs, lock: make([]byte, 4)}
}

// sized is a transaction of exactly so many bytes: the input's script fills it.
func sized(root [32]byte, size int) rawTx {
	t := usualTx(root)
	n := size - len(t.bytes()) - 2
	t.script = append(binary.LittleEndian.AppendUint16([]byte{0xfd}, uint16(n)), make([]byte, n)...)
	return t
}

func transactionVectors() []transactionVector {
	var all []transactionVector
	root := sum("batch root")
	accept := func(name, why string, t rawTx) {
		raw := t.bytes()
		id := must(bitcoin.ParseTransaction(raw)).ID()
		all = append(all, transactionVector{head{"transaction-" + name, why}, hex.EncodeToString(raw), id.String(), hex.EncodeToString(root[:]), ""})
	}
	refuse := func(name, why string, raw []byte, fails string) {
		all = append(all, transactionVector{head{"transaction-" + name, why}, hex.EncodeToString(raw), "", "", fails})
	}
	with := func(change func(*rawTx)) []byte {
		t := usualTx(root)
		change(&t)
		return t.bytes()
	}
	script := proof.Commitment(root)
	accept("usual", "A commitment and a change output.", usualTx(root))
	accept("4000-bytes", "The largest transaction.", sized(root, 4000))
	accept("commitment-last", "The commitment is the last of three outputs; a look-alike is a value of another script.",
		withOutputs(changeOutput(), output(0, append([]byte{0x6a, 0x4c}, script[1:]...)), output(0, script)))
	padded := usualTx(root)
	padded.script = append([]byte{0xfd, 0xfd, 0}, make([]byte, 253)...)
	short := usualTx(root)
	short.script = append([]byte{0xfc}, make([]byte, 252)...)
	accept("script-252-bytes", "The longest script of which the length takes one byte.", short)
	accept("script-253-bytes", "The shortest script of which the length takes three bytes.", padded)

	refuse("64-bytes", "64 bytes, which could be an inner node of the block's tree; so short, there is no commitment either.",
		withOutputs(output(0, make([]byte, 4))).bytes(), "tx/size")
	refuse("65-bytes", "The shortest transaction, in which no commitment has room.", withOutputs(output(0, make([]byte, 5))).bytes(), "commitment/count")
	refuse("4001-bytes", "A byte more than the limit.", sized(root, 4001).bytes(), "tx/size")

	refuse("inputs-3-byte-form", "The number of inputs takes three bytes.", with(func(t *rawTx) { t.inputs = []byte{0xfd, 1, 0} }), "tx/compact-size")
	refuse("inputs-5-byte-form", "The number of inputs takes five bytes.", with(func(t *rawTx) { t.inputs = []byte{0xfe, 1, 0, 0, 0} }), "tx/compact-size")
	refuse("outputs-9-byte-form", "The number of outputs takes nine bytes.", with(func(t *rawTx) { t.outputs = []byte{0xff, 2, 0, 0, 0, 0, 0, 0, 0} }), "tx/compact-size")
	refuse("script-252-3-byte-form", "The length of a script of 252 bytes takes three bytes.", with(func(t *rawTx) {
		t.script = append([]byte{0xfd, 0xfc, 0}, make([]byte, 252)...)
	}), "tx/compact-size")
	refuse("script-5-byte-form", "The length of a script of 253 bytes takes five bytes.", with(func(t *rawTx) {
		t.script = append([]byte{0xfe, 0xfd, 0, 0, 0}, make([]byte, 253)...)
	}), "tx/compact-size")
	refuse("script-65535-5-byte-form", "A script length of 65,535 takes five bytes.", with(func(t *rawTx) { t.script = []byte{0xfe, 0xff, 0xff, 0, 0} }), "tx/compact-size")
	refuse("script-2-32-9-byte-form", "A script length of 2^32 - 1 takes nine bytes.", with(func(t *rawTx) {
		t.script = []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}
	}), "tx/compact-size")
	refuse("output-script-3-byte-form", "The length of the commitment takes three bytes.", with(func(t *rawTx) {
		t.output[0] = slices.Concat(make([]byte, 8), []byte{0xfd, 38, 0}, script)
	}), "tx/compact-size")

	usual := usualTx(root).bytes()
	refuse("no-input", "No input.", slices.Concat(usual[:4], []byte{0}, usual[4+1+36+1+4:]), "tx/inputs")
	refuse("witness", "The serialization with witness.", slices.Concat(usual[:4], []byte{0, 1}, usual[4:len(usual)-4], []byte{1, 2, 0xaa, 0xbb}, usual[len(usual)-4:]), "tx/inputs")
	refuse("no-output", "No output, in a transaction that is long enough.", rawTx{inputs: []byte{1}, script: append([]byte{60}, make([]byte, 60)...),
		outputs: []byte{0}, lock: make([]byte, 4)}.bytes(), "tx/outputs")

	refuse("lock-time-cut", "The last byte is missing.", usual[:len(usual)-1], "tx/truncated")
	refuse("no-lock-time", "The lock time is missing.", usual[:len(usual)-4], "tx/truncated")
	refuse("more-inputs", "The number of inputs is larger than what is there.", with(func(t *rawTx) { t.inputs = []byte{200} }), "tx/truncated")
	refuse("more-outputs", "The number of outputs is larger by one than what is there.", with(func(t *rawTx) { t.outputs = []byte{3} }), "tx/truncated")
	refuse("2-32-inputs", "2^32 inputs are announced.", with(func(t *rawTx) { t.inputs = []byte{0xff, 0, 0, 0, 0, 1, 0, 0, 0} }), "tx/truncated")
	refuse("long-script", "A script length that reaches beyond the end.", with(func(t *rawTx) { t.script = []byte{0xfd, 0xff, 0xff} }), "tx/truncated")
	refuse("script-65536", "A script length of 65,536, the least that takes five bytes.", with(func(t *rawTx) { t.script = []byte{0xfe, 0, 0, 1, 0} }), "tx/truncated")
	refuse("longest-script", "A script length of 2^64 - 1.", with(func(t *rawTx) { t.script = bytes.Repeat([]byte{0xff}, 9) }), "tx/truncated")
	refuse("one-byte-more", "A byte after the lock time.", append(slices.Clone(usual), 0), "tx/left-over")
	refuse("fewer-outputs", "The number of outputs is smaller by one than what is there.", with(func(t *rawTx) { t.outputs = []byte{1} }), "tx/left-over")

	other := sum("another batch root")
	none := func(name, why string, script []byte) {
		refuse("commitment-"+name, why, withOutputs(output(0, script), changeOutput()).bytes(), "commitment/count")
	}
	refuse("no-commitment", "No commitment.", withOutputs(changeOutput()).bytes(), "commitment/count")
	refuse("two-commitments", "Two commitments to two roots.", withOutputs(output(0, script), output(0, proof.Commitment(other))).bytes(), "commitment/count")
	refuse("same-commitment-twice", "The same commitment twice.", withOutputs(output(0, script), output(0, script), changeOutput()).bytes(), "commitment/count")
	none("in-larger-push", "The commitment is the beginning of a larger push.", slices.Concat([]byte{0x6a, 0x25}, script[2:], []byte{0}))
	none("after-data", "The commitment is the end of a larger push.", slices.Concat([]byte{0x6a, 0x26, 0x6a, 0x24}, script[2:]))
	none("pushdata", "The push is written with OP_PUSHDATA1.", slices.Concat([]byte{0x6a, 0x4c, 0x24}, script[2:]))
	none("byte-after", "A byte after the push.", append(slices.Clone(script), 0))
	none("cut", "The root is a byte short.", slices.Concat([]byte{0x6a, 0x23}, script[2:37]))
	none("tag-2", "The tag of another version.", slices.Concat([]byte{0x6a, 0x24}, []byte("GSL2"), root[:]))
	none("tag-lower-case", "The tag in lower case.", slices.Concat([]byte{0x6a, 0x24}, []byte("gsl1"), root[:]))
	none("no-op-return", "OP_0 in place of OP_RETURN.", slices.Concat([]byte{0x00}, script[1:]))
	refuse("commitment-in-input", "The commitment stands in the script of the input.", rawTx{inputs: []byte{1}, script: append([]byte{38}, script...),
		outputs: []byte{1}, output: [][]byte{changeOutput()}, lock: make([]byte, 4)}.bytes(), "commitment/count")
	refuse("value-1", "A commitment with a value of 1 satoshi.", withOutputs(output(1, script), changeOutput()).bytes(), "commitment/value")
	refuse("value-high-byte", "A commitment with a value of 2^56.", withOutputs(output(1<<56, script), changeOutput()).bytes(), "commitment/value")
	refuse("value-minus-1", "A commitment with a value of -1.", withOutputs(output(1<<64-1, script), changeOutput()).bytes(), "commitment/value")
	return all
}

type blockPathVector struct {
	head
	Hash       string   `json:"hash"`
	Position   uint64   `json:"position"`
	Path       []string `json:"path"`
	MerkleRoot string   `json:"merkle_root"`
	Fails      string   `json:"fails"`
}

// foldBlock is where a path leads by arithmetic alone.
func foldBlock(node bitcoin.Hash, position uint64, path []bitcoin.Hash) bitcoin.Hash {
	for i, sibling := range path {
		pair := slices.Concat(node[:], sibling[:])
		if position>>i&1 == 1 {
			pair = slices.Concat(sibling[:], node[:])
		}
		node = hashTwice(pair)
	}
	return node
}

func hashTwice(b []byte) bitcoin.Hash {
	first := sumBytes(b)
	return sumBytes(first[:])
}

// siblingFor is a right sibling of the hash for which byte 4 of the node above
// is the one that is asked for.
func siblingFor(hash bitcoin.Hash, byte4 byte) bitcoin.Hash {
	for n := 0; ; n++ {
		sibling := bitcoin.Hash(sum("sibling %d", n))
		if node := foldBlock(hash, 0, []bitcoin.Hash{sibling}); node[4] == byte4 {
			return sibling
		}
	}
}

// ids are the ids of a block's transactions.
func ids(n int) []bitcoin.Hash {
	out := make([]bitcoin.Hash, n)
	for i := range out {
		out[i] = sum("transaction %d", i)
	}
	return out
}

// txPair is 64 bytes in the shape of a transaction whose input has a script of
// s bytes, so that its output's has 4 - s.
func txPair(s byte) [64]byte {
	var b [64]byte
	for i, h := range sum("left") {
		b[i] = h
	}
	for i, h := range sum("right") {
		b[32+i] = h
	}
	b[4], b[41], b[46+s], b[55+s] = 1, s, 1, 4-s
	return b
}

func blockPathVectors() []blockPathVector {
	var all []blockPathVector
	add := func(name, why string, id bitcoin.Hash, position uint64, path []bitcoin.Hash, root bitcoin.Hash, fails string) {
		all = append(all, blockPathVector{head{"block-path-" + name, why}, hexes([]bitcoin.Hash{id})[0], position, hexes(path), hexes([]bitcoin.Hash{root})[0], fails})
	}
	// folded has the root to which the path leads.
	folded := func(name, why string, id bitcoin.Hash, position uint64, path []bitcoin.Hash, fails string) {
		add(name, why, id, position, path, foldBlock(id, position, path), fails)
	}
	honest := func(name, why string, n int, position uint32) {
		block := ids(n)
		add(name, why, block[position], uint64(position), must(bitcoin.InclusionPath(block, position)), bitcoin.MerkleRoot(block), "")
	}
	honest("one-transaction", "A block of one transaction has an empty path.", 1, 0)
	honest("seven-third", "A transaction in the middle of seven.", 7, 2)
	honest("seven-last", "The last of seven is paired with itself.", 7, 6)
	honest("five-last", "The last of five is paired with itself, and so is the node above it.", 5, 4)
	honest("six-last", "The last of six: the node above it is paired with itself.", 6, 5)
	long := make([]bitcoin.Hash, 25)
	for i := range long {
		long[i] = sum("sibling %d", i)
	}
	id := bitcoin.Hash(sum("transaction"))
	folded("24-hashes", "The longest path, and the last position that it reaches.", id, 1<<24-1, long[:24], "")
	near := func(name, why string, s byte, change func(b *[64]byte)) {
		b := txPair(s)
		change(&b)
		folded("near-"+name, why, bitcoin.Hash(b[:32]), 0, []bitcoin.Hash{bitcoin.Hash(b[32:])}, "")
	}
	near("inputs", "As a transaction of 64 bytes, but with two inputs.", 2, func(b *[64]byte) { b[4] = 2 })
	near("outputs", "As a transaction of 64 bytes, but with two outputs.", 2, func(b *[64]byte) { b[48] = 2 })
	near("lengths", "As a transaction of 64 bytes, but with scripts of 5 bytes in all.", 2, func(b *[64]byte) { b[57] = 3 })
	near("long-script", "As a transaction of 64 bytes, but with an input script of 5 bytes.", 2, func(b *[64]byte) { b[41], b[51], b[60] = 5, 1, 255 })
	for s := range byte(4) {
		near("lengths-3-"+string('0'+rune(s)), fmt.Sprintf("As a transaction of 64 bytes, but with scripts of %d and %d bytes.", s, 3-s), s, func(b *[64]byte) { b[55+s] = 3 - s })
	}

	folded("25-hashes", "A path of 25 hashes.", id, 5, long, "path/length")
	folded("position-1-of-1", "Position 1 with an empty path.", id, 1, nil, "path/position")
	folded("position-too-large", "Position 2^3 + 2 with a path of three hashes.", id, 10, long[:3], "path/position")
	folded("position-high-bit", "Position 2^31 with a path of two hashes.", id, 1<<31, long[:2], "path/position")
	folded("position-2-24", "Position 2^24 with a path of 24 hashes.", id, 1<<24, long[:24], "path/position")

	three := ids(3)
	folded("phantom", "Position 3 of a block of three: the repetition of the last transaction.", three[2], 3,
		[]bitcoin.Hash{three[2], foldBlock(three[0], 0, three[1:2])}, "path/left-duplicate")
	six := ids(6)
	top := foldBlock(six[4], 0, six[5:])
	folded("phantom-above", "Position 7 of a block of six: the node above is the repetition.", six[5], 7,
		[]bitcoin.Hash{six[4], top, foldBlock(six[0], 0, []bitcoin.Hash{six[1], foldBlock(six[2], 0, six[3:4])})}, "path/left-duplicate")
	folded("right-duplicate", "Above a node that is paired with itself, a right sibling that is another.", id, 0,
		[]bitcoin.Hash{id, long[0]}, "path/right-duplicate")
	folded("right-duplicate-later", "The same two levels higher, after a left sibling.", id, 2,
		[]bitcoin.Hash{id, long[0], long[1]}, "path/right-duplicate")

	for s := range byte(5) {
		b := txPair(s)
		left, right := bitcoin.Hash(b[:32]), bitcoin.Hash(b[32:])
		if s%2 == 0 {
			folded("64-bytes-"+string('0'+rune(s)), "A pair with the shape of a transaction; the hash is the left half.", left, 0, []bitcoin.Hash{right}, "path/64-byte-node")
		} else {
			folded("64-bytes-"+string('0'+rune(s)), "A pair with the shape of a transaction; the hash is the right half.", right, 1, []bitcoin.Hash{left}, "path/64-byte-node")
		}
	}
	shape := txPair(2)
	below := siblingFor(id, shape[4])
	folded("64-bytes-above", "A pair with the shape of a transaction, one level above the transactions.", id, 0,
		[]bitcoin.Hash{below, bitcoin.Hash(shape[32:])}, "path/64-byte-node")
	add("other-root", "The Merkle root of another block.", ids(7)[2], 2, must(bitcoin.InclusionPath(ids(7), 2)), bitcoin.MerkleRoot(ids(6)), "path/root")
	add("other-position", "The position of the neighbour.", ids(7)[2], 3, must(bitcoin.InclusionPath(ids(7), 2)), bitcoin.MerkleRoot(ids(7)), "path/root")
	add("other-transaction", "The id of another transaction.", ids(7)[4], 2, must(bitcoin.InclusionPath(ids(7), 2)), bitcoin.MerkleRoot(ids(7)), "path/root")
	add("path-cut", "The path of a block of four, with the root of the lower level.", ids(4)[0], 0,
		must(bitcoin.InclusionPath(ids(4), 0)), bitcoin.MerkleRoot(ids(2)), "path/root")
	turned := reversed(ids(2)[1])
	add("sibling-reversed", "The sibling is reversed, as Bitcoin prints it.", ids(2)[0], 0, []bitcoin.Hash{turned}, bitcoin.MerkleRoot(ids(2)), "path/root")
	pair := slices.Concat(three[0][:], three[1][:])
	add("hashed-once", "The node is hashed once.", three[0], 0, three[1:2], sumBytes(pair), "path/root")
	return all
}

func reversed(h bitcoin.Hash) bitcoin.Hash {
	slices.Reverse(h[:])
	return h
}
