package agreement

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// positions reads one JSON document and returns the line of every value by its
// JSON pointer. encoding/json keeps the last of two equal keys without a word,
// so duplicates are found here, and so is anything after the document.
func positions(file string, raw []byte) (map[string]int, []Finding) {
	s := scanner{file: file, raw: raw, dec: json.NewDecoder(bytes.NewReader(raw)), lines: map[string]int{}}
	if err := s.value(""); err != nil {
		return nil, append(s.found, s.malformed(err))
	}
	if _, err := s.dec.Token(); err != io.EOF {
		return nil, append(s.found, s.malformed(errors.New("text follows the document")))
	}
	return s.lines, s.found
}

// CheckJSON refuses bytes that are not one JSON document, and a key that stands
// twice in one object. The fault is like that of Load.
func CheckJSON(file string, raw []byte) error {
	_, found := positions(file, raw)
	return Findings(found).fault("agreement.CheckJSON")
}

type scanner struct {
	file  string
	raw   []byte
	dec   *json.Decoder
	lines map[string]int
	found []Finding
	// counted is how far line has counted, and so many lines ended before it.
	counted, ended int
}

func (s *scanner) value(pointer string) error {
	t, err := s.dec.Token()
	if err != nil {
		return err
	}
	if _, known := s.lines[pointer]; !known {
		s.lines[pointer] = s.line()
	}
	switch t {
	case json.Delim('{'):
		err = s.object(pointer)
	case json.Delim('['):
		err = s.array(pointer)
	}
	return err
}

func (s *scanner) object(pointer string) error {
	seen := map[string]bool{}
	for s.dec.More() {
		t, err := s.dec.Token()
		if err != nil {
			return err
		}
		key, _ := t.(string)
		child := pointer + "/" + escape(key)
		line := s.line()
		if seen[key] {
			s.found = append(s.found, Finding{
				File: s.file, Line: line, Pointer: child, Rule: "duplicate-key",
				Message: fmt.Sprintf("the key %q stands twice in one object", key),
				Remedy:  "keep one of the two",
			})
		}
		seen[key] = true
		s.lines[child] = line
		if err := s.value(child); err != nil {
			return err
		}
	}
	_, err := s.dec.Token()
	return err
}

func (s *scanner) array(pointer string) error {
	for i := 0; s.dec.More(); i++ {
		if err := s.value(pointer + "/" + strconv.Itoa(i)); err != nil {
			return err
		}
	}
	_, err := s.dec.Token()
	return err
}

// line is the line on which the last token ended, counted from 1.
func (s *scanner) line() int {
	at := int(s.dec.InputOffset())
	s.ended += bytes.Count(s.raw[s.counted:at], []byte("\n"))
	s.counted = at
	return 1 + s.ended
}

func (s *scanner) malformed(err error) Finding {
	return Finding{
		File: s.file, Line: s.line(), Rule: "malformed",
		Message: "this is not one JSON document: " + err.Error(),
		Remedy:  "mend the JSON at or just after this line",
	}
}

// escape writes a key as one reference token of a JSON pointer (RFC 6901 s.3).
func escape(key string) string {
	if !strings.ContainsAny(key, "~/") {
		return key
	}
	return strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1")
}
