"""The channel page: what each platform account sent, what became of it, and where the two sides disagree."""
