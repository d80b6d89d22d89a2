{{/* Pieces of one YAML list, each a text that may be empty. */}}
{{- define "volcast.joined" -}}
{{- $whole := list -}}
{{- range . -}}
{{- $whole = append $whole (trim .) -}}
{{- end -}}
{{ compact $whole | join "\n" }}
{{- end }}

{{/*
Deployment of one pod that reads the store, and its Service.

root, part, image, module (after python -m), port, ready (path), values (of the part), and lists of
further YAML as text: environment, mounts, volumes.
*/}}
{{- define "volcast.workload" -}}
{{- $environment := include "volcast.joined" (list (include "volcast.storeEnvironment" .) (include "volcast.joined" .environment) (include "volcast.extraEnvironment" .root)) }}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "volcast.metadata" . | nindent 2 }}
spec:
  replicas: 1
  revisionHistoryLimit: 3
  selector:
    matchLabels:
      {{- include "volcast.selector" . | nindent 6 }}
  strategy:
    rollingUpdate: {maxSurge: 1, maxUnavailable: 0}
  template:
    metadata:
      labels:
        {{- include "volcast.labels" . | nindent 8 }}
      annotations:
        {{- include "volcast.checksum" .root | nindent 8 }}
    spec:
      {{- include "volcast.podDefaults" . | nindent 6 }}
      terminationGracePeriodSeconds: 45
      containers:
        - name: {{ .part }}
          {{- include "volcast.container" . | nindent 10 }}
          command: [python, -m, {{ .module }}]
          args: [--host, 0.0.0.0, --port, {{ .port | quote }}]
          envFrom:
            - configMapRef: {name: volcast-settings}
          {{- with $environment }}
          env:
            {{- . | nindent 12 }}
          {{- end }}
          ports:
            - {name: http, containerPort: {{ .port }}}
          startupProbe:
            httpGet: {path: {{ .alive }}, port: http}
            periodSeconds: 5
            failureThreshold: 60
          readinessProbe:
            httpGet: {path: {{ .ready }}, port: http}
            periodSeconds: 10
          livenessProbe:
            httpGet: {path: {{ .alive }}, port: http}
            periodSeconds: 20
            timeoutSeconds: 5
            failureThreshold: 6
          resources:
            {{- toYaml .values.resources | nindent 12 }}
          volumeMounts:
            {{- include "volcast.joined" (list (include "volcast.scratchMounts" .) (include "volcast.caMount" .) (include "volcast.joined" .mounts)) | nindent 12 }}
      volumes:
        {{- include "volcast.joined" (list (include "volcast.scratchVolumes" .) (include "volcast.caVolume" .) (include "volcast.joined" .volumes)) | nindent 8 }}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "volcast.metadata" . | nindent 2 }}
    volcast/service: {{ .part }}
spec:
  selector:
    {{- include "volcast.selector" . | nindent 4 }}
  ports:
    - {name: http, port: {{ .port }}, targetPort: http}
{{- end }}
