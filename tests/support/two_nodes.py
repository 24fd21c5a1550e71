"""A Ray cluster of two nodes on loopback: takes the second one away when told, ends with its input.

Prints its address when it is up. 127.0.0.1 will not do for a node: Ray takes that for the
machine's own address.
"""

import sys

from ray.cluster_utils import Cluster

EACH = {"num_cpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False}


def main():
    cluster = Cluster(True, head_node_args={"node_ip_address": "127.0.0.2", **EACH})
    second = cluster.add_node(node_ip_address="127.0.0.3", **EACH)
    print(cluster.address, flush=True)
    for _ in sys.stdin:
        cluster.remove_node(second, allow_graceful=False)
        print("removed", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()
