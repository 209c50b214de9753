// Package adapter turns what tools send into events of ours. One engine runs
// documents of kind Mapping, one for each tool: YAML with expressions over the
// payload. To add a tool is one document and a folder of fixtures; docs/mappings.md
// says how to write one.
//
// A request goes through the rules of its tool's mapping; the first whose
// condition holds says which events it means. What no mapping knows is never
// guessed: it comes back as unmapped, with what is missing.
//
// The package is pure: the same request gives the same events, whenever and
// wherever it runs, so that a redelivery is a duplicate. A Mapping is immutable
// once read and may be used by many goroutines. What a request may cost is
// bounded by its length: see package expr.
package adapter
