package release

import (
	"strconv"
	"strings"
)

// lookup finds the value at a JSON pointer (RFC 6901).
func lookup(doc map[string]any, pointer string) (any, bool) {
	path, ok := split(pointer)
	if !ok {
		return nil, false
	}
	return walk(doc, path)
}

// split takes a pointer apart. The empty pointer, which means the whole document,
// and a malformed one are none: a field is named by a path.
func split(pointer string) (path []string, ok bool) {
	if !strings.HasPrefix(pointer, "/") {
		return nil, false
	}
	for token := range strings.SplitSeq(pointer[1:], "/") {
		name, ok := unescape(token)
		if !ok {
			return nil, false
		}
		path = append(path, name)
	}
	return path, true
}

// walk finds the value at a path that is not empty.
func walk(doc map[string]any, path []string) (any, bool) {
	at, ok := doc[path[0]]
	for _, name := range path[1:] {
		if !ok {
			return nil, false
		}
		at, ok = member(at, name)
	}
	return at, ok
}

// unescape undoes ~1 and ~0 (RFC 6901 section 4); any other use of a tilde is
// malformed.
func unescape(token string) (string, bool) {
	if !strings.Contains(token, "~") {
		return token, true
	}
	rest := strings.NewReplacer("~0", "", "~1", "").Replace(token)
	if strings.Contains(rest, "~") {
		return "", false
	}
	return strings.NewReplacer("~1", "/", "~0", "~").Replace(token), true
}

func member(of any, name string) (any, bool) {
	switch of := of.(type) {
	case map[string]any:
		v, ok := of[name]
		return v, ok
	case []any:
		i, err := strconv.Atoi(name)
		// RFC 6901 section 4: no leading zeros, no sign.
		if err != nil || strconv.Itoa(i) != name || i < 0 || i >= len(of) {
			return nil, false
		}
		return of[i], true
	}
	return nil, false
}
