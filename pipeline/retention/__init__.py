"""Keeping and erasing calls: erasure with receipts, legal holds, and days after which calls are erased."""
