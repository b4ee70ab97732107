package proof

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"gradseal/bitcoin"
	"gradseal/internal/strictjson"
	"gradseal/issuer"
	"gradseal/merkle"
)

const (
	formatPrefix = "gradseal-proof/"
	format       = formatPrefix + "1"
	maxIndex     = issuer.MaxTreeSize - 1
)

// ErrNewer says that the file is a gradseal proof in a format, or with an
// attestation, that this version does not know. It is neither sound nor false.
var ErrNewer = errors.New("made by a newer gradseal")

// The structs of the file, keys in their order.
type (
	fileJSON struct {
		Format       string            `json:"format"`
		Document     documentJSON      `json:"document"`
		Layers       []layerJSON       `json:"layers"`
		Attestations []attestationJSON `json:"attestations"`
	}
	documentJSON struct {
		SHA256 string `json:"sha256"`
		Salt   string `json:"salt"`
	}
	layerJSON struct {
		Index     uint64   `json:"index"`
		Path      []string `json:"path"`
		Statement string   `json:"statement"`
	}
)

// Marshal returns the proof file of p, at most MaxSize bytes.
func Marshal(p *Proof) ([]byte, error) {
	f := fileJSON{
		Format:       format,
		Document:     documentJSON{SHA256: hex.EncodeToString(p.Digest[:]), Salt: hex.EncodeToString(p.Salt[:])},
		Layers:       make([]layerJSON, len(p.Layers)),
		Attestations: []attestationJSON{},
	}
	for i, l := range p.Layers {
		f.Layers[i] = layerJSON{Index: l.Index, Path: hexes(l.Path), Statement: string(l.Signed)}
	}
	if err := f.addAttestations(p); err != nil {
		return nil, err
	}
	data, err := marshalFile(&f)
	if err != nil {
		return nil, err
	}
	if len(data) > MaxSize {
		return nil, errTooLong(len(data))
	}
	return data, nil
}

// marshalFile writes what strictjson.Marshal would write.
func marshalFile(f *fileJSON) ([]byte, error) {
	const usual = 4 << 10
	data, ok := appendLayout(make([]byte, 0, usual), f)
	if !ok {
		return strictjson.Marshal(f)
	}
	return data, nil
}

// unmarshalFile reads what strictjson.Unmarshal would read.
func unmarshalFile(data []byte) (fileJSON, error) {
	if f, ok := readLayout(data); ok {
		return f, nil
	}
	var f fileJSON
	err := strictjson.Unmarshal(data, &f)
	return f, err
}

func hexes[H ~[32]byte](hs []H) []string {
	const digits = 2 * 32
	all := make([]byte, 0, digits*len(hs))
	for i := range hs {
		b := [32]byte(hs[i])
		all = hex.AppendEncode(all, b[:])
	}
	text, out := string(all), make([]string, len(hs))
	for i := range out {
		out[i], text = text[:digits], text[digits:]
	}
	return out
}

// Parse reads a proof file. An error that is ErrNewer means that this version
// cannot judge the file; any other, that the file is damaged or not a proof.
func Parse(data []byte) (*Proof, error) {
	p, err := parse(data)
	if err == nil {
		return p, nil
	}
	if errors.Is(err, issuer.ErrUnknownFormat) {
		return nil, fmt.Errorf("%w: %w", ErrNewer, err)
	}
	if newer := newerThanKnown(data); newer != "" {
		return nil, fmt.Errorf("%w: %s", ErrNewer, newer)
	}
	return nil, err
}

func parse(data []byte) (*Proof, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("the file has more than %d bytes, the most that a proof can have", MaxSize)
	}
	if len(data) == 0 {
		return nil, errors.New("the file is empty")
	}
	f, err := unmarshalFile(data)
	if err != nil {
		return nil, err
	}
	if f.Format != format {
		return nil, fmt.Errorf("format %.40q, want %q", f.Format, format)
	}
	p := new(Proof)
	if p.Digest, err = parseHash("document sha256", f.Document.SHA256); err != nil {
		return nil, err
	}
	if p.Salt, err = parseHash("document salt", f.Document.Salt); err != nil {
		return nil, err
	}
	if p.Layers, err = parseLayers(f.Layers); err != nil {
		return nil, err
	}
	if err := p.parseAttestations(f.Attestations); err != nil {
		return nil, err
	}
	return p, nil
}

// newerThanKnown looks, leniently, for the two signs of a later format in a
// file that is not of this one, and says what it saw.
func newerThanKnown(data []byte) string {
	if len(data) > MaxSize {
		return ""
	}
	// The format goes first: what else is in the file of a later one is unknown.
	var head struct {
		Format string `json:"format"`
	}
	if json.Unmarshal(data, &head) != nil || !strings.HasPrefix(head.Format, formatPrefix) {
		return ""
	}
	if head.Format != format {
		return fmt.Sprintf("format %.40q", head.Format)
	}
	var body struct {
		Attestations []struct {
			Type string `json:"type"`
		} `json:"attestations"`
	}
	if json.Unmarshal(data, &body) != nil {
		return ""
	}
	for _, a := range body.Attestations {
		if a.Type != typeBitcoin && a.Type != typeOpenTimestamps && a.Type != "" {
			return fmt.Sprintf("attestation type %.40q", a.Type)
		}
	}
	return ""
}

func parseLayers(in []layerJSON) ([]Layer, error) {
	if len(in) < 1 || len(in) > MaxLayers {
		return nil, fmt.Errorf("%d layers, want 1 to %d", len(in), MaxLayers)
	}
	layers := make([]Layer, len(in))
	for i, l := range in {
		layer, err := parseLayer(l)
		if err != nil {
			return nil, fmt.Errorf("layer %d: %w", i+1, err)
		}
		if err := checkPlace(i, layer.Statement, layers[0].Statement); err != nil {
			return nil, fmt.Errorf("layer %d: %w", i+1, err)
		}
		layers[i] = layer
	}
	return layers, nil
}

// checkPlace holds the rule of docs/format.md on layers: the first is a tree
// of documents, the others are trees of batch roots, all on one network.
func checkPlace(i int, s, first *issuer.Statement) error {
	want := issuer.Batches
	if i == 0 {
		want, first = issuer.Documents, s
	}
	if s.Type != want {
		return fmt.Errorf("statement of type %s, want %s", s.Type, want)
	}
	if s.Network != first.Network {
		return fmt.Errorf("statement for %s, the first layer's is for %s", s.Network, first.Network)
	}
	return nil
}

func parseLayer(l layerJSON) (Layer, error) {
	if l.Index > maxIndex {
		return Layer{}, fmt.Errorf("leaf index %d, want at most %d", l.Index, uint64(maxIndex))
	}
	path, err := parseHashes[merkle.Hash]("audit path", l.Path, merkle.MaxPath)
	if err != nil {
		return Layer{}, err
	}
	signed := []byte(l.Statement)
	s, note, err := issuer.ParseStatement(signed)
	if err != nil {
		return Layer{}, err
	}
	return Layer{Index: l.Index, Path: path, Signed: signed, Statement: s, Note: note}, nil
}

func parseHeader(what, s string) (bitcoin.Header, error) {
	const size = len(bitcoin.Header{})
	b, err := parseHex(what, s, size, size)
	if err != nil {
		return bitcoin.Header{}, err
	}
	return bitcoin.ParseHeader(b)
}

func parseHashes[H ~[32]byte](what string, in []string, most int) ([]H, error) {
	if in == nil || len(in) > most {
		return nil, fmt.Errorf("%s has %d hashes, want a list of 0 to %d", what, len(in), most)
	}
	out := make([]H, len(in))
	for i, s := range in {
		h, err := parseHash(what, s)
		if err != nil { // once more, for an error that says which one
			_, err = parseHash(fmt.Sprintf("%s, hash %d", what, i+1), s)
			return nil, err
		}
		out[i] = H(h)
	}
	return out, nil
}

func parseHash(what, s string) ([32]byte, error) {
	var h [32]byte
	if err := decodeHex(h[:], what, s, len(h), len(h)); err != nil {
		return [32]byte{}, err
	}
	return h, nil
}

// parseHex reads lower-case hex of least to most bytes.
func parseHex(what, s string, least, most int) ([]byte, error) {
	b := make([]byte, min(len(s)/2, most))
	if err := decodeHex(b, what, s, least, most); err != nil {
		return nil, err
	}
	return b, nil
}

// decodeHex reads lower-case hex of least to most bytes into dst, which has
// room for them.
func decodeHex(dst []byte, what, s string, least, most int) error {
	if len(s) < 2*least || len(s) > 2*most {
		return fmt.Errorf("%s has %d characters, want %s", what, len(s), span(2*least, 2*most))
	}
	if _, err := hex.Decode(dst, []byte(s)); err != nil || strings.ToLower(s) != s {
		return fmt.Errorf("%s is not lower-case hex", what)
	}
	return nil
}

func span(least, most int) string {
	if least == most {
		return fmt.Sprint(least)
	}
	return fmt.Sprintf("%d to %d", least, most)
}
