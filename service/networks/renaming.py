"""From the keys of official checkpoints to ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Renaming:
    """How one family's keys are renamed.

    The first of ``prefixes`` that a key starts with is replaced, or the key dropped where its
    replacement is None: official checkpoints carry weights that no depth passes through, such as
    a classifier's. Then all of ``parts`` are replaced, wherever they stand. A key of no known
    prefix stays as it is, so that the strict load names it.
    """

    prefixes: Mapping[str, str | None]
    parts: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, key: str) -> str | None:
        """Our name of an official key; None for one that is not used."""
        for official, ours in self.prefixes.items():
            if key.startswith(official):
                if ours is None:
                    return None
                key = ours + key.removeprefix(official)
                break
        for official, ours_part in self.parts.items():
            key = key.replace(official, ours_part)
        return key

    def under(self, official: str, ours: str) -> Renaming:
        """The same for a network that is a part of another: both names get a prefix."""
        prefixes = {
            official + theirs: None if own is None else ours + own
            for theirs, own in self.prefixes.items()
        }
        return Renaming(prefixes, self.parts)


def decoder_prefixes(scratch: str) -> dict[str, str | None]:
    """Of the decoder's parts, which all official checkpoints keep under ``scratch``."""
    return {
        # The deepest fusion owns a unit for a skip connection that it does not have.
        f"{scratch}refinenet4.resConfUnit1.": None,
        **{f"{scratch}layer{i + 1}_rn.": f"reduce.{i}." for i in range(4)},
        **{f"{scratch}refinenet{i + 1}.": f"fusion.{i}." for i in range(4)},
        f"{scratch}output_conv.": "head.",
    }


DECODER_PARTS = {
    ".resConfUnit1.": ".skip_unit.",
    ".resConfUnit2.": ".merge_unit.",
    ".out_conv.": ".project.",
}
