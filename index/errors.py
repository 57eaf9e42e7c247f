"""The errors of the index layer, named by what the caller can do about them.

QAError                       root of every error this project raises on purpose
├── DocumentError             one document cannot be read: skip it, report it, go on
│   ├── EncodingError         its bytes are not text in an encoding we can tell
│   ├── UnsupportedFormatError  nobody here reads this kind of file
│   └── DuplicateIdError      two sources claim one id: rename one of them
├── SourceError               a path or its sources.toml is unusable: fix the command or the file
├── AccessRuleError           a rule of who may read means nothing: correct it
├── AccessChangedError        somebody may not read any more what was found for them: ask again
├── ParserError               the process that reads documents cannot be started: repair the installation
├── SpanError                 offsets that do not fit their text: a bug, or a wrong request
├── EmbedderError             the embedding model failed
│   └── ModelFileError        a model file is missing or is not the published one
└── IndexStoreError           the state folder
    ├── IndexMissingError     nothing indexed yet: run `verse index`
    ├── IndexBusyError        another process is writing: wait
    ├── IndexMismatchError    made by another format version or embedder: re-index
    ├── StateFolderError      cannot be used
    │   ├── StorageFullError  the disk is full: free some space
    │   ├── StorageReadOnlyError  it may not be written: make it writable
    │   └── StorageFailedError  a write or a sync failed: nothing that it was for is acknowledged
    ├── BackupError           a backup is incomplete or not one, or has no place to go to
    ├── AccessUnreadableError  who may read what cannot be told: nothing is shown
    ├── CatalogDamagedError   the record of truth is damaged: restore or re-index
    └── GenerationDamagedError  a derived file is damaged: rebuilt from the catalog
"""


class QAError(Exception):
    """Root of all errors that this project raises on purpose; the message says what to do next."""


class DocumentError(QAError):
    """One document cannot be read.

    `where` names it as the person who asked for it knows it (a path, or a path and a line).
    """

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.where = where
        self.what = what


class EncodingError(DocumentError):
    """The bytes are not text in an encoding that can be told."""


class UnsupportedFormatError(DocumentError):
    """No reader for this kind of file."""


class DuplicateIdError(DocumentError):
    """The same document id from two sources."""


class SourceError(QAError):
    """A path given to the index, or a `sources.toml`, cannot be used at all."""


class AccessRuleError(QAError):
    """A rule of who may read a document is malformed."""


class AccessChangedError(QAError):
    """A document was found for somebody who may not read it, by the rules as they are now."""


class SpanError(QAError):
    """Offsets that are empty, negative, outside the text, or do not match it."""


class ParserError(QAError):
    """The process that reads documents cannot be started, which is no fault of any document."""


class EmbedderError(QAError):
    """The embedding model could not be loaded or run."""


class ModelFileError(EmbedderError):
    """A model file is missing, or its sha256 is not the pinned one."""


class IndexStoreError(QAError):
    """Something is wrong with the state folder."""


class IndexMissingError(IndexStoreError):
    """There is no published generation yet."""


class IndexBusyError(IndexStoreError):
    """Another process holds the writer's lock."""


class IndexMismatchError(IndexStoreError):
    """The state was made by another format version or another embedder."""


class StateFolderError(IndexStoreError):
    """The state folder cannot be created or written."""


class StorageFullError(StateFolderError):
    """The disk is full: free some space and try again."""


class StorageReadOnlyError(StateFolderError):
    """What must be written may not be written."""


class StorageFailedError(StateFolderError):
    """A write or a sync failed; what it was for is not acknowledged."""


class BackupError(IndexStoreError):
    """A backup is damaged or none of ours, or the place it is to go to is taken."""


class AccessUnreadableError(IndexStoreError):
    """Who may read what cannot be told, so nothing may be shown to anybody who is not the operator."""


class CatalogDamagedError(IndexStoreError):
    """The record of truth fails its own checks."""


class GenerationDamagedError(IndexStoreError):
    """A derived file is missing or is not the one that the manifest names."""
