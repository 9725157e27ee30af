// Package policies carries the core policy, the purposes and the sample
// agreements inside the binary, so that it runs without a folder beside it.
package policies

import "embed"

// Files holds purposes.json, concord/, agreements/ and cases/.
//
//go:embed purposes.json concord agreements cases
var Files embed.FS
