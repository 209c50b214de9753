// Package emitcli holds the verbs of those who have something to say: emit,
// run, flush and import. Both the CLI and the small emitter binary for
// pipelines are built from it, so it links nothing heavy.
//
// The verbs obey one rule before all others: telling Telltale never breaks the
// deployment. A server that is away costs a warning; run always ends with the
// code of its command.
package emitcli
