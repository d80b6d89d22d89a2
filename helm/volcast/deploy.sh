#!/usr/bin/env bash
# Installs or upgrades the release `volcast` and waits until its server forecasts, which `helm --wait` does not:
# helm knows no InferenceService. On failure the revision before comes back, and the exit code is 1.
#
#   deploy.sh [--untrained] [--context NAME] [--seconds N] NAMESPACE CHART [HELM-FLAG...]
#
# --untrained: the store has no champion yet, so that the server can start but not be Ready.
# --seconds: for each of helm and the server, 600 by default.
set -euo pipefail

usage() { sed -n '5s/^# *//p' "$0" >&2; exit 2; }
untrained='' context='' seconds=600
while (($#)); do
  case $1 in
    --untrained) untrained=yes; shift ;;
    --context | --seconds) (($# > 1)) || usage; declare "${1#--}=$2"; shift 2 ;;
    *) break ;;
  esac
done
(($# >= 2)) && [[ $1 != -* && $seconds =~ ^[0-9]+$ ]] || usage
namespace=$1 chart=$2
shift 2

k() { kubectl ${context:+--context "$context"} --namespace "$namespace" "$@"; }
h() { helm ${context:+--kube-context "$context"} --namespace "$namespace" "$@"; }
ready() {
  k get inferenceservice volcast --ignore-not-found --output 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
}

# Waits until what kubectl gets matches a pattern.
wait_for() {
  local pattern=$1
  shift
  # shellcheck disable=SC2053 # a pattern
  until [[ $(k get "$@") == $pattern ]]; do
    if ((SECONDS > deadline)); then echo "no $pattern in $seconds s: kubectl get $*" >&2; return 1; fi
    sleep 2
  done
}

# KServe makes the server's pods after helm is done: those of another template say nothing about this one.
wait_for_server() {
  local template
  deadline=$((SECONDS + seconds))
  template=$(k get inferenceservice volcast --output "jsonpath={.spec.predictor.labels['volcast/template']}") &&
    wait_for "$template" deployment volcast-predictor --ignore-not-found \
      --output "jsonpath={.spec.template.metadata.labels['volcast/template']}" || return 1
  if [[ $untrained ]]; then
    wait_for '*true*' pods --selector "volcast/template=$template" --output 'jsonpath={.items[*].status.containerStatuses[*].started}'
  else
    k rollout status deployment/volcast-predictor --timeout "$((deadline - SECONDS + 1))s" &&
      k wait --for condition=Ready inferenceservice/volcast --timeout "$((deadline - SECONDS + 1))s"
  fi
}

undo() {
  echo "== failed; the server and its last events:" >&2
  k get inferenceservice,deployment,pods >&2 || true
  k logs --selector app.kubernetes.io/component=serving --all-containers --tail 40 >&2 || true
  k get events --sort-by .lastTimestamp 2>/dev/null | tail -20 >&2 || true
  if [[ $before ]]; then
    echo "== back to revision $before" >&2
    h rollback volcast "$before" --wait --timeout "${seconds}s"
    [[ $was_ready != True ]] || untrained='' wait_for_server
  elif [[ $release$server ]]; then
    echo "== nothing to go back to, and what was there before helm is not removed" >&2
  else
    echo "== the first installation is removed" >&2
    h uninstall volcast --wait --timeout "${seconds}s" || h uninstall volcast --no-hooks --wait --timeout "${seconds}s"
  fi
  exit 1
}

release=$(h list --all --short --filter '^volcast$')
server=$(k get inferenceservice volcast --ignore-not-found --output name)
was_ready=$(ready)
before=''
if [[ $release ]]; then
  # A failed upgrade leaves the revision before it deployed.
  before=$(h history volcast --output yaml | awk '/^.  *revision:|^- revision:/ {n = $NF} / status: deployed$/ {last = n} END {print last}')
fi

h upgrade --install volcast "$chart" "$@" --take-ownership --wait --timeout "${seconds}s" || undo
wait_for_server || undo
[[ $untrained ]] || h test volcast --timeout 120s || undo
