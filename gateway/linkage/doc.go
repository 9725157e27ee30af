// Package linkage says which records are about one person.
//
// It matches exactly, never by likeness. A person is found by a handle: one
// strong identifier (NHS number, UPN, PNC ID, CRO number), or the compound of
// given name, family name, date of birth and postcode, all four. A name, a
// birth date, a postcode or an address alone finds nobody.
//
// What it guarantees:
//
//   - Only groups that the caller names are searched: those in which the policy
//     permits something. Only records that the caller's Source returns count.
//   - One hop: the handles of the records found first are looked up once more
//     in the permitted groups, those of the records found by that are not.
//   - A person has one value of each strong identifier. Two values, among the
//     request and all that was found, make the outcome ambiguous.
//   - What joins two records is a handle that both carry, or a record that
//     carries a handle of each. That a caller asked for two identifiers at once
//     joins nothing: nobody can collect several people in one question.
//   - A record about several people (an organised crime group) belongs to the
//     answer if it carries one of the person's handles. It is evidence of
//     nothing else: its other members are neither looked up nor compared.
//   - An ambiguous outcome carries no record, and not even the way it came
//     about.
//   - The same question over the same records has the same answer, in whatever
//     order groups and records come.
//   - Each group is asked exactly twice, whether or not the person is in it.
//
// It depends on the keyed hashes of package keyring and on the normal forms of
// package dataset: handles are compared after normalisation, and a record that
// a store returns by its blind index counts only if it really carries the
// handle. It trusts its Source to return only records that the caller may see.
package linkage
