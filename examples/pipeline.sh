#!/usr/bin/env bash
# Process a new video from ingestion to archival (example 1 of the API reference).
#
#   DASHCAM_SERVER=http://main-server:8000 examples/pipeline.sh [VIDEO_ID]
#
# An ingest worker must be running, and a clip whose name holds the video id must lie in one of its places.
# Mended: `python` is `python3`, the name that every system has; what the shell would split is quoted.
set -euo pipefail

SERVER="${DASHCAM_SERVER:-http://127.0.0.1:8000}"
VIDEO_ID="${1:-trip_20240115_1}"

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

# Step 1: Create ingestion task
INGESTION_TASK=$(api /tasks -X POST \
  -H "Content-Type: application/json" \
  -d "{
    \"task_type\": \"INGEST_VIDEO\",
    \"video_id\": \"$VIDEO_ID\"
  }" | python3 -m json.tool)

echo "Created ingestion task: $INGESTION_TASK"

# Step 2: Wait for ingestion to complete
while true; do
  STATE=$(api "/tasks/$(echo "$INGESTION_TASK" | jq -r '.task_id')" | jq -r '.state') || STATE=""
  if [ "$STATE" = "complete" ]; then
    break
  fi
  # Not in the printed script, which would wait for ever: a task that was given up waits for a person.
  if [ "$STATE" = "failed" ]; then
    echo "The ingestion task failed; dashcam status says why." >&2
    exit 1
  fi
  sleep 5
done

# Step 3: Create preprocessing task (would normally be done by server)
PREPROC_TASK=$(api /tasks -X POST \
  -H "Content-Type: application/json" \
  -d "{
    \"task_type\": \"PREPROCESS_VIDEO\",
    \"video_id\": \"$VIDEO_ID\"
  }" | python3 -m json.tool)

echo "Created preprocessing task: $PREPROC_TASK"

# Step 4: Mark preprocessing complete and create heavy processing task
api "/tasks/$(echo "$PREPROC_TASK" | jq -r '.task_id')/complete" -X POST \
  -H "Content-Type: application/json" \
  -d "{
    \"new_tasks\": [{
      \"task_type\": \"HEAVY_PROCESS_VIDEO\",
      \"video_id\": \"$VIDEO_ID\"
    }]
  }"

echo "Pipeline started successfully!"
