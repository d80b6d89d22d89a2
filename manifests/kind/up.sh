#!/usr/bin/env bash
# Makes a kind cluster with everything that volcast needs, and volcast on it. Run it again at any time: what
# is there stays, and what changed is brought up to date.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=manifests/kind/versions.env
source manifests/kind/versions.env

cluster=volcast
registry=volcast-registry port=5001
mine=var/kind

missing=()
for program in docker kind kubectl helm kustomize; do
  command -v "$program" >/dev/null || missing+=("$program")
done
[[ -x .venv/bin/python ]] || missing+=(".venv (make setup)")
if ((${#missing[@]})); then
  printf 'missing: %s\ndocs/kind.md lists where each comes from.\n' "$(IFS=,; echo "${missing[*]}")" >&2
  exit 2
fi
docker info >/dev/null || { echo "no Docker engine answers" >&2; exit 2; }

say() { printf '\n== %s\n' "$*"; }
k() { kubectl --context "kind-$cluster" "$@"; }
h() { helm --kube-context "kind-$cluster" "$@"; }

say "registry at localhost:$port"
if [[ $(docker inspect --format '{{.State.Running}}' $registry 2>/dev/null || true) != true ]]; then
  docker rm --force $registry >/dev/null 2>&1 || true
  docker run --detach --restart=always --publish "127.0.0.1:$port:5000" --name $registry "$REGISTRY_IMAGE"
fi

say "cluster $cluster"
if ! kind get clusters 2>/dev/null | grep --quiet --line-regexp $cluster; then
  kind create cluster --name $cluster --image "$NODE_IMAGE" --config manifests/kind/cluster.yaml --wait 180s
fi
for node in $(kind get nodes --name $cluster); do
  docker exec "$node" mkdir -p "/etc/containerd/certs.d/localhost:$port"
  docker exec --interactive "$node" cp /dev/stdin "/etc/containerd/certs.d/localhost:$port/hosts.toml" \
    <<<"[host.\"http://$registry:5000\"]"
done
if [[ $(docker inspect --format '{{json .NetworkSettings.Networks.kind}}' $registry) == null ]]; then
  docker network connect kind $registry
fi

say "cert-manager $CERT_MANAGER"
h upgrade --install cert-manager oci://quay.io/jetstack/charts/cert-manager --version "$CERT_MANAGER" \
  --namespace cert-manager --create-namespace --set crds.enabled=true --wait --timeout 10m

say "kinds of Gateway API $GATEWAY_API and of Prometheus Operator $PROMETHEUS_OPERATOR"
releases=https://github.com
k apply --server-side --filename \
  "$releases/kubernetes-sigs/gateway-api/releases/download/$GATEWAY_API/standard-install.yaml"
k apply --server-side --filename \
  "$releases/prometheus-operator/prometheus-operator/releases/download/$PROMETHEUS_OPERATOR/stripped-down-crds.yaml"

say "KServe $KSERVE"
h upgrade --install kserve-crd oci://ghcr.io/kserve/charts/kserve-crd --version "$KSERVE" \
  --namespace kserve --create-namespace --wait --timeout 10m
h upgrade --install kserve oci://ghcr.io/kserve/charts/kserve-resources --version "$KSERVE" \
  --namespace kserve --set kserve.controller.deploymentMode=Standard \
  --set kserve.controller.gateway.disableIngressCreation=true \
  --set kserve.controller.gateway.disableIstioVirtualHost=true --wait --timeout 10m

say "Kubeflow Pipelines $KUBEFLOW_PIPELINES"
kubeflow=github.com/kubeflow/pipelines/manifests/kustomize
k apply --kustomize "$kubeflow/cluster-scoped-resources?ref=$KUBEFLOW_PIPELINES&timeout=300s"
k wait --for condition=established --timeout=60s crd/applications.app.k8s.io
k apply --kustomize "$kubeflow/env/platform-agnostic?ref=$KUBEFLOW_PIPELINES&timeout=300s"
k --namespace kubeflow rollout status deployment/ml-pipeline --timeout=900s

say "images and pipelines"
manifests/release.sh kind "localhost:$port" dev

say "keys of this cluster, made once and kept in $mine"
(
  umask 077
  random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
  if [[ ! -e $mine/tokens ]]; then
    random >"$mine/tokens"
  fi
  if [[ ! -e $mine/store.env ]]; then
    printf 'AWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\n' "$(random)" "$(random)" >"$mine/store.env"
  fi
  # shellcheck disable=SC1091 # written above
  source "$mine/store.env"
  printf '{"identities": [{"name": "volcast", "credentials": [{"accessKey": "%s", "secretKey": "%s"}], ' \
    "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" >"$mine/identities.json"
  printf '"actions": ["Admin", "Read", "Write", "List"]}]}\n' >>"$mine/identities.json"
)
cat >"$mine/kustomization.yaml" <<'YAML'
# Written by manifests/kind/up.sh.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - release
generatorOptions:
  disableNameSuffixHash: true
secretGenerator:
  - {name: volcast-store, namespace: volcast, envs: [store.env]}
  - {name: volcast-store, namespace: kubeflow, envs: [store.env]}
  - {name: volcast-tokens, namespace: volcast, files: [tokens]}
  - {name: seaweedfs-identities, namespace: storage, files: [identities.json]}
YAML

say "volcast"
# A Job cannot be changed, and this one does nothing where its work is done.
k --namespace volcast delete job volcast-bucket --ignore-not-found
# A Deployment of before would share the volume with it.
k --namespace storage delete deployment seaweedfs --ignore-not-found --cascade foreground
kustomize build "$mine" | k apply --server-side --force-conflicts --filename -
k --namespace storage rollout status statefulset/seaweedfs --timeout=300s
k --namespace volcast wait --for condition=complete --timeout=300s job/volcast-bucket
# Until a model was trained the server starts and has nothing to serve.
trained=$(k --namespace volcast get inferenceservice volcast --ignore-not-found \
  --output 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')
[[ $trained == True ]] && untrained=() || untrained=(--untrained)
helm/volcast/deploy.sh "${untrained[@]}" --context "kind-$cluster" volcast helm/volcast \
  --values helm/volcast/environments/kind.yaml --values "$mine/release/values.yaml"

cat <<DONE

volcast is up${untrained:+; the server is ready once a model was trained: docs/kind.md, \"Train\"}. Then
  curl -H "authorization: Bearer \$(cat $mine/tokens)" "http://localhost:8080/predict"
  kubectl --context kind-$cluster -n volcast port-forward deploy/volcast-dashboard 8501
DONE
