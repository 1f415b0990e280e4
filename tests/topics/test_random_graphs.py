import numpy as np

from tests.topics.planted import planted_activity
from topics.members import build_member_graph
from topics.random_graphs import degree_preserving_graphs


def test_random_graphs_keep_every_degree_and_weight_and_little_else() -> None:
    activity, group = planted_activity(n_groups=3, group_size=40, inside=0.95)
    joint = build_member_graph(activity).joint
    for graph in degree_preserving_graphs(joint, n_graphs=3, seed=0):
        assert np.diff(graph.indptr).tolist() == np.diff(joint.indptr).tolist()
        assert np.sort(graph.data).tolist() == np.sort(joint.data).tolist()
        assert (graph.diagonal() == 0).all()
        assert abs(graph - graph.T).sum() == 0
        edges = graph.tocoo()
        assert (group[edges.row] == group[edges.col]).mean() < 0.45  # by chance: about a third


def test_random_graphs_differ_from_each_other_and_repeat() -> None:
    activity, _ = planted_activity(n_groups=2, group_size=30)
    joint = build_member_graph(activity).joint
    first, second = degree_preserving_graphs(joint, n_graphs=2, seed=0)
    again, _ = degree_preserving_graphs(joint, n_graphs=2, seed=0)
    assert abs(first - second).nnz > 0.5 * joint.nnz
    assert abs(first - again).nnz == 0
