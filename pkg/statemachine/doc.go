// Package statemachine says what a deployment's status is, given what was said
// about it: lifecycle documents, and the fold of words under one.
//
//	words ─► order ─► step, step, step ─► State
//
// A [Lifecycle] is a compiled document. [Lifecycle.Fold] puts all words of one
// deployment in an order that depends on the words alone, and moves a state by
// each. [Lifecycle.Apply] is the same for a word that sorts last, at a cost that
// does not grow with the history. Whatever the order and the batches in which
// words come, and however often, the states are equal byte for byte.
//
// The fold knows states by rank, category and what entering them does; the names
// of the standard lifecycle stand beside its document, for others to use. It
// knows one deployment: slots and neighbours are not its business.
//
// The package is pure. It does no I/O and reads no clock: time is in the words.
package statemachine

//go:generate go test -run=TestLifecyclePage -update .
