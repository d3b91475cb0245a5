"""What keeps rows from arriving, looked at and told."""
