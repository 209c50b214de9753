package query

import (
	"encoding/base64"
	"strings"

	"github.com/telltale-dev/telltale/pkg/events"
)

// listing names what a cursor goes through, so that one of another listing is
// refused instead of starting somewhere at random.
type listing string

const (
	deployments listing = "d"
	slots       listing = "s"
	landed      listing = "l"
	heard       listing = "h"
	beliefs     listing = "b"
	quarantined listing = "q"
	releases    listing = "r"
	unplaced    listing = "u"
)

// maxCursor bounds a cursor before it is decoded, in bytes: the longest key and
// its frame stay well below.
const maxCursor = 1024

// encodeCursor makes a cursor of the last key that a page looked at. The key,
// and not an offset, is what makes paging stable: rows that come or go while
// someone pages neither repeat nor hide another row.
func encodeCursor(of listing, last string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(string(of) + ":" + last))
}

// decodeCursor returns the key in a cursor, refusing with
// [events.CodeMalformed] what [encodeCursor] never made for this listing.
func decodeCursor(of listing, cursor string) (string, error) {
	if len(cursor) <= maxCursor {
		raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
		last, ok := strings.CutPrefix(string(raw), string(of)+":")
		if err == nil && ok && last != "" {
			return last, nil
		}
	}
	return "", events.Errorf(events.CodeMalformed, "cursor is not one that this listing gave").
		WithHint("pass next of the page before, unchanged, or start over without cursor")
}
