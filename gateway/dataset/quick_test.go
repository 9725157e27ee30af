package dataset_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/concord-gateway/concord/gateway/dataset"
)

// everyKeyword is a dataset that uses each keyword that a dataset may use.
const everyKeyword = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "All", "description": "All keywords.",
  "x-concord": {"name": "test.keywords", "version": "1.0.0", "kind": "person", "source_id": "/source_id", "area": "", "event_date": "",
    "special_category": false, "indicators": []},
  "type": "object", "additionalProperties": false, "required": ["source_id"],
  "dependentRequired": {"a": ["b", "c"]},
  "if": {"properties": {"a": {"const": 2}}, "required": ["a"]}, "then": {"required": ["flag"]}, "else": {"not": {"required": ["never"]}},
  "allOf": [{"properties": {"b": {"minimum": -3}}}], "anyOf": [{"required": ["source_id"]}, {"required": ["a"]}],
  "oneOf": [{"properties": {"choice": {"enum": ["x", "y"]}}}, {"properties": {"choice": {"enum": ["y", "z"]}}, "required": ["choice"]}],
  "properties": {
    "source_id": {"title": "S", "type": "string", "minLength": 1, "maxLength": 3},
    "a": {"title": "A", "type": "integer", "enum": [1, 2, 3.0, 4]},
    "b": {"title": "B", "type": "number", "exclusiveMinimum": -5, "exclusiveMaximum": 5.5, "multipleOf": 1},
    "c": {"title": "C", "type": ["string", "null", "boolean"], "enum": [null, true, "é", "y"]},
    "choice": {"title": "D", "type": "string"},
    "flag": {"title": "E", "type": "boolean", "const": true},
    "never": {"title": "F", "type": "string"},
    "list": {"title": "G", "type": "array", "minItems": 1, "maxItems": 4, "uniqueItems": true, "contains": {"const": 1}, "items": {"type": "number"}},
    "nhs": {"title": "H", "type": "string", "format": "nhs-number", "x-concord": {"identifier": "nhs_number"}},
    "born": {"title": "I", "type": ["string", "null"], "format": "date", "x-concord": {"personal": true}},
    "place": {"title": "J", "type": "object", "additionalProperties": false, "required": ["name"], "properties": {
      "name": {"$ref": "#/$defs/word", "title": "K"}, "when": {"title": "L", "type": "string", "format": "date-time"}}}
  },
  "$defs": {"word": {"type": "string", "pattern": "^[a-z]+(-[a-z]+)*$"}}
}`

func keywordDataset(tb testing.TB) *dataset.Dataset {
	tb.Helper()
	dir := tb.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "test.keywords.schema.json"), []byte(everyKeyword), 0o600); err != nil {
		tb.Fatal(err)
	}
	r, err := dataset.Load(os.DirFS(dir))
	if err != nil {
		tb.Fatal(err)
	}
	return r.All()[0]
}

// values are what fields may hold in the properties below: near misses of all
// sorts.
func values() *rapid.Generator[any] {
	scalars := rapid.OneOf(
		rapid.SampledFrom([]any{nil, true, false, "", "x", "y", "z", "é", "éé", "a-b", "ab-", "2025-02-28", "2025-02-29", "943 476 5870", "9434765871",
			"2025-03-08T23:41:00Z", "E06000020", "E23000016", "2025/26", "PP", "PERM", "SUSP", "1AC", "2BP", "WR1 2EY", "b801200005001", "123456", "D", "57"}),
		rapid.Map(rapid.Float64Range(-7, 7), func(f float64) any { return f }),
		rapid.Map(rapid.IntRange(-6, 40), func(n int) any { return n }),
		rapid.Map(rapid.StringN(0, 5, -1), func(s string) any { return strings.ReplaceAll(s, "\x00", "") }),
	)
	return rapid.OneOf(scalars, scalars, rapid.Map(rapid.SliceOfN(scalars, 0, 5), func(v []any) any { return v }),
		rapid.Map(rapid.MapOfN(rapid.SampledFrom([]string{"name", "when", "else"}), scalars, 0, 3), func(v map[string]any) any { return v }))
}

// TestQuickSaysTheSame: the quick rule of a dataset accepts a row if and only if
// the library does.
func TestQuickSaysTheSame(t *testing.T) {
	t.Parallel()
	all := append(slices.Clone(shipped(t).All()), keywordDataset(t))
	for _, d := range all {
		if has, _, _ := d.Quick([]byte(`{}`)); !has {
			t.Errorf("%s has no quick rule", d.Name)
		}
		base := sample(d.Name)
		if base == nil {
			base = map[string]any{"source_id": "é1"}
		}
		accepted := 0
		rapid.Check(t, func(t *rapid.T) {
			row := maps.Clone(base)
			for range rapid.IntRange(0, 3).Draw(t, "changes") {
				name := rapid.SampledFrom(append(d.Names(), "other")).Draw(t, "name")
				if rapid.Bool().Draw(t, "remove") {
					delete(row, name)
				} else {
					row[name] = values().Draw(t, "value")
				}
			}
			raw, err := json.Marshal(row)
			if err != nil {
				t.Fatal(err)
			}
			_, quick, library := d.Quick(raw)
			if quick != library {
				// An identifier that only its type forbids is none of the library's business.
				if _, problems := d.Validate(raw); !library || len(problems) == 0 {
					t.Fatalf("%s %s: quick says %t, the library %t", d.Name, raw, quick, library)
				}
			}
			if quick {
				accepted++
			}
		})
		if accepted == 0 {
			t.Errorf("%s: no row was accepted", d.Name)
		}
	}
}

// FuzzQuick: whatever the quick rule accepts, the library accepts.
func FuzzQuick(f *testing.F) {
	all := append(slices.Clone(shipped(f).All()), keywordDataset(f))
	for i, d := range all {
		if row := sample(d.Name); row != nil {
			f.Add(uint8(i), encode(f, row))
		}
	}
	f.Add(uint8(len(all)-1), []byte(`{"source_id":"a","a":2,"b":1,"c":null,"flag":true,"list":[1,2],"place":{"name":"a-b"}}`))
	f.Fuzz(func(t *testing.T, which uint8, raw []byte) {
		d := all[int(which)%len(all)]
		if _, quick, library := d.Quick(raw); quick && !library {
			t.Errorf("%s %s: only the quick rule accepts", d.Name, raw)
		}
	})
}

// TestPatterns holds the quick form of patterns against regular expressions.
func TestPatterns(t *testing.T) {
	t.Parallel()
	for pattern, quick := range map[string]bool{
		`^[A-Za-z0-9][A-Za-z0-9/_.:-]*$`: true, `^E0[67][0-9]{6}$`: true, `^20[0-9]{2}/[0-9]{2}$`: true, `^[1-9][0-9]?$`: true,
		`^[0-9+][0-9 ]*$`: true, `^[A-Z0-9]{3,6}$`: true, `^202[0-4]/`: true, `^ab?c+d*$`: true, `^a{2,}b$`: true,
		`C$`: false, `^a*a$`: false, `^a?b?a$`: false, `^(?i)ab$`: false, `^é$`: false, `^a|b$`: false, `^.$`: false, `^a?b*c$`: true, `^[a-c]?[c-d]$`: false,
	} {
		slow := regexp.MustCompile(pattern)
		if _, got := dataset.MatchPattern(pattern, ""); got != quick {
			t.Errorf("%s: quick is %t", pattern, got)
		}
		if !quick {
			continue
		}
		rapid.Check(t, func(t *rapid.T) {
			text := rapid.OneOf(rapid.StringMatching(pattern), rapid.String(), rapid.StringOfN(rapid.SampledFrom([]rune("abcdE0672/9 \né")), 0, 9, -1)).Draw(t, "text")
			if got, _ := dataset.MatchPattern(pattern, text); got != slow.MatchString(text) {
				t.Fatalf("%s on %q: %t", pattern, text, got)
			}
		})
	}
}
