package merkle_test

import "crypto/sha256"

// The functions of this file are RFC 9162 word for word: slow, recursive, and
// written without looking at the package. D stands for the list of entries.

// referenceRoot is MTH(D_n) of §2.1.1.
func referenceRoot(d [][]byte) [32]byte {
	n := len(d)
	if n == 0 {
		return sha256.Sum256(nil)
	}
	if n == 1 {
		return sha256.Sum256(append([]byte{0x00}, d[0]...))
	}
	k := largestPowerBelow(uint64(n))
	left, right := referenceRoot(d[:k]), referenceRoot(d[k:])
	return sha256.Sum256(append(append([]byte{0x01}, left[:]...), right[:]...))
}

// referencePath is PATH(m, D_n) of §2.1.3.1.
func referencePath(m uint64, d [][]byte) [][32]byte {
	n := uint64(len(d))
	if n == 1 {
		return nil
	}
	k := largestPowerBelow(n)
	if m < k {
		return append(referencePath(m, d[:k]), referenceRoot(d[k:]))
	}
	return append(referencePath(m-k, d[k:]), referenceRoot(d[:k]))
}

// referenceTurns spells PATH(m, D_n) as the side each of its hashes stands on,
// leaf to root: r where the first case of §2.1.3.1 applies, l for the second.
func referenceTurns(m, n uint64) string {
	if n == 1 {
		return ""
	}
	k := largestPowerBelow(n)
	if m < k {
		return referenceTurns(m, k) + "r"
	}
	return referenceTurns(m-k, n-k) + "l"
}

// largestPowerBelow is the k of §2.1.1: the largest power of two smaller than n,
// k < n <= 2k. n is at least 2.
func largestPowerBelow(n uint64) uint64 {
	k := uint64(1)
	for n-k > k {
		k *= 2
	}
	return k
}
