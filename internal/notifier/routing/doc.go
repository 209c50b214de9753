// Package routing says who is told of an alert, and from when on.
//
// It reads what an Alertmanager file says under route, time_intervals and
// inhibit_rules, by the same keys and with the same meaning, and adds hold_for.
// Matchers and intervals are read by Alertmanager's own packages. One thing is
// another: what comes at a muted time is not dropped but told when that is over.
//
// Grouping and inhibition are read, checked and kept; nothing follows from them
// yet. The package reads no file and no clock.
package routing
