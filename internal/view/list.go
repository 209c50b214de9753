package view

// List is one page of a listing.
type List[T any] struct {
	Items []T `json:"items"`

	// Next is the cursor of the page after this one, "" on the last. A page may
	// be empty and still have a next: what was looked at did not match.
	Next string `json:"next,omitzero"`

	// ChangesAfter is where to join the feed of changes without a gap: every
	// change that is not yet in Items comes after this sequence of TT_CHANGES. A
	// few that are in Items already may come too; their revisions say so.
	ChangesAfter uint64 `json:"changes_after"`
}
