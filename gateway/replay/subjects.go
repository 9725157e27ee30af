package replay

import "encoding/hex"

// subjects is a union-find forest over the requests about persons: requests that
// share a reference are in one tree. It grows with the requests and with the
// references, of which it keeps sixteen bytes: they are keyed hashes, so that two
// never share those by chance.
type subjects struct {
	// parent is that of each node; a root is its own.
	parent []int32
	byRef  map[[16]byte]int32
}

func newSubjects() *subjects { return &subjects{byRef: map[[16]byte]int32{}} }

// add makes a node of a request with its references.
func (s *subjects) add(refs []string) int32 {
	node := int32(len(s.parent))
	s.parent = append(s.parent, node)
	for _, ref := range refs {
		var key [16]byte
		raw, err := hex.DecodeString(ref)
		if err != nil || len(raw) < len(key) {
			continue // no reference of ours
		}
		copy(key[:], raw)
		if other, ok := s.byRef[key]; ok {
			s.parent[s.root(node)] = s.root(other)
		} else {
			s.byRef[key] = node
		}
	}
	return node
}

func (s *subjects) root(n int32) int32 {
	for s.parent[n] != n {
		s.parent[n] = s.parent[s.parent[n]]
		n = s.parent[n]
	}
	return n
}

// count returns how many trees the nodes are in.
func (s *subjects) count(lists ...[]int32) int64 {
	roots := map[int32]bool{}
	for _, nodes := range lists {
		for _, n := range nodes {
			roots[s.root(n)] = true
		}
	}
	return int64(len(roots))
}
