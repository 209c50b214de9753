// Package emit is the client of those who have something to say: pipelines,
// wrappers, sidecars. It brings events to a Telltale server over HTTP or NATS
// and keeps them on the local disk while no server can be reached.
//
// # What is promised
//
// [Client.Send] and [Client.Deliver] speak to the server directly. A nil error
// means that every event is durable there: a 202 over HTTP, an
// acknowledgement of the stream over NATS.
//
// [Client.Stage] first makes events durable in the spool and [Batch.Deliver]
// then brings them to the server, so that a crash at any point in between loses
// nothing: what was staged goes out with the next [Client.Flush], of whichever
// process. A crash after the server has accepted an event and before the spool
// knows sends it once more, byte for byte the same, which the server counts as
// a duplicate.
//
// # What is not
//
// Order: events leave the spool in the order they were staged, but another
// process may send its own in between. Telltale's statuses do not depend on the
// order of arrival.
//
// # The spool
//
// One directory, one file for each event, written aside, synced, renamed:
//
//	<time>-<identity>-<checksum>.json   waits for a server
//	sent/<identity>.json                accepted; kept for a while, see [Client.Stage]
//	….bad                               damaged, or refused by the server; for people to look at
//	lock                                held by the one process that flushes
//
// It holds what was said and no credentials. Who can write there can forge what
// this machine's pipelines say; the directory is created for its owner only.
// Losing it loses what no server had yet.
package emit
