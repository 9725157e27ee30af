package mongo

import (
	"context"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/spool"
)

// Spool returns the store of pieces.
func (db *DB) Spool() spool.Store { return pieces{db} }

// pieces implements spool.Store.
type pieces struct{ db *DB }

// pieceDoc is a piece. Expires is microseconds since 1970.
type pieceDoc struct {
	Key     string `bson:"_id"`
	Kind    string `bson:"kind"`
	ID      string `bson:"id"`
	N       int64  `bson:"n"`
	Expires int64  `bson:"expires"`
	Body    []byte `bson:"body"`
}

func pieceKey(kind, id string, n int64) string { return key(kind, id, strconv.FormatInt(n, 10)) }

func (s pieces) Insert(ctx context.Context, p spool.Piece) error {
	const op = "mongo.Spool.Insert"
	if p.Kind == "" || p.ID == "" || p.N < 0 || len(p.Body) > spool.MaxBody {
		return fault.New(fault.Invalid, op, "a piece needs a kind, an id, a number from 0 and a body that is not too large")
	}
	return s.db.insert(ctx, op, collPieces, pieceDoc{
		Key: pieceKey(p.Kind, p.ID, p.N), Kind: p.Kind, ID: p.ID, N: p.N, Expires: p.Expires.UnixMicro(), Body: binary(p.Body),
	})
}

func (s pieces) Get(ctx context.Context, kind, id string, n int64) (spool.Piece, error) {
	return s.one(ctx, "mongo.Spool.Get", bson.D{{Key: "_id", Value: pieceKey(kind, id, n)}}, nil)
}

func (s pieces) Last(ctx context.Context, kind, id string) (spool.Piece, error) {
	return s.one(ctx, "mongo.Spool.Last", bson.D{{Key: "kind", Value: kind}, {Key: "id", Value: id}}, bson.D{{Key: "n", Value: -1}})
}

// one returns the piece that a filter finds, the first in the order given.
func (s pieces) one(ctx context.Context, op string, filter, sort bson.D) (spool.Piece, error) {
	var d pieceDoc
	if err := s.db.findOne(ctx, op, collPieces, filter, sort, &d); err != nil {
		return spool.Piece{}, err
	}
	return spool.Piece{Kind: d.Kind, ID: d.ID, N: d.N, Expires: time.UnixMicro(d.Expires).UTC(), Body: d.Body}, nil
}

func (s pieces) Delete(ctx context.Context, kind, id string) error {
	_, err := s.remove(ctx, "mongo.Spool.Delete", bson.D{{Key: "kind", Value: kind}, {Key: "id", Value: id}})
	return err
}

func (s pieces) Expire(ctx context.Context, at time.Time) (int64, error) {
	return s.remove(ctx, "mongo.Spool.Expire", bson.D{{Key: "expires", Value: bson.D{{Key: "$lte", Value: at.UnixMicro()}}}})
}

func (s pieces) remove(ctx context.Context, op string, filter bson.D) (int64, error) {
	if err := over(ctx, op); err != nil {
		return 0, err
	}
	result, err := s.db.db.Collection(collPieces).DeleteMany(ctx, filter)
	if err != nil {
		return 0, failure(op, err)
	}
	return result.DeletedCount, nil
}
