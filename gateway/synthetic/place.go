package synthetic

// area is one of the nine local authorities of West Mercia.
type area struct {
	code string
	// weight is its share of the population, in thousandths.
	weight int
	// school is the number by which the Department for Education knows the
	// authority that keeps its schools.
	school string
	// outward are outward codes of postcodes in it.
	outward []string
	// crime is its level of crime against the average of the force.
	crime float64
	// nights is its share of violence in the night-time economy, in
	// thousandths.
	nights int
}

const (
	telfordCode    = "E06000020"
	shropshireCode = "E06000051"
)

// telfordArea and shropshireArea are indexes in areas.
const (
	shropshireArea = 1
	telfordArea    = 2
)

// areas are in the order in which the force lists them.
var areas = []area{
	{"E06000019", 145, "884", []string{"HR1", "HR2", "HR4", "HR6", "HR7", "HR8", "HR9"}, 0.86, 130},
	{shropshireCode, 250, "893", []string{"SY1", "SY2", "SY3", "SY4", "SY5", "SY8", "SY11", "SY13", "TF9", "WV16"}, 0.82, 190},
	{telfordCode, 145, "894", []string{"TF1", "TF2", "TF3", "TF4", "TF7", "TF10"}, 1.27, 200},
	{"E07000234", 80, "885", []string{"B60", "B61"}, 0.90, 60},
	{"E07000236", 67, "885", []string{"B97", "B98"}, 1.22, 95},
	{"E07000239", 79, "885", []string{"DY10", "DY11", "DY12", "DY13"}, 1.12, 85},
	{"E07000235", 62, "885", []string{"WR13", "WR14", "WR15"}, 0.68, 40},
	{"E07000237", 80, "885", []string{"WR1", "WR2", "WR3", "WR4", "WR5"}, 1.31, 130},
	{"E07000238", 100, "885", []string{"WR9", "WR10", "WR11"}, 0.79, 70},
}

// pickArea returns the index of an area, by weights in thousandths.
func pickArea(d draw, weight func(area) int) int {
	total := 0
	for _, a := range areas {
		total += weight(a)
	}
	n := d.below(total)
	for i, a := range areas {
		if n -= weight(a); n < 0 {
			return i
		}
	}
	return 0
}

func byPopulation(a area) int { return a.weight }

func byNights(a area) int { return a.nights }

// inwardLetters leaves out C, I, K, M, O and V, which no inward code has.
const inwardLetters = "ABDEFGHJLNPQRSTUWXYZ"

// postcode makes up a postcode of an area.
func postcode(d draw, a area) string {
	inward := []byte{byte('0' + d.below(10)), inwardLetters[d.below(len(inwardLetters))], inwardLetters[d.below(len(inwardLetters))]}
	return pick(d, a.outward) + " " + string(inward)
}
