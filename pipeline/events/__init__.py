"""Detection of events (holds, transfers, overlaps, silences) from turns, activity and sounds."""
