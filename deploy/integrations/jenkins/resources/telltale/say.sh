#!/bin/sh
# Says $WORD about what the TELLTALE_ variables name. It always ends well.
if ! command -v telltale-emit >/dev/null 2>&1; then
  echo "telltale: telltale-emit is not on this node: $WORD is not said" >&2
  exit 0
fi
telltale-emit emit "$WORD" || echo "telltale: $WORD is not said (exit $?)" >&2
exit 0
