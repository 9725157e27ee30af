// Package agreement reads information sharing agreements and answers what they
// say, to machines and to people.
//
// An agreement is a folder <ID>: agreement.json, which follows
// schemas/agreement.schema.json, and where something cannot be declared,
// conditions.rego, which package policy compiles. The folder <ID>/next may hold
// the version that is to follow:
//
//	Skeleton -> agreement.json -> ReadAll -> NewRegister -> package policy
//	                                      \-> Markdown, HTML -> people who sign
//
// Load and ReadAll read strictly and refuse the whole set when one of them is
// wrong: an agreement that could be read in two ways is an error, never settled
// by order. They guarantee of every agreement:
//
//   - both sides have a lawful basis and a legal power (UK GDPR Art 6; DPA 2018
//     s.35(1)-(2)), and each dataset has a retention period (UK GDPR Art 5(1)(e));
//   - each dataset, field, treatment and ground that it names exists;
//   - no special category field is listed without an appropriate policy
//     document (DPA 2018 ss.35(5) and 42);
//   - no person-level health data rests on the serious violence duty (PCSC Act
//     2022 s.16(4)), and no data about a person on a power that is for
//     depersonalised data alone (Crime and Disorder Act 1998 s.17A);
//   - what every stored row needs (its source id, area and event date) is listed
//     in every share, no row condition stands on an area profile, and each has
//     a value that fits its attribute and operation;
//   - nothing goes out while a text of the skeleton is still to be decided.
//
// A Register guarantees besides that no two of its agreements give different
// treatments for the same provider, recipient, dataset, purpose and kind of
// request, or ground, and field at the same time. CheckPurposes holds them
// against the list of purposes: data collected for law enforcement goes to a
// purpose that is not law enforcement only where the agreement names what
// authorises it (DPA 2018 s.36(4)). Lapsed tells what has run out; the rest of
// the package has no clock.
//
// A citation of law is free text. The package finds the sections that the checks
// are about in the spellings that people use, and guesses at nothing else: it
// refuses what is plainly wrong, and does not replace a lawyer.
//
// What Markdown and HTML print is made from the data that is enforced and from
// the titles that the caller gives, and from nothing else. A member "$comment"
// of agreement.json means nothing.
//
// The package decides nothing about a request: that is package policy, which
// is given the agreements as data.
package agreement
