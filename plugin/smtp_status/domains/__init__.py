"""Mail domains: their exchangers, and what binds senders to them.  Loaded where a resolver has to be asked by us."""
