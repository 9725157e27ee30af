package release

import (
	"strings"

	"github.com/concord-gateway/concord/gateway/fault"
)

// The marks of a cell.
const (
	// Shown is the mark of a cell whose protected count is published.
	Shown = ""
	// Suppressed is the mark of a cell whose count is not published.
	Suppressed = "*"
	// NoData is the mark of a cell for which nothing was submitted.
	NoData = "-"
)

// Withdrawn is the Basis of every cell of an edition of which no count could
// be published safely.
const Withdrawn = -1

// CellKey names a cell by area code and period.
type CellKey struct{ Area, Period string }

// MarshalText writes "area|period", so that a Series can be kept as JSON.
func (k CellKey) MarshalText() ([]byte, error) { return []byte(k.Area + "|" + k.Period), nil }

// UnmarshalText reads what MarshalText wrote; the error is of kind Invalid.
func (k *CellKey) UnmarshalText(text []byte) error {
	area, period, ok := strings.Cut(string(text), "|")
	if !ok {
		return fault.New(fault.Invalid, "release.CellKey", "a cell is named area|period")
	}
	k.Area, k.Period = area, period
	return nil
}

// Cell is one cell of an edition. Count and Mark are published. The others are
// not: they stay sealed with the edition, for the editions after it, which need
// all three of them.
type Cell struct {
	// Count is the protected count of a cell that is Shown, else 0.
	Count int    `json:"count"`
	Mark  string `json:"mark"`
	// Basis is the true count at which the published state was set.
	Basis int `json:"basis"`
	// True is the true count in this edition.
	True int `json:"true"`
	// Protects tells that the cell is suppressed to protect others, whatever
	// its own count.
	Protects bool `json:"protects"`
}

// Series is every cell of one provider, dataset and indicator in one edition.
type Series struct {
	Cells map[CellKey]Cell `json:"cells"`
}
