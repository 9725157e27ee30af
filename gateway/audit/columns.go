package audit

import "strings"

// Columns are the parts of an entry that can be searched for, for the search
// rows of a store.
type Columns struct {
	Action    Action
	Actor     string
	Agency    string
	Area      string
	Provider  string
	Purpose   string
	RequestID string
	Time      string
}

// ColumnsOf reads the searchable parts out of the canonical bytes of an entry.
// It is some ten times faster than decoding the entry. It answers an error
// where it meets something that is not canonical JSON; what stands behind the
// last searchable part is not looked at.
func ColumnsOf(entry []byte) (Columns, error) {
	var c Columns
	err := members(string(entry), func(key, value string, _ int) bool {
		switch key {
		case "action":
			c.Action = Action(text(value))
		case "actor":
			c.actor(value)
		case "area":
			c.Area = text(value)
		case "provider":
			c.Provider = text(value)
		case "purpose":
			c.Purpose = text(value)
		case "request_id":
			c.RequestID = text(value)
		case "time":
			c.Time = text(value)
		}
		return key != "time" // nothing behind it is searched
	})
	return c, err
}

func (c *Columns) actor(object string) {
	// The object was read once already as part of the entry: no error is left.
	_ = members(object, func(key, value string, _ int) bool {
		switch key {
		case "agency":
			c.Agency = text(value)
		case "subject":
			c.Actor = text(value)
		}
		return true
	})
}

// text returns what a canonical JSON string means, and "" for any other value,
// without keeping the entry in memory.
func text(value string) string { return strings.Clone(inside(value)) }
