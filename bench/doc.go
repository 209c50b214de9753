// Package bench measures Telltale against the raw limits of what it stands on,
// in the same run and on the same machine, and says by what ratio it misses
// them. `telltale bench` prints it.
//
// A single figure of a shared machine means little. Each row is therefore
// measured in pairs with its limit, in turn, and what counts is the median of
// the ratios. A row whose pairs lie on both sides of its goal and far apart is
// inconclusive, which is not passed.
package bench
