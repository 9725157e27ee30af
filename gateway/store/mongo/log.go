package mongo

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
)

// Log returns the store of the audit log.
func (db *DB) Log() audit.Store { return logStore{db} }

// logStore implements audit.Store.
type logStore struct{ db *DB }

// batchDoc is a batch.
type batchDoc struct {
	N     int64 `bson:"_id"`
	First int64 `bson:"first"`
	Size  int64 `bson:"size"`
	// Rows are what the entries are searched by, one for each.
	Rows []rowDoc `bson:"rows"`
	Body []byte   `bson:"body"`
}

// rowDoc is what one entry is searched by.
type rowDoc struct {
	Time      string `bson:"time"`
	Action    string `bson:"action"`
	Actor     string `bson:"actor"`
	Agency    string `bson:"agency"`
	Purpose   string `bson:"purpose"`
	Provider  string `bson:"provider"`
	RequestID string `bson:"request_id"`
}

// rowsOf returns the rows of a batch.
func rowsOf(b *audit.Batch) ([]rowDoc, error) {
	rows := make([]rowDoc, len(b.Entries))
	for i, entry := range b.Entries {
		row, err := rowOf(entry)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, "mongo.Log.rowsOf", "an entry is not canonical JSON", err)
		}
		rows[i] = row
	}
	return rows, nil
}

// rowOf returns the row of an entry.
func rowOf(entry []byte) (rowDoc, error) {
	c, err := audit.ColumnsOf(entry)
	return rowDoc{
		Time: c.Time, Action: string(c.Action), Actor: c.Actor, Agency: c.Agency,
		Purpose: c.Purpose, Provider: c.Provider, RequestID: c.RequestID,
	}, err
}

// largest is the most that a document holds, a little under the protocol's 16 MiB.
const largest = 15 << 20

func (s logStore) InsertBatch(ctx context.Context, b *audit.Batch) error {
	const op = "mongo.Log.InsertBatch"
	body, err := audit.MarshalBatch(b)
	if err != nil {
		return err
	}
	rows, err := rowsOf(b)
	if err != nil {
		return err
	}
	if len(body) > largest {
		return fault.New(fault.TooLarge, op, "the batch is larger than a document holds")
	}
	return s.db.insert(ctx, op, collLog, batchDoc{N: b.N, First: b.First, Size: b.Size, Rows: rows, Body: body})
}

func (s logStore) Batch(ctx context.Context, n int64) (*audit.Batch, error) {
	return s.batch(ctx, "mongo.Log.Batch", bson.D{{Key: "_id", Value: n}}, nil)
}

func (s logStore) LastBatch(ctx context.Context) (*audit.Batch, error) {
	return s.batch(ctx, "mongo.Log.LastBatch", bson.D{}, newestFirst())
}

func (s logStore) BatchOf(ctx context.Context, index int64) (*audit.Batch, error) {
	const op = "mongo.Log.BatchOf"
	b, err := s.batch(ctx, op,
		bson.D{{Key: "first", Value: bson.D{{Key: "$lte", Value: index}}}}, bson.D{{Key: "first", Value: -1}})
	if err == nil && index >= b.Size {
		return nil, fault.New(fault.NotFound, op, "the log has no such entry")
	}
	return b, err
}

func newestFirst() bson.D { return bson.D{{Key: "_id", Value: -1}} }

// batch returns the batch that a filter finds.
func (s logStore) batch(ctx context.Context, op string, filter, sort bson.D) (*audit.Batch, error) {
	var d batchDoc
	if err := s.db.findOne(ctx, op, collLog, filter, sort, &d); err != nil {
		return nil, err
	}
	return d.batch(op)
}

// batch reads a batch. Rows that do not fit the entries make it unreadable: they
// are what disclosures are found by.
func (d *batchDoc) batch(op string) (*audit.Batch, error) {
	b := &audit.Batch{N: d.N, First: d.First, Size: d.Size}
	if err := audit.UnmarshalBatch(b, d.Body); err != nil {
		return nil, fault.Wrap(fault.Internal, op, fmt.Sprintf("batch %d is damaged", d.N), err)
	}
	return b, d.compare(op, b)
}

// compare holds the rows against the entries. An entry that is not what was hashed
// is left to whoever verifies the log, which says more of it than this.
func (d *batchDoc) compare(op string, b *audit.Batch) error {
	if len(d.Rows) != len(b.Entries) {
		return fault.New(fault.Internal, op, fmt.Sprintf("batch %d is not searched by as many rows as it has entries", d.N))
	}
	for i, entry := range b.Entries {
		if sum := sha256.Sum256(entry); string(sum[:]) != string(b.Leaves[i]) {
			continue
		}
		if row, err := rowOf(entry); err != nil || row != d.Rows[i] {
			return fault.New(fault.Internal, op, fmt.Sprintf(
				"batch %d is damaged: entry %d is searched by what it does not say", d.N, d.First+int64(i)))
		}
	}
	return nil
}

// Search asks for the batches in which some row may match, newest first, and
// looks at their rows.
func (s logStore) Search(ctx context.Context, q audit.Query) ([]int64, error) {
	const op, defaultLimit = "mongo.Log.Search", 100
	limit := q.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	found := []int64{}
	for before := int64(-1); ; {
		docs, err := find[batchDoc](ctx, s.db, op, collLog, filterOf(q, before), options.Find().SetSort(newestFirst()).
			SetProjection(bson.D{{Key: "first", Value: 1}, {Key: "rows", Value: 1}}).SetLimit(searchPage))
		if err != nil {
			return nil, err
		}
		for i := range docs {
			for at, row := range slices.Backward(docs[i].Rows) {
				index := docs[i].First + int64(at)
				if !row.matches(q, index) {
					continue
				}
				if found = append(found, index); len(found) == limit {
					return found, nil
				}
			}
		}
		if len(docs) < searchPage {
			return found, nil
		}
		before = docs[len(docs)-1].N
	}
}

// searchPage is how many batches a search holds in memory.
const searchPage = 32

// filterOf finds the batches with rows that match each part of a query, though
// it may be by different rows: matches tells. ($elemMatch would ask for one row, but
// not every server of the protocol knows it over documents.)
func filterOf(q audit.Query, before int64) bson.D {
	filter := bson.D{}
	if before >= 0 {
		filter = append(filter, bson.E{Key: "_id", Value: bson.D{{Key: "$lt", Value: before}}})
	}
	if q.Before > 0 {
		filter = append(filter, bson.E{Key: "first", Value: bson.D{{Key: "$lt", Value: q.Before}}})
	}
	if q.After > 0 {
		filter = append(filter, bson.E{Key: "size", Value: bson.D{{Key: "$gt", Value: q.After + 1}}})
	}
	for _, c := range []struct{ field, value string }{
		{"actor", q.Actor}, {"agency", q.Agency}, {"action", string(q.Action)}, {"provider", q.Provider},
		{"purpose", q.Purpose}, {"request_id", q.RequestID},
	} {
		if c.value != "" {
			filter = append(filter, bson.E{Key: "rows." + c.field, Value: c.value})
		}
	}
	times := bson.D{}
	if q.From != "" {
		times = append(times, bson.E{Key: "$gte", Value: q.From})
	}
	if q.To != "" {
		times = append(times, bson.E{Key: "$lt", Value: q.To})
	}
	if len(times) > 0 {
		filter = append(filter, bson.E{Key: "rows.time", Value: times})
	}
	return filter
}

// matches holds a row against the whole query.
func (r *rowDoc) matches(q audit.Query, index int64) bool {
	for _, c := range [][2]string{
		{q.Actor, r.Actor},
		{q.Agency, r.Agency},
		{string(q.Action), r.Action},
		{q.Provider, r.Provider},
		{q.Purpose, r.Purpose},
		{q.RequestID, r.RequestID},
	} {
		if c[0] != "" && c[0] != c[1] {
			return false
		}
	}
	return (q.From == "" || r.Time >= q.From) && (q.To == "" || r.Time < q.To) &&
		(q.Before <= 0 || index < q.Before) && (q.After <= 0 || index > q.After)
}

// tileDoc is a complete tile.
type tileDoc struct {
	Key  string `bson:"_id"`
	Data []byte `bson:"data"`
}

func tileKey(level int, n int64) string { return strconv.Itoa(level) + "/" + strconv.FormatInt(n, 10) }

func (s logStore) InsertTile(ctx context.Context, level int, n int64, data []byte) error {
	err := s.db.insert(ctx, "mongo.Log.InsertTile", collTiles, tileDoc{Key: tileKey(level, n), Data: binary(data)})
	if fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

func (s logStore) Tile(ctx context.Context, level int, n int64) ([]byte, error) {
	var d tileDoc
	err := s.db.findOne(ctx, "mongo.Log.Tile", collTiles, bson.D{{Key: "_id", Value: tileKey(level, n)}}, nil, &d)
	return d.Data, err
}

// checkpointDoc is a published checkpoint.
type checkpointDoc struct {
	Size int64  `bson:"_id"`
	Note []byte `bson:"note"`
}

func (s logStore) InsertCheckpoint(ctx context.Context, size int64, note []byte) error {
	return s.db.insert(ctx, "mongo.Log.InsertCheckpoint", collCheckpoints, checkpointDoc{Size: size, Note: binary(note)})
}

func (s logStore) LastCheckpoint(ctx context.Context) (size int64, note []byte, err error) {
	var d checkpointDoc
	err = s.db.findOne(ctx, "mongo.Log.LastCheckpoint", collCheckpoints, bson.D{}, newestFirst(), &d)
	return d.Size, d.Note, err
}

// Reindex has nothing to rebuild, as rows stand in their batch, which is never
// changed: it reads every batch, and so holds its rows against its entries.
func (s logStore) Reindex(ctx context.Context) error {
	for n := int64(0); ; n++ {
		_, err := s.Batch(ctx, n)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
