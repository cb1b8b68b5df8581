"""The `dashcam` command."""
