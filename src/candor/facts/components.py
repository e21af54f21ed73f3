"""Connected components: who is one person, and which issues are one.

Turns a table of pairs into a table of nodes with the smallest node of their component, which is the
same whatever the order of the pairs. Chains of any length converge in one pass. Nodes may be texts
or integers; they are compared as bytes or numbers.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components


def representatives(pairs: pa.Table) -> pa.Table:
    """The smallest node of each node's component.

    Args:
        pairs: columns ``node`` and ``other`` of one type, without nulls, in any order.

    Returns:
        One row per different node in ascending order: ``node`` and ``representative``.
    """
    node_type = pairs.schema.field("node").type
    if pairs.num_rows == 0:
        empty = pa.array([], node_type)
        return pa.table({"node": empty, "representative": empty})
    both = pa.chunked_array(
        [*pairs.column("node").chunks, *pairs.column("other").cast(node_type).chunks]
    )
    unique = pc.unique(both)
    unique = unique.take(pc.sort_indices(unique))
    codes = pc.index_in(both, value_set=unique).to_numpy()
    size = pairs.num_rows
    graph = coo_matrix(
        (np.ones(size, dtype=np.int8), (codes[:size], codes[size:])),
        shape=(len(unique), len(unique)),
    )
    _, label = connected_components(graph, directed=False)
    # Nodes ascend, so the first of each label is the smallest of its component.
    _, first = np.unique(label, return_index=True)
    return pa.table({"node": unique, "representative": unique.take(pa.array(first[label]))})
