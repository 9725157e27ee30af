package mongo

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
)

// chunk is the most values of one list in a question, and documents in one
// insert.
const chunk = 512

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
				{Key: "key_month", Value: 1}, {Key: "digest", Value: 1},
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
	found[k] = record.Stamp{Version: d.Version, Agreement: d.Agreement, KeyMonth: d.KeyMonth, Digest: digest}
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

// Insert adds versions without order; each unique insert decides for its
// version alone.
func (s records) Insert(ctx context.Context, all []record.Record) (taken []int, err error) {
	const op = "mongo.Records.Insert"
	for i := range all {
		if all[i].Provider == "" || all[i].Dataset == "" || all[i].Version < 1 {
			return nil, fault.New(fault.Invalid, op, "a record needs a provider, a dataset and a version from 1")
		}
		if len(all[i].Body) > largest {
			return nil, fault.New(fault.TooLarge, op, "the record is larger than a document holds")
		}
	}
	if err := over(ctx, op); err != nil {
		return nil, err
	}
	for first := 0; first < len(all); first += chunk {
		part := all[first:min(first+chunk, len(all))]
		docs := make([]any, len(part))
		for i := range part {
			docs[i] = docOf(&part[i])
		}
		_, err := s.db.db.Collection(collRecords).InsertMany(ctx, docs, options.InsertMany().SetOrdered(false))
		there, err := duplicates(op, err)
		if err != nil {
			return nil, err
		}
		for _, i := range there {
			taken = append(taken, first+i)
		}
	}
	slices.Sort(taken)
	return taken, nil
}

// duplicates returns the positions of the documents that were there already, or
// whatever else went wrong.
func duplicates(op string, err error) (positions []int, _ error) {
	var many mongo.BulkWriteException
	if err == nil || !errors.As(err, &many) || many.WriteConcernError != nil {
		return nil, failure(op, err)
	}
	const duplicateKey = 11000
	for _, e := range many.WriteErrors {
		if !e.HasErrorCode(duplicateKey) {
			return nil, failure(op, fmt.Errorf("document %d: %w", e.Index, e.WriteError))
		}
		positions = append(positions, e.Index)
	}
	return positions, nil
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

// texts are references as the store holds them.
func texts(refs []record.Ref) []any {
	list := make([]any, len(refs))
	for i := range refs {
		list[i] = hex.EncodeToString(refs[i][:])
	}
	return list
}

// Scan reads page by page: of each source the highest version comes first.
func (s records) Scan(ctx context.Context, f record.Filter, yield func(*record.Record) error) error {
	const op = "mongo.Records.Scan"
	return s.eachGroup(ctx, op, f, func(g group) error {
		after := ""
		for {
			docs, err := find[recordDoc](ctx, s.db, op, collRecords,
				g.filter(bson.E{Key: "source", Value: bson.D{{Key: "$gt", Value: after}}}), options.Find().
					SetSort(bson.D{{Key: "provider", Value: 1}, {Key: "dataset", Value: 1}, {Key: "source", Value: 1}, {Key: "version", Value: -1}}).
					SetLimit(pageSize))
			if err != nil {
				return err
			}
			for i := range docs {
				if docs[i].Source == after {
					continue // an earlier version
				}
				after = docs[i].Source
				r, err := docs[i].record()
				if err == nil {
					err = yield(&r)
				}
				if err != nil {
					return err
				}
			}
			if len(docs) < pageSize {
				return nil
			}
		}
	})
}

func (s records) Count(ctx context.Context, f record.Filter) (total int64, err error) {
	const op = "mongo.Records.Count"
	err = s.eachGroup(ctx, op, f, func(g group) error {
		cursor, err := s.db.db.Collection(collRecords).Aggregate(ctx, mongo.Pipeline{
			{{Key: "$match", Value: g.filter()}},
			{{Key: "$group", Value: bson.D{{Key: "_id", Value: "$source"}}}},
			{{Key: "$count", Value: "n"}},
		})
		if err != nil {
			return failure(op, err)
		}
		var counts []struct {
			N int64 `bson:"n"`
		}
		if err := cursor.All(ctx, &counts); err != nil {
			return failure(op, err)
		}
		for _, c := range counts {
			total += c.N
		}
		return nil
	})
	return total, err
}

// eachGroup calls visit for every group with records that the filter matches,
// in order. It leaps from one to the next in the index.
func (s records) eachGroup(ctx context.Context, op string, f record.Filter, visit func(group) error) error {
	if err := over(ctx, op); err != nil {
		return err
	}
	if f.Provider != "" && f.Dataset != "" {
		return visit(group{f.Provider, f.Dataset})
	}
	g := group{provider: f.Provider}
	for {
		var next recordDoc
		err := s.db.findOne(ctx, op, collRecords, bson.D{{Key: "$or", Value: bson.A{
			bson.D{{Key: "provider", Value: bson.D{{Key: "$gt", Value: g.provider}}}},
			bson.D{{Key: "provider", Value: g.provider}, {Key: "dataset", Value: bson.D{{Key: "$gt", Value: g.dataset}}}},
		}}}, bson.D{{Key: "provider", Value: 1}, {Key: "dataset", Value: 1}}, &next)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		g = group{next.Provider, next.Dataset}
		if f.Provider != "" && f.Provider != g.provider {
			return nil
		}
		if f.Dataset != "" && f.Dataset != g.dataset {
			continue
		}
		if err := visit(g); err != nil {
			return err
		}
	}
}

// Withdraw deletes every version of the keys, those in force last: a withdrawal
// that is cut off brings no earlier version back. Asking again goes on.
func (s records) Withdraw(ctx context.Context, keys []record.Key) (had []record.Key, err error) {
	const op = "mongo.Records.Withdraw"
	stamps, err := s.Stamps(ctx, keys)
	if err != nil {
		return nil, err
	}
	for k := range stamps {
		had = append(had, k)
	}
	slices.SortFunc(had, func(a, b record.Key) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Dataset, b.Dataset), bytes.Compare(a.Source[:], b.Source[:]))
	})
	for g, sources := range sourcesOf(had) {
		for part := range slices.Chunk(sources, chunk) {
			if err := s.withdraw(ctx, op, g.filter(in("source", part)...), stamps); err != nil {
				return nil, err
			}
		}
	}
	return had, nil
}

// withdraw deletes what a filter finds: first the versions that are older than
// those in force, by their _id, then all.
func (s records) withdraw(ctx context.Context, op string, filter bson.D, inForce map[record.Key]record.Stamp) error {
	docs, err := find[recordDoc](ctx, s.db, op, collRecords, filter, options.Find().SetProjection(bson.D{
		{Key: "provider", Value: 1}, {Key: "dataset", Value: 1}, {Key: "source", Value: 1}, {Key: "version", Value: 1},
	}))
	if err != nil {
		return err
	}
	var older []any
	for i := range docs {
		source, err := ref(docs[i].Source)
		if err != nil {
			return err
		}
		k := record.Key{Provider: docs[i].Provider, Dataset: docs[i].Dataset, Source: source}
		if docs[i].Version < inForce[k].Version {
			older = append(older, docs[i].Key)
		}
	}
	for ids := range slices.Chunk(older, chunk) {
		if err := s.remove(ctx, op, in("_id", ids)); err != nil {
			return err
		}
	}
	return s.remove(ctx, op, filter)
}

func (s records) remove(ctx context.Context, op string, filter bson.D) error {
	if err := over(ctx, op); err != nil {
		return err
	}
	_, err := s.db.db.Collection(collRecords).DeleteMany(ctx, filter)
	return failure(op, err)
}
