// Package access says who a caller is and what they may do: bearer tokens with
// roles and with patterns of environments and components, the same for every
// listener of ours.
//
// A token itself is never stored, only its SHA-256: whoever can read the tokens
// file learns who may do what, but cannot act as any of them; whoever can write
// it can do everything.
//
// The package knows no room and no route. A room asks [Auth.Authenticate] once
// for each request and [Caller.May] for each thing the request touches.
package access
