// Package ingest is the doors: where events come in, and the only writer of
// TT_EVENTS.
//
//	HTTP  POST /v1/hooks/… ─► secrets ─► map ─┐
//	HTTP  POST /v1/events ────► decode ───────┼─► validate ─► authorise ─► stamp ─► group committer ─► TT_EVENTS
//	NATS  TT_RAW ─────────────► decode ───────┘       └────────── cannot be used ─────────────────► TT_QUARANTINE
//	                                 ▲                                                                 │
//	                                 └───────────────────── replay, by a person ──────────────────────┘
//
// All doors share one pipeline (accept.go), so that what is refused at one is
// refused at the others, by the same code. What a tool says in its own words
// becomes events by a mapping (package adapter) on its way, whichever door it
// comes by.
//
// # Guarantees
//
// Durability: HTTP 202, or a message's leaving TT_RAW, means that TT_EVENTS or
// TT_QUARANTINE has stored it. Anything else, an error, a timeout, a crash,
// means that the sender sends again (TT_RAW does so by itself): that is safe,
// since equal content under one identity is one event.
//
// Nothing is dropped: an event that cannot be used is in quarantine, whole, with
// the code that says why. Only what is too large, not authenticated or over a
// quota is turned away without being kept; the sender is told, and it is
// counted.
//
// Order: none among events. A tick at t stands behind all that was acknowledged
// at these doors before t, TT_RAW included, see tick.go.
//
// Back-pressure: HTTP requests wait for their commit; TT_RAW is bounded and
// refuses new messages when it is full, and any that quarantine could not hold.
package ingest
