// Package obs is what every process of Telltale shows of itself: its log, its
// metrics, its health, and the HTTP listener these are served on, with the
// limits and access checks that every listener of ours has.
//
// It knows no room. A room takes a [*slog.Logger] and a
// [prometheus.Registerer], defines its own metrics in its own metrics.go, and
// registers its health as a named check with [Health].
package obs
