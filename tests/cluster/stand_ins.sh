#!/usr/bin/env bash
# Makes the images of S3, Redis and MLflow that kind's manifests and the chart name, from programs and the Python packages of
# this machine, for a cluster that reaches no registry of images. Prints their names.
set -euo pipefail
cd "$(dirname "$0")/../.."

image_of() { sed -n 's/^ *image: *//p' "$1" | grep --max-count=1 "$2"; }
# An image of one or more programs with the libraries that they need: name, programs
stand_in() {
  local name=$1 folder program library
  shift
  folder=$(mktemp -d)
  mkdir -p "$folder/usr/bin" "$folder/tmp"
  chmod 755 "$folder"
  chmod 1777 "$folder/tmp"
  for program; do
    cp --dereference "$(PATH=.venv/bin:$PATH command -v "$program")" "$folder/usr/bin/$program"
    for library in $(ldd "$folder/usr/bin/$program" 2>/dev/null | grep -oE '/[^ ]+' || true); do
      cp --dereference --parents "$library" "$folder"
    done
  done
  tar --create --directory "$folder" --owner 0 --group 0 --mtime @0 --sort name . |
    docker import --change 'ENV PATH=/usr/bin' - "$name" >/dev/null
  rm -rf "$folder"
  echo "$name"
}

stand_in "$(image_of manifests/overlays/kind/seaweedfs.yaml seaweedfs)" weed
stand_in "$(image_of helm/volcast/charts/redis/values.yaml redis)" redis-server redis-cli

mlflow=$(image_of helm/volcast/values.yaml mlflow/)
folder=$(mktemp -d)
.venv/bin/uv pip install --quiet --python .venv/bin/python --constraints requirements/lock.txt --target "$folder/mlflow" \
  mlflow-skinny aiohttp alembic sqlalchemy flask flask-cors graphene huey numpy pandas
printf '#!/bin/sh\nexec python -m mlflow "$@"\n' | install -m 755 /dev/stdin "$folder/mlflow/bin/mlflow"
DOCKER_BUILDKIT=0 docker build --quiet --tag "$mlflow" --file - "$folder" >/dev/null <<'DOCKER'
FROM python:3.11-slim-bookworm
COPY mlflow /opt/mlflow
ENV PYTHONPATH=/opt/mlflow PATH=/opt/mlflow/bin:/usr/local/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1
DOCKER
rm -rf "$folder"
echo "$mlflow"
