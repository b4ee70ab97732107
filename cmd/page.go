package cmd

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/internal/atomicfile"
	"gradseal/page"
	"gradseal/page/inside"
	"gradseal/trust"
	"gradseal/words"
)

type pageOptions struct {
	out           string
	packs         []string
	network       string
	confirmations uint32
	language      string
}

func (o *pageOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&o.out, "output", "o", "", "`file` to write, replaced if it is such a page; - is standard output")
	flags.StringArrayVar(&o.packs, "trust", nil, "`pack` of an issuer whom the page trusts; may be repeated (default: all trusted here)")
	flags.StringVar(&o.network, "network", "mainnet", "the Bitcoin `network` that counts on the page")
	flags.Uint32Var(&o.confirmations, "confirmations", 0, "`number` of confirmations that a block needs (default: 6, on a test network 1)")
	flags.StringVar(&o.language, "language", words.Default, "`tag` of the language for browsers that ask for none of the page's")
	setConfigKey(flags, "network", "verify.network")
	setConfigKey(flags, "confirmations", "verify.confirmations")
}

func (a *app) newPageCommand() *cobra.Command {
	var o pageOptions
	cmd := &cobra.Command{
		Use:   "page",
		Short: "Write the offline verification page: one HTML file",
		Long: `Writes a page that checks documents in a browser, with the verifier of "gradseal
verify" inside it: from a file or a USB stick, without network. Proofs are found
in another way. Of files that are dropped together, a proof goes with the document
that it was made for, whatever its name is; gradseal verify looks for it beside the
document, as NAME.pdf.proof.json, or where it is told to.

The page recognises the issuers that this machine trusts, or with --trust those
of the packs named, and has their status lists and block headers as they are
now. To name a pack is to vouch for it: compare the fingerprint that is printed.
Write the page again when there is a newer list.

A page speaks for whoever made it. One that an applicant sends proves nothing:
institutions put theirs on their web site, and verifiers make their own.`,
		Example: `  gradseal page -o verify.html
  gradseal page -o verify.html --trust uni.pack --trust college.pack
  gradseal page -o rehearsal.html --network regtest --language zh

Exit codes: 0 done; 1 an error, and nothing was written.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runPage(cmd.Context(), o) },
	}
	o.addFlags(cmd)
	return cmd
}

func (a *app) runPage(ctx context.Context, o pageOptions) error {
	if o.out == "" {
		return hinted(errors.New("no file to write was named"), "gradseal page -o verify.html")
	}
	program, err := page.Generated()
	if err != nil {
		return hinted(err, "in the sources run: go generate ./page, then build again")
	}
	network, err := bitcoin.ParseNetwork(o.network)
	if err != nil {
		return err
	}
	packs, err := a.pagePacks(ctx, network, o.packs)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	info, err := page.Write(&text, page.Options{
		Program: program, Packs: packs, Network: network, Confirmations: cmp.Or(o.confirmations, defaultConfirmations(network)),
		Language: o.language, Built: "gradseal " + version(), Now: time.Now(),
	})
	if err != nil {
		return fmt.Errorf("no page was written: %w", err)
	}
	if err := a.placePage(text.Bytes(), o.out); err != nil {
		return err
	}
	return a.reportPage(info, packs, o.out, text.Len(), len(o.packs) > 0)
}

// pagePacks are the packs that were named, or of everybody whom this machine
// trusts.
func (a *app) pagePacks(ctx context.Context, network bitcoin.Network, paths []string) ([]*trust.Pack, error) {
	if len(paths) == 0 {
		return a.trustedPacks(ctx, network)
	}
	var packs []*trust.Pack
	for _, path := range paths {
		pack, err := readPack(path)
		if err != nil {
			return nil, err
		}
		packs = append(packs, pack)
	}
	return packs, nil
}

// trustedPacks are packs of all issuers that this machine trusts. The headers of
// the network are in the first.
func (a *app) trustedPacks(ctx context.Context, network bitcoin.Network) ([]*trust.Pack, error) {
	release, err := a.lock(ctx) // what is being taken in is not to be given out
	if err != nil {
		return nil, err
	}
	defer release()
	store := a.home.trust()
	entries, err := store.Issuers()
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return nil, hinted(errors.New("this machine trusts no issuer, so its page would recognise nobody"),
			"name a pack with --trust, or add one with: gradseal trust add FILE")
	}
	segments, err := a.pageHeaders(network)
	if err != nil {
		return nil, err
	}
	var packs []*trust.Pack
	for _, e := range entries {
		pack, err := store.Pack(e.File.ID, segments)
		if errors.Is(err, trust.ErrStatusFork) {
			err = hinted(err, "neither can be passed on: ask the issuer for its next list")
		}
		if err != nil {
			return nil, err
		}
		packs, segments = append(packs, pack), nil
	}
	return packs, nil
}

// pageHeaders are the headers of a network that this home holds. Those of the
// node inside the program are among them: a page is for rehearsals too.
func (a *app) pageHeaders(network bitcoin.Network) (segments [][]byte, err error) {
	c, err := a.openHeaders(network)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	for _, s := range held(c) {
		segment, err := c.Segment(s.from, s.to)
		if err != nil {
			return nil, err
		}
		if c.Source() != headers.Embedded {
			segment.Source = "the page's maker" // a page is public, the name of a node may not be
		}
		data, err := segment.Marshal()
		if err != nil {
			return nil, err
		}
		segments = append(segments, data)
	}
	return segments, nil
}

// placePage writes the page to a file, or to standard output for "-".
func (a *app) placePage(text []byte, out string) error {
	if out == "-" {
		_, err := a.ui.Out.Write(text)
		return err
	}
	if err := mayReplacePage(out); err != nil {
		return err
	}
	return atomicfile.WriteFile(out, text, 0o644)
}

// mayReplacePage keeps an unrelated file from being overwritten.
func mayReplacePage(path string) error {
	f, err := openRegular(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	start := make([]byte, 4096)
	n, err := io.ReadFull(f, start)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	if !page.IsPage(start[:n]) {
		return fmt.Errorf("%s: exists and is not a page that gradseal has written: it was not overwritten", path)
	}
	return nil
}

// pageJSON is the result of "page" under --json.
type pageJSON struct {
	Version     int              `json:"version"`
	File        string           `json:"file"`
	Bytes       int              `json:"bytes"`
	Network     string           `json:"network"`
	TestNetwork bool             `json:"test_network"`
	Height      *uint32          `json:"height"`
	Issuers     []pageIssuerJSON `json:"issuers"`
}

type pageIssuerJSON struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Fingerprint string `json:"fingerprint"`
	StatusAsOf  string `json:"status_as_of"`
}

// reportPage says what the page knows, and what it is worth. named is whether
// packs were named: then headers of this home are not in the page.
func (a *app) reportPage(info *inside.Info, packs []*trust.Pack, out string, bytes int, named bool) error {
	say := a.ui.result
	if out == "-" {
		say = a.ui.note
	}
	if a.ui.json && out != "-" {
		return a.ui.object(newPageJSON(info, packs, out, bytes))
	}
	if out != "-" {
		say("Wrote %s: %s", shown(out), size(int64(bytes)))
	}
	for _, i := range info.Issuers {
		say("  issuer       %s (%s)", quoted(nameOf(packs, i.ID)), i.ID)
		say("  fingerprint  %s", i.Fingerprint)
		say("  status list  %s", pageStatus(i))
	}
	say("  headers      %s", pageHeight(info))
	a.ui.note("Compare each fingerprint with the one that the institution itself publishes: whoever uses this page trusts you in that.")
	if info.TestNetwork {
		a.ui.note("TEST NETWORK: on this page documents of %s count, and its blocks prove nothing to anyone.", info.Network)
	}
	if info.Headers == nil {
		a.ui.warn("the page has no headers of %s, so every document will be CANNOT TELL on it: %s", info.Network, withHeaders(info.Network, named))
	}
	a.ui.note("A page from the applicant proves nothing: verifiers get it from the institution, or make it.")
	a.ui.note("iPhones and iPads show a local HTML file without its scripts: for them put it on a web server.")
	return nil
}

// withHeaders says how a page gets headers.
func withHeaders(network string, named bool) string {
	if named {
		return "name a pack that has them, or add the pack (gradseal trust add FILE) and make the page without --trust: then it has the headers that are here"
	}
	advice := fmt.Sprintf("run gradseal headers sync --network %s --from p2p:HOST:PORT, or add a pack that has them: gradseal trust add FILE", network)
	if network == bitcoin.Mainnet.String() {
		advice += ". For a rehearsal on this machine: gradseal page --network regtest -o FILE"
	}
	return advice
}

// nameOf is the name of an issuer as its file has it.
func nameOf(packs []*trust.Pack, id string) string {
	for _, p := range packs {
		if p.File.ID == id {
			return p.File.Name
		}
	}
	return id
}

func pageStatus(i inside.IssuerInfo) string {
	switch {
	case i.StatusAsOf == "":
		return "none: no document will be VALID until the visitor loads one"
	case i.StatusPast:
		return "of " + i.StatusDate + ", past the day named in it: no document will be VALID"
	case i.StatusNext == "":
		return "of " + i.StatusDate + ", the last one"
	}
	return "of " + i.StatusDate + ", good until " + i.StatusNext
}

func pageHeight(info *inside.Info) string {
	if info.Headers == nil {
		return "none of " + info.Network
	}
	return fmt.Sprintf("of %s up to height %s, %s", info.Network, number(info.Headers.Height), info.Headers.Time)
}

func newPageJSON(info *inside.Info, packs []*trust.Pack, out string, bytes int) pageJSON {
	j := pageJSON{
		Version: jsonVersion, File: out, Bytes: bytes, Network: info.Network, TestNetwork: info.TestNetwork, Issuers: []pageIssuerJSON{},
	}
	if info.Headers != nil {
		j.Height = &info.Headers.Height
	}
	for _, i := range info.Issuers {
		j.Issuers = append(j.Issuers, pageIssuerJSON{i.ID, nameOf(packs, i.ID), i.Fingerprint, i.StatusDate})
	}
	return j
}
