"""The provable feed: numbered events, snapshots, and their way to the boards."""
