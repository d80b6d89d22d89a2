{{/* Peers of a place: CIDRs, pods of a namespace, else every public address. */}}
{{- define "volcast.place" -}}
{{- if .cidrs }}
{{- range .cidrs }}
- ipBlock: {cidr: {{ . }}}
{{- end }}
{{- else if .namespace }}
- namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: {{ .namespace }}}}
  podSelector: {matchLabels: {{ toJson .podLabels }}}
{{- else }}
- ipBlock:
    cidr: 0.0.0.0/0
    except: [10.0.0.0/8, 100.64.0.0/10, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16]
{{- end }}
{{- end }}

{{/* Pods of one of our parts, from wherever they are asked. */}}
{{- define "volcast.part" -}}
- namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: {{ .root.Release.Namespace }}}}
  podSelector:
    matchLabels:
      {{- include "volcast.selector" . | nindent 6 }}
{{- end }}

{{/* Steps of the pipelines that one role runs. */}}
{{- define "volcast.steps" -}}
- namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: {{ .root.Values.pipelines.namespace }}}}
  podSelector: {matchLabels: {pipelines.kubeflow.org/v2_component: "true", volcast/role: {{ .role }}}}
{{- end }}

{{/* One rule: way (to, from), peers (text), ports, and UDP ports. */}}
{{- define "volcast.rule" -}}
- {{ .way }}:
    {{- trim .peers | nindent 4 }}
  ports:
    {{- range .ports }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
    {{- range .datagrams }}
    - {protocol: UDP, port: {{ . }}}
    {{- end }}
{{- end }}

{{- define "volcast.toPlace" -}}
{{- include "volcast.rule" (dict "way" "to" "peers" (include "volcast.place" .) "ports" (list .port)) }}
{{- end }}

{{- define "volcast.toDNS" -}}
{{- include "volcast.rule" (dict "way" "to" "peers" (include "volcast.place" .Values.networkPolicies.dns) "ports" (list 53) "datagrams" (list 53)) }}
{{- end }}

{{- define "volcast.toOnlineStore" -}}
{{- if .Values.redis.enabled }}
{{- include "volcast.rule" (dict "way" "to" "peers" (include "volcast.part" (dict "root" . "part" "redis")) "ports" (list 6379)) }}
{{- else }}
{{- include "volcast.toPlace" .Values.networkPolicies.onlineStore }}
{{- end }}
{{- end }}

{{- define "volcast.toKubeflow" -}}
{{- $api := dict "namespace" .Values.pipelines.namespace "podLabels" (dict "app" "ml-pipeline") "port" 8888 }}
{{- include "volcast.toPlace" $api }}
{{- end }}

{{/* Where keys of tokens are. */}}
{{- define "volcast.toIssuer" -}}
{{- if .Values.auth.oidc.jwks }}
{{- include "volcast.toPlace" (dict "port" 443) }}
{{- end }}
{{- end }}

{{- define "volcast.fromPrometheus" -}}
{{- if .root.Values.monitoring.enabled }}
{{- include "volcast.rule" (dict "way" "from" "peers" (include "volcast.place" .root.Values.monitoring.prometheus) "ports" (list .port)) }}
{{- end }}
{{- end }}

{{/* Pods of Kubeflow's own, each by one label. */}}
{{- define "volcast.kubeflowPods" -}}
{{- range .labels }}
{{- include "volcast.place" (dict "namespace" $.root.Values.pipelines.namespace "podLabels" .) }}
{{- end }}
{{- end }}

{{/* Policy of one part: ingress and egress are lists of rules as text, of which some may be empty; types if not both. */}}
{{- define "volcast.policy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "volcast.metadata" . | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- .pods | default (include "volcast.selector" .) | nindent 6 }}
  policyTypes: [{{ .types | default "Ingress, Egress" }}]
  {{- with include "volcast.joined" .ingress }}
  ingress:
    {{- . | nindent 4 }}
  {{- end }}
  {{- with include "volcast.joined" .egress }}
  egress:
    {{- . | nindent 4 }}
  {{- end }}
{{- end }}
