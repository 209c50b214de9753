// Package stream is how the rooms meet: the JetStream streams as values, and
// the ways to write and to read them that keep the promises of delivery. It
// knows subjects, sequences and bytes; what an event means is not its business.
//
// # Writing what came in: Committer
//
// A [Committer] stores messages in one stream. When Commit returns without an
// error, all of them are synced to disk, or held by a quorum. The server syncs
// every message by itself, but an atomic batch (ADR-50 of NATS) once, so those
// who wait are stored together:
//
//	Commit ─┐
//	Commit ─┼─► queue ─► group ─► known already? ─► < 10: singles, pipelined
//	Commit ─┘  (bytes)   ≤ 1000                    ≥ 10: one atomic batch
//	                     8 MiB                        │
//	        refused for a duplicate or a bad message: └─► two halves, each again
//
// Order: the messages of one call, and of calls that follow each other, are
// stored in that order. One exception: of messages sent singly, one that fails
// for a passing reason and is sent again stands behind its successors.
//
// Once: an acknowledgement may be lost although the message was stored. The
// message is then sent again under its Nats-Msg-Id, which the server remembers
// for half a minute, longer than all tries together. Whoever sends it after
// that, say an emitter that never heard of us again, has it stored twice; that
// is for the projector to recognise, which it does at any age by (source, id).
//
// Back-pressure: the queue is bounded in bytes, and Commit waits for room.
// A full stream is refused at once ([Full], E_UNAVAILABLE): waiting would not
// make room.
//
// # Reading in order: Reader
//
// A [Reader] delivers a stream from a position, in order, each message once, as
// fast as the handler takes them. The server keeps nothing about it. The
// position belongs to one life of one stream, its [Identity]: whenever a
// consumer is made, at the start and after any trouble, the stream must be the
// same one, still hold the next message, and not end before the last. If not,
// the reader stops with a [MismatchError]. A stream that was deleted and made
// anew is never silently continued, however far it has come.
//
// # Writing what we concluded: Publisher
//
// A [Publisher] is the last step of an outbox: rows that were written in the
// transaction of their cause are published, again after each crash, and stand
// in TT_CHANGES once. It does not lean on a window of time. The id of a change
// is derived from its cause, the changes of one environment are in order, and
// each publish says which message it believes to be the environment's last:
//
//	projector A: …, 7.0, 7.1 after 6.0 ─► stored
//	projector B: …, 7.0      after 6.0 ─► refused: the last is 7.1
//	             reads 7.1, drops 7.0, goes on with 8.0 after 7.1
//
// [Current] writes the bucket TT_CURRENT behind it, by compare-and-set and
// never to a lower revision. [Quarantine] keeps what could not be used.
//
// # What fails, and how
//
// Every failed write is an [*Error], classified where the server's answer was
// read. [Transient] ones are tried again here, for a bounded time by those that
// answer a client ([Committer], [Quarantine]) and until the context ends by
// those that have nobody to tell ([Publisher], [Current]). The connection itself
// reconnects for ever and buffers nothing meanwhile.
package stream
