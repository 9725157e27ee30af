package intake

import "strings"

// appendObject writes the cells of a row as a JSON object. An empty cell is an
// absent field.
func (r *csvRows) appendObject(b []byte) []byte {
	b = append(b, '{')
	var open []string
	for _, i := range r.plan {
		cell := strings.TrimSpace(r.cells[i])
		if cell == "" {
			continue
		}
		c := &r.columns[i]
		if len(open)+len(c.parents) > 0 {
			b = enter(b, open, c.parents)
			open = c.parents
		}
		b = appendComma(b)
		b = append(b, c.key...)
		b = c.values.append(b, cell)
	}
	for range open {
		b = append(b, '}')
	}
	return append(b, '}')
}

// enter closes the objects that are open and opens others, as far as they differ.
func enter(b []byte, open, parents []string) []byte {
	same := 0
	for same < len(open) && same < len(parents) && open[same] == parents[same] {
		same++
	}
	for range open[same:] {
		b = append(b, '}')
	}
	for _, name := range parents[same:] {
		b = append(appendComma(b), '"')
		b = append(b, name...)
		b = append(b, '"', ':', '{')
	}
	return b
}

func appendComma(b []byte) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return b
}

// appendText writes text as JSON (RFC 8259 section 7).
func appendText(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		if c >= ' ' {
			b = append(b, '\\', c)
		} else {
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(b, s[start:]...), '"')
}
