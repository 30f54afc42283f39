"""What a conversation asks for, and what comes of it: what each means where nothing else is said."""

from __future__ import annotations

from helpers.talk import PEER, reply
from smtp_status.smtp.actions import Answered, Ask, Connected


def test_to_ask_nothing_waits_for_one_reply_until_the_deadline():
    assert Ask() == ((), None, True, False)


def test_an_answer_came_after_all_was_sent():
    answer = Answered(reply("250 ok"), 0.25, 1.0)
    assert (answer.early, answer.unasked, answer.by_kernel) == (False, False, False)


def test_the_first_address_is_the_one_that_stands():
    assert Connected(PEER, ("192.0.2.99", 40000), 0.25, 1.0).failed == ()
