"""Every error volcast raises on purpose.

These classes are the only table of exit codes, HTTP statuses and titles: command line, pipeline
steps and servers read them. Stored data that breaks its contract is 503, not 500: it is repaired
while the server runs, and the same request may then succeed.
"""

__all__ = [
    "ConfigError",
    "ContractError",
    "CorruptFile",
    "GateRefused",
    "KeyMissing",
    "ModelError",
    "NotFound",
    "ObjectTooLarge",
    "Overloaded",
    "QualityError",
    "RequestError",
    "RequestTooLarge",
    "RequestTooSlow",
    "SourceUnavailable",
    "StaleInput",
    "StoreUnavailable",
    "Unauthorized",
    "UnsupportedEncoding",
    "VolcastError",
]


class VolcastError(Exception):
    """Base of all errors: what was found, what was expected, where, and what to do.

    Parameters
    ----------
    found, expected, where, remedy : str
        The four parts of the message; ``field`` names the offending input, when there is one.

    Attributes
    ----------
    retryable : bool
        Whether the same call may succeed later.
    title : str
        Of the problem document (RFC 9457) of an HTTP answer.
    for_client : bool
        Whether an HTTP answer has the message; if not it may name paths and is only logged.
    """

    retryable: bool = False
    exit_code: int = 1
    http_status: int = 500
    title: str = "Server fault"
    for_client: bool = False

    def __init__(
        self, *, found: str, expected: str, where: str, remedy: str, field: str | None = None
    ) -> None:
        self.found, self.expected, self.where, self.remedy = found, expected, where, remedy
        self.field = field
        super().__init__(f"{where}: found {found}; expected {expected}. {remedy}")


class ConfigError(VolcastError):
    """Settings or command-line arguments are wrong."""

    exit_code = 2


class RequestError(VolcastError):
    """A request body or parameter is wrong."""

    exit_code = 2
    http_status = 400
    title = "Bad request"
    for_client = True


class RequestTooLarge(RequestError):
    """A request body is over the cap."""

    http_status = 413
    title = "Body too large"


class RequestTooSlow(RequestError):
    """A request body did not come in time."""

    http_status = 408
    title = "Body too slow"


class UnsupportedEncoding(RequestError):
    """A request body is compressed in a way that is not taken."""

    http_status = 415
    title = "Unsupported encoding"


class Unauthorized(RequestError):
    """A request has no token, or one that is not valid."""

    http_status = 401
    title = "Not authorized"


class NotFound(VolcastError):
    """An unknown symbol, date or version was requested."""

    exit_code = 2
    http_status = 404
    title = "Not found"
    for_client = True


class KeyMissing(NotFound):
    """No object is stored under the key."""


class ContractError(VolcastError):
    """Data breaks its contract; a retry cannot help."""

    exit_code = 10
    http_status = 503
    title = "Stored data unusable"


class CorruptFile(ContractError):
    """A stored file cannot be read; it is never taken for an empty one."""


class ObjectTooLarge(ContractError):
    """A stored object has more bytes than its reader takes; it was not read."""


class QualityError(ContractError):
    """Validation found a fault that stops the run."""


class SourceUnavailable(VolcastError):
    """The outside world did not answer, or answered nothing usable; a retry may help."""

    retryable = True
    exit_code = 20
    http_status = 503
    title = "Source unavailable"


class StoreUnavailable(VolcastError):
    """The store cannot be reached, read or written."""

    retryable = True
    exit_code = 20
    http_status = 503
    title = "Store unavailable"


class Overloaded(VolcastError):
    """More work is under way than can be taken; a retry later may find room."""

    retryable = True
    exit_code = 20
    http_status = 503
    title = "Overloaded"
    for_client = True


class GateRefused(VolcastError):
    """A candidate model was judged and not promoted; not a failure of the run."""

    exit_code = 30
    http_status = 409
    title = "Promotion refused"


class StaleInput(VolcastError):
    """The newest input is too old to forecast from."""

    exit_code = 40
    http_status = 503
    title = "Stale features"
    for_client = True


class ModelError(VolcastError):
    """There is no model, or the one there fails its checks."""

    exit_code = 10
    http_status = 503
    title = "No model ready"
