package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/proof"
)

// exportJSON is the result under --json of what wrote files.
type exportJSON struct {
	Version int              `json:"version"`
	To      string           `json:"to"`
	Files   []exportFileJSON `json:"files"`
	// Pending lead to no block yet, and Refused are damaged, or have something in
	// the place of their file.
	Pending []refusalJSON `json:"pending"`
	Refused []refusalJSON `json:"refused"`
}

type exportFileJSON struct {
	File    string `json:"file"`
	Proof   string `json:"proof"`
	Network string `json:"network"`
	Change  string `json:"change"`
}

// report says what was written.
func (e *exporter) report() error {
	if e.ui.json {
		if err := e.reportJSON(); err != nil {
			return err
		}
	} else {
		e.reportText()
	}
	e.nameNetworks()
	return e.leftOut()
}

func (e *exporter) reportText() {
	changes := make(map[exportChange]int)
	last := e.jobs[0]
	for _, j := range e.jobs {
		if j.fault == nil {
			changes[j.change]++
			last = j
		}
	}
	written := changes[changeWritten] + changes[changeReplaced] + changes[changeMerged]
	switch {
	case written == 1:
		e.ui.result("Wrote %s", shown(last.out))
	case written > 0 && e.output == "":
		e.ui.result("Wrote %s, NAME.pdf%s beside each NAME.pdf", count(written, "file"), e.suffix())
	case written > 0:
		e.ui.result("Wrote %s to %s", count(written, "file"), shown(e.output))
	}
	if n := changes[changeReplaced]; n > 0 {
		e.ui.result("  %s replaced an older one", number(n))
	}
	if n := changes[changeMerged]; n > 0 {
		e.ui.result("  %s merged with the one that was there", number(n))
	}
	if n := changes[changeUnchanged]; n > 0 {
		e.ui.result("%s there already", map[bool]string{true: "1 was", false: number(n) + " were"}[n == 1])
	}
}

func (e *exporter) reportJSON() error {
	out := exportJSON{Version: jsonVersion, To: e.to, Files: []exportFileJSON{}}
	for _, j := range e.jobs {
		if j.fault == nil {
			out.Files = append(out.Files, exportFileJSON{j.out, j.proof, j.network.String(), string(j.change)})
		}
	}
	pending, refused := e.faults()
	out.Pending, out.Refused = newRefusalsJSON(pending), newRefusalsJSON(refused)
	return e.ui.object(out)
}

// faults are the proofs that were left out, by their paths.
func (e *exporter) faults() (pending, refused []batch.Finding) {
	for _, j := range e.jobs {
		switch {
		case errors.Is(j.fault, proof.ErrNoAttestation):
			pending = append(pending, batch.Finding{Path: j.proof, Text: "is pending: it leads to no block yet"})
		case j.fault != nil:
			refused = append(refused, batch.Finding{Path: j.proof, Text: j.faultText()})
		}
	}
	return pending, refused
}

// faultText is the fault, without the path of the proof, and with that of the
// file where it is about that.
func (j *exportJob) faultText() string {
	text := strings.TrimPrefix(j.fault.Error(), j.proof+": ")
	var pathErr *fs.PathError
	if errors.As(j.fault, &pathErr) {
		text = "cannot be read: " + pathErr.Err.Error()
	}
	if errors.Is(j.fault, errOtherFile) || errors.Is(j.fault, errNotRegular) || errors.Is(j.fault, errDiffers) {
		text = j.out + ": " + text
	}
	return text
}

// leftOut is the error about what was left out, nil where that is nothing.
func (e *exporter) leftOut() error {
	pending, refused := e.faults()
	all := append(pending, refused...)
	if len(all) == 0 {
		return nil
	}
	hint := e.hint()
	if len(e.jobs) == 1 {
		return hinted(fmt.Errorf("%s: %s", all[0].Path, all[0].Text), "%s", hint)
	}
	if !e.ui.json || e.toStdout() {
		e.ui.warn("left out:%s", grouped(all))
	}
	return hinted(fmt.Errorf("%d of %s were left out: %d pending, %d refused", len(all), count(len(e.jobs), "proof"), len(pending), len(refused)), "%s", hint)
}

// hint says what to do about what was left out: about one kind of fault, the
// one that is first here.
func (e *exporter) hint() string {
	for _, h := range []struct {
		fault error
		hint  string
	}{
		{errDiffers, "--merge writes what both say"},
		{errNotThere, "name a folder with -o"},
		{errNotRegular, "name another " + map[bool]string{true: "file", false: "folder"}[len(e.jobs) == 1] + " with -o"},
		{errOtherFile, "move what is in the way to another place, and run the same command again"},
		{errTooLong, "--to json writes all of its steps"},
		{proof.ErrNoAttestation, "gradseal upgrade completes proofs where they were anchored: ask for the completed ones, and run the same command again"},
	} {
		if slices.ContainsFunc(e.jobs, func(j *exportJob) bool { return errors.Is(j.fault, h.fault) }) {
			return h.hint
		}
	}
	return "what is wrong with a proof is told by: gradseal verify DOCUMENT PROOF"
}

// nameNetworks warns of test networks: a timestamp file names no network.
func (e *exporter) nameNetworks() {
	seen := make(map[bitcoin.Network]bool)
	for _, j := range e.jobs {
		seen[j.network] = seen[j.network] || j.fault == nil
	}
	for _, n := range bitcoin.Networks() {
		switch {
		case !seen[n]:
		case n == bitcoin.Mainnet && e.to == toOTS:
			e.ui.note("Others check it with the OpenTimestamps client and a Bitcoin node: ots verify NAME.pdf%s", otsSuffix)
		case n.IsTest():
			e.ui.warn("TEST NETWORK: these proofs are of %s, where anyone can make blocks%s", n, e.clientFlag(n))
		}
	}
}

// clientFlag says how the reference client, opentimestamps-client (otsclient/
// args.py), is told of a test network. It has flags for two; the node that it
// asks decides, so one that is named will do for any network.
func (e *exporter) clientFlag(n bitcoin.Network) string {
	if e.to != toOTS {
		return ""
	}
	const unnamed = ". A timestamp file names no network: "
	switch n {
	case bitcoin.Regtest:
		return unnamed + "the OpenTimestamps client checks it with: ots --btc-regtest verify NAME.pdf.ots"
	case bitcoin.Testnet3:
		return unnamed + "the OpenTimestamps client checks it with: ots --btc-testnet verify NAME.pdf.ots"
	}
	return unnamed + "the OpenTimestamps client has no flag for " + n.String() + ", so it must be pointed at a node of it: ots --bitcoin-node URL verify NAME.pdf.ots"
}
