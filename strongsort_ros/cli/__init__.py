"""The `strongsort` command, one file a command."""
