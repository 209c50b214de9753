package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4/pb"
	"github.com/dgraph-io/badger/v4/y"
	"google.golang.org/protobuf/proto"
)

// errTable says that a table file does not end as one does.
var errTable = errors.New("checksum mismatch")

// checkTables looks at the end of each table file before Badger does: Badger
// opens tables in goroutines of its own, where a damaged one ends the process
// and nobody can say why. Blocks are verified when they are read.
func checkTables(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		return fmt.Errorf("list tables: %w", err)
	}
	for _, name := range files {
		if err := checkTable(name); err != nil {
			return fmt.Errorf("table %s: %w", filepath.Base(name), err)
		}
	}
	return nil
}

// checkTable verifies the index, which is written last and says where
// everything else is. From the end of the file: the length of the checksum, the
// checksum, the length of the index, the index.
func checkTable(name string) (err error) {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	at := info.Size()
	checksum, err := readBefore(f, &at)
	if err != nil {
		return err
	}
	index, err := readBefore(f, &at)
	if err != nil {
		return err
	}
	var want pb.Checksum
	if err := proto.Unmarshal(checksum, &want); err != nil {
		return errTable
	}
	if err := y.VerifyChecksum(index, &want); err != nil {
		return errTable
	}
	return nil
}

// readBefore reads a part whose length is in the four bytes before at, and
// moves at to its beginning.
func readBefore(f io.ReaderAt, at *int64) ([]byte, error) {
	var n [4]byte
	if *at < int64(len(n)) {
		return nil, errTable
	}
	*at -= int64(len(n))
	if _, err := f.ReadAt(n[:], *at); err != nil {
		return nil, err
	}
	length := int64(binary.BigEndian.Uint32(n[:]))
	if length > *at {
		return nil, errTable
	}
	*at -= length
	part := make([]byte, length)
	_, err := f.ReadAt(part, *at)
	return part, err
}
