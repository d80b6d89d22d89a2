"""The model server, by KServe's protocols: it looks features up, predicts and explains."""

# First of all: Feast, if it gets there before, switches Prometheus to files shared by processes.
import prometheus_client as prometheus_client
