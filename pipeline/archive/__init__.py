"""The archive of recordings: its files and metadata, the night, and rechecks of what is stored."""
