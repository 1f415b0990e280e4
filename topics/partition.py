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


def leiden_communities(
    ties: sparse.csr_array,
    *,
    resolution: float,
    seed: int,
    start: NDArray[np.int64] | None = None,
    n_passes: int = N_LEIDEN_PASSES,
) -> NDArray[np.int64]:
    """Communities by modularity (Traag et al. 2019); shape (n,), numbered from 0.

    Parameters
    ----------
    ties : symmetric, non-negative, sorted columns. Another order of the same ties gives other communities.
    resolution : 1 = plain modularity; lower values give fewer and larger communities.
    start : shape (n,), the communities to begin with, numbered from 0; -1 = a community of its own. Where two cuts
        are equally good the one nearer to the start is found. None = each member by itself.
    n_passes : how often the search goes over all members, each time from the last outcome.
    """
    if start is not None:
        return _leiden_from(ties, start, resolution=resolution, seed=seed, n_passes=n_passes)
    _, community_of = graspologic_native.leiden_csr(
        ties.indptr.astype(np.int64),
        ties.indices.astype(np.int32),
        ties.data.astype(np.float64),
        ties.shape[0],
        resolution=resolution,
        iterations=n_passes,
        seed=seed,
    )
    return np.array([community_of[node] for node in range(ties.shape[0])], dtype=np.int64)


def _leiden_from(
    ties: sparse.csr_array, start: NDArray[np.int64], *, resolution: float, seed: int, n_passes: int
) -> NDArray[np.int64]:
    """The library takes a start for named members only; members without ties stay where they were."""
    n = ties.shape[0]
    alone = start < 0
    began = np.where(alone, start.max(initial=-1) + np.cumsum(alone), start)
    edges = sparse.triu(ties, k=1, format="coo")
    names = [str(member) for member in range(n)]
    has_ties = np.unique([edges.row, edges.col])
    named = zip(edges.row.tolist(), edges.col.tolist(), edges.data.tolist(), strict=True)
    _, community_of = graspologic_native.leiden(
        [(names[one], names[other], weight) for one, other, weight in named],
        starting_communities={names[member]: int(began[member]) for member in has_ties.tolist()},
        resolution=resolution,
        iterations=n_passes,
        seed=seed,
    )
    n_found = max(community_of.values(), default=-1) + 1
    found = [community_of.get(name, n_found + member) for member, name in enumerate(names)]
    return np.unique(np.array(found, dtype=np.int64), return_inverse=True)[1].astype(np.int64)


def keep_parts(
    ties: sparse.csr_array, cut: NDArray[np.int64], start: NDArray[np.int64], *, resolution: float, margin: float
) -> NDArray[np.int64]:
    """Take a cut's parts that were several before apart again, unless they belong together by a clear margin.

    Where a few new ties tip the balance, two parts would otherwise become one today and two again tomorrow.

    Parameters
    ----------
    cut, start : shape (n,), communities now and before, from 0; -1 in `start` = in none.
    resolution : as the cut was made with.
    margin : two earlier parts stay one where the ties between them are this share more than the resolution asks.

    Returns
    -------
    Shape (n,), communities from 0.
    """
    volume = np.asarray(ties.sum(axis=0)).ravel()
    asked = resolution * (1 + margin) / max(volume.sum(), 1e-12)
    kept, n_found = cut.copy(), int(cut.max(initial=-1)) + 1
    for community, parts in _parts_before(cut, start).items():
        members = np.flatnonzero(cut == community)
        inside = ties[members][:, members]
        block = _blocks(inside, start[members], parts)
        merged = _merge_blocks(inside, block, volume[members], asked=asked)
        kept[members[merged > 0]] = n_found + merged[merged > 0] - 1
        n_found += int(merged.max())
    return kept


def _parts_before(cut: NDArray[np.int64], start: NDArray[np.int64]) -> dict[int, list[int]]:
    """The earlier parts of which a community holds at least half, for each community that holds several."""
    homes: dict[int, list[int]] = {}
    for part in range(int(start.max(initial=-1)) + 1):
        held = np.bincount(cut[start == part], minlength=1)
        if 0 < held.sum() <= 2 * held.max():
            homes.setdefault(int(held.argmax()), []).append(part)
    return {community: parts for community, parts in sorted(homes.items()) if len(parts) > 1}


def _blocks(inside: sparse.csr_array, start: NDArray[np.int64], parts: list[int]) -> NDArray[np.int64]:
    """The place of each member's earlier part, for others that of the part with most of their ties."""
    place = np.full(int(start.max()) + 2, -1, dtype=np.int64)  # the last place is for -1
    place[parts] = np.arange(len(parts))
    block = place[start]
    to_part = np.round(inside @ _indicator(block, len(parts)), 9)
    return np.where(block < 0, to_part.argmax(axis=1), block)


def _merge_blocks(
    inside: sparse.csr_array, block: NDArray[np.int64], volume: NDArray[np.float64], *, asked: float
) -> NDArray[np.int64]:
    """Join blocks, always the pair with most ties for its size, while it has those that are asked for; from 0."""
    n_blocks = int(block.max()) + 1
    columns = _indicator(block, n_blocks)
    between, size = columns.T @ (inside @ columns), columns.T @ volume
    home = np.arange(n_blocks)
    while True:
        strength = between / np.maximum(asked * np.outer(size, size), 1e-12)
        strength[np.tril_indices(n_blocks)] = 0
        kept, gone = np.unravel_index(np.argmax(np.round(strength, 9)), strength.shape)
        if round(float(strength[kept, gone]), 9) < 1:
            return np.unique(home, return_inverse=True)[1][block].astype(np.int64)
        home[home == gone] = kept
        between[kept] += between[gone]
        between[:, kept] += between[:, gone]
        between[gone], between[:, gone] = 0, 0
        size[kept] += size[gone]
        size[gone] = 0


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
