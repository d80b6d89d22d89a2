#!/usr/bin/env bash
# Removes the kind cluster with all that is in it, its registry and its keys. Other clusters and images stay.
set -euo pipefail
cd "$(dirname "$0")/../.."

kind delete cluster --name volcast
docker rm --force volcast-registry >/dev/null 2>&1 || true
rm -rf var/kind
echo "gone: cluster volcast, volcast-registry, var/kind"
