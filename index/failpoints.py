"""Named places of the commit path at which tests let the process end, as if it were killed there.

Nothing outside of the program turns one on: no setting, no argument, no variable of the environment. A
test's own child process calls `arm`; everywhere else a place costs one comparison.
"""

from __future__ import annotations

from collections.abc import Callable

POINTS = (
    # A transaction of the catalog: all of it written, and then committed and synced.
    *(
        f"catalog.{what}.{when}"
        for what in (
            "put",
            "remove",
            "access",
            "derive",
            "vectors",
            "unused_vectors",
            "publishing",
            "published",
            "signature",
        )
        for when in ("written", "committed")
    ),
    "catalog.compacted",
    "catalog.log_emptied",
    # A generation, from an empty folder to the one before it being discarded.
    "publish.leftovers_removed",
    "publish.folder_made",
    "publish.files_shared",
    "publish.snapshot_written",
    "publish.vectors_written",
    "publish.manifest_written",
    "publish.synced",
    "publish.renamed",
    "publish.rename_synced",
    "publish.old_discarded",
    # One small file in the place of another.
    "replace.written",
    "replace.synced",
    "replace.renamed",
    "replace.rename_synced",
    "backup.databases_copied",
    "backup.manifest_written",
    "backup.synced",
    "backup.renamed",
    "restore.copied",
    "restore.rebuilt",
    "restore.synced",
    "restore.renamed",
    "forget.removed",
    "forget.published",
    "forget.discarded",
)

_armed: Callable[[str], None] | None = None


def failpoint(name: str) -> None:
    """Pass a place of the commit path."""
    if _armed is not None:
        _armed(name)


def arm(action: Callable[[str], None] | None) -> None:
    """Call `action` with the name of every place that is passed from now on; `None` ends that. For tests only."""
    global _armed
    _armed = action
