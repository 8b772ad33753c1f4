"""The Merkle tree of RFC 6962, section 2.1, over SHA-256: growth, proofs and their verification.

`Tree` only grows: it keeps the frontier (the perfect subtrees that make up the root) and, per level of 256, the hashes
of the tile that is not full yet (C2SP tlog-tiles). Proofs are pure functions over `Node`, whoever keeps the hashes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

TILE_WIDTH = 256
"""Hashes in a full tile; a tile spans eight levels of the tree (C2SP tlog-tiles)."""

EMPTY_ROOT = sha256(b"").digest()

Node = Callable[[int, int], bytes]
"""`node(height, index)`: the root of the perfect subtree over leaves `index << height` to `(index + 1) << height`."""


def leaf_hash(leaf: bytes) -> bytes:
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    while len(hashes) > 1:
        hashes = [node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes), 2)]
    return hashes[0]


class Tree:
    """The growing edge of the tree. Not thread safe; one writer owns it."""

    __slots__ = ("edges", "frontier", "full", "size")

    def __init__(self) -> None:
        self.size = 0
        self.frontier: list[bytes] = []
        """Roots of the perfect subtrees, largest first: one for each bit set in `size`."""
        self.edges: list[list[bytes]] = [[]]
        """Per tile level, the hashes of the tile that is not full yet."""
        self.full: list[tuple[int, int, bytes]] = []
        """Tiles (level, index, hashes joined) that became full and that nobody has stored yet."""

    @classmethod
    def at(cls, size: int, node: Node) -> Tree:
        """The edge of a tree of `size` leaves whose hashes `node` gives."""
        tree = cls()
        tree.size = size
        start = 0
        for height in reversed(range(size.bit_length())):
            if size >> height & 1:
                tree.frontier.append(node(height, start >> height))
                start += 1 << height
        tree.edges = []
        for level in range(max(1, (size.bit_length() + 7) // 8)):
            count = size >> 8 * level
            tree.edges.append([node(8 * level, index) for index in range(count - count % TILE_WIDTH, count)])
        return tree

    def append(self, hash_of_leaf: bytes) -> None:
        node, carry, height = hash_of_leaf, self.size, 0
        self._put(0, node)
        while carry & 1:
            node = sha256(b"\x01" + self.frontier.pop() + node).digest()
            carry >>= 1
            height += 1
            if not height & 7:
                self._put(height >> 3, node)
        self.frontier.append(node)
        self.size += 1

    def _put(self, level: int, node: bytes) -> None:
        if level == len(self.edges):
            self.edges.append([])
        edge = self.edges[level]
        edge.append(node)
        if len(edge) == TILE_WIDTH:
            self.full.append((level, self.size >> 8 * (level + 1), b"".join(edge)))
            self.edges[level] = []

    def root(self) -> bytes:
        if not self.frontier:
            return EMPTY_ROOT
        root = self.frontier[-1]
        for left in reversed(self.frontier[:-1]):
            root = node_hash(left, root)
        return root


def subtree(start: int, end: int, node: Node) -> bytes:
    """MTH(D[start:end]) of RFC 6962, for the ranges its recursion makes."""
    width = end - start
    if width == 0:
        return EMPTY_ROOT
    height = width.bit_length() - 1
    if width == 1 << height:
        return node(height, start >> height)
    middle = start + (1 << height)
    return node_hash(node(height, start >> height), subtree(middle, end, node))


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """PATH(index, D[size]): the audit path, lowest hash first. Raises ValueError outside 0 <= index < size."""
    if not 0 <= index < size:
        raise ValueError(f"index {index} is not in a tree of {size}")
    proof = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(subtree(middle, end, node))
            end = middle
        else:
            proof.append(subtree(start, middle, node))
            start = middle
    return proof[::-1]


def consistency_proof(old: int, size: int, node: Node) -> list[bytes]:
    """PROOF(old, D[size]), lowest hash first; empty when old is 0 or size. Raises ValueError unless old <= size."""
    if not 0 <= old <= size:
        raise ValueError(f"a tree of {size} cannot extend one of {old}")
    if old == 0:
        return []
    proof = []
    start, end = 0, size
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            proof.append(subtree(middle, end, node))
            end = middle
        else:
            proof.append(subtree(start, middle, node))
            start = middle
    if start:
        proof.append(subtree(start, end, node))
    return proof[::-1]


def _split(width: int) -> int:
    """The largest power of two below `width`, which is at least 2."""
    return 1 << ((width - 1).bit_length() - 1)


def verify_inclusion(index: int, size: int, hash_of_leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162, section 2.1.3.2."""
    if not 0 <= index < size:
        return False
    position, last, node = index, size - 1, hash_of_leaf
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            node = node_hash(node, sibling)
        position >>= 1
        last >>= 1
    return last == 0 and node == root


def verify_consistency(old: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]) -> bool:
    """RFC 9162, section 2.1.4.2. An empty old tree is consistent with everything."""
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    if old >= size:
        return old == size and not proof and old_root == root
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    position, last = old - 1, size - 1
    while position & 1:
        position >>= 1
        last >>= 1
    before = after = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            after = node_hash(after, sibling)
        position >>= 1
        last >>= 1
    return last == 0 and before == old_root and after == root
