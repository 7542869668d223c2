"""A label job on a cluster of two nodes in this machine, one of which is removed at work; in a process of its own.

python -m tests.end_to_end.ray_label_cluster IN OUT SHARD_IMAGES SECONDS_A_PICTURE REMOVE_AFTER_SHARDS

Prints a JSON object: shards done in all and on the node that is gone, who did them, counts, notes.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from functools import partial
from pathlib import Path

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import ray
from ray.cluster_utils import Cluster
from tests.unit.labels.pictures_and_teachers import GreyTeacher

from leadline.labels.ray_job import RayLabelJob

_STORE_BYTES = 80 << 20


def main() -> None:
    source, out, shard_images, seconds, remove_after = sys.argv[1:]
    node = {"num_cpus": 1, "object_store_memory": _STORE_BYTES}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    try:
        second = cluster.add_node(**node)
        cluster.wait_for_nodes()
        job = RayLabelJob(
            [source], partial(GreyTeacher, seconds=float(seconds)), Path(out), shard_images=int(shard_images),
            workers=(1, 2), cpus_per_worker=1, address=cluster.address, wait_s=60,
        )  # fmt: skip
        done, by, counts, removed = 0, Counter[str](), Counter[str](), 0
        for shard in job.run():
            done += 1
            by[shard.by] += 1
            counts.update(shard.counts)
            at_work = sum(worker.ready is None for worker in job._workers)
            if not removed and done >= int(remove_after) and at_work == 2:
                cluster.remove_node(second, allow_graceful=False)
                removed = done
        said = {
            "cluster": job.cluster,
            "shards": done,
            "removed_after": removed,
            "by": by,
            "counts": counts,
            "notes": job.notes,
        }
        print(json.dumps(said), flush=True)
    finally:
        ray.shutdown()
        cluster.shutdown()


if __name__ == "__main__":
    main()
