#!/bin/sh
# One question with curl: chat.sh http://127.0.0.1:8000 "your question"
set -eu
curl --silent --show-error --fail-with-body "$1/v1/chat/completions" \
  --header 'Content-Type: application/json' \
  --data "{\"model\": \"verse\", \"messages\": [{\"role\": \"user\", \"content\": \"$2\"}]}"
