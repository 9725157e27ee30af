// Package dataset knows what partners may send: it loads the dataset schemas,
// reads their annotations and turns a submitted row into a checked, normalised
// one.
//
// It guarantees:
//
//   - A dataset is one file, <name>.schema.json: JSON Schema 2020-12 with
//     x-concord annotations. Adding one needs no Go code.
//   - A schema that could admit a field nobody named does not load: objects
//     must be closed, keywords, formats and annotations must be known, and a
//     reference must stay inside its file.
//   - Validate returns either a row or problems, never both and never neither.
//     A problem names a field and a rule, never a value (invariant 5).
//   - Row.Canonical is RFC 8785 canonical JSON of the normalised row: equal
//     content gives equal bytes, and Decode gives the same row back.
//
// Identifiers are checked by their published rules: NHS number (modulus 11),
// UPN, PNC ID and CRO (modulus 23), UPRN, postcode. The package has no clock
// and does no input or output other than reading the given file system. It
// depends on no other part of Concord except package fault, and trusts nobody:
// schemas and rows alike are untrusted bytes.
package dataset
