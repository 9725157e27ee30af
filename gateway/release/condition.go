package release

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Record is what the treatments and conditions see of one record.
type Record struct {
	// Value is the decoded body: string, float64, bool, nil, []any and
	// map[string]any.
	Value map[string]any
	// EventDate is "2006-01-02", or empty; Area is an area code, or empty.
	EventDate, Area string
}

// Context is what a treatment or condition may depend on besides the record.
// A function that is nil makes whatever needs it fail closed.
type Context struct {
	// Now is the time of the decision.
	Now time.Time
	// Pseudonym replaces a value by one that stands for it.
	Pseudonym func(pointer, value string) string
	// InArea tells whether an area is the other one or lies within it.
	InArea func(code, within string) bool
	// LocalAuthority gives the local authority of an area, or "".
	LocalAuthority func(code string) string
}

// Meets tells whether a record meets every one of the conditions. An unknown
// attribute or operation, a missing or null attribute, and a value of the
// wrong type all mean no.
func Meets(r Record, conditions []Condition, c Context) bool {
	for _, cond := range conditions {
		if !meets(r, cond, c) {
			return false
		}
	}
	return true
}

func meets(r Record, cond Condition, c Context) bool {
	v, ok := attribute(r, cond.Attr)
	if !ok || v == nil || cond.Value == nil {
		return false
	}
	switch cond.Op {
	case "eq":
		return equal(v, cond.Value)
	case "in":
		return anyOf(cond.Value, func(one any) bool { return equal(v, one) })
	case "gte":
		order, ok := compare(v, cond.Value)
		return ok && order >= 0
	case "lte":
		order, ok := compare(v, cond.Value)
		return ok && order <= 0
	case "age_gte":
		age, limit, ok := ageAndLimit(v, cond.Value, c.Now)
		return ok && float64(age) >= limit
	case "age_lte":
		age, limit, ok := ageAndLimit(v, cond.Value, c.Now)
		return ok && float64(age) <= limit
	case "within_days":
		return withinDays(v, cond.Value, c.Now)
	case "area_in":
		return areaIn(v, cond.Value, c)
	}
	return false
}

func attribute(r Record, attr string) (any, bool) {
	switch attr {
	case "event_date":
		return r.EventDate, r.EventDate != ""
	case "area":
		return r.Area, r.Area != ""
	case "date_of_birth", "subject_category":
		v, ok := r.Value[attr]
		return v, ok
	}
	return lookup(r.Value, attr)
}

// equal compares scalars of the same JSON type.
func equal(a, b any) bool {
	if x, ok := number(a); ok {
		y, ok := number(b)
		return ok && x == y
	}
	switch a := a.(type) {
	case string:
		b, ok := b.(string)
		return ok && a == b
	case bool:
		b, ok := b.(bool)
		return ok && a == b
	}
	return false
}

// number takes what JSON decoders and policy engines make of a number.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	case json.Number:
		f, err := v.Float64()
		return f, err == nil
	}
	return 0, false
}

func anyOf(list any, holds func(any) bool) bool {
	switch list := list.(type) {
	case []any:
		return slices.ContainsFunc(list, holds)
	case []string:
		return slices.ContainsFunc(list, func(one string) bool { return holds(one) })
	}
	return false
}

// compare orders two numbers or two dates; nothing else has an order here.
func compare(a, b any) (int, bool) {
	if x, ok := number(a); ok {
		y, ok := number(b)
		if !ok || x != x || y != y {
			return 0, false
		}
		switch {
		case x < y:
			return -1, true
		case x > y:
			return 1, true
		}
		return 0, true
	}
	x, okX := date(a)
	y, okY := date(b)
	return x.Compare(y), okX && okY
}

// date takes a date or an RFC 3339 date and time.
func date(v any) (time.Time, bool) {
	s, ok := v.(string)
	if !ok {
		return time.Time{}, false
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, true
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return t, err == nil
}

func ageAndLimit(v, limit any, now time.Time) (age int, years float64, ok bool) {
	years, okYears := number(limit)
	age, okAge := ageAt(v, now)
	return age, years, okYears && okAge
}

// ageAt is the age in completed years, as the law counts them: a person born on
// 29 February is a year older on 1 March of a common year.
func ageAt(v any, now time.Time) (int, bool) {
	born, ok := date(v)
	now = now.UTC()
	if !ok || born.After(now) {
		return 0, false
	}
	age := now.Year() - born.Year()
	if now.Month() < born.Month() || now.Month() == born.Month() && now.Day() < born.Day() {
		age--
	}
	return age, age >= 0
}

// withinDays holds for the last so many days; what lies in the future does not
// count as recent.
func withinDays(v, days any, now time.Time) bool {
	at, okDate := date(v)
	n, okDays := number(days)
	if !okDate || !okDays || n < 0 || at.After(now) {
		return false
	}
	return now.UTC().Truncate(24*time.Hour).Sub(at.UTC().Truncate(24*time.Hour)).Hours() <= n*24
}

func areaIn(v, within any, c Context) bool {
	code, ok := v.(string)
	if !ok || c.InArea == nil || strings.TrimSpace(code) == "" {
		return false
	}
	in := func(one any) bool {
		area, ok := one.(string)
		return ok && c.InArea(code, area)
	}
	if _, one := within.(string); one {
		return in(within)
	}
	return anyOf(within, in)
}
