#!/usr/bin/env bash
# Create tasks for multiple videos from a CSV file of video_id,filename,source (example 3 of the API reference).
#
#   DASHCAM_SERVER=http://main-server:8000 examples/bulk_create.sh [FILE]
#
# One call a row, so the server's limit of 100 requests a minute counts: for more rows use
# `dashcam submit --csv FILE`, which sends them in one call.
# Mended: a last line without a line end is not lost; the first refused row ends the script with an error
# instead of "All tasks created successfully!".
set -euo pipefail

SERVER="${DASHCAM_SERVER:-http://127.0.0.1:8000}"
CSV_FILE="${1:-videos_to_process.csv}"

# Calls the API, with a token when DASHCAM_TOKEN holds one (from a file descriptor: arguments are public).
api() {
  local path=$1
  shift
  if [ -n "${DASHCAM_TOKEN:-}" ]; then
    curl -s -H @<(printf 'Authorization: Bearer %s\n' "$DASHCAM_TOKEN") "$@" "$SERVER/api/v1$path"
  else
    curl -s "$@" "$SERVER/api/v1$path"
  fi
}

while IFS=, read -r video_id filename source || [ -n "$video_id" ]; do
  echo "Creating task for $video_id ($filename) from $source"

  api /tasks -X POST --fail -S \
    -H "Content-Type: application/json" \
    -d "{
      \"task_type\": \"INGEST_VIDEO\",
      \"video_id\": \"$video_id\",
      \"metadata\": {
        \"source\": \"$source\",
        \"filename\": \"$filename\"
      }
    }" > /dev/null

  echo "Created task for $video_id"
done < "$CSV_FILE"

echo "All tasks created successfully!"
