"""What can go wrong. A message says what, where and the limit; `hint` says the mend, where one is known."""

from __future__ import annotations


class TenebraError(Exception):
    """Every error of this package.

    Attributes:
        message: what is wrong, where, and the limit.
        hint: what helps, or None.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}; {self.hint}"


class InputError(TenebraError, ValueError):
    """Rows that the model does not take: a missing column, a missing or infinite value, a word where a number belongs."""


class ModelError(TenebraError, ValueError):
    """A float model that was refused."""


class UnsupportedError(ModelError, TypeError):
    """An estimator that does not run encrypted; the message names it and says why."""


class NotFittedError(TenebraError, ValueError, AttributeError):
    """An estimator that was not fitted, or not compiled."""


class CompileError(TenebraError, ValueError):
    """Settings of a compilation, or a circuit for which there are no parameters."""


class FileError(TenebraError, OSError):
    """The system refused to read or write a file, or a file is there already."""


class MessageError(TenebraError, ValueError):
    """A file, key, query or response that is damaged, or that belongs to another model."""


class DecryptionError(TenebraError):
    """A response that does not decrypt, and keys that met one: they are used no more."""


class ServiceError(TenebraError, ConnectionError):
    """A server did not do what it was asked."""


class ClippingWarning(UserWarning):
    """Values outside of the range that a model was calibrated for; they got the code of its end."""


class CompileWarning(UserWarning):
    """What calibration found worth saying."""
