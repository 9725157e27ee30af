package dataset

import "strings"

// at follows a pointer through objects. The names of fields need no escapes:
// Load admits letters, digits and underscores only.
func at(value map[string]any, pointer string) (any, bool) {
	if pointer == "" {
		return nil, false
	}
	rest := pointer[1:]
	for {
		name, below, deeper := strings.Cut(rest, "/")
		v, ok := value[name]
		if !ok || !deeper {
			return v, ok
		}
		if value, ok = v.(map[string]any); !ok {
			return nil, false
		}
		rest = below
	}
}

// set replaces a value that at has found.
func set(value map[string]any, pointer, text string) {
	rest := pointer[1:]
	for {
		name, below, deeper := strings.Cut(rest, "/")
		if !deeper {
			value[name] = text
			return
		}
		value, _ = value[name].(map[string]any)
		rest = below
	}
}

func textAt(value map[string]any, pointer string) string {
	v, _ := at(value, pointer)
	s, _ := v.(string)
	return s
}
