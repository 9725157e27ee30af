// Package policy decides: what of whose data may be released to whom, for
// which purpose (concord.release), and who may call which route
// (concord.access). It is the only package that knows OPA.
//
// The rules are Rego (policies/concord); the agreements are data, keyed by
// provider, recipient, dataset, purpose and id, so that a decision costs the
// same whether ten agreements are loaded or ten thousand. What an agreement
// cannot declare it says in a module of its own, package
// concord.agreements["<ID>"], which must prove permit (true, and nothing else)
// and leave deny a set without members. Whoever writes it is not trusted: it may
// read the question and itself, nothing else, and New refuses it otherwise.
//
// It guarantees:
//
//   - a decision depends on its Input and on what Revision covers, and on
//     nothing else: no clock, no network, no chance, no environment
//     (invariant 10);
//   - every group asked for is in the decision, released or withheld with its
//     reason; a field that no agreement names is never released (invariant 2);
//   - where the rules give no answer, two answers, an error or none in time,
//     there is no decision but a fault of kind Unavailable (invariant 3). Time
//     is that of the processor, 50 ms unless Config says otherwise, so that it
//     tells of the rules and not of what else the machine does; a cap on the
//     time on the wall stands behind it. Conditions of an agreement that take
//     longer on a question of any kind, or fail, are refused at load.
package policy
