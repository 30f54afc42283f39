"""Conversations that nobody wrote down: a server that plays anything, and what must hold whatever it played.

``plans`` makes up what the plugin is to do and ``player`` a server to do it with; both draw from one
``random.Random``, so that a number tells a whole conversation.  ``simulation`` holds it on a clock of its own, without
sockets, ``sockets`` over real ones, and ``truth`` compares what the plugin said with what the server did.
"""
