#!/usr/bin/env bash
# A new video through the entire pipeline, every worker played by this script (section 17 of the API reference).
#
#   DASHCAM_SERVER=http://127.0.0.1:8000 examples/workflow.sh [VIDEO_ID]
#
# For a server to play with: it takes the next waiting task of each type, whoever's it is, and calls it done.
# Mended: nothing; the address comes from the environment, and what the shell would split is quoted.
set -euo pipefail

SERVER="${DASHCAM_SERVER:-http://127.0.0.1:8000}"
VIDEO_ID="${1:-trip_20240115_new}"

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

echo "=== Starting video processing pipeline ==="

# Step 1: Create ingestion task (simulating Indoor NAS)
echo "1. Creating INGEST_VIDEO task..."
INGEST_RESPONSE=$(api /tasks -X POST \
  -H "Content-Type: application/json" \
  -d "{
    \"task_type\": \"INGEST_VIDEO\",
    \"video_id\": \"$VIDEO_ID\",
    \"metadata\": {
      \"source\": \"dashcam-2\",
      \"filename\": \"20240115_new.MP4\"
    }
  }")

INGEST_TASK_ID=$(echo "$INGEST_RESPONSE" | jq -r '.task_id')
echo "   Created task $INGEST_TASK_ID"

# Step 2: Simulate ingestion completion (Indoor NAS marks task complete)
echo "2. Marking ingestion as complete..."
api "/tasks/$INGEST_TASK_ID/complete" -X POST \
  -H "Content-Type: application/json" \
  -d "{
    \"new_tasks\": [{
      \"task_type\": \"PREPROCESS_VIDEO\",
      \"video_id\": \"$VIDEO_ID\"
    }]
  }" > /dev/null
echo "   Ingestion complete, created PREPROCESS_VIDEO task"

# Step 3: Get preprocessing task (Jetson pulls it)
echo "3. Jetson pulling PREPROCESS_VIDEO task..."
PREPROC_TASK=$(api "/tasks/pending?task_type=PREPROCESS_VIDEO" \
  -H "Content-Type: application/json" \
  -d '{"gpu_vram_gb": 8}')
PREPROC_TASK_ID=$(echo "$PREPROC_TASK" | jq -r '.[0].task_id')
echo "   Pulled task $PREPROC_TASK_ID"

# Step 4: Simulate preprocessing completion
echo "4. Marking preprocessing as complete..."
api "/tasks/$PREPROC_TASK_ID/complete" -X POST \
  -H "Content-Type: application/json" \
  -d "{
    \"new_tasks\": [{
      \"task_type\": \"HEAVY_PROCESS_VIDEO\",
      \"video_id\": \"$VIDEO_ID\"
    }]
  }" > /dev/null
echo "   Preprocessing complete, created HEAVY_PROCESS_VIDEO task"

# Step 5: Get heavy processing task (RTX 4090 pulls it)
echo "5. RTX 4090 pulling HEAVY_PROCESS_VIDEO task..."
HEAVY_TASK=$(api "/tasks/pending?task_type=HEAVY_PROCESS_VIDEO" \
  -H "Content-Type: application/json" \
  -d '{"gpu_vram_gb": 16}')
HEAVY_TASK_ID=$(echo "$HEAVY_TASK" | jq -r '.[0].task_id')
echo "   Pulled task $HEAVY_TASK_ID"

# Step 6: Simulate heavy processing completion
echo "6. Marking heavy processing as complete..."
api "/tasks/$HEAVY_TASK_ID/complete" -X POST \
  -H "Content-Type: application/json" \
  -d "{
    \"new_tasks\": [{
      \"task_type\": \"ARCHIVE_VIDEO\",
      \"video_id\": \"$VIDEO_ID\"
    }]
  }" > /dev/null
echo "   Heavy processing complete, created ARCHIVE_VIDEO task"

# Step 7: Get archival task (Shed NAS pulls it)
echo "7. Shed NAS pulling ARCHIVE_VIDEO task..."
ARCHIVE_TASK=$(api "/tasks/pending?task_type=ARCHIVE_VIDEO")
ARCHIVE_TASK_ID=$(echo "$ARCHIVE_TASK" | jq -r '.[0].task_id')
echo "   Pulled task $ARCHIVE_TASK_ID"

# Step 8: Mark archival as complete (final step)
echo "8. Marking archival as complete..."
api "/tasks/$ARCHIVE_TASK_ID/complete" -X POST > /dev/null
echo "   Archival complete!"

# Verification
echo ""
echo "=== Verification ==="
echo "All tasks for video $VIDEO_ID:"
api "/tasks?video_id=$VIDEO_ID" | jq '.[] | {task_id, task_type, state}'

echo ""
echo "=== Pipeline completed successfully! ==="
