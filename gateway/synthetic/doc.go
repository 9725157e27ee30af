// Package synthetic makes people, places and submissions that exist nowhere.
//
// It stands in for the partners: what it makes goes through the API like any
// other submission. It guarantees that
//
//   - the same seed, number of people and day give the same rows, byte for
//     byte, in the same order; nothing is read from the clock or the machine;
//   - every row is valid under its dataset's schema, holds only fields that its
//     agreement lists or drops, and only local authorities that it covers;
//     [World.BadRows] alone has two rows that are not valid, and says which;
//   - identifiers pass the published check rules and belong to one person:
//     NHS numbers of the 999 test range, property numbers and schools outside
//     the ranges in use, telephone numbers of the range for drama. Given names
//     are common ones, family names are made up; postcodes have a real outward
//     and a made-up inward part;
//   - a person has the same name, date of birth and postcode in every dataset,
//     so that records link where the agreements let them.
//
// The figures are plausible (population, season, time of the week, local
// differences), not measured. One pattern is there to be found: reports of
// cuckooing in Telford and Wrekin rise through the last half year.
//
// It depends on nothing but the standard library and trusts nobody.
package synthetic
