"""Detection of personal data that customers give: numbers, dates, addresses and reasons for calling."""
