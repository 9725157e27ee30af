package mongo

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
)

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
