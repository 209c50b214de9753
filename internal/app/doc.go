// Package app wires the rooms into processes: what is opened in which order,
// what runs beside what, and how all of it stops.
//
// [Serve] is everything in one process, with a NATS server of its own or one
// outside. [Ingest], [Projector] and [Notifier] are one role each against a
// server outside. All take a validated [config.Config] and run until ctx ends or
// something fails; then everything that was started is stopped again.
//
// # Order
//
// Listeners and stores are opened first, so that a port in use or a damaged
// store is known before anything runs. Then services start in this order and
// stop in the opposite one, each waited for before the next:
//
//	HTTP ─► projector ─► notifier ─► ingest
//
// HTTP is first and last: while the others start and drain, /livez and /readyz
// answer, and the doors say 503 instead of refusing connections. Ingest is the
// first to stop, because what it takes the others have to work off. What was
// opened is closed last, newest first. The whole stop has one deadline; a
// service that misses it is named in the error and left behind.
//
// A service that ends by itself ends the process: whoever supervises it starts
// it again, and each picks up where its stream says it was.
package app
