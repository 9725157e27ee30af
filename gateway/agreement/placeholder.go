package agreement

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/concord-gateway/concord/gateway/release"
)

// undecided begins every text of a skeleton that people have to write, and
// undecidedHost is the domain of its contacts.
const (
	// commentKey is the member that explains an object to people.
	commentKey = "$comment"

	undecided     = "TO DECIDE"
	undecidedHost = "@to-decide.example"
)

// placeholders refuses what a skeleton left for people to decide, once any field
// is released or counted: an author can load and test a skeleton as it is
// written, but nobody can open a field on a basis that is not there.
func (c *checker) placeholders() {
	holds := bytes.Contains(c.a.Source, []byte(undecided)) || bytes.Contains(c.a.Source, []byte(undecidedHost))
	var doc any
	if !holds || !c.a.opens() || json.Unmarshal(c.a.Source, &doc) != nil {
		return
	}
	walk("", doc, func(pointer, text string) {
		if strings.HasPrefix(text, undecided) || strings.HasSuffix(text, undecidedHost) {
			c.law(pointer, "placeholder", accountability,
				"a field goes out while this is still to be decided", "decide it, and write down what was decided")
		}
	})
}

// opens reports whether any field is released or counted.
func (a *Agreement) opens() bool {
	open := false
	a.eachField(func(_ slot, _ string, t release.Treatment) { open = open || t != release.Withhold })
	return open
}

// walk calls do for every text in a document, keys and comments apart, in the
// order of the pointers.
func walk(pointer string, v any, do func(pointer, text string)) {
	switch v := v.(type) {
	case string:
		do(pointer, v)
	case []any:
		for i, one := range v {
			walk(pointer+"/"+strconv.Itoa(i), one, do)
		}
	case map[string]any:
		for _, key := range sorted(v) {
			if key != commentKey {
				walk(pointer+"/"+escape(key), v[key], do)
			}
		}
	}
}
