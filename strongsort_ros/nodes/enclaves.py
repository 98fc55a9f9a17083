"""Names of the nodes' enclaves in SROS 2."""

from __future__ import annotations


def enclave_of(node: str, namespace: str = '') -> str:
    """Return the enclave that bears a node's name with its namespace.

    Without security it is a name that nobody asks for.
    """
    return '/'.join(('', *filter(None, namespace.split('/')), node))
