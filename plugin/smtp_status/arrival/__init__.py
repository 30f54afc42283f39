"""Arrival: the mailbox is the state.

Each run writes a note into the mailbox, sends its probe, and settles every open note it finds: arrived, under way,
lost or come back.  ``settlement`` is the order of these things; ``ledger`` decides, from lists and without a clock;
``mailbox`` asks, ``fetched`` reads the answers, ``stream`` caps them.
"""
