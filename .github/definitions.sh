#!/usr/bin/env bash
# Fetches the definitions of the kinds that the chart uses, of the versions that are installed with it, into a
# folder for VOLCAST_CRDS: .github/definitions.sh FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=manifests/kind/versions.env
source manifests/kind/versions.env

into=${1:?usage: .github/definitions.sh FOLDER}
mkdir -p "$into"
# The page has the version of what EKS alone has.
external_secrets=$(sed -n 's/^  --version \([0-9.]*\) -n external-secrets .*/\1/p' docs/eks.md)

fetched() { curl --fail --silent --show-error --location --retry 3 --output "$into/$1" "https://github.com/$2"; }
of_chart() { helm template "$1" "oci://ghcr.io/$2" --version "$3" --include-crds >"$into/$1.yaml"; }

fetched gateway-api.yaml "kubernetes-sigs/gateway-api/releases/download/$GATEWAY_API/standard-install.yaml"
fetched prometheus-operator.yaml \
  "prometheus-operator/prometheus-operator/releases/download/$PROMETHEUS_OPERATOR/stripped-down-crds.yaml"
of_chart kserve-crd kserve/charts/kserve-crd "$KSERVE"
of_chart external-secrets external-secrets/charts/external-secrets "$external_secrets"

for kind in InferenceService ServingRuntime PrometheusRule AlertmanagerConfig ServiceMonitor ExternalSecret Gateway HTTPRoute; do
  grep --quiet --extended-regexp "^ +kind: $kind\$" "$into"/*.yaml || { echo "no definition of $kind was fetched" >&2; exit 1; }
done
