package storetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/record"
)

func recordsTaken(t *testing.T, s record.Store) {
	first := []record.Record{rec("a", 1, ref("i", "a")), rec("b", 1, ref("i", "b")), rec("c", 1)}
	insert(t, s, first...)
	rival := rec("b", 1, ref("i", "rival"))
	rival.Body = []byte("another ciphertext")
	fresh := rec("d", 1, ref("i", "d"))
	second := rec("a", 2, ref("i", "a2"))
	taken, err := s.Insert(t.Context(), []record.Record{first[2], fresh, rival, second, first[0]})
	must(t, err)
	if want := []int{0, 2, 4}; !slices.Equal(taken, want) {
		t.Errorf("taken positions are %v, want %v", taken, want)
	}
	wantRecords(t, find(t, s, ref("i", "rival")))
	wantRecords(t, find(t, s, ref("i", "b")), first[1])
	wantRecords(t, find(t, s, ref("i", "d")), fresh)
	wantRecords(t, find(t, s, ref("i", "a2")), second)
	wantCount(t, s, record.Filter{}, 4)
}

func recordsTakenInOneCall(t *testing.T, s record.Store) {
	first, second := rec("a", 1, ref("i", 1)), rec("a", 1, ref("i", 2))
	taken, err := s.Insert(t.Context(), []record.Record{first, rec("b", 1), second})
	must(t, err)
	if want := []int{2}; !slices.Equal(taken, want) {
		t.Errorf("taken positions are %v, want %v", taken, want)
	}
	wantRecords(t, find(t, s, ref("i", 1), ref("i", 2)), first)
}

// recordsOneWinner lets writers race for the same versions, each with a body
// and an index of its own: exactly one may be told that it won.
func recordsOneWinner(t *testing.T, s record.Store) {
	const writers, keys = 8, 40
	var mu sync.Mutex
	var wg sync.WaitGroup
	winners := make([][]int, keys)
	for w := range writers {
		wg.Go(func() {
			for part := range slices.Chunk(contenders(w, keys), 5) {
				taken, err := s.Insert(t.Context(), part)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for i, r := range part {
					if !slices.Contains(taken, i) {
						winners[r.Body[0]] = append(winners[r.Body[0]], w)
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	wantCount(t, s, record.Filter{}, keys)
	for k, won := range winners {
		if len(won) != 1 {
			t.Fatalf("key %d was won by the writers %v, want one", k, won)
		}
		for w := range writers {
			found := find(t, s, ref("i", w, k))
			if w != won[0] {
				wantRecords(t, found)
				continue
			}
			wantRecords(t, found, contenders(w, keys)[k])
		}
	}
}

// contenders are the records that a writer wants to insert: the first byte of
// the body is the number of the key.
func contenders(writer, keys int) []record.Record {
	all := make([]record.Record, keys)
	for k := range all {
		all[k] = rec(fmt.Sprint(k), 1, ref("i", writer, k))
		all[k].Body = []byte{byte(k), byte(writer)}
	}
	return all
}

// recordsStamps asks for more keys at once than a statement takes parameters
// in common engines, of several groups, some of which are not there.
func recordsStamps(t *testing.T, s record.Store) {
	const n = 1200
	var all []record.Record
	var keys []record.Key
	want := make(map[record.Key]record.Stamp)
	for i := range n {
		r := in(rec(fmt.Sprint(i), 1), []string{"p", "q"}[i%2], []string{"d", "e", "f"}[i%3])
		keys = append(keys, r.Key)
		for v := range int64(i % 4) {
			r.Version, r.Digest = v+1, ref("digest", i, v)
			r.Agreement, r.KeyMonth, r.Submission = fmt.Sprint("ISA-", v), fmt.Sprintf("2026-%02d", v+1), fmt.Sprint("sub-", i, v)
			all = append(all, r)
			want[r.Key] = record.Stamp{
				Version: r.Version, Agreement: r.Agreement, Submission: r.Submission, KeyMonth: r.KeyMonth, Digest: r.Digest,
			}
		}
	}
	insert(t, s, all...)
	got, err := s.Stamps(t.Context(), append(keys, keys[1])) // one twice
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stamps (-want +got):\n%s", diff)
	}
}

func recordsWithdraw(t *testing.T, s record.Store) {
	idx := ref("i", "shared")
	stays := rec("stays", 1, idx)
	insert(t, s, stays, rec("a", 1, idx, ref("i", "a1")), rec("a", 2, idx), rec("b", 7, ref("i", "b")),
		in(rec("a", 1, idx), "q", "d"), in(rec("a", 1, idx), "p", "e"))
	a, b, absent := rec("a", 1).Key, rec("b", 1).Key, rec("absent", 1).Key
	had, err := s.Withdraw(t.Context(), []record.Key{b, absent, a, b})
	must(t, err)
	slices.SortFunc(had, func(x, y record.Key) int { return slices.Compare(x.Source[:], y.Source[:]) })
	want := []record.Key{a, b}
	slices.SortFunc(want, func(x, y record.Key) int { return slices.Compare(x.Source[:], y.Source[:]) })
	if diff := cmp.Diff(want, had); diff != "" {
		t.Errorf("withdrawn keys (-want +got):\n%s", diff)
	}
	wantRecords(t, find(t, s, idx, ref("i", "a1"), ref("i", "b")), stays)
	wantCount(t, s, record.Filter{}, 3)
	stamps, err := s.Stamps(t.Context(), []record.Key{a, b})
	must(t, err)
	if len(stamps) != 0 {
		t.Errorf("withdrawn keys have stamps: %v", stamps)
	}
	had, err = s.Withdraw(t.Context(), []record.Key{a, b})
	must(t, err)
	if len(had) != 0 {
		t.Errorf("withdrawn again: %v", had)
	}
}

// recordsWithdrawThenSubmit sends a withdrawn record again, without the index
// that it had: nothing of its former life may come back.
func recordsWithdrawThenSubmit(t *testing.T, s record.Store) {
	old, again := ref("i", "old"), ref("i", "again")
	insert(t, s, rec("a", 1, old), rec("a", 2, old), rec("b", 1, ref("i", "b")))
	_, err := s.Withdraw(t.Context(), []record.Key{rec("a", 1).Key, rec("b", 1).Key})
	must(t, err)
	want := rec("a", 1, again)
	insert(t, s, want)
	wantRecords(t, find(t, s, old, ref("i", "b")))
	wantRecords(t, find(t, s, again), want)
	wantRecords(t, scan(t, s, record.Filter{}), want)
}
