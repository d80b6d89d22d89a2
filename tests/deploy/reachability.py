"""Who may reach whom, computed from NetworkPolicies in plain code.

The semantics are those of networking.k8s.io/v1: a pod that no policy of a direction selects is open
in that direction; else what one of the policies allows is allowed. A connection needs both ends.
"""

import ipaddress
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["End", "permitted"]

Policy = Mapping[str, Any]


@dataclass(frozen=True)
class End:
    """One end of a connection: a pod, or an address outside the cluster (without a namespace)."""

    name: str
    address: str
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)


Port = int | tuple[str, int]
Allowed = Mapping[str, frozenset[Port]]


def permitted(
    policies: Sequence[Policy],
    way: str,
    ends: Sequence[End],
    ports: Sequence[Port],
    inside: Collection[str],
) -> set[tuple[str, str, Port]]:
    """Return (from, to, port) of what the policies of one end permit; a bare port is of TCP.

    ``way`` is Egress for the senders or Ingress for the receivers, of those named in ``inside``.
    """
    connections = set()
    for own in ends:
        if own.name in inside:
            allowed = _open_to(policies, way, own, ends, ports)
            for other in ends:
                pair = (own.name, other.name) if way == "Egress" else (other.name, own.name)
                granted = ports if allowed is None else allowed.get(other.name, frozenset())
                if own.name != other.name:
                    connections |= {(*pair, port) for port in granted}
    return connections


def _open_to(
    policies: Sequence[Policy], way: str, own: End, ends: Sequence[End], ports: Sequence[Port]
) -> Allowed | None:
    """Return the ports by peer that an end may use; None if no policy selects it."""
    ours = [one for one in policies if _governs(one, way, own)]
    if not ours:
        return None
    whole: dict[str, frozenset[Port]] = {}
    for policy in ours:
        for name, allowed in _permitted(policy, way, ends, ports).items():
            whole[name] = whole.get(name, frozenset()) | allowed
    return whole


_cache: dict[tuple[int, str, int], tuple[Policy, Sequence[End], Allowed]] = {}


def _permitted(policy: Policy, way: str, ends: Sequence[End], ports: Sequence[Port]) -> Allowed:
    # Policies are tried with one of them changed at a time: the others are computed once.
    key = (id(policy), way, id(ends))
    if key not in _cache:
        allowed = {
            one.name: frozenset(port for port in ports if _permits(policy, way, one, port))
            for one in ends
        }
        _cache[key] = policy, ends, allowed  # keeps alive whatever has the id
    return _cache[key][2]


def _governs(policy: Policy, way: str, pod: End) -> bool:
    spec = policy["spec"]
    types = spec.get("policyTypes") or (["Ingress", "Egress"] if "egress" in spec else ["Ingress"])
    here = pod.namespace != "" and policy["metadata"]["namespace"] == pod.namespace
    return here and way in types and _selects(spec["podSelector"], pod.labels)


def _permits(policy: Policy, way: str, other: End, port: Port) -> bool:
    rules = policy["spec"].get(way.lower()) or []
    side = "from" if way == "Ingress" else "to"
    home = policy["metadata"]["namespace"]
    return any(
        _covers(rule.get("ports"), port)
        and (not rule.get(side) or any(_is(peer, home, other) for peer in rule[side]))
        for rule in rules
    )


def _covers(ports: list[Mapping[str, Any]] | None, port: Port) -> bool:
    protocol, number = ("TCP", port) if isinstance(port, int) else port
    return not ports or any(
        one.get("protocol", "TCP") == protocol
        and one.get("port", number) <= number <= one.get("endPort", one.get("port", number))
        for one in ports
    )


def _is(peer: Mapping[str, Any], home: str, other: End) -> bool:
    if "ipBlock" in peer:
        block = peer["ipBlock"]
        return _within(block["cidr"], other) and not any(
            _within(one, other) for one in block.get("except", ())
        )
    if not other.namespace:
        return False
    namespace = {"kubernetes.io/metadata.name": other.namespace}
    there = (
        _selects(peer["namespaceSelector"], namespace)
        if "namespaceSelector" in peer
        else other.namespace == home
    )
    return there and _selects(peer.get("podSelector") or {}, other.labels)


def _within(cidr: str, end: End) -> bool:
    return ipaddress.ip_address(end.address) in ipaddress.ip_network(cidr)


def _selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    assert not selector.get("matchExpressions"), "write the evaluator before the selector"
    return (selector.get("matchLabels") or {}).items() <= labels.items()
