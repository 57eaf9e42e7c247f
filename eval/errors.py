"""What can go wrong in an evaluation, named by what the person can do about it.

QAError
└── EvaluationError      the evaluation cannot go on
    ├── DataSetError     the data set or its file is wrong; the message names file and line
    ├── RunFolderError   the run folder is missing, damaged, half-written or of another run
    └── TargetError      what was asked could not answer one question; never an abstention
"""

from __future__ import annotations

from typing import Literal

from index.errors import QAError

FailureKind = Literal[
    "connection",  # refused, reset, closed before the whole answer was there
    "timeout",  # no whole answer in time
    "rate_limited",  # 429 after every retry
    "http_status",  # any other status that is not 200
    "not_json",  # 200 with a body that is no JSON object
    "malformed",  # JSON that lacks what the protocol promises
    "engine",  # the pipeline itself raised, in process
]


class EvaluationError(QAError):
    """The evaluation cannot go on."""


class DataSetError(EvaluationError):
    """A data set is missing, or a row of it is wrong."""


class RunFolderError(EvaluationError):
    """A run folder is missing, damaged, half-written or belongs to another run."""


class TargetError(EvaluationError):
    """One question was not answered because something failed.

    `kind` is what is counted; `status` is the HTTP status where there was one; `retry_after_s` is
    what a 429 or 503 asked for.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: FailureKind,
        status: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.kind: FailureKind = kind
        self.status = status
        self.retry_after_s = retry_after_s
