"""The outside world, thin: HTTP, files, time."""
