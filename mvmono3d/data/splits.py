"""Train, validation and test clips that share neither actors nor rigs, unless the data says why."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from mvmono3d.core.schema import sha256_of_bytes
from mvmono3d.data.store import ClipStore
from mvmono3d.errors import ConfigurationError

NAMES = ("train", "val", "test")


@dataclass(frozen=True, kw_only=True)
class Splits:
    """The three stores of one data set."""

    train: ClipStore
    val: ClipStore
    test: ClipStore
    shared: frozenset[str] = frozenset()
    """"subjects" or "rigs" where the data has only one: scores then say nothing about other ones."""

    def __post_init__(self) -> None:
        for name, store in self.stores():
            if not len(store):
                raise ConfigurationError(f"no clips in split {name!r}: give it more recordings or frames")
            if store.skeleton != self.train.skeleton:
                raise ConfigurationError(
                    f"split {name!r} has skeleton {store.skeleton.name!r}, train {self.train.skeleton.name!r}"
                )
        for (name, store), (other_name, other) in combinations(self.stores(), 2):
            for kind in {"subjects", "rigs"} - self.shared:
                both = set(getattr(store, kind)) & set(getattr(other, kind))
                if both:
                    raise ConfigurationError(
                        f"splits {name!r} and {other_name!r} share {kind} {', '.join(sorted(both)[:3])}: "
                        "scores would be too good; put each of them into one split"
                    )

    def stores(self) -> Iterator[tuple[str, ClipStore]]:
        """Yield the stores with their names."""
        yield from ((name, getattr(self, name)) for name in NAMES)

    @property
    def hash(self) -> str:
        """SHA-256 over the content of all three stores."""
        return sha256_of_bytes(*(store.hash.encode() for _, store in self.stores()))
