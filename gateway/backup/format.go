package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
)

// format is the version of the file. It changes when a reader of the old one would
// misread the new one.
const format = 1

// Header is the first line of a copy.
type Header struct {
	Format int `json:"format"`
	// LogOnly says that the records are left out.
	LogOnly bool   `json:"log_only"`
	Origin  string `json:"origin"`
	// Time is when the copy was begun.
	Time time.Time `json:"time"`
	// Size and Root (base64) are those of the tree of the log in the copy.
	Size int64  `json:"size"`
	Root []byte `json:"root"`
	// PolicyRevision names the rules that were in force last by that log; it may be
	// empty.
	PolicyRevision string `json:"policy_revision"`
}

// Counts says how much is in a copy.
type Counts struct {
	Batches int64 `json:"batches"`
	Entries int64 `json:"entries"`
	Events  int64 `json:"events"`
	Records int64 `json:"records"`
}

// trailer is the last line.
type trailer struct {
	Counts

	// SHA256 is over every byte before this line, before compression, in hex.
	SHA256 string `json:"sha256"`
	// Signature is the log key's, over signed.
	Signature []byte `json:"signature"`
}

// signed is what the log key signs. Its first line keeps it apart from notes,
// session keys and log keys.
func signed(origin, sum string) []byte {
	return []byte("concord backup v1\n" + origin + "\n" + sum + "\n")
}

// line is one line of a copy: exactly one of its members is there.
type line struct {
	Header     *Header      `json:"header,omitempty"`
	Batch      *audit.Batch `json:"batch,omitempty"`
	Checkpoint string       `json:"checkpoint,omitempty"`
	Event      *eventLine   `json:"event,omitempty"`
	Record     *recordLine  `json:"record,omitempty"`
	Trailer    *trailer     `json:"trailer,omitempty"`
}

// section is a part of a copy. Sections stand in this order.
type section int

const (
	sectionHeader section = iota
	sectionBatch
	sectionCheckpoint
	sectionEvent
	sectionRecord
	sectionTrailer
)

func (s section) String() string {
	return [...]string{"header", "log", "checkpoint", "events", "records", "trailer"}[s]
}

// section returns what a line belongs to, and false for one that has not exactly
// one member.
func (l *line) section() (section, bool) {
	found, n := sectionHeader, 0
	for s, there := range [...]bool{
		l.Header != nil, l.Batch != nil, l.Checkpoint != "", l.Event != nil, l.Record != nil, l.Trailer != nil,
	} {
		if there {
			found, n = section(s), n+1
		}
	}
	return found, n == 1
}

type eventLine struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	N    int64  `json:"n"`
	Body []byte `json:"body"`
}

func (e *eventLine) event() event.Event {
	return event.Event{Kind: e.Kind, ID: e.ID, N: e.N, Body: e.Body}
}

// recordLine is a record as it is stored. Times are microseconds since 1970, as
// the sealed body is bound to them.
type recordLine struct {
	Provider   string   `json:"provider"`
	Dataset    string   `json:"dataset"`
	Source     []byte   `json:"source"`
	Version    int64    `json:"version"`
	Agreement  string   `json:"agreement"`
	Submission string   `json:"submission"`
	Digest     []byte   `json:"digest"`
	Indexes    [][]byte `json:"indexes"`
	Area       string   `json:"area"`
	EventMonth string   `json:"event_month"`
	Indicators []string `json:"indicators"`
	Received   int64    `json:"received"`
	Expires    int64    `json:"expires"`
	KeyMonth   string   `json:"key_month"`
	Body       []byte   `json:"body"`
}

func lineOf(r *record.Record) *recordLine {
	l := &recordLine{
		Provider: r.Provider, Dataset: r.Dataset, Source: r.Source[:], Version: r.Version, Agreement: r.Agreement,
		Submission: r.Submission, Digest: r.Digest[:], Area: r.Area, EventMonth: r.EventMonth, Indicators: r.Indicators,
		Received: r.Received.UnixMicro(), Expires: r.Expires.UnixMicro(), KeyMonth: r.KeyMonth, Body: r.Body,
	}
	for i := range r.Indexes {
		l.Indexes = append(l.Indexes, r.Indexes[i][:])
	}
	return l
}

func (l *recordLine) record() (record.Record, error) {
	r := record.Record{
		Key: record.Key{Provider: l.Provider, Dataset: l.Dataset}, Version: l.Version, Agreement: l.Agreement,
		Submission: l.Submission, Area: l.Area, EventMonth: l.EventMonth, Indicators: l.Indicators,
		Received: time.UnixMicro(l.Received).UTC(), Expires: time.UnixMicro(l.Expires).UTC(), KeyMonth: l.KeyMonth, Body: l.Body,
	}
	refs := append([][]byte{l.Source, l.Digest}, l.Indexes...)
	for _, ref := range refs {
		if len(ref) != sha256.Size {
			return r, fault.New(fault.Invalid, "backup.read", "a keyed hash of a record has the wrong length")
		}
	}
	r.Source, r.Digest = record.Ref(l.Source), record.Ref(l.Digest)
	for _, ref := range l.Indexes {
		r.Indexes = append(r.Indexes, record.Ref(ref))
	}
	return r, nil
}

func hexOf(sum []byte) string { return hex.EncodeToString(sum) }
