"""The seed tree is stable and its branches are distinct."""

from obfnet.seeds import branch


def test_branches_are_stable_and_distinct():
    assert branch(0, "forge", 1) == branch(0, "forge", 1) == 2359303065783135834
    seeds = {branch(root, name, n) for root in range(3) for name in "ab" for n in range(50)}
    assert len(seeds) == 300
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert branch(1, 23) != branch(12, 3)
