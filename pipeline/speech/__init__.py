"""From samples to turns: who speaks when, what is said, and by whom."""
