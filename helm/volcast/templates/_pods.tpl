{{/* Of global.pods: where every pod may run. */}}
{{- define "volcast.scheduling" -}}
{{- range $name := list "nodeSelector" "tolerations" "affinity" "priorityClassName" }}
{{- with index $.Values.global.pods $name }}
{{ $name }}: {{ toJson . }}
{{- end }}
{{- end }}
{{- end }}

{{/* Of global.pods: annotations of every pod, each on a line. */}}
{{- define "volcast.podAnnotations" -}}
{{- with .Values.global.pods.annotations }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{/* Of global.pods: environment of every container. */}}
{{- define "volcast.extraEnvironment" -}}
{{- with .Values.global.pods.extraEnv }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{/* Certificates that pods trust; their paths are settings, which steps of the pipelines have too. */}}
{{- define "volcast.caMount" -}}
{{- if .root.Values.global.pods.caBundle }}
- {name: ca, mountPath: /etc/volcast/ca, readOnly: true}
{{- end }}
{{- end }}

{{- define "volcast.caVolume" -}}
{{- if .root.Values.global.pods.caBundle }}
- name: ca
  configMap: {name: volcast-ca}
{{- end }}
{{- end }}

{{- define "volcast.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* What every pod spec begins with. */}}
{{- define "volcast.podDefaults" -}}
serviceAccountName: volcast-{{ .part }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- include "volcast.pullSecrets" .root }}
{{- include "volcast.scheduling" .root }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{/* Pods read their settings when they start: annotations of pods that do. */}}
{{- define "volcast.checksum" -}}
checksum/settings: {{ include "volcast.settings" . | sha256sum }}
{{- with include "volcast.podAnnotations" . }}
{{ . }}
{{- end }}
{{- end }}

{{- define "volcast.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{/* A container of one of our images, as far as all of them are alike. */}}
{{- define "volcast.container" -}}
image: {{ include "volcast.image" . }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
{{- include "volcast.containerSecurity" . | nindent 0 }}
{{- end }}

{{/* Environment of a part that reads the store. */}}
{{- define "volcast.storeEnvironment" -}}
{{- with .root.Values.redis.existingSecret }}
- name: VOLCAST_ONLINE_STORE
  valueFrom:
    secretKeyRef: {name: {{ . }}, key: url}
{{- end }}
{{- with .root.Values.store.existingSecret }}
- name: AWS_ACCESS_KEY_ID
  valueFrom:
    secretKeyRef: {name: {{ . }}, key: AWS_ACCESS_KEY_ID}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom:
    secretKeyRef: {name: {{ . }}, key: AWS_SECRET_ACCESS_KEY}
{{- end }}
{{- end }}

{{/* Whom a part that checks tokens lets in. */}}
{{- define "volcast.authEnvironment" -}}
{{- if .root.Values.auth.tokenSecret }}
- name: VOLCAST_AUTH_TOKEN_FILE
  value: /var/run/volcast/auth/tokens
{{- end }}
{{- $oidc := .root.Values.auth.oidc }}
{{- if $oidc.jwks }}
- name: VOLCAST_AUTH_JWKS
  value: {{ $oidc.jwks | quote }}
- name: VOLCAST_AUTH_AUDIENCE
  value: {{ $oidc.audience | quote }}
{{- with $oidc.issuer }}
- name: VOLCAST_AUTH_ISSUER
  value: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- define "volcast.authMount" -}}
{{- if .root.Values.auth.tokenSecret }}
- name: auth
  mountPath: /var/run/volcast/auth
  readOnly: true
{{- end }}
{{- end }}

{{- define "volcast.authVolume" -}}
{{- with .root.Values.auth.tokenSecret }}
- name: auth
  secret:
    secretName: {{ . }}
{{- end }}
{{- end }}

{{/* The two folders that may be written: copies of what the store holds, and the rest. */}}
{{- define "volcast.scratchMounts" -}}
- name: tmp
  mountPath: /tmp
- name: cache
  mountPath: /app/var
{{- end }}

{{- define "volcast.scratchVolumes" -}}
- name: tmp
  emptyDir: {sizeLimit: 1Gi}
- name: cache
  emptyDir: {sizeLimit: 4Gi}
{{- end }}

{{/* A token that says to Kubeflow who asks, and to nobody else. */}}
{{- define "volcast.kubeflowToken" -}}
- name: kubeflow-token
  projected:
    sources:
      - serviceAccountToken:
          audience: pipelines.kubeflow.org
          expirationSeconds: 3600
          path: token
{{- end }}
