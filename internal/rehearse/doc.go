// Package rehearse evaluates recorded events from nothing: what is shown of
// every deployment, slot and release at any point of the stream, and how it came
// to change (DESIGN §4). It is what a projector must agree with, and what lets a
// changed lifecycle be tried on what has happened.
//
//	Read ─► History ─► World: all at one point, by brute force
//	                └► Walk: each change on the way there
//
// World holds the definitions side by side: it places, folds and overlays
// everything anew and keeps nothing. Walk looks only at what a message may
// change, and a law holds the two equal at every point.
//
// The package is pure: no clock, no I/O, no store. Time is in the ticks.
package rehearse
