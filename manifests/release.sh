#!/usr/bin/env bash
# Builds and pushes the images, compiles the pipelines with their digests, and writes both into the values of a
# release and a kustomization over an overlay: manifests/release.sh kind|eks REGISTRY TAG
# BASE, INDEX_URL and SOURCE_URL of the environment are those of `make build`.
set -euo pipefail
cd "$(dirname "$0")/.."

if (($# != 3)) || [[ ! -d manifests/overlays/$1 ]]; then
  echo "usage: manifests/release.sh kind|eks REGISTRY TAG" >&2
  exit 2
fi
overlay=$1 registry=$2 tag=$3
into=var/$overlay/release
mkdir -p "$into/pipelines"

images=(data model drift serving dashboard)
VOLCAST_IMAGE_REPOSITORY=$registry/volcast VOLCAST_IMAGE_TAG=$tag make build IMAGES="${images[*]}"
digests=()
for image in "${images[@]}"; do
  reference=$registry/volcast/$image:$tag
  docker push "$reference"
  # An image that was pushed elsewhere too has a digest for each place.
  digest=$(docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$reference" |
    grep --max-count=1 "^$registry/volcast/$image@sha256:") ||
    { echo "no digest of $reference after its push" >&2; exit 1; }
  digests+=("$digest")
done

{
  echo '{'
  for i in "${!images[@]}"; do
    ((i + 1 < ${#images[@]})) && comma=, || comma=
    printf '  "%s": "%s"%s\n' "${images[i]}" "${digests[i]}" "$comma"
  done
  echo '}'
} >"$into/images.json"
.venv/bin/python -m pipelines.compile --digests "$into/images.json" --out "$into/pipelines"

{
  echo "# Written by manifests/release.sh."
  echo "apiVersion: kustomize.config.k8s.io/v1beta1"
  echo "kind: Kustomization"
  echo "resources:"
  echo "  - ../../../manifests/overlays/$overlay"
  echo "images:"
  for i in "${!images[@]}"; do
    echo "  - name: $registry/volcast/${images[i]}"
    echo "    digest: ${digests[i]#*@}"
  done
} >"$into/kustomization.yaml"

{
  echo "# Written by manifests/release.sh."
  echo "image:"
  echo "  registry: \"$registry\""
  echo "  tag: \"$tag\""
  echo "  digests:"
  for i in "${!images[@]}"; do
    [[ ${images[i]} == serving || ${images[i]} == dashboard ]] && echo "    ${images[i]}: ${digests[i]#*@}"
  done
  echo "pipelines:"
  echo "  packages:"
  for file in "$into"/pipelines/*.yaml; do
    echo "    $(basename "$file"): |"
    sed 's/^/      /' "$file"
  done
} >"$into/values.yaml"
echo "written: $into"
