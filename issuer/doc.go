// Package issuer says who issued: issuer files with their key sets, the
// statements that an issuer signs about its trees, and its status lists.
//
// All three are short texts in a C2SP signed-note envelope
// (https://c2sp.org/signed-note) with Ed25519 signatures (RFC 8032). The
// envelope is read more strictly than golang.org/x/mod/sumdb/note reads it:
// what ParseNote accepts has one spelling, and what it carries re-encodes to
// the same bytes. The texts are read the same way.
//
// The package trusts nothing that it parses. A [File] becomes a trust root only
// because its caller compared the [Fingerprint] or found it in a trust store;
// [File.CheckSignatures] then judges signatures by that file's keys and by
// nothing else. A [Statement] or [StatusList] that parsed is well-formed, not
// true.
//
// The package does not store anything, opens no socket, reads no clock, and
// holds no secret key: whoever signs brings a [Signer].
package issuer
