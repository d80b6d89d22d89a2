{{- define "volcast.selector" -}}
app.kubernetes.io/name: volcast
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{/* Of every object; `part` names whose it is. */}}
{{- define "volcast.labels" -}}
{{ include "volcast.selector" . }}
app.kubernetes.io/part-of: volcast
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "volcast.metadata" -}}
name: {{ .name | default (printf "volcast-%s" .part) }}
namespace: {{ .namespace | default .root.Release.Namespace }}
labels:
  {{- include "volcast.labels" . | nindent 2 }}
{{- end }}

{{/* One of our images; a digest beats the tag. */}}
{{- define "volcast.image" -}}
{{- $image := .root.Values.image -}}
{{- $name := printf "%s/%s/%s" $image.registry $image.repository .image -}}
{{- with index $image.digests .image -}}
{{ printf "%s@%s" $name . }}
{{- else -}}
{{ printf "%s:%s" $name ($image.tag | default $.root.Chart.AppVersion) }}
{{- end -}}
{{- end }}

{{- define "volcast.kubeflow" -}}
http://ml-pipeline.{{ .Values.pipelines.namespace }}.svc:8888
{{- end }}

{{/* The online store's address, where it is no secret. */}}
{{- define "volcast.onlineStore" -}}
{{- if .Values.redis.existingSecret -}}
{{- else if .Values.redis.enabled -}}
redis://volcast-redis.{{ .Release.Namespace }}.svc:6379
{{- else -}}
{{ .Values.redis.address }}
{{- end -}}
{{- end }}

{{- define "volcast.mlflow" -}}
{{- if .Values.mlflow.enabled -}}
http://volcast-mlflow.{{ .Release.Namespace }}.svc:5000
{{- else -}}
{{ .Values.mlflow.uri }}
{{- end -}}
{{- end }}
