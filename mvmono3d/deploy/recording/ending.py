"""The last thing a recorder writes: what became of every frame."""

import datetime
from pathlib import Path

import msgspec

from mvmono3d.deploy.recording.description import Ending, read_description, write_description
from mvmono3d.deploy.recording.ledger import Account, Column


def write_ending(folder: Path, account: Account) -> None:
    """Add the account to `recording.toml`; a recording without one did not end well."""
    ending = Ending(
        at=datetime.datetime.now(datetime.UTC).replace(microsecond=0),
        offered=account.of(Column.OFFERED),
        recorded=account.of(Column.RECORDED),
        lost=account.lost,
    )
    write_description(folder, msgspec.structs.replace(read_description(folder), ending=ending))
