package identity

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// refusal is why something was refused: a fixed text that holds no part of what
// was refused.
type refusal string

// Error returns the reason.
func (r refusal) Error() string { return string(r) }

// members reads one JSON object strictly: valid UTF-8, no name twice, nothing
// after it. Names keep their case, which encoding/json would ignore for a
// struct.
func members(raw []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(raw) || !json.Valid(raw) {
		return nil, refusal("it is not JSON")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, refusal("it is not a JSON object")
	}
	out := map[string]json.RawMessage{}
	for dec.More() {
		t, err := dec.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, refusal("it is not JSON")
		}
		if _, twice := out[name]; twice {
			return nil, refusal("a name is given twice")
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, refusal("it is not JSON")
		}
		out[name] = value
	}
	return out, nil
}

// text returns a member that must be a JSON string.
func text(m map[string]json.RawMessage, name string) (string, error) {
	raw, ok := m[name]
	if !ok {
		return "", refusal("it has no " + name)
	}
	// A string without escapes, in valid JSON, is what stands between the quotes.
	if raw[0] == '"' && !bytes.ContainsRune(raw, '\\') {
		return string(raw[1 : len(raw)-1]), nil
	}
	var s *string
	if err := json.Unmarshal(raw, &s); err != nil || s == nil {
		return "", refusal(name + " is not text")
	}
	return *s, nil
}
