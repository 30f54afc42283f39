"""Ordinary words of mail servers."""

from __future__ import annotations

WORDS = frozenset(
    b"""
    a an and are as at be been but by can do does for from go has have if in is it its may more must no non not of off
    on only or our out see so than that the then there these this to too up us use used was we were when while will
    with you your about access accept accepted accepting account accounts action active address addresses administrator
    again allowed already another answer anonymous application attempt attempted attempts auth authenticate
    authenticated authenticating authentication authorization authorized authsmtp available aborted backend bad base64
    be before blocked body bye cancelled cannot certificate challenge channel check client close closed closing code
    command commands completed configuration configured connect connected connection connections contact continue
    correct could credential credentials data database deferred delivered delivery denied detected details directory
    disabled discarded disconnecting disk does domain done due dovecot during empty enabled encrypted encryption end
    enhancedstatuscodes enough error errors esmtp established exceeded exceeds exchange exchanger exim expected expired
    extension failed failure false fatal file first forbidden found full gmail go google goodbye greeting greylisted
    greylisting handshake hello help host hostname identity ignored imap incomplete incorrect information input
    insufficient internal invalid issue issuer just key known later ldap length limit limited line list local locked
    logged logging login logon long lookup lost mail mailbox mailboxes mailer main malformed many matched maximum
    mechanism mechanisms message messages method microsoft minutes missing mode name necessary need needed network
    never next nobody none obtained offered office ok okay log once one open operation opportunity option order other
    outlook overquota parameter parameters pass password passwords per permanent permission permitted pipelining please
    plain policy port postfix postmaster problem process processing protocol queue queued quit quota rate reached
    ready reason receive received recipient recipients refused rejected relay relaying relayed reply request requested
    require required requires reset resource response restricted retry revoked secret secure secured security seconds
    send sender sending sendmail sent server servers service session set setting settings shutdown site size smtp
    smtps spam start started starttls state status step still stop storage submission submit subsystem success
    successful successfully suitable support supported suspended syntax system temporarily temporary test tested text
    this ticket time timed timeout tls token tokens transaction transfer transmission try trying tried unable
    unauthenticated unauthorized unavailable unexpected unknown unrecognized unsuccessful unsupported unverified user
    username users using valid validate value verification verified verify version visit wait waiting wanted warning
    welcome went word work working wrong www zero
    """.split()
)
"""Words that refusals, greetings and our own sentences are made of, in lower case: that they are there says nothing of
a password that is made of them too."""
