#!/bin/sh
# The same as it comes, in native events: events.sh http://127.0.0.1:8000 "your question"
set -eu
curl --silent --show-error --fail-with-body --no-buffer "$1/v1/ask" \
  --header 'Content-Type: application/json' \
  --header 'Accept: text/event-stream' \
  --data "{\"question\": \"$2\"}"
