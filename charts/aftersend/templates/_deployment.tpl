{{/* A Deployment of api or worker. Takes what aftersend.podSpec takes. */}}
{{- define "aftersend.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "aftersend.metadata" . | nindent 2 }}
spec:
  {{- if not .values.autoscaling.enabled }}
  replicas: {{ .values.replicas }}
  {{- end }}
  revisionHistoryLimit: 3
  selector:
    matchLabels:
      {{- include "aftersend.selectorLabels" . | nindent 6 }}
  strategy:
    rollingUpdate:
      maxSurge: 25%
      maxUnavailable: 0
  template:
    metadata:
      {{- with .values.podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      labels:
        {{- include "aftersend.labels" . | nindent 8 }}
        {{- with .values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      {{- include "aftersend.podSpec" . | nindent 6 }}
      {{- include "aftersend.topologySpread" . | nindent 6 }}
{{- end -}}

{{- define "aftersend.topologySpread" -}}
{{- $spread := .root.Values.topologySpread -}}
{{- $labels := include "aftersend.selectorLabels" . -}}
{{- with $spread.topologyKeys }}
topologySpreadConstraints:
  {{- range . }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: {{ $spread.whenUnsatisfiable }}
    labelSelector:
      matchLabels:
        {{- $labels | nindent 8 }}
    # Of the same release only: pods on their way out do not count.
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}
{{- end -}}

{{/* A HorizontalPodAutoscaler by CPU, and by other metrics if given. Takes root, component, values, metrics (YAML, may be empty). */}}
{{- define "aftersend.autoscaler" -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "aftersend.metadata" . | nindent 2 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ include "aftersend.fullname" .root }}-{{ .component }}
  minReplicas: {{ .values.autoscaling.minReplicas }}
  maxReplicas: {{ .values.autoscaling.maxReplicas }}
  metrics:
    # An amount, and not a share of the request: a process uses one core at most.
    - type: Resource
      resource:
        name: cpu
        target:
          type: AverageValue
          averageValue: {{ .values.autoscaling.cpuPerPod }}
    {{- with .metrics }}
    {{- . | nindent 4 }}
    {{- end }}
  behavior:
    # An old event says little about how many pods are needed: at most twice as many a minute.
    scaleUp:
      policies:
        - { type: Percent, value: 100, periodSeconds: 60 }
    # A worker that stops leaves its open workflows to the others, which replay them.
    scaleDown:
      stabilizationWindowSeconds: 300
      policies:
        - { type: Pods, value: 1, periodSeconds: 60 }
{{- end -}}

{{- define "aftersend.disruptionBudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "aftersend.metadata" . | nindent 2 }}
spec:
  maxUnavailable: 1
  # One that is not ready has nothing to interrupt, and must not keep a node from being drained.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "aftersend.selectorLabels" . | nindent 6 }}
{{- end -}}
