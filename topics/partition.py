"""Cutting a weighted graph into a few large, weakly joined parts, and measuring the cut."""

import graspologic_native
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.metrics import adjusted_mutual_info_score

#: A community too small to be a part joins the part that holds at least this share of its ties to parts.
JOIN_SHARE = 2 / 3

#: Rounds of joining: a community may hang on a part through other small communities, but not through a long chain.
N_JOIN_ROUNDS = 5


#: One pass of Leiden can stop well below the best: on a planted graph at modularity 0.72 where a second pass, from
#: the first one's outcome, reached 0.76 and the planted groups.
N_LEIDEN_PASSES = 2


def leiden_communities(ties: sparse.csr_array, *, resolution: float, seed: int) -> NDArray[np.int64]:
    """Communities by modularity (Traag et al. 2019); shape (n,), numbered from 0.

    Parameters
    ----------
    ties : symmetric, non-negative, sorted columns. Another order of the same ties gives other communities.
    resolution : 1 = plain modularity; lower values give fewer and larger communities.
    """
    _, community_of = graspologic_native.leiden_csr(
        ties.indptr.astype(np.int64),
        ties.indices.astype(np.int32),
        ties.data.astype(np.float64),
        ties.shape[0],
        resolution=resolution,
        iterations=N_LEIDEN_PASSES,
        seed=seed,
    )
    return np.array([community_of[node] for node in range(ties.shape[0])], dtype=np.int64)


def large_parts(
    ties: sparse.csr_array, active: NDArray[np.bool_], *, min_active: int, resolution: float, seed: int
) -> NDArray[np.int64]:
    """Communities with enough active members, each with the small communities that hang on it.

    Parameters
    ----------
    active : shape (n,), the members that count for the size of a part.

    Returns
    -------
    The part of each member, numbered by active members, largest first; -1 = stays outside; shape (n,).
    All -1 if fewer than two communities are large enough.
    """
    community = leiden_communities(ties, resolution=resolution, seed=seed)
    n_communities = int(community.max(initial=-1)) + 1
    n_active = np.bincount(community[active], minlength=n_communities)
    large = np.flatnonzero(n_active >= min_active)
    if len(large) < 2:
        return np.full(len(community), -1, dtype=np.int64)
    part = np.full(n_communities, -1, dtype=np.int64)
    part[large] = np.arange(len(large))
    part = _join_small(community_ties(ties, community), part, n_parts=len(large))
    return by_size(part[community], active)


def _join_small(between: sparse.csr_array, part: NDArray[np.int64], *, n_parts: int) -> NDArray[np.int64]:
    """Give each community without a part the part that holds most of its ties, where one does."""
    part = part.copy()
    for _ in range(N_JOIN_ROUNDS):
        to_part = between @ _indicator(part, n_parts)
        total = to_part.sum(axis=1)
        strongest = np.round(to_part.max(axis=1), 9)
        joins = (part < 0) & (total > 0) & (strongest >= np.round(JOIN_SHARE * total, 9))
        if not joins.any():
            break
        part[joins] = to_part.argmax(axis=1)[joins]
    return part


def by_size(part: NDArray[np.int64], active: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Number the parts by active members, largest first; equal parts keep the order of their first member."""
    n_parts = int(part.max(initial=-1)) + 1
    n_active = np.bincount(part[active & (part >= 0)], minlength=n_parts)
    first_member = np.array([np.argmax(part == each) for each in range(n_parts)])
    new_number = np.full(n_parts + 1, -1, dtype=np.int64)  # the last place keeps -1
    new_number[np.lexsort((first_member, -n_active))] = np.arange(n_parts)
    return new_number[part]


def community_ties(ties: sparse.csr_array, community: NDArray[np.int64]) -> sparse.csr_array:
    """Weight of the ties between each two communities; the diagonal holds twice the weight inside."""
    n = len(community)
    member_of = sparse.csr_array((np.ones(n), (np.arange(n), community)), shape=(n, int(community.max(initial=-1)) + 1))
    return (member_of.T @ ties @ member_of).tocsr()


def part_ties(ties: sparse.csr_array, part: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weight of the ties between each two parts; the last row and column are the members outside.

    Shape (n_parts + 1, n_parts + 1), symmetric; the diagonal holds twice the weight inside.
    """
    n_parts = int(part.max(initial=-1)) + 1
    columns = _indicator(np.where(part < 0, n_parts, part), n_parts + 1)
    return np.asarray(columns.T @ (ties @ columns))


def conductances(between: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of each part's ties that leave it, or of the rest's ties if those are fewer; NaN without ties.

    Parameters
    ----------
    between : from `part_ties`.

    Returns
    -------
    Shape (n_parts,), in [0, 1]: cut / min(volume of the part, volume of all the rest).
    """
    volume = between.sum(axis=1)
    smaller = np.minimum(volume, volume.sum() - volume)
    cut = volume - np.diag(between)
    return np.asarray(np.divide(cut, smaller, out=np.full(len(cut), np.nan), where=smaller > 0)[:-1])


def modularity(between: NDArray[np.float64]) -> float:
    """Newman and Girvan's modularity of the parts; members outside count as communities of one.

    Parameters
    ----------
    between : from `part_ties`, with at least one tie.
    """
    inside = np.diag(between)[:-1].sum() / between.sum()
    return float(inside - _expected_inside(between))


def highest_modularity(between: NDArray[np.float64]) -> float:
    """The modularity that parts of these sizes would have without a single tie between them."""
    volume_share = between.sum(axis=1)[:-1].sum() / between.sum()
    return float(volume_share - _expected_inside(between))


def _expected_inside(between: NDArray[np.float64]) -> float:
    return float(np.sum((between.sum(axis=1)[:-1] / between.sum()) ** 2))


def merge_to(between: NDArray[np.float64], n_parts: int) -> NDArray[np.float64]:
    """Merge communities, always the pair that raises modularity most, until `n_parts` are left (Newman 2004).

    Parameters
    ----------
    between : weight between each two communities, dense, with nobody outside.

    Returns
    -------
    As `part_ties`, with an empty last row and column.
    """
    merged = between / between.sum()
    while len(merged) > n_parts:
        volume = merged.sum(axis=1)
        gain = merged - np.outer(volume, volume)
        np.fill_diagonal(gain, -np.inf)
        kept, gone = np.unravel_index(np.argmax(np.round(gain, 12)), gain.shape)
        merged[kept] += merged[gone]
        merged[:, kept] += merged[:, gone]
        merged = np.delete(np.delete(merged, gone, axis=0), gone, axis=1)
    return np.pad(merged, (0, 1))


def agreement(partitions: list[NDArray[np.int64]]) -> float:
    """Mean adjusted mutual information over all pairs of partitions; a partition into one piece agrees with none."""
    pairs = [(one, other) for place, one in enumerate(partitions) for other in partitions[:place]]
    return float(np.mean([_agreement_of_two(one, other) for one, other in pairs]))


def _agreement_of_two(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    if one.min() == one.max() or other.min() == other.max():
        return 0.0
    return float(adjusted_mutual_info_score(one, other))


def bootstrap_ties(ties: sparse.csr_array, rng: np.random.Generator) -> sparse.csr_array:
    """Draw the edges again with replacement: each edge counts as often as it was drawn (Poisson, mean 1)."""
    edges = sparse.triu(ties, k=1, format="coo")
    times = rng.poisson(1.0, size=edges.nnz)
    return symmetric(edges.row, edges.col, edges.data * times, n=ties.shape[0])


def symmetric(
    left: NDArray[np.int64], right: NDArray[np.int64], weight: NDArray[np.float64], *, n: int
) -> sparse.csr_array:
    """A graph from a list with each edge once; columns sorted, edges of weight 0 left out."""
    kept = weight > 0
    half = sparse.coo_array((weight[kept], (left[kept], right[kept])), shape=(n, n)).tocsr()
    whole = (half + half.T).tocsr()
    whole.sort_indices()
    return whole


def _indicator(part: NDArray[np.int64], n_parts: int) -> NDArray[np.float64]:
    """One column a part, 1 for its members; members outside have zeros; shape (n, n_parts)."""
    return np.asarray(part[:, None] == np.arange(n_parts), dtype=np.float64)
