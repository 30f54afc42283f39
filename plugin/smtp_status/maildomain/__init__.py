"""What the DNS says of a mail domain: exchangers, TLSA records, the MTA-STS policy; the routes to them."""
