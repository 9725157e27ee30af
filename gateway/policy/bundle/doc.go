// Package bundle reads and writes policy bundles: everything that decides, in
// one signed file.
//
// A bundle is an OPA bundle (a gzipped tar with .manifest and
// .signatures.json), so `opa inspect` and `opa build --verification-key` read
// it too. It holds the core rules, the purposes, the agreements with their
// conditions, approvals and impact reports, and the schemas and mappings of the
// datasets:
//
//	concord/**.rego, concord/agencies.json, purposes.json
//	agreements/<ID>/[next/]{agreement.json,conditions.rego,approval.note,impact.json}
//	datasets/<name>.{schema,mapping}.json, places.json
//
// The author's signature says that the bundle is whole and who made it. It
// makes nothing live: that is for the approvals of the parties inside (package
// approval). The manifest carries a sequence number, by which an older bundle
// is told from a newer one, and a revision, the digest of the exact bytes of
// every file.
//
// Read trusts the author's public keys and nothing else: no key, algorithm or
// plug-in that a signature names, no hash but SHA-256, and no size that a header
// announces. What it takes in is bounded (MaxBytes packed, 128 MiB unpacked,
// 50,000 entries) before any signature is looked at. It answers a fault of
// kind Invalid, with one of the codes below, for a bundle that is unsigned,
// signed by a key that is not an author's, altered in any file, a delta, or of
// another form; there is never part of a bundle beside an error.
package bundle

// The codes of what Read refuses.
const (
	CodeForm      = "bundle-form"
	CodeUnsigned  = "bundle-unsigned"
	CodeSignature = "bundle-signature"
	CodeDelta     = "bundle-delta"
	CodeFile      = "bundle-file"
)
