package headers

import (
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"

	"gradseal/bitcoin"
)

// The built-in lists: facts of the public chains, as bitcoinj publishes them
// for its own start (mainnet up to January 2025, testnet3 and signet too). Line
// n, from 1, is the block at height 2016 * n: its hash, a space, and the work
// of the chain up to it in hex without leading zeros; the last line has, after
// one more space, the block's header in hex.
var (
	//go:embed listed/mainnet.txt
	mainnetList string
	//go:embed listed/testnet3.txt
	testnet3List string
	//go:embed listed/signet.txt
	signetList string
)

// list is a built-in list. A nil list is empty.
type list struct {
	hashes []bitcoin.Hash
	works  []Work
	last   bitcoin.Header
}

// at is the block that is listed for a height, and the work up to it.
func (l *list) at(height uint32) (bitcoin.Hash, Work, bool) {
	if l == nil || height == 0 || height%period != 0 || height > l.top() {
		return bitcoin.Hash{}, Work{}, false
	}
	i := height/period - 1
	return l.hashes[i], l.works[i], true
}

// top is the height of the last listed block, 0 of an empty list.
func (l *list) top() uint32 {
	if l == nil {
		return 0
	}
	return uint32(len(l.hashes)) * period
}

// below is the height of the highest listed block that is not above height; 0
// if there is none.
func (l *list) below(height uint32) uint32 {
	return min(height, l.top()) / period * period
}

// LastListed returns the newest block of a network that is built in, with its
// height: its genesis block where there is no list.
func LastListed(network bitcoin.Network) (uint32, bitcoin.Header) {
	r, err := rulesOf(network)
	if err != nil || r.list == nil {
		return 0, network.Genesis()
	}
	return r.list.top(), r.list.last
}

func mustList(text string) *list {
	l, err := readList(text)
	if err != nil {
		panic("headers: " + err.Error())
	}
	return l
}

func readList(text string) (*list, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	l := new(list)
	for n, line := range lines {
		fields := strings.Split(line, " ")
		if want := 2 + (n+1)/len(lines); len(fields) != want {
			return nil, fmt.Errorf("line %d has %d fields, want %d", n+1, len(fields), want)
		}
		hash, err := bitcoin.ParseHash(fields[0])
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
		work, err := ParseWork(fields[1])
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
		l.hashes, l.works = append(l.hashes, hash), append(l.works, work)
		if len(fields) == 3 {
			raw, err := hex.DecodeString(fields[2])
			if err == nil {
				l.last, err = bitcoin.ParseHeader(raw)
			}
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n+1, err)
			}
		}
	}
	if got, want := l.last.Hash(), l.hashes[len(l.hashes)-1]; got != want {
		return nil, fmt.Errorf("the last header is that of block %s, want %s", got, want)
	}
	return l, nil
}

// checkpoint is one block that every node of btcd has built in (chaincfg).
type checkpoint struct {
	height uint32
	hash   string
}

func mustCheckpoints(points []checkpoint) map[uint32]bitcoin.Hash {
	all := make(map[uint32]bitcoin.Hash, len(points))
	for _, p := range points {
		hash, err := bitcoin.ParseHash(p.hash)
		if err != nil {
			panic("headers: " + err.Error())
		}
		all[p.height] = hash
	}
	return all
}

var mainnetCheckpoints = []checkpoint{
	{11111, "0000000069e244f73d78e8fd29ba2fd2ed618bd6fa2ee92559f542fdb26e7c1d"},
	{33333, "000000002dd5588a74784eaa7ab0507a18ad16a236e7b1ce69f00d7ddfb5d0a6"},
	{74000, "0000000000573993a3c9e41ce34471c079dcf5f52a0e824a81e7f953b8661a20"},
	{105000, "00000000000291ce28027faea320c8d2b054b2e0fe44a773f3eefb151d6bdc97"},
	{134444, "00000000000005b12ffd4cd315cd34ffd4a594f430ac814c91184a0d42d2b0fe"},
	{168000, "000000000000099e61ea72015e79632f216fe6cb33d7899acb35b75c8303b763"},
	{193000, "000000000000059f452a5f7340de6682a977387c17010ff6e6c3bd83ca8b1317"},
	{210000, "000000000000048b95347e83192f69cf0366076336c639f9b7228e9ba171342e"},
	{216116, "00000000000001b4f4b433e81ee46494af945cf96014816a4e2370f11b23df4e"},
	{225430, "00000000000001c108384350f74090433e7fcf79a606b8e797f065b130575932"},
	{250000, "000000000000003887df1f29024b06fc2200b55f8af8f35453d7be294df2d214"},
	{267300, "000000000000000a83fbd660e918f218bf37edd92b748ad940483c7c116179ac"},
	{279000, "0000000000000001ae8c72a0b0c301f67e3afca10e819efa9041e458e9bd7e40"},
	{300255, "0000000000000000162804527c6e9b9f0563a280525f9d08c12041def0a0f3b2"},
	{319400, "000000000000000021c6052e9becade189495d1c539aa37c58917305fd15f13b"},
	{343185, "0000000000000000072b8bf361d01a6ba7d445dd024203fafc78768ed4368554"},
	{352940, "000000000000000010755df42dba556bb72be6a32f3ce0b6941ce4430152c9ff"},
	{382320, "00000000000000000a8dc6ed5b133d0eb2fd6af56203e4159789b092defd8ab2"},
	{400000, "000000000000000004ec466ce4732fe6f1ed1cddc2ed4b328fff5224276e3f6f"},
	{430000, "000000000000000001868b2bb3a285f3cc6b33ea234eb70facf4dcdf22186b87"},
	{460000, "000000000000000000ef751bbce8e744ad303c47ece06c8d863e4d417efc258c"},
	{490000, "000000000000000000de069137b17b8d5a3dfbd5b145b2dcfb203f15d0c4de90"},
	{520000, "0000000000000000000d26984c0229c9f6962dc74db0a6d525f2f1640396f69c"},
	{550000, "000000000000000000223b7a2298fb1c6c75fb0efc28a4c56853ff4112ec6bc9"},
	{560000, "0000000000000000002c7b276daf6efb2b6aa68e2ce3be67ef925b3264ae7122"},
	{563378, "0000000000000000000f1c54590ee18d15ec70e68c8cd4cfbadb1b4f11697eee"},
	{597379, "00000000000000000005f8920febd3925f8272a6a71237563d78c2edfdd09ddf"},
	{623950, "0000000000000000000f2adce67e49b0b6bdeb9de8b7c3d7e93b21e7fc1e819d"},
	{654683, "0000000000000000000b9d2ec5a352ecba0592946514a92f14319dc2b367fc72"},
	{691719, "00000000000000000008a89e854d57e5667df88f1cdef6fde2fbca1de5b639ad"},
	{724466, "000000000000000000052d314a259755ca65944e68df6b12a067ea8f1f5a7091"},
	{751565, "00000000000000000009c97098b5295f7e5f183ac811fb5d1534040adb93cabd"},
	{781565, "00000000000000000002b8c04999434c33b8e033f11a977b288f8411766ee61c"},
	{800000, "00000000000000000002a7c4c1e48d76c5a37902165a270156b7a8d72728a054"},
	{810000, "000000000000000000028028ca82b6aa81ce789e4eb9e0321b74c3cbaf405dd1"},
}

var testnet3Checkpoints = []checkpoint{
	{546, "000000002a936ca763904c3c35fce2f3556c559c0214345d31b1bcebf76acb70"},
	{100000, "00000000009e2958c15ff9290d571bf9459e93b19765c6801ddeccadbb160a1e"},
	{200000, "0000000000287bffd321963ef05feab753ebe274e1d78b2fd4e2bfe9ad3aa6f2"},
	{300001, "0000000000004829474748f3d1bc8fcf893c88be255e6d7f571c548aff57abf4"},
	{400002, "0000000005e2c73b8ecb82ae2dbc2e8274614ebad7172b53528aba7501f5a089"},
	{500011, "00000000000929f63977fbac92ff570a9bd9e7715401ee96f2848f7b07750b02"},
	{600002, "000000000001f471389afd6ee94dcace5ccc44adc18e8bff402443f034b07240"},
	{700000, "000000000000406178b12a4dea3b27e13b3c4fe4510994fd667d7c1e6a3f4dc1"},
	{800010, "000000000017ed35296433190b6829db01e657d80631d43f5983fa403bfdb4c1"},
	{900000, "0000000000356f8d8924556e765b7a94aaebc6b5c8685dcfa2b1ee8b41acd89b"},
	{1000007, "00000000001ccb893d8a1f25b70ad173ce955e5f50124261bbbc50379a612ddf"},
	{1100007, "00000000000abc7b2cd18768ab3dee20857326a818d1946ed6796f42d66dd1e8"},
	{1200007, "00000000000004f2dc41845771909db57e04191714ed8c963f7e56713a7b6cea"},
	{1300007, "0000000072eab69d54df75107c052b26b0395b44f77578184293bf1bb1dbd9fa"},
	{1354312, "0000000000000037a8cd3e06cd5edbfe9dd1dbcc5dacab279376ef7cfc2b4c75"},
	{1580000, "00000000000000b7ab6ce61eb6d571003fbe5fe892da4c9b740c49a07542462d"},
	{1692000, "000000000000056c49030c174179b52a928c870e6e8a822c75973b7970cfbd01"},
	{1864000, "000000000000006433d1efec504c53ca332b64963c425395515b01977bd7b3b0"},
	{2010000, "0000000000004ae2f3896ca8ecd41c460a35bf6184e145d91558cece1c688a76"},
	{2143398, "00000000000163cfb1f97c4e4098a3692c8053ad9cab5ad9c86b338b5c00b8b7"},
	{2344474, "0000000000000004877fa2d36316398528de4f347df2f8a96f76613a298ce060"},
}
