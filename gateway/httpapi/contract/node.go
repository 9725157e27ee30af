package contract

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/concord-gateway/concord/gateway/fault"
)

// node is a place in the document: its value, and its JSON pointer from the
// root. The zero value stands for a place that does not exist.
type node struct {
	root  any
	ptr   string
	value any
}

// exists reports whether there is a value.
func (n node) exists() bool { return n.value != nil }

// child returns the member of an object, or a node that does not exist.
func (n node) child(name string) node {
	object, ok := n.value.(map[string]any)
	if !ok {
		return node{root: n.root}
	}
	return node{root: n.root, ptr: n.ptr + "/" + escape(name), value: object[name]}
}

// names returns the names of an object's members, sorted.
func (n node) names() []string {
	object, ok := n.value.(map[string]any)
	if !ok {
		return nil
	}
	return slices.Sorted(maps.Keys(object))
}

// items returns the elements of an array.
func (n node) items() []node {
	array, ok := n.value.([]any)
	if !ok {
		return nil
	}
	out := make([]node, len(array))
	for i, v := range array {
		out[i] = node{root: n.root, ptr: n.ptr + "/" + strconv.Itoa(i), value: v}
	}
	return out
}

// text returns the string member of that name, or "".
func (n node) text(name string) string {
	s, ok := n.child(name).value.(string)
	if !ok {
		return ""
	}
	return s
}

// flag returns the boolean member of that name, or false.
func (n node) flag(name string) bool {
	b, ok := n.child(name).value.(bool)
	return ok && b
}

// texts returns the strings of the array member of that name.
func (n node) texts(name string) []string {
	var out []string
	for _, item := range n.child(name).items() {
		if s, ok := item.value.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// follow returns the target of a reference, and n itself when it is none. A
// reference that leads nowhere, or through more than eight others, is Invalid.
func (n node) follow() (node, error) {
	at := n
	for range 8 {
		ref := at.text("$ref")
		if ref == "" {
			return at, nil
		}
		target, ok := at.lookup(ref)
		if !ok {
			break
		}
		at = target
	}
	return node{}, invalid(n.ptr, "The reference does not resolve.")
}

// lookup finds what a reference inside the document points at.
func (n node) lookup(ref string) (node, bool) {
	pointer, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return node{}, false
	}
	at := node{root: n.root, value: n.root}
	for part := range strings.SplitSeq(pointer, "/") {
		at = at.child(unescape(part))
	}
	return at, at.exists()
}

// The escapes of RFC 6901, section 3. A Replacer is costly to build and safe to
// share.
var (
	escaper   = strings.NewReplacer("~", "~0", "/", "~1")
	unescaper = strings.NewReplacer("~1", "/", "~0", "~")
)

func escape(s string) string { return escaper.Replace(s) }

func unescape(s string) string { return unescaper.Replace(s) }

// invalid is the error for an unsound part of the document.
func invalid(pointer, message string) error {
	return fault.New(fault.Invalid, "contract.Load", message+" ("+pointer+")").At(pointer)
}
