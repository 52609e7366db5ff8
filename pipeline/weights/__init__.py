"""The models' weights: found, verified and loaded, or downloaded at a pinned revision."""
