package inside

import "testing"

// BenchmarkOpen opens a page with as many headers as mainnet has in two years.
// Under WebAssembly it is what a visitor waits for:
//
//	GOOS=js GOARCH=wasm go test -exec="$(go env GOROOT)/lib/wasm/go_js_wasm_exec" -run='^$' -bench=Open ./page/inside
func BenchmarkOpen(b *testing.B) {
	pack, chain := newUni(b, "a.example", "A").pack(b, nil, nil), segment(b, 100_000, 0)
	for b.Loop() {
		open(b, pack, chain)
	}
}
