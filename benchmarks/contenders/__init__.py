"""What is compared: the tutorial way, the floor, and our inserter without HTTP; all write the same rows."""
