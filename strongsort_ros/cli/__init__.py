"""The `strongsort` command; one module for each of its commands."""
