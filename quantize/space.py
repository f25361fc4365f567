"""What target mode chooses from: a model's tensors in groups, the types they can get, their sizes.

Names, shapes and what a plain type's mix makes of each tensor come from the engine's dry run, so
that nothing of its rules is written down here a second time.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from desktop.core.gguf.roles import role_of
from desktop.core.gguf.tensor_types import TYPES_BY_NAME
from desktop.core.gguf.write import padded, tensor_bytes
from quantize.recipe import PlannedTensor, Recipe

# What a tensor can be made of. Left out are types that a model must be trained for (ternary, one
# and two bits, MXFP4, NVFP4): made of other weights they lose more than these at the same size.
CHOICES = (
    *("IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "Q2_K", "IQ3_XXS", "IQ3_S", "Q3_K"),
    *("IQ4_XS", "Q4_0", "IQ4_NL", "Q4_K", "Q4_1", "Q5_0", "Q5_K", "Q5_1", "Q6_K", "Q8_0"),
)
# llama-quantize makes tensors of these only with an importance matrix (`tensor_requires_imatrix`).
_NEED_MATRIX = frozenset({"IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS"})
# llama-imatrix computes none for these: llama-quantize would abort, or guess.
_WITHOUT_MATRIX = frozenset({"token_embd.weight", "per_layer_token_embd.weight", "output.weight"})
_BLOCK = re.compile(r"(.*\bblk)\.(\d+)\.(.+)")
_EXPERTS = re.compile(r"_(ch)?exps\.")
# What reading one row of a tensor counts: next to nothing, so that of types that lose the same the
# smaller one is taken.
_ROW_READ = 0.01
# A pattern as long as `Recipe` takes it.
_PATTERN_LENGTH = 200

Assignment = tuple[str, ...]  # a type for each group
# Types in whose files llama-quantize takes no others, and one that wants a matrix for its Q2_K.
_NO_BASE = frozenset({"F32", "F16", "BF16", "Q2_K_S"})


@dataclass(frozen=True)
class Tensor:
    """A tensor as it is in the source.

    Attributes:
        shape: its row length first.
    """

    name: str
    shape: tuple[int, ...]
    type_name: str

    @property
    def weights(self) -> int:
        return math.prod(self.shape)

    @property
    def layer(self) -> int | None:
        block = _BLOCK.fullmatch(self.name)
        return int(block[2]) if block else None

    @property
    def kind(self) -> str:
        """Its name without its layer's number."""
        block = _BLOCK.fullmatch(self.name)
        return block[3] if block else self.name

    def fits(self, type_name: str) -> bool:
        """Whether its rows divide into the type's blocks, and it can be made well."""
        if type_name in _NEED_MATRIX and self.name in _WITHOUT_MATRIX:
            return False
        return self.shape[0] % TYPES_BY_NAME[type_name].block == 0

    def size_bytes(self, type_name: str) -> int:
        """What it takes in a file as that type, with what fills its place up."""
        return padded(tensor_bytes(self.shape, type_name))


def bits_of(type_name: str) -> float:
    """Bits a weight takes."""
    return TYPES_BY_NAME[type_name].bits_per_weight


Types = Mapping[Tensor, str]  # what each tensor becomes


def planned_types(rows: Iterable[PlannedTensor]) -> dict[Tensor, str]:
    """Every tensor of a model in a dry run, and the type it gets."""
    found = {}
    for row in rows:
        shape = list(row.shape)
        while len(shape) > 1 and shape[-1] == 1:
            shape.pop()
        found[Tensor(row.name, tuple(shape), row.source)] = row.target
    return found


def tensors_bytes(types: Types) -> int:
    """What tensors take in a file, each as its type."""
    return sum(tensor.size_bytes(name) for tensor, name in types.items())


@dataclass(frozen=True)
class Group:
    """Tensors that get one type.

    Attributes:
        types: which ones: all whose blocks divide their rows, and the source's; fewest bits first.
        whole: the type they have in the source.
    """

    name: str
    tensors: tuple[Tensor, ...]
    types: tuple[str, ...]
    whole: str

    @property
    def weights(self) -> int:
        return sum(tensor.weights for tensor in self.tensors)

    def size_bytes(self, type_name: str) -> int:
        return sum(tensor.size_bytes(type_name) for tensor in self.tensors)

    def nearest(self, type_name: str) -> str:
        """Of its types the one with the most similar size."""
        if type_name in self.types:
            return type_name
        return min(self.types, key=lambda each: abs(bits_of(each) - bits_of(type_name)))


def choices(*, imatrix: bool) -> tuple[str, ...]:
    """The types there are to choose from."""
    return tuple(name for name in CHOICES if imatrix or name not in _NEED_MATRIX)


def grouped(tensors: Sequence[Tensor], types: Sequence[str], most: int) -> tuple[Group, ...]:
    """The finest of some ways to group tensors that makes at most so many groups.

    From each by itself over kinds by depth (the first and the last eighth of the layers matter
    more than the middle, as in llama.cpp's own mixes) to nothing but what they are for.

    Args:
        tensors: those that a recipe may change.
        types: what they may become.
    """
    layers = 1 + max((tensor.layer or 0 for tensor in tensors), default=0)
    edge = max(1, layers // 8)

    def depth(tensor: Tensor) -> str:
        if tensor.layer is None:
            return ""
        return "first" if tensor.layer < edge else "last" if tensor.layer >= layers - edge else ""

    ways: tuple[Callable[[Tensor], str], ...] = (
        lambda tensor: tensor.name,
        lambda tensor: f"{tensor.kind} {depth(tensor)}".strip(),
        lambda tensor: f"{tensor.kind} {'edge' if depth(tensor) else ''}".strip(),
        lambda tensor: tensor.kind,
        lambda tensor: role_of(tensor.name, len(tensor.shape)) or tensor.kind,
    )
    for way in ways:
        members: dict[str, list[Tensor]] = defaultdict(list)
        for tensor in tensors:
            members[way(tensor)].append(tensor)
        if len(members) <= most:
            break
    return tuple(_group(name, tuple(each), types) for name, each in members.items())


def _group(name: str, tensors: tuple[Tensor, ...], types: Sequence[str]) -> Group:
    whole = Counter(tensor.type_name for tensor in tensors).most_common(1)[0][0]
    fitting = [each for each in types if all(tensor.fits(each) for tensor in tensors)]
    ordered = sorted({*fitting, whole}, key=lambda each: (bits_of(each), each))
    return Group(name, tensors, tuple(ordered), whole)


def assigned(groups: Sequence[Group], assignment: Assignment) -> dict[Tensor, str]:
    """The type of each tensor."""
    pairs = zip(groups, assignment, strict=True)
    return {tensor: name for group, name in pairs for tensor in group.tensors}


def recipe_of(types: Types, base: str) -> Recipe:
    """The recipe that gives tensors these types; others get what the base's mix has for them.

    The first pattern that matches a tensor counts: for each kind of tensor those layers are named
    that differ from most.
    """
    kinds: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    # In one order, so that the same types are always the same recipe.
    for tensor in sorted(types, key=lambda each: (each.kind, each.layer or 0)):
        name = types[tensor]
        block = _BLOCK.fullmatch(tensor.name)
        if block is None:
            kinds[f"^{re.escape(tensor.name)}$"][name].append("")
        else:
            shape = f"^{re.escape(block[1])}\\.%s\\.{re.escape(block[3])}$"
            kinds[shape][name].append(block[2])
    pairs: list[tuple[str, str]] = []
    for pattern, layers in kinds.items():
        usual = max(layers, key=lambda name: len(layers[name]))
        for name, numbers in layers.items():
            if name != usual:
                room = _PATTERN_LENGTH - len(pattern)
                pairs += [
                    (pattern.replace("%s", part), name) for part in _alternatives(numbers, room)
                ]
        pairs.append((pattern.replace("%s", "[0-9]+"), usual))
    return Recipe(base, tensor_types=tuple((text, name) for text, name in pairs))


def _alternatives(numbers: Sequence[str], room: int) -> list[str]:
    """`(1|2|3)`, in as many parts as they need."""
    parts: list[list[str]] = [[]]
    for number in numbers:
        if sum(len(each) + 1 for each in (*parts[-1], number)) + 2 > room:
            parts.append([])
        parts[-1].append(number)
    return [f"({'|'.join(part)})" for part in parts if part]


@dataclass(frozen=True)
class Model:
    """The model that a recipe is sought for.

    Attributes:
        plain: what each plain type's mix makes of each tensor, by the type's name.
        types: what tensors can be made of.
        read: how much of a tensor is read for a token, where that is not all of it.
        header_bytes: what a file of it has besides its tensors.
    """

    plain: Mapping[str, Types]
    types: tuple[str, ...]
    read: Mapping[Tensor, float]
    header_bytes: int

    @cached_property
    def movable(self) -> tuple[Tensor, ...]:
        """The tensors that some plain type changes."""
        found: dict[Tensor, None] = {}
        for types in self.plain.values():
            found.update({each: None for each, name in types.items() if name != each.type_name})
        return tuple(found)

    @cached_property
    def fixed_bytes(self) -> int:
        """What a file has that no recipe changes."""
        movable = set(self.movable)
        tensors = next(iter(self.plain.values()))
        rest = {each: each.type_name for each in tensors if each not in movable}
        return self.header_bytes + tensors_bytes(rest)

    @cached_property
    def plain_bytes(self) -> dict[str, int]:
        """How large the plain types' files get."""
        return {name: self.file_bytes(types) for name, types in self.plain.items()}

    def file_bytes(self, types: Types) -> int:
        """How large a file gets in which the movable tensors have these types."""
        return self.fixed_bytes + tensors_bytes({each: types[each] for each in self.movable})

    def uniform(self, name: str) -> Types:
        """All tensors as one type, or as the most similar one that they can be."""
        groups = grouped(self.movable, self.types, len(self.movable))
        return assigned(groups, tuple(group.nearest(name) for group in groups))

    def recipe(self, types: Types) -> Recipe:
        """The recipe for these types; it goes by the name of the plain type of a similar size."""
        size = self.file_bytes(types)
        named = [name for name in self.plain if name not in _NO_BASE]
        base = min(named, key=lambda name: abs(self.plain_bytes[name] - size))
        return recipe_of(types, base)

    def smallest_bytes(self) -> int:
        return self.file_bytes(self.uniform(min(self.types, key=bits_of)))


def read_for_a_token(tensors: Iterable[Tensor], experts: float) -> dict[Tensor, float]:
    """How much of a tensor is read for one token, where that is not all of it.

    Args:
        experts: of all experts, the share that a token uses.
    """
    named = {tensor.name: tensor for tensor in tensors}
    found = {each: experts for name, each in named.items() if _EXPERTS.search(name)}
    # Of these a token reads one row; where there is no output, the embedding serves as one.
    rows = ["per_layer_token_embd.weight"]
    rows += ["token_embd.weight"] if "output.weight" in named else []
    return found | {named[name]: _ROW_READ for name in rows if name in named}
