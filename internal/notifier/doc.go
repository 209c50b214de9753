// Package notifier decides which changes are problems, and says so to people.
//
// It reads TT_CHANGES from a stored position and holds each change against
// [Rules]. What a rule says becomes an alert.fired or an alert.resolved in
// TT_ALERTS, with who is told of it and why (see package routing), before
// anything else happens; all other state, the notifications to be sent included,
// follows from there (see package delivery). So a notifier with an empty disk
// folds TT_ALERTS, goes on from the last cause it finds there, and sends nothing
// twice: ids of alerts, records and notifications are hashes of their causes.
//
// It judges no event and knows no receiver's wire format.
package notifier
