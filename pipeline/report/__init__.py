"""What people read: text, tables and a night's report. Nothing here computes a measure."""
