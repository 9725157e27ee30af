package release

import (
	"strings"
	"time"
	"unicode"
)

// Projection is what a decision releases of the records of a dataset: the named
// fields, each with its treatment. It is made once for many records, and safe for
// concurrent use.
type Projection struct{ fields []projected }

// projected is one field of a projection, with its pointer taken apart.
type projected struct {
	pointer   string
	path      []string
	treatment Treatment
	// apart says that something inside the field is named as well.
	apart bool
}

// NewProjection makes a projection of treatments by JSON pointer (RFC 6901). A
// pointer that is malformed names nothing.
func NewProjection(fields map[string]Treatment) Projection {
	p := Projection{fields: make([]projected, 0, len(fields))}
	for pointer, treatment := range fields {
		if path, ok := split(pointer); ok {
			p.fields = append(p.fields, projected{pointer, path, treatment, namedInside(fields, pointer)})
		}
	}
	return p
}

// Apply treats the named fields of a record. The keys of both results are the
// JSON pointers of what is released; treatments tells how each was treated.
//
// Only named fields that are present are released, and nothing else: a field
// under count_only, withhold or a treatment that is not known, a null, a value
// that its treatment cannot read, and an object, whose members have to be named
// one by one, stay where they are. An array is released whole, unless
// something inside it is named as well.
func (p Projection) Apply(r Record, c Context) (values map[string]any, treatments map[string]Treatment) {
	values = make(map[string]any, len(p.fields))
	treatments = make(map[string]Treatment, len(p.fields))
	for i := range p.fields {
		f := &p.fields[i]
		v, ok := walk(r.Value, f.path)
		if !ok || v == nil {
			continue
		}
		if _, isArray := v.([]any); isArray && f.apart {
			continue
		}
		if out, ok := treat(f.pointer, v, f.treatment, c); ok {
			values[f.pointer] = out
			treatments[f.pointer] = f.treatment
		}
	}
	return values, treatments
}

func namedInside(fields map[string]Treatment, pointer string) bool {
	for other := range fields {
		if strings.HasPrefix(other, pointer+"/") {
			return true
		}
	}
	return false
}

func treat(pointer string, v any, treatment Treatment, c Context) (any, bool) {
	if treatment == Full {
		return whole(v)
	}
	in, ok := v.(string)
	if !ok || in == "" {
		return nil, false
	}
	out := coarsen(pointer, in, treatment, c)
	// Whatever the treatment is worth on odd input, it never hands the input
	// back. An area that is a local authority already is as coarse as asked.
	if out == "" || treatment != AreaCode && strings.Contains(out, in) {
		return nil, false
	}
	return out, true
}

// coarsen returns the treated value, or "" where there is nothing to release.
func coarsen(pointer, in string, treatment Treatment, c Context) string {
	switch treatment {
	case Mask:
		return mask(in)
	case Year:
		return dateTo(in, len("2006"))
	case Month:
		return dateTo(in, len("2006-01"))
	case AgeBand:
		return ageBand(in, c.Now)
	case OutwardCode:
		return outwardCode(in)
	case AreaCode:
		if c.LocalAuthority != nil {
			return c.LocalAuthority(in)
		}
	case Pseudonym:
		if c.Pseudonym != nil {
			return c.Pseudonym(pointer, in)
		}
	case Full, CountOnly, Withhold:
	}
	return ""
}

func whole(v any) (any, bool) {
	switch v := v.(type) {
	case string, float64, bool:
		return v, true
	case []any:
		return clone(v), true
	}
	return nil, false
}

// clone copies arrays and objects, so that nobody who gets a released value
// can reach into the record.
func clone(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, one := range v {
			out[i] = clone(one)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, one := range v {
			out[k] = clone(one)
		}
		return out
	}
	return v
}

// mask keeps the shape of a value, its length and its spaces, hyphens,
// apostrophes, slashes, commas and points, and puts "*" for all other
// characters, except:
//   - of a value without digits (a name) the first character, if it has two or
//     more;
//   - of a value with digits (an identifier) the last two, if it has six or
//     more;
//   - of a date nothing.
func mask(in string) string {
	runes := []rune(in)
	hidden, digits := make([]int, 0, len(runes)), false
	for i, r := range runes {
		if !strings.ContainsRune(" -'’/,.", r) {
			hidden = append(hidden, i)
			digits = digits || unicode.IsDigit(r)
		}
	}
	_, isDate := date(in)
	switch {
	case isDate:
	case digits && len(hidden) >= 6:
		hidden = hidden[:len(hidden)-2]
	case !digits && len(hidden) >= 2:
		hidden = hidden[1:]
	}
	for _, i := range hidden {
		runes[i] = '*'
	}
	return string(runes)
}

// dateTo returns the first so many characters of a date, or of a date and time,
// both of which begin with year and month.
func dateTo(in string, n int) string {
	if _, ok := date(in); !ok {
		return ""
	}
	return in[:n]
}

func ageBand(in string, now time.Time) string {
	age, ok := ageAt(in, now)
	if !ok {
		return ""
	}
	bands := []struct {
		last int
		name string
	}{{9, "0-9"}, {15, "10-15"}, {17, "16-17"}, {24, "18-24"}, {34, "25-34"}, {44, "35-44"}, {54, "45-54"}, {64, "55-64"}}
	for _, b := range bands {
		if age <= b.last {
			return b.name
		}
	}
	return "65+"
}

// outwardCode returns the first half of a postcode, in capitals: one or two
// letters, a digit and perhaps one more letter or digit, before a digit and two
// letters. What looks otherwise has none.
func outwardCode(in string) string {
	const shortest, inward = 2, 3
	code := strings.ToUpper(strings.TrimSpace(in))
	if len(code) < shortest+inward {
		return ""
	}
	out, in := strings.TrimSuffix(code[:len(code)-inward], " "), code[len(code)-inward:]
	if !isDigit(in[0]) || !isCapital(in[1]) || !isCapital(in[2]) {
		return ""
	}
	area := 1
	if len(out) > shortest && isCapital(out[1]) {
		area = 2
	}
	if len(out) < area+1 || len(out) > area+2 || !isCapital(out[0]) || !isDigit(out[area]) {
		return ""
	}
	if last := out[len(out)-1]; !isDigit(last) && !isCapital(last) {
		return ""
	}
	return out
}

func isDigit(c byte) bool   { return '0' <= c && c <= '9' }
func isCapital(c byte) bool { return 'A' <= c && c <= 'Z' }
