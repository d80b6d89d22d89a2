"""What the chart refuses, and how it says so."""

__all__ = ["REFUSALS"]

ROUTED = (
    "route.enabled=true",
    "auth.tokenSecret=t",
    "route.hostname=v.example.com",
    "route.gateway.name=g",
)

REFUSALS: dict[str, tuple[tuple[str, ...], str]] = {
    "two online stores": (
        ("redis.address=redis://r:6379",),
        "redis.enabled and redis.address: there is one online store",
    ),
    "an address and a secret address": (
        ("redis.enabled=false", "redis.address=redis://r:6379", "redis.existingSecret=s"),
        "redis.address and redis.existingSecret: the Secret's key `url` is the address",
    ),
    "no online store": (("redis.enabled=false",), "redis: no online store"),
    "two mirrors": (
        ("mlflow.uri=https://m.example.com",),
        "mlflow.enabled and mlflow.uri: the registry has one mirror",
    ),
    "schedules of nothing": (
        ("schedules.enabled=true",),
        "schedules.enabled without pipelines.packages: give each by --set-file",
    ),
    "tokens for anybody": (
        ("auth.oidc.jwks=https://k.example.com",),
        "auth.oidc.jwks without auth.oidc.audience",
    ),
    "an audience without keys": (
        ("auth.oidc.audience=volcast",),
        "auth.oidc without auth.oidc.jwks: no token would be checked",
    ),
    "an issuer without keys": (
        ("auth.oidc.issuer=https://i.example.com",),
        "auth.oidc without auth.oidc.jwks: no token would be checked",
    ),
    "a public route without a token": (
        (ROUTED[0], *ROUTED[2:]),
        "route.enabled without auth.tokenSecret or auth.oidc.jwks",
    ),
    "a route without a name": (ROUTED[:3], "set route.hostname and route.gateway.name"),
    "a route without a host": (
        (*ROUTED[:2], ROUTED[3]),
        "set route.hostname and route.gateway.name",
    ),
    "a gateway without TLS": (
        (*ROUTED, "route.gateway.create=true", "route.gateway.className=c"),
        "there is no route without TLS",
    ),
    "a gateway without a class": (
        (*ROUTED, "route.gateway.create=true", "route.gateway.tlsSecret=t"),
        "set route.gateway.className and route.gateway.tlsSecret",
    ),
    "a gateway made elsewhere": (
        (*ROUTED, "route.gateway.create=true", "route.gateway.className=c",
         "route.gateway.tlsSecret=t", "route.gateway.namespace=elsewhere"),
        "a Gateway that is made is in the release's namespace",
    ),
    "alerts on an absent exporter": (
        ("exporter.enabled=false",),
        "monitoring.enabled without exporter.enabled",
    ),
    "external secrets of no store": (
        ("externalSecrets.secrets[0].name=a", "externalSecrets.secrets[0].key=b"),
        "externalSecrets.secrets without externalSecrets.store.name",
    ),
    "fewer replicas at most than at least": (
        ("serving.maxReplicas=1",),
        "serving.minReplicas 2 is more than serving.maxReplicas 1",
    ),
    "no bucket": (("store.uri=",), "'/store/uri'"),
    "a store that pods do not share": (("store.uri=/var/store",), "'/store/uri'"),
    "no registry of images": (("image.registry=",), "'/image/registry'"),
    "a digest that is none": (
        ("image.digests.serving=sha256:abc",), "'/image/digests/serving'",
    ),
    "a digest of an image that no part runs": (
        ("image.digests.model=sha256:" + "1" * 64,), "'model' not allowed",
    ),
    "a password in a value": (("redis.address=redis://:p@r:6379",), "'/redis/address'"),
    "a number that is a word": (("serving.minReplicas=two",), "got string, want integer"),
    "no server": (("serving.minReplicas=0",), "'/serving/minReplicas'"),
    "a switch that is a word": (("mlflow.enabled=maybe",), "got string, want boolean"),
    "a source that a pod cannot read": (("source=csv",), "'/source'"),
    "keys that anybody could change": (
        ("auth.oidc.jwks=http://k.example.com", "auth.oidc.audience=v"), "'/auth/oidc/jwks'",
    ),
    "an image of no version": (("mlflow.image=ghcr.io/mlflow/mlflow",), "'/mlflow/image'"),
    "an image of any version": (("mlflow.image=ghcr.io/mlflow/mlflow:latest",), "'/mlflow/image'"),
    "a Redis of any version": (("redis.image=redis:latest",), "'/image'"),
    "a role that is none": (("pipelines.roles.ingest=admin",), "'/pipelines/roles/ingest'"),
    "a role of nobody": (("pipelines.roles.cook=x",), "'cook' not allowed"),
    "a container without bounds": (
        ("serving.resources.limits.memory=null",), "missing property 'memory'",
    ),
}  # fmt: skip
"""What is turned from the minimal set, and a piece of what helm then says."""
