// Package release decides what a released value looks like: the treatment of
// each field of a record, the conditions that a record has to meet, and the
// disclosure control of the counts in a frozen edition. It depends on package
// fault alone, does no I/O, has no clock and keeps no state.
//
// # Records
//
// Apply releases named fields and nothing else (invariant 2). Whatever it does
// not know, it does not release: an unknown treatment, a value that the
// treatment cannot read, an object whose members are not named. Meets is the
// same for rows: an unknown attribute or operation means no.
//
// # Editions
//
// An edition publishes a count for every area and every calendar month, quarter
// and year: 1 to 7 is suppressed, 0 stays 0, the rest is rounded to the nearest
// 5 (NHS Digital's rule for sub-national counts). A later edition keeps the
// published state of a cell whose true count moved by fewer than 8 from the
// count at which the state was set; what moves by 8 or more is set anew.
//
// Protect suppresses further cells until the following holds (invariant 9). Take
// a reader who has every edition of a series so far, and knows the rules: the
// range of every rounded count, additivity over areas and periods, when a state
// is kept and when it is not. Grant the reader more than is published: which
// suppressed cells are small (and so within 1..7) and which are there to protect
// others (and so anything from 0), and in which edition each state was set. Then
// every suppressed cell of every edition still has at least three feasible
// values. For each there are explicit tables, called witnesses, that differ from
// the truth and would look the same in print.
//
// Three things follow from it that may surprise:
//
//   - Crowded cells. Six districts with at least 1 each in a county with at most
//     7 would all be known to have 1 or 2. So a cell with n small leaf-months
//     below it is suppressed up to n+3 where its range would otherwise end less
//     than 3 above n. Where that is not enough, a small cell counts as one that
//     protects others.
//   - A cell that an earlier edition showed may be suppressed in a later one, if
//     nothing else protects a cell that is new. It is the last resort.
//   - If no pattern is found the edition of that series publishes nothing.
//
// # Limits
//
// Counts of other series are not looked at: indicators that add up to another
// one are protected each by itself. So are providers. The reader is not assumed
// to run Protect on every conceivable table and compare the patterns; that would
// narrow complementary cells further than the rules do. A shown cell may be
// known more exactly than its rounding, and three values is a floor, not a
// promise of wide ranges. The sealed fields of a Cell are exact counts: whoever
// can open stored editions needs no inference.
package release
