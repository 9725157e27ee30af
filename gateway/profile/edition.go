package profile

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/release"
)

// An edition is kept as two sorts of event rows. Its series are sealed under
// the stream of the edition's own id; then one manifest row, sealed too, is
// inserted under the number that follows the last edition. The manifest names
// the digest of the series, so nobody without the key can put other series or
// another manifest in their place. Which editions there must be is in the log:
// see history.
const (
	manifestKind = "edition"
	manifestID   = "all"
	seriesKind   = "edition-series"
)

// Manifest describes a frozen edition.
type Manifest struct {
	Edition    string    `json:"edition"`
	FrozenAt   time.Time `json:"frozen_at"`
	From       string    `json:"from"`
	To         string    `json:"to"`
	Series     int       `json:"series"`
	By         string    `json:"by"`
	AuditIndex int64     `json:"audit_index"`
}

// storedManifest is the sealed form of a manifest.
type storedManifest struct {
	Manifest

	// N is the number of the edition, from 0.
	N int64 `json:"n"`
	// SeriesSHA256 is the digest of the sealed series, in hex.
	SeriesSHA256 string `json:"series_sha256"`
}

// seriesKey names what is counted.
type seriesKey struct {
	Provider  string `json:"provider"`
	Dataset   string `json:"dataset"`
	Indicator string `json:"indicator"`
}

// edition is one edition in memory, read-only once built.
type edition struct {
	manifest storedManifest
	series   map[seriesKey]release.Series
}

// storedSeries is the sealed form of one series. It holds all of every cell, of
// which the protection of the next edition needs what is not published too.
type storedSeries struct {
	Key    seriesKey      `json:"key"`
	Series release.Series `json:"series"`
}

// editionCache holds the editions that were read; they never change.
type editionCache struct {
	mu   sync.Mutex // covers byID
	byID map[string]*edition
}

// Editions lists the editions, oldest first.
func (s *Service) Editions(ctx context.Context) ([]Manifest, error) {
	kept, err := s.manifests(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Manifest, len(kept))
	for i := range kept {
		out[i] = kept[i].Manifest
	}
	return out, nil
}

// manifests reads and opens every manifest.
func (s *Service) manifests(ctx context.Context) ([]storedManifest, error) {
	rows, err := s.Events.Stream(ctx, manifestKind, manifestID)
	if err != nil {
		return nil, err
	}
	sealer, err := s.Keys.Sealer(ctx, keyring.EditionScope)
	if err != nil {
		return nil, err
	}
	out := make([]storedManifest, len(rows))
	for i, row := range rows {
		if row.N != int64(i) {
			return nil, fault.Wrap(fault.Internal, "profile.Editions", "An edition is missing.",
				fmt.Errorf("the manifest of edition %d is not in the store", i))
		}
		if out[i], err = openManifest(sealer, row); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// latest returns the newest edition, or a fault of kind Conflict when none has
// been frozen yet.
func (s *Service) latest(ctx context.Context) (*edition, error) {
	last, err := s.Events.Last(ctx, manifestKind, manifestID)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.Conflict, "profile.Area",
			"No edition has been frozen yet. A supervisor or information governance lead freezes one.").WithCode("no-edition")
	}
	if err != nil {
		return nil, err
	}
	sealer, err := s.Keys.Sealer(ctx, keyring.EditionScope)
	if err != nil {
		return nil, err
	}
	m, err := openManifest(sealer, last)
	if err != nil {
		return nil, err
	}
	return s.load(ctx, m)
}

// openManifest opens a manifest in its place.
func openManifest(sealer keyring.Sealer, row event.Event) (storedManifest, error) {
	var m storedManifest
	raw, err := sealer.Open(row.Body, editionAD(row))
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	if err == nil && m.N != row.N {
		err = fmt.Errorf("the manifest of edition %d says that it is edition %d", row.N, m.N)
	}
	if fault.Is(err, fault.Unavailable) {
		return m, err
	}
	if err != nil {
		return m, fault.Wrap(fault.Internal, "profile.Editions", "An edition cannot be read.", err)
	}
	return m, nil
}

// load returns an edition from memory or reads and opens it.
func (s *Service) load(ctx context.Context, m storedManifest) (*edition, error) {
	s.editions.mu.Lock()
	defer s.editions.mu.Unlock()
	if e, ok := s.editions.byID[m.Edition]; ok {
		return e, nil
	}
	rows, err := s.Events.Stream(ctx, seriesKind, m.Edition)
	if err != nil {
		return nil, err
	}
	if len(rows) != m.Series || seriesDigest(rows) != m.SeriesSHA256 {
		return nil, fault.Wrap(fault.Internal, "profile.Area", "The edition is not whole.",
			fmt.Errorf("edition %s has %d of %d series, or other ones", m.Edition, len(rows), m.Series))
	}
	e := &edition{manifest: m, series: make(map[seriesKey]release.Series, len(rows))}
	sealer, err := s.Keys.Sealer(ctx, keyring.EditionScope)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		key, series, err := openSeries(sealer, row)
		if err != nil {
			return nil, err
		}
		e.series[key] = series
	}
	if s.editions.byID == nil {
		s.editions.byID = map[string]*edition{}
	}
	s.editions.byID[m.Edition] = e
	return e, nil
}

// seriesDigest is SHA-256 over the sealed series, each after its length.
func seriesDigest(rows []event.Event) string {
	h := sha256.New()
	for _, row := range rows {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(row.Body)))) // never fails, see hash.Hash
		h.Write(row.Body)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func openSeries(sealer keyring.Sealer, row event.Event) (seriesKey, release.Series, error) {
	raw, err := sealer.Open(row.Body, editionAD(row))
	if err != nil {
		return seriesKey{}, release.Series{}, err
	}
	var st storedSeries
	if err := json.Unmarshal(raw, &st); err != nil {
		return seriesKey{}, release.Series{}, fault.Wrap(fault.Internal, "profile.Area", "The edition cannot be read.", err)
	}
	return st.Key, st.Series, nil
}

// sealRow sets the body of a row to the sealed form of v.
func sealRow(sealer keyring.Sealer, row event.Event, v any) (event.Event, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return row, fault.Wrap(fault.Internal, "profile.Freeze", "The edition could not be written.", err)
	}
	row.Body, err = sealer.Seal(raw, editionAD(row))
	return row, err
}

// editionAD binds a sealed row of an edition to its place. No kind or id has a
// NUL byte in it.
func editionAD(row event.Event) []byte {
	return []byte("concord edition v2\x00" + row.Kind + "\x00" + row.ID + "\x00" + strconv.FormatInt(row.N, 10))
}
