"""Orders, their events, the live feed, the board's commands, and intake."""
