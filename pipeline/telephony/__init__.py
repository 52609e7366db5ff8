"""What telephone systems tell about calls: read from their files, put on the recording's clock, stored."""
