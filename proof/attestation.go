package proof

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"gradseal/bitcoin"
	"gradseal/internal/strictjson"
	"gradseal/proof/ots"
)

// The types of attestations, in the order in which a proof has them.
const (
	typeBitcoin        = "bitcoin"
	typeOpenTimestamps = "opentimestamps"
)

// attestationJSON is one attestation: of its two fields one is set.
type attestationJSON struct {
	bitcoin *bitcoinJSON
	ots     *otsJSON
}

type bitcoinJSON struct {
	Type        string   `json:"type"`
	Transaction string   `json:"transaction"`
	Position    uint32   `json:"position"`
	Path        []string `json:"path"`
	Header      string   `json:"header"`
	Height      uint32   `json:"height"`
	Successors  []string `json:"successors"`
}

type otsJSON struct {
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"`
}

// MarshalJSON writes the one that is set.
func (a attestationJSON) MarshalJSON() ([]byte, error) {
	if a.ots != nil {
		return json.Marshal(a.ots)
	}
	return json.Marshal(a.bitcoin)
}

// UnmarshalJSON reads the attestation of the type that it names. What is of no
// type that is known is read as a Bitcoin one, whose reader refuses it.
func (a *attestationJSON) UnmarshalJSON(data []byte) error {
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return err
	}
	var into any
	if head.Type == typeOpenTimestamps {
		a.ots = new(otsJSON)
		into = a.ots
	} else {
		a.bitcoin = new(bitcoinJSON)
		into = a.bitcoin
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}

// addAttestations takes those of p into the file.
func (f *fileJSON) addAttestations(p *Proof) error {
	if p.Bitcoin != nil {
		f.Attestations = append(f.Attestations, attestationJSON{bitcoin: p.Bitcoin.toJSON()})
	}
	if p.OpenTimestamps == nil {
		return nil
	}
	data, err := p.OpenTimestamps.Marshal()
	if err != nil {
		return err
	}
	f.Attestations = append(f.Attestations, attestationJSON{ots: &otsJSON{typeOpenTimestamps, hex.EncodeToString(data)}})
	return nil
}

// parseAttestations reads at most one attestation of each type, in their order.
func (p *Proof) parseAttestations(in []attestationJSON) (err error) {
	if in == nil {
		return errors.New("attestations are null, want a list")
	}
	for _, a := range in {
		switch {
		case a.ots != nil && p.OpenTimestamps != nil, a.ots == nil && p.Bitcoin != nil:
			return errors.New("two attestations of one type, want at most one")
		case a.ots == nil && p.OpenTimestamps != nil:
			return fmt.Errorf("the attestation of type %s is not the first", typeBitcoin)
		case a.ots != nil:
			if p.OpenTimestamps, err = parseTimestamp(a.ots); err != nil {
				return fmt.Errorf("%s attestation: %w", typeOpenTimestamps, err)
			}
		default:
			if p.Bitcoin, err = parseBitcoin(a.bitcoin); err != nil {
				return fmt.Errorf("%s attestation: %w", typeBitcoin, err)
			}
		}
	}
	return nil
}

func (b *Bitcoin) toJSON() *bitcoinJSON {
	successors := make([]string, len(b.Successors))
	for i, h := range b.Successors {
		successors[i] = hex.EncodeToString(h[:])
	}
	return &bitcoinJSON{
		Type:        typeBitcoin,
		Transaction: hex.EncodeToString(b.Transaction),
		Position:    b.Position,
		Path:        hexes(b.Path),
		Header:      hex.EncodeToString(b.Header[:]),
		Height:      b.Height,
		Successors:  successors,
	}
}

// MarshalBitcoin returns the attestation alone, as it stands in a proof file,
// for the state of a batch.
func MarshalBitcoin(b *Bitcoin) ([]byte, error) {
	return strictjson.Marshal(b.toJSON())
}

// ParseBitcoin reads what MarshalBitcoin returned.
func ParseBitcoin(data []byte) (*Bitcoin, error) {
	var a bitcoinJSON
	if err := strictjson.Unmarshal(data, &a); err != nil {
		return nil, err
	}
	return parseBitcoin(&a)
}

func parseBitcoin(a *bitcoinJSON) (*Bitcoin, error) {
	if a.Type != typeBitcoin {
		return nil, fmt.Errorf("type %.40q, want %q", a.Type, typeBitcoin)
	}
	tx, err := parseHex("transaction", a.Transaction, bitcoin.MinTransaction, bitcoin.MaxTransaction)
	if err != nil {
		return nil, err
	}
	path, err := parseHashes[bitcoin.Hash]("audit path", a.Path, bitcoin.MaxInclusionPath)
	if err != nil {
		return nil, err
	}
	header, err := parseHeader("header", a.Header)
	if err != nil {
		return nil, err
	}
	if a.Successors == nil || len(a.Successors) > MaxSuccessors {
		return nil, fmt.Errorf("%d successors, want a list of 0 to %d", len(a.Successors), MaxSuccessors)
	}
	successors := make([]bitcoin.Header, len(a.Successors))
	for i, s := range a.Successors {
		if successors[i], err = parseHeader(fmt.Sprintf("successor %d", i+1), s); err != nil {
			return nil, err
		}
	}
	return &Bitcoin{Transaction: tx, Position: a.Position, Path: path, Header: header, Height: a.Height, Successors: successors}, nil
}

func parseTimestamp(a *otsJSON) (*OpenTimestamps, error) {
	data, err := parseHex("timestamp", a.Timestamp, 1, MaxTimestamp)
	if err != nil {
		return nil, err
	}
	return ParseOpenTimestamps(data)
}

// Marshal returns the attestation as a serialized timestamp of the last batch
// root, at most MaxTimestamp bytes.
func (o *OpenTimestamps) Marshal() ([]byte, error) {
	data, err := ots.Path{Ops: o.Ops, Attestation: ots.Bitcoin(uint64(o.Height))}.Timestamp().Marshal(batchRootSize)
	if err == nil && len(data) > MaxTimestamp {
		err = fmt.Errorf("the timestamp has %d bytes, want at most %d", len(data), MaxTimestamp)
	}
	return data, err
}

// ParseOpenTimestamps reads what Marshal returned.
func ParseOpenTimestamps(data []byte) (*OpenTimestamps, error) {
	if len(data) > MaxTimestamp {
		return nil, fmt.Errorf("the timestamp has %d bytes, want at most %d", len(data), MaxTimestamp)
	}
	t, err := ots.Parse(data, batchRootSize)
	if err != nil {
		return nil, err
	}
	ops, a, ok := t.Line()
	if !ok {
		return nil, errors.New("the timestamp has forks, want one path to one attestation")
	}
	return newOpenTimestamps(ops, a)
}

// newOpenTimestamps makes an attestation of a path, where a proof may carry it.
func newOpenTimestamps(ops []ots.Operation, a ots.Attestation) (*OpenTimestamps, error) {
	height, ok := a.BitcoinHeight()
	if !ok || height > maxHeight {
		return nil, fmt.Errorf("the timestamp ends in %s, want a Bitcoin block of height 0 to %d", a, uint32(maxHeight))
	}
	size := batchRootSize
	for _, op := range ops {
		if !op.IsCommitment() {
			return nil, fmt.Errorf("the timestamp has the operation %s, want sha256, append and prepend only", op.Name())
		}
		if size = size + len(op.Arg); op == ots.SHA256 {
			size = sha256Size
		}
	}
	if size != len(bitcoin.Hash{}) {
		return nil, fmt.Errorf("the timestamp attests to %d bytes, want the %d of a Merkle root", size, len(bitcoin.Hash{}))
	}
	return &OpenTimestamps{Ops: ops, Height: uint32(height)}, nil
}

// NewOpenTimestamps returns the attestation of a path that begins at a last
// batch root, and an error where a proof may not carry it.
func NewOpenTimestamps(p ots.Path) (*OpenTimestamps, error) {
	return newOpenTimestamps(p.Ops, p.Attestation)
}

// MerkleRoot is that of the block which the attestation claims for the batch
// root of the proof's last layer.
func (o *OpenTimestamps) MerkleRoot(batchRoot [32]byte) (bitcoin.Hash, error) {
	message := batchRoot[:]
	for _, op := range o.Ops {
		var err error
		if message, err = op.Apply(message); err != nil {
			return bitcoin.Hash{}, err
		}
	}
	if len(message) != len(bitcoin.Hash{}) {
		return bitcoin.Hash{}, fmt.Errorf("the timestamp attests to %d bytes, want the %d of a Merkle root", len(message), len(bitcoin.Hash{}))
	}
	return bitcoin.Hash(message), nil
}
