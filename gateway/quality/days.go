package quality

// buckets is how many classes of days there are: one for each bound, and one for
// everything above.
const buckets = 17

// bounds are the classes of the histogram: at most so many days.
func bounds() [buckets - 1]int {
	return [buckets - 1]int{0, 1, 2, 3, 5, 7, 10, 14, 21, 28, 42, 60, 90, 180, 365, 730}
}

func bucket(days int) int {
	for i, bound := range bounds() {
		if days <= bound {
			return i
		}
	}
	return buckets - 1
}

// quantile returns the bound of the class in which the row at so many hundredths
// lies; nil where there are no rows, or where it is above the last bound.
func quantile(days []int, hundredths int) *int {
	total := 0
	for _, n := range days {
		total += n
	}
	if total == 0 || len(days) != buckets {
		return nil
	}
	seen := 0
	for i, bound := range bounds() {
		if seen += days[i]; seen*100 >= total*hundredths {
			return &bound
		}
	}
	return nil
}
