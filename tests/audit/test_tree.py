"""The tree is RFC 6962's: its vectors, an independent implementation, and proofs that nothing else satisfies."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from hanlin.audit.tree import (
    EMPTY_ROOT,
    Tree,
    consistency_proof,
    fold,
    inclusion_proof,
    leaf_hash,
    subtree,
    verify_consistency,
    verify_inclusion,
)
from hanlin.audit.verifier import tile_path, tiles_of

VECTOR_LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
VECTOR_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""Certificate Transparency's published test vectors for RFC 6962."""


class Hashes:
    """A `Node` over a list of leaf hashes."""

    def __init__(self, size: int) -> None:
        self.leaves = [leaf_hash(str(i).encode()) for i in range(size)]

    def __call__(self, height: int, index: int) -> bytes:
        return fold(self.leaves[index << height : (index + 1) << height])

    def root(self, size: int) -> bytes:
        return subtree(0, size, self)


HASHES = Hashes(700)


def test_roots_are_the_published_ones() -> None:
    tree = Tree()
    assert tree.root() == EMPTY_ROOT
    for leaf, root in zip(VECTOR_LEAVES, VECTOR_ROOTS, strict=True):
        tree.append(leaf_hash(bytes.fromhex(leaf)))
        assert tree.root().hex() == root


def test_roots_and_inclusion_proofs_equal_an_independent_implementation() -> None:
    oracle, tree = InmemoryTree(algorithm="sha256"), Tree()
    for size in range(1, 70):
        oracle.append_entry(str(size - 1).encode())
        tree.append(HASHES.leaves[size - 1])
        assert tree.root() == oracle.get_root() == HASHES.root(size)
        for index in range(size):
            theirs = oracle.prove_inclusion(index + 1, size).path[1:]
            assert inclusion_proof(index, size, HASHES) == theirs


@given(st.integers(1, 700), st.data())
def test_an_inclusion_proof_holds_for_its_leaf_and_for_nothing_else(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, size - 1).filter(lambda i: i != index or size == 1))
    proof, root = inclusion_proof(index, size, HASHES), HASHES.root(size)
    assert verify_inclusion(index, size, HASHES.leaves[index], proof, root)
    assert other == index or not verify_inclusion(index, size, HASHES.leaves[other], proof, root)
    assert other == index or not verify_inclusion(other, size, HASHES.leaves[index], proof, root)
    assert not verify_inclusion(index, size, HASHES.leaves[index], [*proof, root], root)
    assert not proof or not verify_inclusion(index, size, HASHES.leaves[index], proof[:-1], root)
    assert not verify_inclusion(size, size, HASHES.leaves[index], proof, root)


@given(st.integers(0, 700), st.data())
def test_a_consistency_proof_holds_for_its_trees_and_for_no_other(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, size))
    proof = consistency_proof(old, size, HASHES)
    old_root, root = HASHES.root(old), HASHES.root(size)
    assert verify_consistency(old, size, old_root, root, proof)
    if 0 < old < size:
        forged = bytes(32)
        assert not verify_consistency(old, size, forged, root, proof)
        assert not verify_consistency(old, size, old_root, forged, proof)
        assert not verify_consistency(old, size, old_root, root, proof[:-1])
        assert not verify_consistency(old, size, old_root, root, [*proof, forged])
    assert not verify_consistency(size + 1, size, old_root, root, proof)


@given(st.integers(0, 700), st.integers(0, 700))
def test_a_tree_taken_up_from_its_hashes_grows_like_the_one_that_was_left(start: int, more: int) -> None:
    end = min(700, start + more)
    resumed, whole = Tree.at(start, HASHES), Tree()
    for node in HASHES.leaves[:end]:
        whole.append(node)
    for node in HASHES.leaves[start:end]:
        resumed.append(node)
    assert (resumed.root(), resumed.frontier) == (whole.root(), whole.frontier)
    assert [edge for edge in resumed.edges if edge] == [edge for edge in whole.edges if edge]
    assert resumed.full == [tile for tile in whole.full if (tile[1] + 1) * 256 ** (tile[0] + 1) > start]


def test_a_tree_of_70000_has_the_tiles_of_the_specification() -> None:
    """C2SP tlog-tiles gives this example: 273 full tiles and one of 112, then 1 and one of 17, then one of 1."""
    tiles = list(tiles_of(70_000))
    assert [sum(t[0] == level and t[2] == 256 for t in tiles) for level in range(3)] == [273, 1, 0]
    assert [t for t in tiles if t[2] < 256] == [(0, 273, 112), (1, 1, 17), (2, 0, 1)]
    assert tile_path(0, 1_234_067, 256) == "tile/0/x001/x234/067"
    assert tile_path("entries", 273, 112) == "tile/entries/273.p/112"
