"""The courier page: what became of hand-offs, how long they took and what they cost, and couriers' rests."""
