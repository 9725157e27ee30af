package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
)

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
