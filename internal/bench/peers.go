package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"gradseal/internal/figures"
)

// Two libraries of OpenTimestamps do the part of anchoring that they share with
// gradseal, in a process of their own: they hash each document, draw a nonce for it,
// build the Merkle tree, and write a .ots file for each. Nothing is signed, sent
// or confirmed, and no tip is timestamped: a pending attestation stands there.

// debianPython is the interpreter that Debian installs its modules for.
const debianPython = "/usr/bin/python3"

const pythonStamp = `
import io, os, sys
from opentimestamps.core.notary import PendingAttestation
from opentimestamps.core.op import OpAppend, OpSHA256
from opentimestamps.core.serialize import StreamSerializationContext
from opentimestamps.core.timestamp import DetachedTimestampFile, make_merkle_tree

source, out = sys.argv[1:]
names, files, leaves = sorted(os.listdir(source)), [], []
for name in names:
    with open(os.path.join(source, name), "rb") as document:
        detached = DetachedTimestampFile.from_fd(OpSHA256(), document)
    nonce = detached.timestamp.ops.add(OpAppend(os.urandom(16)))
    files.append(detached)
    leaves.append(nonce.ops.add(OpSHA256()))
make_merkle_tree(leaves).attestations.add(PendingAttestation("https://calendar.example"))
for name, detached in zip(names, files):
    with open(os.path.join(out, name + ".ots"), "xb") as ots:
        detached.serialize(StreamSerializationContext(ots))
`

const javascriptStamp = `
const fs = require('fs'), path = require('path')
const OpenTimestamps = require(process.argv[1])
const { DetachedTimestampFile, Notary, Ops } = OpenTimestamps
const [source, out] = process.argv.slice(2)
const names = fs.readdirSync(source).sort()
const files = names.map(name => DetachedTimestampFile.fromBytes(new Ops.OpSHA256(), fs.readFileSync(path.join(source, name))))
OpenTimestamps.makeMerkleTree(files).attestations.push(new Notary.PendingAttestation('https://calendar.example'))
files.forEach((file, i) => fs.writeFileSync(path.join(out, names[i] + '.ots'), Buffer.from(file.serializeToBytes()), { flag: 'wx' }))
`

// peers measures them on the documents of a folder. Those that are not here are
// said to be absent.
func (b *bench) peers(ctx context.Context, f folder) ([]row, error) {
	source := filepath.Join(b.dir, "peers")
	paths, err := writeDocuments(ctx, source, f.n, f.size)
	if err != nil {
		return nil, err
	}
	if _, err := hashing(ctx, paths); err != nil {
		return nil, err
	}
	library := os.Getenv("TEST_OPENTIMESTAMPS")
	var rows []row
	for _, peer := range []struct {
		name, program string
		look, args    []string
	}{
		{"python3-opentimestamps", debianPython, []string{"-B", "-c", "import opentimestamps"}, []string{"-B", "-c", pythonStamp}},
		{"npm's opentimestamps", "node", []string{"-e", "require(process.argv[1])", library}, []string{"-e", javascriptStamp, library}},
	} {
		what := fmt.Sprintf("%s: hashing, tree and `.ots` files of %s PDFs of %s", peer.name, figures.Thousands(f.n), bytesText(f.size))
		if err := exec.CommandContext(ctx, peer.program, peer.look...).Run(); err != nil {
			rows = append(rows, row{what: what, measured: "not here"})
			continue
		}
		took, peaks, err := b.peer(ctx, peer.program, peer.args, source, f)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row{what: what, measured: spread(took, seconds)}, memoryRow(peaks))
	}
	return rows, nil
}

func (b *bench) peer(ctx context.Context, program string, args []string, source string, f folder) (took []time.Duration, peaks []int64, err error) {
	for range f.times(b.runs) {
		out, err := os.MkdirTemp(b.dir, "peer-*")
		if err != nil {
			return nil, nil, err
		}
		settle()
		p, err := b.start(ctx, program, append(args[:len(args):len(args)], source, out)...)
		if err != nil {
			return nil, nil, err
		}
		written, err := os.ReadDir(out)
		if err != nil {
			return nil, nil, err
		}
		if len(written) != f.n {
			return nil, nil, fmt.Errorf("%s: %d files were written, want %d", program, len(written), f.n)
		}
		took, peaks = append(took, p.wall), append(peaks, p.peak)
	}
	return took, peaks, nil
}
