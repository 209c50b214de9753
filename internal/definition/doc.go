// Package definition reads the documents that say who and what (kinds
// Component and Source), and finds the one that is in force for a slot or for
// a source at a time (DESIGN §5). It is also the one place that knows every kind
// of document: [Read] tells what a document is, [Check] whether it can be put in
// force, [ReadFiles] takes files of several apart, and [Event] makes of one the
// event that puts it in force.
//
// The package decides nothing about deployments and stores nothing. It is pure:
// the same activations give the same answers, in whatever order they come.
package definition
