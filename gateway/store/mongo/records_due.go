package mongo

import (
	"context"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
)

// Months leaps from one month to the next in the index.
func (s records) Months(ctx context.Context) (months []record.Month, err error) {
	var at record.Month
	for {
		var next recordDoc
		err := s.db.findOne(ctx, "mongo.Records.Months", collRecords, bson.D{{Key: "$or", Value: bson.A{
			bson.D{{Key: "agreement", Value: bson.D{{Key: "$gt", Value: at.Agreement}}}},
			bson.D{{Key: "agreement", Value: at.Agreement}, {Key: keyMonth, Value: bson.D{{Key: "$gt", Value: at.KeyMonth}}}},
		}}}, bson.D{{Key: "agreement", Value: 1}, {Key: keyMonth, Value: 1}}, &next)
		if fault.Is(err, fault.NotFound) {
			return months, nil
		}
		if err != nil {
			return nil, err
		}
		at = record.Month{Agreement: next.Agreement, KeyMonth: next.KeyMonth}
		if at.Agreement != "" && at.KeyMonth != "" {
			months = append(months, at)
		}
	}
}

// Due reads page by page, as Scan does.
func (s records) Due(ctx context.Context, m record.Month, at time.Time, yield func(*record.Due) error) error {
	const op = "mongo.Records.Due"
	month := bson.D{{Key: "agreement", Value: m.Agreement}, {Key: keyMonth, Value: m.KeyMonth}}
	filter := append(slices.Clone(month), bson.E{Key: "expires", Value: bson.D{{Key: "$lte", Value: at.UnixMicro()}}})
	for {
		docs, err := find[recordDoc](ctx, s.db, op, collRecords, filter, options.Find().SetLimit(pageSize).SetSort(bson.D{
			{Key: "agreement", Value: 1}, {Key: keyMonth, Value: 1}, {Key: "expires", Value: 1}, {Key: "_id", Value: 1},
		}))
		if err != nil {
			return err
		}
		if err := s.yieldDue(ctx, docs, yield); err != nil {
			return err
		}
		if len(docs) < pageSize {
			return nil
		}
		last := &docs[len(docs)-1]
		filter = append(slices.Clone(month), bson.E{Key: "$or", Value: bson.A{
			bson.D{{Key: "expires", Value: last.Expires}, {Key: "_id", Value: bson.D{{Key: "$gt", Value: last.Key}}}},
			bson.D{{Key: "expires", Value: bson.D{{Key: "$gt", Value: last.Expires}, {Key: "$lte", Value: at.UnixMicro()}}}},
		}})
	}
}

// yieldDue calls yield with the versions of a page.
func (s records) yieldDue(ctx context.Context, docs []recordDoc, yield func(*record.Due) error) error {
	page, keys := make([]record.Due, len(docs)), make([]record.Key, len(docs))
	for i := range docs {
		r, err := docs[i].record()
		if err != nil {
			return err
		}
		page[i].Record, keys[i] = r, r.Key
	}
	stamps, err := s.Stamps(ctx, keys)
	if err != nil {
		return err
	}
	for i := range page {
		page[i].InForce = stamps[keys[i]].Version <= page[i].Version
		if err := yield(&page[i]); err != nil {
			return err
		}
	}
	return nil
}

// identity projects what a version is known by.
func identity() bson.D {
	return bson.D{
		{Key: "provider", Value: 1}, {Key: "dataset", Value: 1}, {Key: "source", Value: 1}, {Key: "version", Value: 1},
		{Key: "submission", Value: 1}, {Key: "expires", Value: 1},
	}
}

// Prune deletes versions that are replaced first and those in force last: one that
// is cut off brings no earlier version back, and asking again goes on.
func (s records) Prune(ctx context.Context, at time.Time, due []record.Due) (pruned int, err error) {
	const op = "mongo.Records.Prune"
	for part := range slices.Chunk(due, chunk) {
		keys := make([]record.Key, len(part))
		for i := range part {
			keys[i] = part[i].Key
		}
		versions, err := s.versions(ctx, op, keys)
		if err != nil {
			return pruned, err
		}
		earlier, inForce := prunable(versions, at, part)
		for _, docs := range [][]recordDoc{earlier, inForce} {
			for some := range slices.Chunk(docs, chunk) {
				n, err := s.removeExactly(ctx, op, some)
				pruned += n
				if err != nil {
					return pruned, err
				}
			}
		}
	}
	return pruned, nil
}

// versions returns every version of the keys, by the key as the store has it.
func (s records) versions(ctx context.Context, op string, keys []record.Key) (map[string][]recordDoc, error) {
	found := make(map[string][]recordDoc, len(keys))
	for g, sources := range sourcesOf(keys) {
		docs, err := find[recordDoc](ctx, s.db, op, collRecords, g.filter(in("source", sources)...), options.Find().SetProjection(identity()))
		if err != nil {
			return nil, err
		}
		for i := range docs {
			k := key(g.provider, g.dataset, docs[i].Source)
			found[k] = append(found[k], docs[i])
		}
	}
	return found, nil
}

// prunable returns, of all versions of some records, those to be deleted: the due
// ones, where they are as they were, and what is earlier than those in force.
func prunable(versions map[string][]recordDoc, at time.Time, due []record.Due) (earlier, inForce []recordDoc) {
	for i := range due {
		d := &due[i]
		all := versions[key(d.Provider, d.Dataset, textOf(d.Source))]
		i := slices.IndexFunc(all, func(v recordDoc) bool {
			return v.Version == d.Version && v.Submission == d.Submission && v.Expires <= at.UnixMicro()
		})
		switch {
		case i < 0:
		case slices.ContainsFunc(all, func(v recordDoc) bool { return v.Version > d.Version }):
			earlier = append(earlier, all[i])
		default:
			inForce = append(inForce, all[i])
			earlier = append(earlier, slices.Delete(slices.Clone(all), i, i+1)...)
		}
	}
	return earlier, inForce
}

// removeExactly deletes documents that are still those that were read: not another
// of the same name that a later submission brought.
func (s records) removeExactly(ctx context.Context, op string, docs []recordDoc) (int, error) {
	if err := over(ctx, op); err != nil {
		return 0, err
	}
	ids, submissions := make([]any, len(docs)), make([]any, len(docs))
	for i := range docs {
		ids[i], submissions[i] = docs[i].Key, docs[i].Submission
	}
	result, err := s.db.db.Collection(collRecords).DeleteMany(ctx, append(in("_id", ids), in("submission", submissions)...))
	if err != nil {
		return 0, failure(op, err)
	}
	return int(result.DeletedCount), nil
}
