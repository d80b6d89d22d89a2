#!/usr/bin/env bash
# Render everything that goes to a cluster and check it, and what it is built from: `make policies`.
# An exception has its reason here, in checkov.yaml, or in an annotation of the object.
set -euo pipefail
cd "$(dirname "$0")/../.."
PATH="$PWD/.venv-policy/bin:$PWD/.tools/bin:$PATH"
rendered=$(mktemp -d)
trap 'rm -rf "$rendered"' EXIT
failed=()
check() { echo "== $1"; "$@" </dev/null || failed+=("$1"); }

# Helm from source does not know a Kubernetes of its own.
render=(helm template volcast helm/volcast --kube-version 1.35.0 --namespace volcast)
for values in helm/volcast/ci/*-values.yaml; do
  check helm lint --strict --quiet --kube-version 1.35.0 helm/volcast --values "$values"
  "${render[@]}" --values "$values" \
    >"$rendered/chart-$(basename "$values" -values.yaml).yaml"
done
packages=()
for file in pipelines/compiled/*.yaml; do
  packages+=(--set-file "pipelines.packages.$(basename "$file" .yaml)\\.yaml=$file")
done
for values in helm/volcast/environments/*.yaml; do
  check helm lint --strict --quiet --kube-version 1.35.0 helm/volcast --values "$values" "${packages[@]}"
  environment=$(basename "$values" .yaml)
  {
    kustomize build "manifests/overlays/${environment%-*}"
    echo ---
    "${render[@]}" --values "$values" "${packages[@]}"
  } >"$rendered/environment-$environment.yaml"
done

check python -m manifests.policies.schemas "$rendered"/*.yaml

kube_score=(
  container-image-pull-policy # tags are never moved
  deployment-replicas         # these show or keep what one process holds; only the server has replicas
  statefulset-has-servicename # nothing asks for a pod of them by name, and a Service's address cannot be taken away later
  pod-probes-identical        # they answer this address as soon as they can answer anything
  networkpolicy-targets-pod   # KServe, Kubeflow and helm test make the pods that these select
  service-targets-pod         # KServe makes the pods that this selects
)
ignored=$(IFS=,; echo "${kube_score[*]}")
# One set of values turns network policies off, which is what it tests.
mapfile -t with_policies < <(find "$rendered" -name '*.yaml' ! -name '*no-network-policies*')
check kube-score score --exit-one-on-warning --ignore-test "$ignored" "${with_policies[@]}"
check kube-score score --exit-one-on-warning --ignore-test "$ignored,pod-networkpolicy" \
  "$rendered/chart-no-network-policies.yaml"

check checkov --config-file manifests/policies/checkov.yaml --directory "$rendered" --framework kubernetes
check checkov --config-file manifests/policies/checkov.yaml --directory . \
  --framework dockerfile github_actions cloudformation
check hadolint components/Dockerfile serving/Dockerfile
check cfn-lint manifests/eks/aws.yaml manifests/eks/data.yaml
check shellcheck --external-sources helm/volcast/deploy.sh manifests/*.sh manifests/*/*.sh .github/*.sh
check actionlint # with shellcheck, of the scripts in workflows
check yamllint --strict --config-file manifests/policies/yamllint.yaml compose.yaml skaffold.yaml .github \
  helm/volcast/Chart.yaml helm/volcast/values.yaml helm/volcast/ci helm/volcast/environments helm/volcast/files manifests
check promtool check rules --lint=all --lint-fatal helm/volcast/files/rules/*.yaml

if [ ${#failed[@]} -gt 0 ]; then
  echo "failed: ${failed[*]}" >&2
  exit 1
fi
