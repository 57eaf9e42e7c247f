"""What can be wrong with stored conversations, named by what the reader can do about it.

QAError (index.errors)
└── StoreError               the database of conversations
    ├── StoreBusyError       others are writing: try again
    ├── StoreUnavailableError  it cannot be opened or written (read-only, full): free or move it
    │   └── StoreFullError   the disk is full: free some space
    ├── StoreDamagedError    it fails its own checks: restore it, or move it away
    └── StoreMismatchError   made by a newer version, or by another program
ConversationFullError        no more turns fit: begin another conversation
TurnEndedError               the turn was cut before its answer came
FeedbackError                feedback names what the answer does not hold: correct it
"""

from index.errors import QAError


class StoreError(QAError):
    """Something is wrong with the database of conversations."""


class StoreBusyError(StoreError):
    """Another writer holds the database for longer than we wait."""


class StoreUnavailableError(StoreError):
    """The database cannot be opened or written."""


class StoreFullError(StoreUnavailableError):
    """The disk of the database is full."""


class StoreDamagedError(StoreError):
    """The database fails its own checks."""


class StoreMismatchError(StoreError):
    """The database was made by a newer version of this software, or by another program."""


class ConversationFullError(QAError):
    """The conversation holds as many turns as it may."""


class TurnEndedError(QAError):
    """The turn was interrupted before its answer could be stored."""


class FeedbackError(QAError):
    """The feedback names a citation or a quote that the answer does not hold."""
