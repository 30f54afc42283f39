"""Octets nobody thought of, for each parser of foreign input: ``targets`` says what must hold, ``guided`` has atheris
look for what breaks it, and ``python -m fuzzing`` (``make fuzz``) runs that and the generated conversations for as
long as one likes.
"""
