"""`python -m pipeline.cli` is `earwitness`."""

from pipeline.cli import main

main()
