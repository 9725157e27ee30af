package dataset

import "slices"

// count returns what a row adds to the indicator, and whether it counts.
func (ind *Indicator) count(value map[string]any) (int, bool) {
	for i := range ind.When {
		if !ind.When[i].holds(value) {
			return 0, false
		}
	}
	if ind.Sum == "" {
		return 1, true
	}
	v, _ := at(value, ind.Sum)
	f, ok := v.(float64)
	return int(f), ok
}

func (m *Match) holds(value map[string]any) bool {
	v, ok := at(value, m.Pointer)
	if !ok {
		return false
	}
	if items, ok := v.([]any); ok {
		return slices.ContainsFunc(items, m.has)
	}
	return m.has(v)
}

func (m *Match) has(v any) bool {
	switch v.(type) {
	case string, bool, float64:
		return slices.Contains(m.In, v)
	}
	return false // null, or not comparable
}
