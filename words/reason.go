package words

import (
	"gradseal/bitcoin"
	"gradseal/verify"
)

// Reason is why the verdict is not better: that of the check that decided it, or
// of the problem that kept the proof from being read; "" of a valid document.
func Reason(r *verify.Result) verify.Reason {
	if r.Problem != nil {
		return r.Reason
	}
	block := r.Checks[verify.Block].Reason
	rehearsal := r.Network == bitcoin.Regtest && (block == verify.NoHeaderChain || block == verify.NotInChain)
	if r.Verdict == verify.CannotTell && r.Existence == nil && (block == verify.OtherNetwork || rehearsal) {
		// Whatever else is not known: nothing that would be learnt about it
		// could make this proof count here.
		return block
	}
	if c := r.First(); c != nil {
		return c.Reason
	}
	return ""
}

// OnTestNetwork reports whether the verdict is one about a network whose blocks
// prove nothing to anyone else; accepted is the network that the policy names.
func OnTestNetwork(r *verify.Result, accepted bitcoin.Network) bool {
	return network(r, accepted).IsTest()
}

// network is that of the result: of the statement, or else of the policy.
func network(r *verify.Result, accepted bitcoin.Network) bitcoin.Network {
	if r.Network != 0 {
		return r.Network
	}
	return accepted
}
