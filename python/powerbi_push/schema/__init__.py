"""What rows look like, checked before any is sent."""
