//go:build race

package verify_test

// stride is how many bytes the tests that flip every bit go on at a time. The
// race detector makes signatures ten times as slow and needs no more than a
// sample; the run without it flips them all.
const stride = 37
