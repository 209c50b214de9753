// Package e2e holds the proofs that need whole processes: real doors, real
// roles, real history, real kills. It has no code of its own but tests.
package e2e
