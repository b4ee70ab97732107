//go:build js

package main

import (
	"syscall/js"

	"gradseal/page/inside"
)

// This file is built into the program of the page for TestBrowserVectors alone.

// init adds a function judgeVector(vector, files) beside gradseal.judge(files): the
// same for a page that believes what a vector says.
func init() {
	judge := func(args arguments) (any, error) {
		vector, err := args.text(0)
		if err != nil {
			return nil, err
		}
		page, err := inside.OpenVector([]byte(vector))
		if err != nil {
			return nil, err
		}
		return (&program{page: page}).judge(args[1:])
	}
	js.Global().Set("judgeVector", js.FuncOf(function(judge).call))
}
