package intake

// nesting are the brackets that are open, one bit each: set for an object. Deeper
// than it holds, brackets are counted but not told apart.
type nesting struct {
	kinds [16]uint64
	n     int
}

func (s *nesting) open(object bool) {
	if i := s.n / 64; i < len(s.kinds) {
		s.kinds[i] &^= 1 << (s.n % 64)
		if object {
			s.kinds[i] |= 1 << (s.n % 64)
		}
	}
	s.n++
}

// close reports whether the bracket that is open is of the same kind.
func (s *nesting) close(object bool) bool {
	s.n--
	i := s.n / 64
	return i >= len(s.kinds) || s.kinds[i]>>(s.n%64)&1 == 1 == object
}

// element takes the element that begins at the start of the window: nil where it is
// larger than MaxRow.
func (a *array) element() ([]byte, error) {
	s := scan{a: a}
	a.depth.n = 0
	for {
		end, err := s.run()
		if err != nil {
			return nil, err
		}
		if end {
			break
		}
		if s.at > MaxRow { // what was seen is not needed any more
			s.dropped = true
			a.w.start += s.at
			s.at = 0
		}
		if err := a.more(); err != nil {
			return nil, err
		}
	}
	raw := a.w.buf[a.w.start : a.w.start+s.at]
	a.w.start += s.at
	if s.dropped || len(raw) > MaxRow {
		return nil, nil
	}
	return raw, nil
}

// scan goes through one element.
type scan struct {
	a *array
	// at is where it has come to, from the start of the window.
	at int
	// quoted is true within a text, escaped after a backslash in it.
	quoted, escaped bool
	dropped         bool
}

// run goes on as far as the window reaches, and reports whether the element ended.
func (s *scan) run() (bool, error) {
	b := s.a.w.rest()
	for s.at < len(b) {
		if s.quoted {
			s.text(b)
			if s.quoted {
				return false, nil
			}
			if s.a.depth.n == 0 {
				return true, nil
			}
			continue
		}
		c := b[s.at]
		switch c {
		case '"':
			s.quoted = true
		case '{', '[':
			s.a.depth.open(c == '{')
		case '}', ']':
			if s.a.depth.n == 0 {
				return true, nil // the bracket of the array, after a number or a word
			}
			if !s.a.depth.close(c == '}') {
				return false, s.a.malformed("a bracket is closed by one of another kind in the next row")
			}
			if s.a.depth.n == 0 {
				s.at++
				return true, nil
			}
		case ',', ' ', '\t', '\r', '\n':
			if s.a.depth.n == 0 {
				return true, nil
			}
		}
		s.at++
	}
	return false, nil
}

// text moves behind the end of a text, or to the end of the window.
func (s *scan) text(b []byte) {
	for ; s.at < len(b); s.at++ {
		switch {
		case s.escaped:
			s.escaped = false
		case b[s.at] == '\\':
			s.escaped = true
		case b[s.at] == '"':
			s.quoted = false
			s.at++
			return
		}
	}
}
