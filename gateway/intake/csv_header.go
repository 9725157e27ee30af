package intake

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/concord-gateway/concord/gateway/dataset"
)

// column is a column of a CSV file.
type column struct {
	// heading is as it was sent.
	heading string
	// pointer is the field; of a column that names none it is the key that the cell
	// gets, which the dataset then refuses or the agreement drops.
	pointer string
	// known says that the dataset has the field.
	known bool
	// ignored columns say what was wrong with a row that was sent before.
	ignored bool
	// parents are the objects around the field, key is `"name":`.
	parents []string
	key     string
	values  values
}

// ignoredPrefix begins the columns that an error file adds.
const ignoredPrefix = "concord_"

func (r *csvRows) readHeader(src Source) error {
	cells, err := r.headerCells()
	if err != nil {
		return err
	}
	r.header = slices.Clone(cells)
	r.columns = make([]column, len(r.header))
	known, source := 0, false
	for i := range r.columns {
		c := &r.columns[i]
		c.heading = r.header[i]
		c.ignored = strings.HasPrefix(dataset.HeaderName(c.heading), ignoredPrefix)
		if c.pointer, c.known = src.Dataset.Column(src.Provider, c.heading); c.ignored || !c.known {
			c.pointer, c.known = "", false
			continue
		}
		known++
		source = source || c.pointer == src.Dataset.SourceID
	}
	if known == 0 {
		return r.noHeader(src.Dataset)
	}
	if err := r.name(src.Dataset); err != nil {
		return err
	}
	if !source {
		return invalid("csv-header-source-id", "The file has no column for "+src.Dataset.SourceID[1:]+
			", the provider's own reference, without which no row can be stored.").At(src.Dataset.SourceID)
	}
	r.makePlan(src)
	return nil
}

// headerCells reads the first record, and finds out how lines end.
func (r *csvRows) headerCells() ([]string, error) {
	r.split.returns = true
	for {
		rec, flaw, err := r.split.record()
		switch {
		case err == io.EOF: //nolint:errorlint // the end itself
			return nil, invalid("csv-header-missing", "The file has no text in it.")
		case err != nil:
			return nil, err
		case len(rec) > 0 && (rec[0] == '{' || rec[0] == '['):
			return nil, invalid("csv-header-missing",
				"The file looks like JSON. Send it with Content-Type application/json (an array) or application/x-ndjson (one object a line).")
		case flaw == size:
			return nil, invalid("csv-header-too-large", "The header is larger than 64 KiB. Is it a CSV file?")
		case flaw != none || !r.parse(rec):
			return nil, invalid("csv-header-quote", "The quotation marks in the header are wrong. Write the names of the columns without them.")
		case !utf8.Valid(rec):
			return nil, invalid("encoding", `The header is not UTF-8 text. Save the file as UTF-8; in Excel as "CSV UTF-8 (Comma delimited)".`)
		case bytes.IndexByte(rec, 0) >= 0:
			return nil, invalid("encoding", "The header has a NUL character. Save the file as UTF-8 text.")
		}
		// Excel writes "sep=," before the header where it was told to.
		if blank(r.cells) || strings.TrimSpace(string(rec)) == "sep=," {
			continue
		}
		break
	}
	returned := r.split.w.buf[r.split.w.start-1] == '\r'
	after := r.split.w.peek(1)
	r.split.returns = returned && string(after) != "\n"
	return r.cells, nil
}

// noHeader says why no cell of the first row names a field.
func (r *csvRows) noHeader(d *dataset.Dataset) error {
	first := strings.TrimSpace(r.header[0])
	if len(r.header) == 1 {
		for _, s := range []struct{ mark, name string }{{";", "semicolons"}, {"\t", "tabs"}, {"|", "vertical bars"}} {
			if strings.Contains(first, s.mark) || first == "sep="+s.mark {
				return invalid("csv-separator", "The cells are separated by "+s.name+", not by commas. Save the file with commas, or in Excel as "+
					`"CSV UTF-8 (Comma delimited)" with the regional settings of the United Kingdom.`)
			}
		}
	}
	return invalid("csv-header-missing", "The first row names no field of the dataset "+d.Name+
		". The first row must be the header, with the names of the fields or those of the dataset's mapping.")
}

// name gives the columns that name no field their key, and refuses two columns of
// one name and headings that cannot be a name.
func (r *csvRows) name(d *dataset.Dataset) error {
	seen := make(map[string]int, len(r.columns))
	for i := range r.columns {
		c := &r.columns[i]
		name := dataset.HeaderName(c.heading)
		if c.ignored || name == "" {
			continue
		}
		if !c.known {
			if !dataset.Nameable(name) || isObject(d, name) {
				return invalid("csv-header-unknown", fmt.Sprintf("The heading of column %d is not the name of a field, and cannot be one. "+
					"Write it in letters and spaces, or remove the column.", i+1))
			}
			c.pointer = "/" + name
		}
		if first, twice := seen[c.pointer]; twice {
			message := fmt.Sprintf("Columns %d and %d both mean %s. Remove one of them.", first+1, i+1, c.pointer[1:])
			return invalid("csv-header-duplicate", message).At(c.pointer)
		}
		seen[c.pointer] = i
	}
	return nil
}

// isObject reports whether a name is that of an object, whose fields have a column
// each.
func isObject(d *dataset.Dataset, name string) bool {
	return slices.ContainsFunc(d.Fields, func(f dataset.Field) bool { return strings.HasPrefix(f.Pointer, "/"+name+"/") })
}

// makePlan sorts the columns so that the fields of one object stand together.
func (r *csvRows) makePlan(src Source) {
	for i := range r.columns {
		c := &r.columns[i]
		if c.pointer == "" {
			if !c.ignored {
				r.unheaded = append(r.unheaded, i)
			}
			continue
		}
		path := strings.Split(c.pointer[1:], "/")
		c.parents = path[:len(path)-1]
		c.key = `"` + path[len(path)-1] + `":`
		if c.known {
			c.values = newValues(src.Dataset, src.Provider, c.pointer)
		}
		r.plan = append(r.plan, i)
	}
	slices.SortFunc(r.plan, func(a, b int) int { return cmp.Compare(r.columns[a].pointer, r.columns[b].pointer) })
}

func (r *csvRows) columnOf(pointer string) string {
	for pointer != "" {
		for i := range r.columns {
			if r.columns[i].pointer == pointer {
				return r.columns[i].heading
			}
		}
		pointer = pointer[:max(0, strings.LastIndexByte(pointer, '/'))]
	}
	return ""
}
