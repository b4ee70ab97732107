package main

import (
	"errors"
	"slices"
	"strings"
)

// textOf are the sentences by which the text of a licence is known, under its
// SPDX identifier. All of them must be there, in this order, and the files in
// question are the licences that modules come with, not prose about them.
var textOf = []struct {
	id        string
	sentences []string
}{
	{"Apache-2.0", []string{"apache license version 2.0, january 2004", "terms and conditions for use, reproduction, and distribution", "accepting warranty or additional liability"}},
	{"Apache-2.0", []string{"licensed under the apache license, version 2.0", "you may not use this file except in compliance with the license"}},
	{"BSD-3-Clause", []string{
		"redistribution and use in source and binary forms, with or without modification, are permitted provided that the following conditions are met",
		"redistributions of source code must retain", "redistributions in binary form must reproduce", "neither the name", "this software is provided by",
	}},
	{"BSD-2-Clause", []string{
		"redistribution and use in source and binary forms, with or without modification, are permitted provided that the following conditions are met",
		"redistributions of source code must retain", "redistributions in binary form must reproduce", "this software is provided by",
	}},
	{"ISC", []string{
		"permission to use, copy, modify, and distribute this software for any purpose with or without fee is hereby granted, provided that",
		"and this permission notice appear in all copies", `the software is provided "as is"`,
	}},
	{"MIT", []string{
		"permission is hereby granted, free of charge, to any person obtaining a copy of this software",
		"and this permission notice shall be included in all copies or substantial portions", `the software is provided "as is"`,
	}},
}

// licenceIDs returns the SPDX identifiers of the licences that a file grants,
// sorted. A text that holds none that is known here is an error: somebody has
// to read it.
func licenceIDs(text string) ([]string, error) {
	text = strings.Join(strings.Fields(strings.ToLower(text)), " ")
	var ids []string
	for _, known := range textOf {
		// The three clauses hold the two.
		more := known.id == "BSD-2-Clause" && slices.Contains(ids, "BSD-3-Clause")
		if holds(text, known.sentences) && !more && !slices.Contains(ids, known.id) {
			ids = append(ids, known.id)
		}
	}
	if len(ids) == 0 {
		return nil, errors.New("is under no licence that is known here: read it, and add its sentences to licence_id.go")
	}
	slices.Sort(ids)
	return ids, nil
}

// holds tells whether the sentences are in the text, one after another.
func holds(text string, sentences []string) bool {
	for _, s := range sentences {
		_, after, ok := strings.Cut(text, s)
		if !ok {
			return false
		}
		text = after
	}
	return true
}
