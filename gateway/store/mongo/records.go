package mongo

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
)

// chunk is the most values of one list in a question, and documents in one
// insert.
const chunk = 512

// keyMonth is the field of the month of the sealing key.
const keyMonth = "key_month"

// Records returns the store of records.
func (db *DB) Records() record.Store { return records{db} }

// records implements record.Store.
type records struct{ db *DB }

// recordDoc is a version of a record. References are in hex, whose order is that
// of their bytes on every server.
type recordDoc struct {
	Key        string   `bson:"_id"`
	Provider   string   `bson:"provider"`
	Dataset    string   `bson:"dataset"`
	Source     string   `bson:"source"`
	Version    int64    `bson:"version"`
	Agreement  string   `bson:"agreement"`
	Submission string   `bson:"submission"`
	Digest     string   `bson:"digest"`
	Indexes    []string `bson:"indexes"`
	Area       string   `bson:"area"`
	EventMonth string   `bson:"event_month"`
	Indicators []string `bson:"indicators"`
	// Received and Expires are microseconds since 1970.
	Received int64  `bson:"received"`
	Expires  int64  `bson:"expires"`
	KeyMonth string `bson:"key_month"`
	Body     []byte `bson:"body"`
}

func docOf(r *record.Record) recordDoc {
	source := hex.EncodeToString(r.Source[:])
	d := recordDoc{
		Key:      key(r.Provider, r.Dataset, source, strconv.FormatInt(r.Version, 10)),
		Provider: r.Provider, Dataset: r.Dataset, Source: source, Version: r.Version, Agreement: r.Agreement,
		Submission: r.Submission, Digest: hex.EncodeToString(r.Digest[:]), Indexes: make([]string, len(r.Indexes)),
		Area: r.Area, EventMonth: r.EventMonth, Indicators: slices.Clone(r.Indicators),
		Received: r.Received.UnixMicro(), Expires: r.Expires.UnixMicro(), KeyMonth: r.KeyMonth, Body: binary(r.Body),
	}
	for i := range r.Indexes {
		d.Indexes[i] = hex.EncodeToString(r.Indexes[i][:])
	}
	if d.Indicators == nil {
		d.Indicators = []string{}
	}
	return d
}

func (d *recordDoc) record() (r record.Record, err error) {
	r = record.Record{
		Key: record.Key{Provider: d.Provider, Dataset: d.Dataset}, Version: d.Version, Agreement: d.Agreement,
		Submission: d.Submission, Area: d.Area, EventMonth: d.EventMonth,
		Received: time.UnixMicro(d.Received).UTC(), Expires: time.UnixMicro(d.Expires).UTC(), KeyMonth: d.KeyMonth, Body: d.Body,
	}
	if len(d.Indicators) > 0 {
		r.Indicators = d.Indicators
	}
	var errs []error
	r.Source, err = ref(d.Source)
	errs = append(errs, err)
	r.Digest, err = ref(d.Digest)
	errs = append(errs, err)
	for _, text := range d.Indexes {
		i, err := ref(text)
		r.Indexes = append(r.Indexes, i)
		errs = append(errs, err)
	}
	return r, errors.Join(errs...)
}

// ref reads a reference.
func ref(text string) (r record.Ref, err error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(r) {
		return r, fault.Wrap(fault.Internal, "mongo.Records", "a stored record is damaged", err)
	}
	return record.Ref(raw), nil
}

// group is a dataset of a provider.
type group struct{ provider, dataset string }

func (g group) filter(more ...bson.E) bson.D {
	return append(bson.D{{Key: "provider", Value: g.provider}, {Key: "dataset", Value: g.dataset}}, more...)
}

func (s records) Stamps(ctx context.Context, keys []record.Key) (map[record.Key]record.Stamp, error) {
	const op = "mongo.Records.Stamps"
	if err := over(ctx, op); err != nil {
		return nil, err
	}
	found := make(map[record.Key]record.Stamp, len(keys))
	for g, sources := range sourcesOf(keys) {
		for part := range slices.Chunk(sources, chunk) {
			docs, err := find[recordDoc](ctx, s.db, op, collRecords, g.filter(in("source", part)...), options.Find().SetProjection(bson.D{
				{Key: "source", Value: 1}, {Key: "version", Value: 1}, {Key: "agreement", Value: 1},
				{Key: "submission", Value: 1}, {Key: keyMonth, Value: 1}, {Key: "digest", Value: 1},
			}))
			if err != nil {
				return nil, err
			}
			for i := range docs {
				if err := docs[i].stamp(g, found); err != nil {
					return nil, err
				}
			}
		}
	}
	return found, nil
}

// stamp puts the stamp of a version into found, unless that of a later one is
// there.
func (d *recordDoc) stamp(g group, found map[record.Key]record.Stamp) error {
	source, err := ref(d.Source)
	if err != nil {
		return err
	}
	k := record.Key{Provider: g.provider, Dataset: g.dataset, Source: source}
	if found[k].Version >= d.Version {
		return nil
	}
	digest, err := ref(d.Digest)
	found[k] = record.Stamp{
		Version: d.Version, Agreement: d.Agreement, Submission: d.Submission, KeyMonth: d.KeyMonth, Digest: digest,
	}
	return err
}

// sourcesOf groups keys, with each source once.
func sourcesOf(keys []record.Key) map[group][]any {
	seen := make(map[record.Key]bool, len(keys))
	sources := map[group][]any{}
	for _, k := range keys {
		if !seen[k] {
			seen[k] = true
			g := group{k.Provider, k.Dataset}
			sources[g] = append(sources[g], hex.EncodeToString(k.Source[:]))
		}
	}
	return sources
}

// Find asks for the versions that carry an index, and then whether later ones
// replace them.
func (s records) Find(
	ctx context.Context, provider, dataset string, indexes []record.Ref,
) (found []record.Record, err error) {
	const op = "mongo.Records.Find"
	if err := over(ctx, op); err != nil {
		return nil, err
	}
	g := group{provider, dataset}
	newest := map[string]recordDoc{} // of those found, by source
	for part := range slices.Chunk(texts(indexes), chunk) {
		docs, err := find[recordDoc](ctx, s.db, op, collRecords, g.filter(in("indexes", part)...), options.Find())
		if err != nil {
			return nil, err
		}
		for i := range docs {
			if docs[i].Version > newest[docs[i].Source].Version {
				newest[docs[i].Source] = docs[i]
			}
		}
	}
	keys := make([]record.Key, 0, len(newest))
	for i := range newest {
		d := newest[i]
		r, err := d.record()
		if err != nil {
			return nil, err
		}
		found, keys = append(found, r), append(keys, r.Key)
	}
	stamps, err := s.Stamps(ctx, keys)
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(r record.Record) bool { return stamps[r.Key].Version != r.Version })
	slices.SortFunc(found, func(a, b record.Record) int { return bytes.Compare(a.Source[:], b.Source[:]) })
	return found, nil
}

// textOf is a reference as the store holds it.
func textOf(r record.Ref) string { return hex.EncodeToString(r[:]) }

// texts are references as the store holds them.
func texts(refs []record.Ref) []any {
	list := make([]any, len(refs))
	for i := range refs {
		list[i] = textOf(refs[i])
	}
	return list
}
