// Package projector folds EVENTS into the store and tells TT_CHANGES and
// TT_CURRENT what it came to believe.
//
//	EVENTS ─► read, decode ─► apply, commit ─► render, publish ─► CHANGES, CURRENT
//	          (reader)        (engine)         (outbox)
//
// Three goroutines, one after the other, with short channels between them, so
// that one batch is fetched while another is folded and a third published.
//
// What a batch of messages means (events, states, slots, outgoing changes)
// and the position behind it are one transaction of the store; only then does
// anything leave the process. The changes in the store are the outbox: they are
// published in order, under ids made of their cause, to a stream that refuses
// what it has already. So a crash at any point repeats work and changes nothing.
//
// What comes out depends on the messages alone, one by one: not on how they
// were batched, when they were read or what time it is. The package reads no
// clock.
package projector
