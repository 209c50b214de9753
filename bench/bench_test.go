package bench

import (
	"context"
	"os"
	"strings"
	"testing"
)

func TestMain1(t *testing.T) {
	only := os.Getenv("ONLY")
	rows, err := Run(context.Background(), Options{Quick: os.Getenv("FULL") == "", Only: strings.Fields(only), Progress: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	Print(os.Stderr, rows)
}
