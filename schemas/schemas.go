// Package schemas carries the dataset schemas, the places and the API
// description inside the binary, so that it runs without a folder beside it.
package schemas

import "embed"

// Files holds datasets/*.schema.json, datasets/*.mapping.json,
// agreement.schema.json, places.json and openapi.yaml.
//
//go:embed datasets/*.schema.json datasets/*.mapping.json *.json openapi.yaml
var Files embed.FS
