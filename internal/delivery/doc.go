// Package delivery carries notifications outside and can prove it. It knows
// lanes and receivers, and no alert.
//
// The stream TT_ALERTS is the truth: [Journal] writes records to it and folds
// them, in the stream's order and from there only, into a Badger that is a
// cache of it. So a restart, an empty disk and the normal path are one path.
//
//	Enqueue (in a fold)  →  lane  →  intended  →  call  →  concluded
//
// A lane is a sequence of notifications about one thing for one receiver. In a
// lane one call is in flight at a time, calls go in order, and the newest state
// wins: what is older and still open is concluded as superseded. Before each
// call a delivery.intended is in the stream, after it a delivery.concluded with
// the verdict and, if the call is to be repeated, when.
//
// What is promised: each notification is called for at least once or named in a
// delivery.concluded that says why not. A process that dies between intended
// and concluded does not know whether the endpoint has the message, so it sends
// it again, under the same id. A restart with nothing open sends nothing.
package delivery
