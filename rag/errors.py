"""The errors of the answering layer, named by what the caller can do about them.

QAError (index.errors)
├── QuestionError            the question itself cannot be taken: change it
├── CalibrationError         the shipped calibration is missing or is not for this pipeline
├── GeneratorNotConfiguredError  generative mode was asked for and there is no language model
├── GeneratorError           a language model was to write, and did not
│   ├── GeneratorUnavailableError  its server cannot be reached, refused, or broke off: try again
│   ├── GeneratorTimeoutError      it took too long: try again, or allow more time
│   └── GeneratorOutputError       what it wrote cannot be shown: ask in extractive mode
├── AskCancelledError        whoever asked has gone
└── StreamBrokenError        what was shown while answering is not what the answer says: ask again
"""

from typing import Literal

from index.errors import QAError

OutputFault = Literal["empty", "refusal", "loop", "language", "garbled", "unsupported", "too_long"]
"""What is wrong with what a model wrote."""


class QuestionError(QAError):
    """The question is blank, too long, or holds characters that no question has."""


class CalibrationError(QAError):
    """The calibration file is missing, damaged, or made for other signals."""


class GeneratorNotConfiguredError(QAError):
    """Generative answers were asked for, but no language model is configured."""


class GeneratorError(QAError):
    """A language model was to write an answer, and there is none from it."""


class GeneratorUnavailableError(GeneratorError):
    """A model's server cannot be reached, refused the request, or broke off.

    `status` is the HTTP status that it answered with; `None` where it did not.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class GeneratorTimeoutError(GeneratorError):
    """A model's server did not answer, or not to the end, in the time it has."""


class GeneratorOutputError(GeneratorError):
    """A model answered, but with nothing that may be shown; `fault` says what is wrong with it."""

    def __init__(self, message: str, *, fault: OutputFault) -> None:
        super().__init__(message)
        self.fault: OutputFault = fault


class AskCancelledError(QAError):
    """Whoever asked does not wait any more; the work was given up between two steps."""


class StreamBrokenError(QAError):
    """Text was shown while answering that the answer does not begin with."""
