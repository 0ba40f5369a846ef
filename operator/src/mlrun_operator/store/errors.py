"""What can go wrong with a store; each message names the object and what the server said."""


class StoreError(Exception):
    """Any failure of a store."""


class NotFoundError(StoreError):
    """No such object, folder or bucket."""


class DeniedError(StoreError):
    """The server refuses the credentials, or they may not do this."""


class CredentialsMissingError(StoreError):
    """The server wants credentials and there are none."""


class DamagedError(StoreError):
    """An object that the catalogue needs is too large, or is not what it should be."""


class UnavailableError(StoreError):
    """The server did not answer as it should, after the retries."""
