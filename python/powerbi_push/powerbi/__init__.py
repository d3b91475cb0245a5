"""Power BI: where rows go, and the way there."""
