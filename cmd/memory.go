package cmd

import (
	"os"
	"runtime/debug"
)

const (
	// manyDocuments is from how many documents on what is held of each, some 500
	// bytes, is most of the memory of anchor.
	manyDocuments = 100_000
	// frugalPercent is how much garbage then may lie beside it, in percent.
	frugalPercent = 25
	// generousPercent is that where fewer are verified, and little is held of each: 20 MB
	// more, and a seventh less time with 50,000.
	generousPercent = 200
)

// frugal has memory collected sooner where there are many documents: as a rule a Go
// program takes twice what it holds, and that is a gigabyte with a million. Who has
// set GOGC knows better.
func frugal(documents int) {
	if documents >= manyDocuments {
		collectAt(frugalPercent)
	}
}

// generous has memory collected later where there are not many documents.
func generous(documents int) {
	if documents < manyDocuments {
		collectAt(generousPercent)
	}
}

func collectAt(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}
