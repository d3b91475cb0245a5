"""Rows on their way: senders, outboxes, and what became of each row."""
