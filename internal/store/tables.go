package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/pb"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/badger/v4/y"
	"google.golang.org/protobuf/proto"
)

// errTable says that a table file is not what was written.
var errTable = errors.New("checksum mismatch")

// tableOptions are those with which [Open] has tables written.
var tableOptions = table.Options{Compression: options.Snappy, ChkMode: options.OnBlockRead}

// checkTables looks at all of every table before Badger does, and so costs one
// reading of the store. Badger itself would not say: a table whose index is
// damaged ends the process, and rows in a damaged block are passed over as if
// nobody had written them.
//
// Only what the manifest names is looked at: a kill while Badger makes a table
// leaves a part of one, which Badger removes.
func checkTables(dir string) error {
	f, err := os.Open(filepath.Join(dir, badger.ManifestFilename))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a new store
	}
	if err != nil {
		return err
	}
	manifest, _, err := badger.ReplayManifestFile(f, 0, badger.Options{})
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("read the manifest: %w", err)
	}
	var content bytes.Buffer // for all tables, one after the other
	for id := range manifest.Tables {
		if err := checkTable(table.NewFilename(id, dir), &content); err != nil {
			return fmt.Errorf("table %d: %w", id, err)
		}
	}
	return nil
}

func checkTable(name string, content *bytes.Buffer) (err error) {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	content.Reset()
	if _, err := content.ReadFrom(f); err != nil {
		return err
	}
	if err := checkIndex(bytes.NewReader(content.Bytes())); err != nil {
		return err
	}
	return checkBlocks(content.Bytes())
}

// checkIndex verifies the index, which is written last and says where everything
// else is. From the end of the file: the length of the checksum, the checksum,
// the length of the index, the index.
func checkIndex(f *bytes.Reader) error {
	at := f.Size()
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

// checkBlocks verifies the blocks of rows. The index must be sound.
func checkBlocks(content []byte) (err error) {
	// Some damage makes Badger slice out of bounds before it comes to the checksum.
	defer func() {
		if recover() != nil {
			err = errTable
		}
	}()
	t, err := table.OpenInMemoryTable(content, 0, &tableOptions)
	if err == nil {
		err = t.VerifyChecksum()
	}
	if err != nil {
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
