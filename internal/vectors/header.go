package main

import (
	"encoding/binary"
	"encoding/hex"
	"slices"

	"gradseal/bitcoin"
)

type headerVector struct {
	head
	Header string `json:"header"`
	Fails  string `json:"fails"`
}

// regtestBits is the target of regtest: every second hash meets it.
const regtestBits = 0x207fffff

// block358391 is the header of a block of mainnet.
const block358391 = "02000000b96394585a281b7e5f438fd1c9ed492645a1fd61cb380204000000000000000000" +
	"7ee445d23ad061af4a36b809501fab1ac4f2d7e7a739817dd0cbb7ec661b8a1e376755f58616186272def6"

// grind looks for the first nonce with which the header is as wanted.
func grind(h bitcoin.Header, want func(bitcoin.Header) bool) bitcoin.Header {
	for nonce := uint32(0); nonce < 1<<24; nonce++ {
		binary.LittleEndian.PutUint32(h[76:], nonce)
		if want(h) {
			return h
		}
	}
	panic("vectors: no nonce")
}

func hasWork(h bitcoin.Header) bool { return h.CheckWork() == nil }
func noWork(h bitcoin.Header) bool  { return h.CheckWork() != nil }

// headerOf is a header without a nonce.
func headerOf(previous, root bitcoin.Hash, time int64, bits uint32) bitcoin.Header {
	var h bitcoin.Header
	binary.LittleEndian.PutUint32(h[0:], 0x20000000)
	copy(h[4:], previous[:])
	copy(h[36:], root[:])
	binary.LittleEndian.PutUint32(h[68:], uint32(time))
	binary.LittleEndian.PutUint32(h[72:], bits)
	return h
}

// mine makes a header with the work for its bits.
func mine(previous, root bitcoin.Hash, time int64) bitcoin.Header {
	return grind(headerOf(previous, root, time, regtestBits), hasWork)
}

func headerVectors() []headerVector {
	var all []headerVector
	add := func(name, why string, h bitcoin.Header, fails string) {
		all = append(all, headerVector{head{"header-" + name, why}, hex.EncodeToString(h[:]), fails})
	}
	with := func(bits uint32) bitcoin.Header {
		return headerOf(sum("block before"), sum("merkle root"), 1795341600, bits)
	}
	real358391 := bitcoin.Header(mustHex(block358391))
	add("mainnet-358391", "Block 358391 of mainnet.", real358391, "")
	add("mainnet-genesis", "The genesis block of mainnet.", bitcoin.Mainnet.Genesis(), "")
	add("regtest", "The target of regtest.", grind(with(regtestBits), hasWork), "")
	add("length-33", "A length of 33 and a target below 2^256.", grind(with(0x2100ffff), hasWork), "")
	add("length-34", "A length of 34 and a target below 2^256.", grind(with(0x220000ff), hasWork), "")

	add("bits-zero", "Bits of zero: the target is zero.", with(0), "header/zero")
	add("digits-zero", "A length of 32 and digits of zero.", with(0x20000000), "header/zero")
	add("digits-shifted-out", "A length of 1, which leaves nothing of the digits.", with(0x01003456), "header/zero")
	add("digits-shifted-out-2", "A length of 2, which leaves nothing of the digits.", with(0x020000ff), "header/zero")
	add("length-zero", "A length of 0, which leaves nothing of the digits.", with(0x007fffff), "header/zero")
	add("sign", "Bit 23 of bits is set; without it the hash meets the target.",
		grind(with(0x20ffffff), belowHalf), "header/sign")
	add("sign-length-33", "Bit 23 of bits is set with a length of 33.", with(0x2180ffff), "header/sign")
	for _, c := range []struct {
		name, why string
		bits      uint32
	}{
		{"2-256", "A target of 2^256.", 0x21010000},
		{"2-256-length-34", "A target of 2^256 with a length of 34.", 0x22000100},
		{"2-256-length-35", "A target of 2^256 with a length of 35.", 0x23000001},
		{"length-255", "The largest length and digits.", 0xff7fffff},
	} {
		add("range-"+c.name, c.why, with(c.bits), "header/range")
	}
	add("above-target", "The hash is above the target.", grind(with(regtestBits), noWork), "header/work")
	add("target-1", "A length of 1, which leaves a target of 1.", with(0x01010000), "header/work")
	add("target-1-length-2", "A length of 2, which leaves a target of 1.", with(0x02000100), "header/work")
	add("target-1-length-3", "A length of 3 and a target of 1.", with(0x03000001), "header/work")
	nonce := real358391
	nonce[76]++
	add("mainnet-other-nonce", "Block 358391 of mainnet with another nonce.", nonce, "header/work")
	time := real358391
	time[68]++
	add("mainnet-other-time", "Block 358391 of mainnet with a time that is a second later.", time, "header/work")
	add("hash-reversed", "The hash is below the target only if it is read big-endian.", grind(with(0x20007fff), func(h bitcoin.Header) bool {
		hash := h.Hash()
		return noWork(h) && hash[0] == 0 && hash[1] < 0x7f
	}), "header/work")
	add("bits-reversed", "The hash is below the target only if bits are read big-endian.", grind(with(0x1f7f2020), func(h bitcoin.Header) bool {
		return noWork(h) && h.Hash()[31] < 0x20
	}), "header/work")
	return all
}

// belowHalf tells whether the hash is below 2^255.
func belowHalf(h bitcoin.Header) bool { return h.Hash()[31] < 0x7f }

type chainVector struct {
	head
	Network string `json:"network"`
	File    string `json:"file"`
	Height  *int   `json:"height,omitempty"` // of one that is accepted
	Fails   string `json:"fails"`
}

// regtestChain is n headers above the genesis header of regtest, and that one.
func regtestChain(n int) []bitcoin.Header {
	chain := []bitcoin.Header{bitcoin.Regtest.Genesis()}
	for i := range n {
		chain = append(chain, mine(chain[i].Hash(), sum("block %d", i+1), int64(1795341600+600*i)))
	}
	return chain
}

func chainVectors() []chainVector {
	var all []chainVector
	accept := func(name, why, network string, file []byte, height int) {
		all = append(all, chainVector{head{"chain-" + name, why}, network, hex.EncodeToString(file), &height, ""})
	}
	refuse := func(name, why, network string, file []byte) {
		all = append(all, chainVector{head{"chain-" + name, why}, network, hex.EncodeToString(file), nil, "chain/genesis"})
	}
	chain := regtestChain(4)
	file := join(chain)
	for _, n := range bitcoin.Networks() {
		genesis := n.Genesis()
		if n == bitcoin.Regtest {
			accept("genesis-regtest", "The genesis header alone.", "regtest", genesis[:], 0)
		} else {
			refuse("genesis-"+n.String(), "A plain file of a network of which there are none.", n.String(), genesis[:])
		}
	}
	accept("four", "Four headers above the genesis header.", "regtest", file, 4)
	accept("cut", "The last header is not whole.", "regtest", file[:len(file)-1], 3)
	broken := slices.Clone(file)
	broken[2*80+36]++ // block 3 does not follow any more
	accept("link-broken", "The third header does not follow the second.", "regtest", noWorkNeeded(broken, 2), 2)
	tip := grind(chain[4], noWork)
	accept("tip-without-work", "The last header does not meet its target.", "regtest", slices.Concat(file[:4*80], tip[:]), 3)
	middle := grind(chain[3], noWork)
	above := mine(middle.Hash(), sum("block 4"), 1795344000)
	accept("middle-without-work", "A header that is not the last does not meet its target: the file is trusted.", "regtest",
		slices.Concat(file[:3*80], middle[:], above[:]), 4)
	lazy := grind(headerOf(middle.Hash(), sum("block 4"), 1795344000, regtestBits), noWork)
	accept("two-without-work", "Of two headers without work at the end only the last one is left out.", "regtest",
		slices.Concat(file[:3*80], middle[:], lazy[:]), 3)

	mainnet := bitcoin.Mainnet.Genesis()
	refuse("other-network", "The genesis header of another network.", "regtest", mainnet[:])
	refuse("testnet3-for-regtest", "A genesis header that differs in bits and nonce only.", "testnet3", file)
	refuse("empty", "An empty file.", "regtest", nil)
	refuse("79-bytes", "A byte of the genesis header is missing.", "regtest", file[:79])
	refuse("byte-before", "A byte before the genesis header.", "regtest", append([]byte{0}, file...))
	refuse("from-height-1", "The chain begins at height 1.", "regtest", file[80:])
	return all
}

// noWorkNeeded gives the header at a height of a file the work again that a
// change has cost it.
func noWorkNeeded(file []byte, height int) []byte {
	h := grind(bitcoin.Header(file[80*height:80*height+80]), hasWork)
	copy(file[80*height:], h[:])
	return file
}

func join(hs []bitcoin.Header) []byte {
	var b []byte
	for _, h := range hs {
		b = append(b, h[:]...)
	}
	return b
}

// hexHeaders are headers in hex, 80 bytes each.
func hexHeaders(hs []bitcoin.Header) []string {
	out := make([]string, len(hs))
	for i, h := range hs {
		out[i] = hex.EncodeToString(h[:])
	}
	return out
}
