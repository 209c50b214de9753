// Package store keeps what the projector derives from EVENTS: a cache of the
// stream with transactions. It is the only importer of Badger.
//
// The whole key layout is in keys.go, the rows and their codecs in rows.go, what
// lies in pages of many in page.go.
// Nothing in a store is the truth: a store that is lost, damaged or of another
// format is moved away and rebuilt from the stream. What makes it worth more
// than a map is that [DB.Update] is atomic: events, states, views, outgoing
// changes and the position of one batch are all there or none is.
//
// There is one writer at a time, by construction of its users: conflicts
// between transactions are not detected. Readers see one consistent snapshot
// and never wait for the writer.
package store
