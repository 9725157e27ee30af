package release_test

import "slices"

// try searches for tables under one more limit.
func (a *attacker) try(extra limit) (yes, decided bool) {
	a.limits = append(a.limits, extra)
	defer func() { a.limits = a.limits[:len(a.limits)-1] }()
	for _, v := range extra.plus {
		a.uses[v] = append(a.uses[v], len(a.limits)-1)
		defer func() { a.uses[v] = a.uses[v][:len(a.uses[v])-1] }()
	}
	for _, nodes := range []int{500, 500, 500, 10000} {
		a.nodes, a.turn = nodes, a.turn+1
		yes = a.solve(slices.Clone(a.low), slices.Clone(a.top), a.all())
		if yes || a.nodes > 0 {
			return yes, true
		}
	}
	return false, false
}

func (a *attacker) all() []int {
	all := make([]int, len(a.limits))
	for i := range all {
		all[i] = i
	}
	return all
}

// solve searches for a solution within the bounds; changed are the limits to
// propagate first. It tries the hints; where these break a limit, it splits the
// range of one of that limit's variables. The search is complete: the two parts
// of a split are all there is.
func (a *attacker) solve(low, top, changed []int) bool {
	if a.nodes--; a.nodes <= 0 || !a.propagate(low, top, changed) {
		return false
	}
	at := make([]int, len(low))
	for v := range at {
		at[v] = min(max(a.hint[v], low[v]), top[v])
	}
	pick, up := a.split(at, low, top)
	if pick < 0 {
		return !slices.ContainsFunc(a.limits, func(l limit) bool { return l.excess(at) != 0 })
	}
	for _, first := range []bool{true, false} {
		l, t := slices.Clone(low), slices.Clone(top)
		switch {
		case up && first:
			l[pick] = at[pick] + 1
		case up:
			t[pick] = at[pick]
		case first:
			t[pick] = at[pick] - 1
		default:
			l[pick] = at[pick]
		}
		if a.solve(l, t, slices.Clone(a.uses[pick])) {
			return true
		}
	}
	return false
}

// split returns the variable whose move would mend most of a broken limit, and
// its direction; or -1 if no limit is broken. There always is one that can
// move: bounds under which a limit cannot hold do not outlive propagation.
func (a *attacker) split(at, low, top []int) (pick int, up bool) {
	pick = -1
	best, fewest := 0, huge+1
	for _, l := range a.limits {
		by := l.excess(at)
		size := a.preference(l)
		if by == 0 || size >= fewest {
			continue
		}
		found := -1
		consider := func(v, step int) {
			if next := at[v] + step; next < low[v] || next > top[v] {
				return
			}
			score := -a.broken(at, v)
			at[v] += step
			score += a.broken(at, v)
			at[v] -= step
			if found < 0 || score < best {
				found, best, up = v, score, step > 0
			}
		}
		for _, v := range l.plus {
			consider(v, sign(-by))
		}
		for _, v := range l.minus {
			consider(v, sign(by))
		}
		if found >= 0 {
			pick, fewest = found, size
		}
	}
	return pick, up
}

// propagate narrows the bounds until nothing changes, and tells whether
// anything is left.
func (a *attacker) propagate(low, top, queue []int) bool {
	queued := make([]bool, len(a.limits))
	for _, i := range queue {
		queued[i] = true
	}
	for len(queue) > 0 {
		i := queue[0]
		queue, queued[i] = queue[1:], false
		changed, ok := a.limits[i].narrow(low, top)
		if !ok {
			return false
		}
		for _, v := range changed {
			for _, other := range a.uses[v] {
				if !queued[other] {
					queue, queued[other] = append(queue, other), true
				}
			}
		}
	}
	return true
}

// narrow applies one limit to the bounds of its variables.
func (l limit) narrow(low, top []int) (changed []int, ok bool) {
	sumLow, sumTop := 0, 0
	for _, v := range l.plus {
		sumLow, sumTop = sumLow+low[v], sumTop+top[v]
	}
	for _, v := range l.minus {
		sumLow, sumTop = sumLow-top[v], sumTop-low[v]
	}
	from, to := l.low, l.top
	if l.apart {
		from, to = sumLow, sumTop
		if from+l.shift > -8 {
			from = max(from, 8-l.shift)
		}
		if to+l.shift < 8 {
			to = min(to, -8-l.shift)
		}
	}
	if sumTop < from || sumLow > to || from > to {
		return nil, false
	}
	put := func(v, lo, hi int) bool {
		if lo > low[v] || hi < top[v] {
			low[v], top[v] = max(low[v], lo), min(top[v], hi)
			changed = append(changed, v)
		}
		return low[v] <= top[v]
	}
	for _, v := range l.plus {
		if !put(v, from-(sumTop-top[v]), to-(sumLow-low[v])) {
			return nil, false
		}
	}
	for _, v := range l.minus {
		if !put(v, sumLow+top[v]-to, sumTop+low[v]-from) {
			return nil, false
		}
	}
	return changed, true
}

// preference orders the limits that a search mends first. It takes turns, as
// what is slow in one order may be quick in another.
func (a *attacker) preference(l limit) int {
	size := len(l.plus) + len(l.minus)
	switch a.turn % 3 {
	case 0:
		return huge - size
	case 1:
		return size
	}
	return 0
}

// broken is by how much the limits of a variable are broken.
func (a *attacker) broken(at []int, v int) int {
	n := 0
	for _, i := range a.uses[v] {
		by := a.limits[i].excess(at)
		n += max(by, -by)
	}
	return n
}

// excess is how far a limit is above its range (positive) or below it.
func (l limit) excess(at []int) int {
	sum := 0
	for _, v := range l.plus {
		sum += at[v]
	}
	for _, v := range l.minus {
		sum -= at[v]
	}
	switch {
	case l.apart && sum+l.shift >= 0:
		return min(sum+l.shift-8, 0)
	case l.apart:
		return max(sum+l.shift+8, 0)
	case sum > l.top:
		return sum - l.top
	}
	return min(sum-l.low, 0)
}

func sign(n int) int {
	if n < 0 {
		return -1
	}
	return 1
}
