{{/* Names of Kubernetes have 63 characters at most; the longest suffix, -migrate, has 8. */}}
{{- define "aftersend.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What selects the pods of a component, and never changes. Takes root and component. */}}
{{- define "aftersend.selectorLabels" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* Takes root and component. */}}
{{- define "aftersend.labels" -}}
{{ include "aftersend.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: aftersend
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "aftersend.metadata" -}}
name: {{ include "aftersend.fullname" .root }}-{{ .component }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "aftersend.labels" . | nindent 2 }}
{{- end -}}

{{/* Takes root and tag, which may be empty. A digest counts only for the tag of the whole release. */}}
{{- define "aftersend.image" -}}
{{- $image := .root.Values.image -}}
{{- $repository := required "image.repository is missing: name the registry and repository that your image is in" $image.repository -}}
{{- $tag := .tag | default $image.tag | default .root.Chart.AppVersion -}}
{{- printf "%s:%s" $repository $tag -}}
{{- if and $image.digest (not .tag) -}}@{{ $image.digest }}{{- end -}}
{{- end -}}

{{- define "aftersend.temporalPort" -}}
{{- regexFind "[0-9]+$" (required "temporal.address is missing: set the host:port of Temporal's frontend" .Values.temporal.address) -}}
{{- end -}}

{{/* Whether something can give the API its keys: what, only the process sees. */}}
{{- define "aftersend.requireApiSecrets" -}}
{{- if not (concat .Values.secretNames .Values.api.secretNames .Values.extraEnv .Values.api.extraEnv) -}}
{{- fail "api.secretNames is missing: name a Secret that has API_KEYS and the webhook secret of at least one provider" -}}
{{- end -}}
{{- end -}}
