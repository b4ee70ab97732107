// Command vectors writes the test vectors in testdata/vectors, which are for
// verifiers in any language. It writes the same bytes on every run.
//
//	go run ./internal/vectors -o testdata/vectors
//
// testdata/vectors/README.md says what the files hold. What a vector must be
// answered with is written down here by hand, from docs/format.md; that the
// packages of this module give these answers is what the tests see to.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	out := flag.String("o", "", "folder to write to")
	flag.Parse()
	if *out == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := write(*out); err != nil {
		fmt.Fprintln(os.Stderr, "vectors: error:", err)
		os.Exit(1)
	}
}

func write(dir string) error {
	for _, f := range files() {
		data, err := f.encode()
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, f.Kind+".json"), data, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// files are all vectors, one file for each kind.
func files() []file {
	return []file{
		fileOf("tree", treeVectors()),
		fileOf("note", noteVectors()),
		fileOf("public-key", publicKeyVectors()),
		fileOf("signature", signatureVectors()),
		fileOf("signers", signersVectors()),
		fileOf("statement", statementVectors()),
		fileOf("status-list", statusListVectors()),
		fileOf("status-next", statusNextVectors()),
		fileOf("issuer-file", issuerFileVectors()),
		fileOf("issuer-next", issuerNextVectors()),
		fileOf("transaction", transactionVectors()),
		fileOf("block-path", blockPathVectors()),
		fileOf("header", headerVectors()),
		fileOf("chain", chainVectors()),
		fileOf("segment", segmentVectors()),
		fileOf("pack", packVectors()),
		fileOf("timestamp", timestampVectors()),
		fileOf("proof", proofVectors()),
		fileOf("trailer", trailerVectors()),
		fileOf("compact", compactVectors()),
		fileOf("codes", codesVectors()),
		fileOf("paper", paperVectors()),
		fileOf("verdict", verdictVectors()),
	}
}
