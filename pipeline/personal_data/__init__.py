"""What customers tell of themselves: numbers, dates, addresses, names, and the words that matter."""
