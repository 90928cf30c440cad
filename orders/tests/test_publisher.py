"""What waits for Redis together goes out together: one frame per store, never across a gap."""

from orders.feed.publisher import Committed, joined


def commit(store_id, first, last, epoch="e"):
    bodies = tuple(f"{store_id}:{seq}" for seq in range(first, last + 1))
    return Committed(store_id=store_id, epoch=epoch, first=first, last=last, bodies=bodies)


def test_commits_of_a_store_that_follow_each_other_become_one():
    waiting = [commit(1, 1, 2), commit(2, 7, 7), commit(1, 3, 3), commit(2, 8, 9)]

    assert joined(waiting) == [commit(1, 1, 3), commit(2, 7, 9)]


def test_a_gap_or_another_epoch_starts_a_new_one():
    waiting = [commit(1, 1, 1), commit(1, 3, 3), commit(1, 4, 4), commit(1, 5, 5, epoch="f")]

    assert joined(waiting) == [commit(1, 1, 1), commit(1, 3, 4), commit(1, 5, 5, epoch="f")]


def test_a_single_commit_passes_unchanged():
    assert joined([commit(1, 4, 6)]) == [commit(1, 4, 6)]
