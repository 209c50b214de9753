package query

import "cmp"

// maxScan bounds how many rows one request looks at, whether they match or not:
// a filter that matches little costs some empty pages, not a long stall.
const maxScan = 20_000

// walk is the way of one page through a listing. Its rows come in the order of
// their keys.
type walk struct {
	listing listing
	limit   int // items on the page
	most    int // rows to look at, 0: maxScan
	looked  int
	last    string // the key looked at last
	next    string // the cursor to go on with, "" at the end of the listing
}

// looksAt reports whether the row at key may be looked at when the page has so
// many items. Otherwise the page ends before it.
func (w *walk) looksAt(key string, items int) bool {
	if items == w.limit || w.looked == cmp.Or(w.most, maxScan) {
		w.next = encodeCursor(w.listing, w.last)
		return false
	}
	w.looked++
	w.last = key
	return true
}

// prefixOf returns the longest prefix that all keys matching a filter by env,
// region and component have, given as parts of which any may be "".
func prefixOf(parts ...string) string {
	prefix := ""
	for _, p := range parts {
		if p == "" {
			break
		}
		prefix += p + "/"
	}
	return prefix
}

// startBehind returns where a scan of prefix begins for a cursor that may come
// from a listing with other filters: one before the prefix means its beginning.
func startBehind(prefix, after string) string {
	if after < prefix {
		return ""
	}
	return after
}
