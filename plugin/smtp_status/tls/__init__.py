"""TLS: the layer over memory buffers, reading certificates, and the one judge of them.  ``ssl`` is imported in here and
nowhere below; nothing but a check with TLS loads this package's modules but ``plan``."""
