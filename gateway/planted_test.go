package gateway_test

import (
	"bytes"
	"encoding/csv"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// planted is a fault in a row, by the number of the row.
type planted map[int]faultKind

// write makes the file and says what is wrong in it. Faults stand at random, and
// never among the first rows, of which a source id is taken to come twice.
func (s *sheet) write(t *testing.T, rng *rand.Rand) (string, planted) {
	t.Helper()
	faults := planted{}
	for len(faults) < s.faults {
		row := 4 + rng.IntN(s.rows-3)
		if _, taken := faults[row]; !taken {
			faults[row] = s.kinds[len(faults)%len(s.kinds)]
		}
	}
	var file strings.Builder
	file.WriteString("\xef\xbb\xbf" + line(t, s.header))
	for row := 1; row <= s.rows; row++ {
		k, spoilt := faults[row]
		cells := s.good(row)
		switch {
		case spoilt && k.line != nil:
			cells[1] = "E06000020"
			file.WriteString(k.line(strings.TrimSuffix(line(t, flat(cells)), "\r\n")) + "\r\n")
			continue
		case spoilt:
			cells[slices.Index(s.header, k.column)] = k.cell
			for column, cell := range k.also {
				cells[slices.Index(s.header, column)] = cell
			}
		}
		file.WriteString(line(t, cells))
	}
	return file.String(), faults
}

// flat takes line breaks and quotation marks out of cells: what is done to a line is
// then done to one record.
func flat(cells []string) []string {
	for i := range cells {
		cells[i] = strings.NewReplacer("\n", " ", `"`, "").Replace(cells[i])
	}
	return cells
}

func line(t *testing.T, cells []string) string {
	t.Helper()
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	if err := w.Write(cells); err != nil {
		t.Fatal(err)
	}
	w.Flush()
	return b.String()
}

// TestPlantedFaults submits files in which 200 rows are wrong in many ways. The error
// file names each of them by row, column and rule, and no other; when the rows in it
// are put right, it is sent again as it is, and every row of the files is stored.
func TestPlantedFaults(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	rng := rand.New(rand.NewPCG(200, 40))
	named, all, rows, wrong := 0, 0, 0, 0
	kinds := map[string]bool{}
	for _, s := range sheets() {
		body, faults := s.write(t, rng)
		for _, k := range faults {
			kinds[s.dataset+": "+k.name] = true
		}
		path := submissionsPath(s.dataset, s.agreement)
		var got submission
		h.call(s.persona, http.MethodPost, path, body, "Content-Type", "text/csv").want(http.StatusCreated, &got)
		if got.Received != s.rows || got.Rejected != len(faults) || got.Accepted != s.rows-len(faults) {
			t.Errorf("%s: received %d, accepted %d, rejected %d; want %d rows with %d faults",
				s.dataset, got.Received, got.Accepted, got.Rejected, s.rows, len(faults))
		}
		file := h.errorFile(s.persona, got.SubmissionID)
		n, others := s.hold(t, file, faults)
		named, wrong, all, rows = named+n, wrong+others, all+len(faults), rows+s.rows
		var again submission
		h.call(s.persona, http.MethodPost, path, s.correct(t, file), "Content-Type", "text/csv").want(http.StatusCreated, &again)
		if again.Accepted != len(faults) || again.Rejected+again.Unchanged+again.Corrected > 0 {
			t.Errorf("%s: the corrected file: %+v", s.dataset, again)
		}
	}
	if n := h.stored().records; n != int64(rows) {
		t.Errorf("%d records of %d rows", n, rows)
	}
	t.Logf("%d of %d faults of %d kinds named, %d false", named, all, len(kinds), wrong)
	if named != all || all != 200 || wrong > 0 || len(kinds) < 40 {
		t.Fail()
	}
}

// errorFile fetches the error file of a submission, and takes it apart.
func (h *house) errorFile(persona, id string) [][]string {
	h.t.Helper()
	r := h.call(persona, http.MethodGet, "/v1/submissions/"+id+"/errors", nil, "Accept", "text/csv").want(http.StatusOK, nil)
	raw, marked := bytes.CutPrefix(r.body, []byte("\xef\xbb\xbf"))
	file, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
	if err != nil || !marked || len(file) == 0 {
		h.t.Fatalf("an error file of %d lines, mark %v: %v", len(file), marked, err)
	}
	return file
}

// hold counts the planted faults that the file names rightly, and the lines that name
// anything else.
func (s *sheet) hold(t *testing.T, file [][]string, faults planted) (named, others int) {
	t.Helper()
	if want := append(slices.Clone(s.header), "concord_row", "concord_columns", "concord_rules"); !slices.Equal(file[0][:len(want)], want) {
		t.Fatalf("the header is %q", file[0])
	}
	seen := map[int]bool{}
	for _, cells := range file[1:] {
		said := cells[len(s.header):]
		row, err := strconv.Atoi(said[0])
		k, ok := faults[row]
		if err != nil || !ok || seen[row] {
			others++
			t.Errorf("%s: row %q was not planted: %q", s.dataset, said[0], said[2])
			continue
		}
		seen[row] = true
		if said[1] != k.wantColumns() || said[2] != k.codes || said[3] == "" || said[4] == "" {
			others++
			t.Errorf("%s, %s: named as %q in %q, want %q in %q", s.dataset, k.name, said[2], said[1], k.codes, k.wantColumns())
			continue
		}
		named++
	}
	for row, k := range faults {
		if !seen[row] {
			t.Errorf("%s, %s: row %d is not named", s.dataset, k.name, row)
		}
	}
	return named, others
}

func (k *faultKind) wantColumns() string {
	if k.columns == "-" {
		return ""
	}
	columns := make([]string, strings.Count(k.codes, "; ")+1)
	for i := range columns {
		columns[i] = k.column
	}
	return strings.Join(columns, "; ")
}

// correct puts the rows of an error file right and leaves what it says beside them.
func (s *sheet) correct(t *testing.T, file [][]string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("\xef\xbb\xbf" + line(t, file[0]))
	for _, cells := range file[1:] {
		row, err := strconv.Atoi(cells[len(s.header)])
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(line(t, append(s.good(row), cells[len(s.header):]...)))
	}
	return b.String()
}
