"""The waiting room: turns and fair parts."""

from orders.intake.waiting import WaitingRoom


def filled(most, *crowds):
    """A room with so many guests of each key: ((1, "quiet"), 3) is three of them."""
    room = WaitingRoom(most)
    for key, guests in crowds:
        for number in range(guests):
            room.enter(key, f"{key[1]}{number}")
    return room


def admitted(room, key, tries):
    """How many of `tries` get in, one after the other."""
    got_in = 0
    for _ in range(tries):
        if room.admits_to(key):
            room.enter(key, key[1])
            got_in += 1
    return got_in


def test_queues_are_emptied_in_turns_and_keep_their_order():
    room = filled(100, ((1, "a"), 4), ((1, "b"), 1), ((2, "c"), 2))

    assert room.take(5) == ["a0", "b0", "c0", "a1", "c1"]
    assert room.take(5) == ["a2", "a3"]
    assert (room.take(5), len(room)) == ([], 0)


def test_the_next_batch_goes_on_where_the_last_one_ended():
    room = filled(100, ((1, "a"), 2), ((1, "b"), 2), ((1, "c"), 2))

    assert (room.take(2), room.take(2), room.take(2)) == (["a0", "b0"], ["c0", "a1"], ["b1", "c1"])


def test_a_guest_who_leaves_is_not_called_and_frees_the_place():
    room = filled(3, ((1, "a"), 2), ((1, "b"), 1))

    room.leave((1, "a"), "a0")
    room.leave((1, "b"), "b0")
    room.leave((1, "b"), "b0")

    assert (len(room), list(room)) == (1, [((1, "a"), "a1")])
    assert room.take(9) == ["a1"]
    assert room.admits(1)


def test_a_store_may_fill_three_quarters_of_an_empty_room():
    assert admitted(WaitingRoom(1000), (1, "flood"), 2000) == 750


def test_a_flooded_store_leaves_room_for_the_others_of_its_account():
    room = filled(1000, ((1, "flood"), 750))

    assert not room.admits_to((1, "flood"))
    assert admitted(room, (1, "quiet"), 100) == 100
    assert not room.admits_to((1, "flood"))


def test_a_flooded_account_leaves_room_for_the_others():
    room = filled(1000, *(((1, f"store {number}"), 73) for number in range(12)))

    assert (len(room), room.admits(1), room.admits(2)) == (876, False, True)
    assert admitted(room, (2, "quiet"), 50) == 50


def test_an_account_turned_away_stays_out_until_the_crowd_has_eased_and_shuts_nobody_else_out():
    room = filled(1000, *(((1, f"store {number}"), 73) for number in range(12)))
    assert not room.admits(1)

    room.take(63)
    assert (len(room), room.admits(1), room.admits(2)) == (813, False, True)
    room.take(1)
    assert (len(room), room.admits(1)) == (812, True)


def test_who_is_on_the_way_in_takes_room():
    room = filled(1000, *(((1, f"store {number}"), 70) for number in range(12)))

    assert (room.admits(1, coming=34), room.admits(1, coming=35)) == (True, False)
    assert (room.admits(2, coming=159), room.admits(2, coming=160)) == (True, False)


def test_who_meets_a_full_room_is_not_shut_out_for_it():
    room = filled(1000, *(((1, f"store {number}"), 100) for number in range(10)))
    assert (room.admits(1), room.admits(2)) == (False, False)

    room.take(50)
    assert (room.admits(1), room.admits(2)) == (False, True)


def test_nobody_gets_into_a_full_room():
    room = filled(10, ((1, "a"), 10))

    assert not room.admits(2)
    assert not room.admits_to((2, "b"))
