// Package query answers questions over HTTP and JSON: what is deployed where,
// why we say so, and how far we have read. It is read-only and lives in the
// projector's process, beside the store that it reads.
//
// Every answer is taken from one snapshot of the store, so a page never mixes
// two moments; changes_after says where in the feed of changes that snapshot
// stands. Work per request is bounded: a listing looks at a limited number of
// rows, then hands out a cursor to go on from.
//
// What is shown of a deployment is read as the projector keeps it. Facts about
// regions, sources and components are joined here, when it is read: they never
// rewrite thousands of deployments.
//
// The package writes nothing, starts no goroutine, and reads a clock only to
// say how far a region lags and what is in force, see [Options.Now].
package query
