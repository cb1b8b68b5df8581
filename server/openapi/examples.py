"""The examples of the API reference, as data."""

from __future__ import annotations

from typing import Any

_RAW = {"device": "indoor_nas", "path": "/videos/raw/video.mp4"}

TASK: dict[str, Any] = {
    "task_id": 1,
    "task_type": "INGEST_VIDEO",
    "state": "pending",
    "created_at": "2024-01-15T10:30:00",
    "completed_at": None,
    "video_id": "trip_20240115_1",
    "inputs": [{"device": "dashcam", "path": "/videos/raw/video.mp4"}],
    "outputs": [],
    "metadata": {"source": "dashcam-1"},
    "device_capabilities_required": {},
}

NEW_TASK: dict[str, Any] = {
    "task_type": "PREPROCESS_VIDEO",
    "video_id": "trip_20240115_1",
    "inputs": [_RAW],
    "metadata": {"priority": "normal"},
    "device_capabilities_required": {"gpu_vram_gb": 8},
}

CREATED: dict[str, Any] = TASK | {
    "task_id": 2,
    "task_type": "PREPROCESS_VIDEO",
    "created_at": "2024-01-15T10:35:00",
    "inputs": [_RAW],
    "metadata": {"priority": "normal"},
    "device_capabilities_required": {"gpu_vram_gb": 8},
}

PENDING: dict[str, Any] = CREATED | {"metadata": {}, "device_capabilities_required": {}}

INGEST: dict[str, Any] = {
    "task_type": "INGEST_VIDEO",
    "video_id": "trip_20240115_1",
    "inputs": [{"device": "dashcam", "path": "/sdcard/20240115_123456.MP4"}],
    "metadata": {"source": "dashcam-1", "filename": "20240115_123456.MP4"},
}

PREPROCESS: dict[str, Any] = {
    "task_type": "PREPROCESS_VIDEO",
    "video_id": "trip_20240115_1",
    "inputs": [{"device": "indoor_nas", "path": "/videos/raw/20240115_123456.MP4"}],
    "outputs": [
        {"device": "indoor_nas", "path": "/videos/preproc/trip_20240115_1/metadata.json"},
        {"device": "indoor_nas", "path": "/videos/preproc/trip_20240115_1/thumbs/"},
    ],
    "metadata": {"frame_count": 1500, "filtered_frames": 300},
}

HEAVY: dict[str, Any] = {
    "task_type": "HEAVY_PROCESS_VIDEO",
    "video_id": "trip_20240115_1",
    "inputs": [
        {"device": "indoor_nas", "path": "/videos/raw/20240115_123456.MP4"},
        {"device": "indoor_nas", "path": "/videos/preproc/trip_20240115_1/"},
    ],
    "outputs": [
        {"device": "rtx_4090", "path": "/temp/detections/trip_20240115_1.json"},
        {"device": "indoor_nas", "path": "/videos/heavy_output/trip_20240115_1/"},
    ],
    "metadata": {"detections_count": 42, "plates_found": 12},
    "device_capabilities_required": {"gpu_vram_gb": 8, "cpu_cores": 6},
}

ARCHIVE: dict[str, Any] = {
    "task_type": "ARCHIVE_VIDEO",
    "video_id": "trip_20240115_1",
    "inputs": [
        {"device": "indoor_nas", "path": "/videos/heavy_output/trip_20240115_1/"},
        {"device": "rtx_4090", "path": "/temp/crops/trip_20240115_1/"},
    ],
    "outputs": [
        {"device": "shed_nas", "path": "//shed-nas/archive/trip_20240115_1/video_lowres.mp4"},
        {"device": "shed_nas", "path": "//shed-nas/archive/trip_20240115_1/plates/"},
    ],
    "metadata": {"finalized": True, "archive_size_mb": 450},
}

COMPLETION: dict[str, Any] = {
    "new_tasks": [
        {
            "task_type": "HEAVY_PROCESS_VIDEO",
            "video_id": "trip_20240115_1",
            "inputs": [{"device": "jetson_coral", "path": "/preproc/trip_20240115_1/"}],
        }
    ]
}

COMPLETED: dict[str, Any] = {
    "message": "Task 1 marked as complete",
    "task_type": "INGEST_VIDEO",
    "completed_at": "2024-01-15T10:36:00",
    "new_tasks_created": 1,
}

CAPABILITIES: dict[str, Any] = {"gpu_vram_gb": 16, "cpu_cores": 8, "storage_gb": 500}

_JETSON = {"gpu_vram_gb": 8, "cpu_cores": 4, "storage_gb": 32}

DEVICE: dict[str, Any] = {
    "device_id": 1,
    "hostname": "jetson-coral-1",
    "device_type": "jetson_coral",
    "status": "online",
    "last_heartbeat": "2024-01-15T10:30:00",
    "tasks_running": 0,
    "capabilities": _JETSON,
}

HEARTBEAT: dict[str, Any] = {
    "hostname": "jetson-coral-1",
    "device_type": "jetson_coral",
    "status": "online",
    "capabilities": _JETSON,
}

HEARD: dict[str, Any] = {
    "message": "Heartbeat received for jetson-coral-1",
    "device_id": 1,
    "last_heartbeat": "2024-01-15T10:36:00",
}

VIDEO: dict[str, Any] = {
    "video_id": "trip_20240115_1",
    "filename": "20240115_123456.MP4",
    "date_recorded": "2024-01-15",
    "duration_seconds": 1800,
    "total_frames": 1500,
    "detections_count": 42,
    "plates_found": 12,
    "status": "processed",
    "archive_path": "//shed-nas/archive/trip_20240115_1/",
}

VIDEO_WHOLE: dict[str, Any] = VIDEO | {
    "date_recorded": "2024-01-15T12:34:56",
    "gps_route": [
        {"lat": 37.7749, "lon": -122.4194, "timestamp": "2024-01-15T12:34:56"},
        {"lat": 37.7750, "lon": -122.4195, "timestamp": "2024-01-15T12:35:00"},
    ],
    "timeline": {
        "plates": [
            {"frame": 120, "plate": "ABC123", "confidence": 0.92},
            {"frame": 456, "plate": "XYZ789", "confidence": 0.88},
        ]
    },
}

PLATE: dict[str, Any] = {
    "video_id": "trip_20240115_1",
    "plate_text": "ABC123",
    "confidence": 0.92,
    "frame_number": 120,
    "timestamp": "2024-01-15T12:36:45",
    "location": {"lat": 37.7749, "lon": -122.4194},
    "thumbnail_url": "//shed-nas/archive/trip_20240115_1/plates/ABC123_thumb.jpg",
}

NOT_FOUND: dict[str, Any] = {"detail": "Task 999 not found"}
