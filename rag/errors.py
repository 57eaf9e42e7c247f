"""The errors of the answering layer, named by what the caller can do about them.

QAError (index.errors)
├── QuestionError            the question itself cannot be taken: change it
├── CalibrationError         the shipped calibration is missing or is not for this pipeline
├── GeneratorNotConfiguredError  generative mode was asked for and there is no language model
├── AskCancelledError        whoever asked has gone
└── StreamBrokenError        what was shown while answering is not what the answer says: ask again
"""

from index.errors import QAError


class QuestionError(QAError):
    """The question is blank, too long, or holds characters that no question has."""


class CalibrationError(QAError):
    """The calibration file is missing, damaged, or made for other signals."""


class GeneratorNotConfiguredError(QAError):
    """Generative answers were asked for, but no language model is configured."""


class AskCancelledError(QAError):
    """Whoever asked does not wait any more; the work was given up between two steps."""


class StreamBrokenError(QAError):
    """Text was shown while answering that the answer does not begin with."""
