"""SASL (RFC 4422): credentials, and one module for each family of mechanisms, as pure exchanges."""
