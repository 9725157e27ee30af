package policy

import (
	"cmp"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/ast"
)

// how says in which way a part of the input is read.
type how string

const (
	byValue  how = "value"
	byNull   how = "null"
	byLength how = "length"
	byOrder  how = "order"
	bySame   how = "same"
	byStart  how = "start"
	byEnd    how = "end"
	byPart   how = "part"
)

// outcomes are the ways of holding a text against a constant, by function.
var outcomes = map[string]how{
	"eq": bySame, "equal": bySame, "neq": bySame, "startswith": byStart, "endswith": byEnd, "contains": byPart,
}

// question is one thing that the rules can see of an input.
type question struct {
	path string
	how  how
	// with is the constant that the value is held against.
	with string
	// at is where the value is in an Input.
	at []int
	// numbers are, ascending, all that the value is held against.
	numbers []int64
}

func (q question) name() string { return q.path + " " + string(q.how) + " " + q.with }

// questions are all that the rules see of an input, in an order of their own.
func (r *reading) questions() []question {
	for _, q := range r.asks {
		if q.how == byOrder && r.loud {
			r.add(question{path: q.path, how: byValue})
		}
	}
	var out []question
	for _, q := range r.asks {
		if r.covered(q) {
			continue
		}
		var there bool
		if q.at, there = locate(reflect.TypeFor[Input](), q.path); !there {
			continue // no input has it
		}
		if q.how == byOrder {
			q.numbers = r.numbers(q.path)
		}
		out = append(out, q)
	}
	slices.SortFunc(out, func(a, b question) int { return cmp.Compare(a.name(), b.name()) })
	return out
}

// covered reports whether another question gives away all that q asks.
func (r *reading) covered(q question) bool {
	for _, other := range r.asks {
		if other.how != byValue {
			continue
		}
		if other.path == "" && q.path != "" || strings.HasPrefix(q.path, other.path+"/") ||
			other.path == q.path && q.how != byValue {
			return true
		}
	}
	return false
}

// numbers are, ascending and each once, what a path is held against.
func (r *reading) numbers(path string) []int64 {
	found, written := map[int64]bool{}, r.flow.names()
	for names := range r.against[path] {
		if first, _, _ := strings.Cut(names, "/"); written[first] {
			r.allNumbers(found)
			break
		}
		numbersUnder(ast.NewTerm(r.data), strings.Split(names, "/"), nil, found)
	}
	return slices.Sorted(maps.Keys(found))
}

// allNumbers are all in the data and in the rules.
func (r *reading) allNumbers(found map[int64]bool) {
	visitor := ast.NewGenericVisitor(func(x any) bool {
		if n, ok := x.(ast.Number); ok {
			addNumber(n, found)
		}
		return false
	})
	visitor.Walk(ast.NewTerm(r.data))
	for _, m := range r.modules {
		visitor.Walk(m)
	}
}

// numbersUnder finds the numbers whose path ends in names; at is the path of t.
func numbersUnder(t *ast.Term, names, at []string, found map[int64]bool) {
	switch v := t.Value.(type) {
	case ast.Number:
		if len(at) >= len(names) && slices.Equal(at[len(at)-len(names):], names) {
			addNumber(v, found)
		}
	case ast.Object:
		v.Foreach(func(k, below *ast.Term) {
			name, _ := k.Value.(ast.String)
			numbersUnder(below, names, append(at, string(name)), found)
		})
	case *ast.Array:
		v.Foreach(func(below *ast.Term) { numbersUnder(below, names, append(at, ""), found) })
	case ast.Set:
		v.Foreach(func(below *ast.Term) { numbersUnder(below, names, append(at, ""), found) })
	}
}

// addNumber adds a number, or the two whole ones next to it.
func addNumber(n ast.Number, found map[int64]bool) {
	if i, whole := n.Int64(); whole {
		found[i] = true
	} else if f, finite := n.Float64(); finite && math.Abs(f) < math.MaxInt64 {
		found[int64(math.Floor(f))], found[int64(math.Ceil(f))] = true, true
	}
}

// locate finds the member of a struct that JSON calls by a path.
func locate(t reflect.Type, path string) ([]int, bool) {
	if path == "" {
		return nil, true
	}
	name, rest, _ := strings.Cut(path, "/")
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil, false
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag != name {
			continue
		}
		below, ok := locate(f.Type, rest)
		return append([]int{i}, below...), ok
	}
	return nil, false
}

// ask encodes the answer of an input to the question. at is the input's time.
func (q *question) ask(e *encoder, in *Input, at time.Time) {
	v := reflect.ValueOf(in).Elem()
	for _, i := range q.at {
		if v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		if !v.IsValid() { // below what is null there is nothing
			e.byte('-')
			return
		}
		v = v.Field(i)
	}
	switch text := v.Kind() == reflect.String; {
	case q.how == byNull:
		e.truth(v.Kind() == reflect.Pointer && v.IsNil())
	case q.how == byOrder && q.path == timePath:
		e.place(q.numbers, at.UnixNano())
	case q.how == byOrder && v.CanInt():
		e.place(q.numbers, v.Int())
	case q.how == byLength && text:
		e.count(utf8.RuneCountInString(v.String()))
	case q.how == byLength && v.Kind() == reflect.Slice:
		e.count(v.Len())
	case q.how == bySame && text:
		e.truth(v.String() == q.with)
	case q.how == byStart && text:
		e.truth(strings.HasPrefix(v.String(), q.with))
	case q.how == byEnd && text:
		e.truth(strings.HasSuffix(v.String(), q.with))
	case q.how == byPart && text:
		e.truth(strings.Contains(v.String(), q.with))
	default:
		e.value(v)
	}
}

// place encodes where n falls among ascending numbers: on one, or between two.
func (e *encoder) place(numbers []int64, n int64) {
	i, on := slices.BinarySearch(numbers, n)
	e.count(i)
	e.truth(on)
}

// value encodes a part of an Input.
func (e *encoder) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		e.text(v.String())
	case reflect.Bool:
		e.truth(v.Bool())
	case reflect.Slice:
		e.count(v.Len())
		for i := range v.Len() {
			e.value(v.Index(i))
		}
	case reflect.Struct:
		for _, member := range v.Fields() {
			e.value(member)
		}
	case reflect.Pointer:
		e.truth(!v.IsNil())
		if !v.IsNil() {
			e.value(v.Elem())
		}
	default:
		e.number(uint64(v.Int())) // panics on what is no number: the tests would see it
	}
}
