{{/* The variables of Temporal's tools, of which Aftersend reads those for TLS and credentials too. */}}
{{- define "aftersend.temporalEnv" -}}
{{- $temporal := .Values.temporal -}}
- name: TEMPORAL_ADDRESS
  value: {{ required "temporal.address is missing: set the host:port of Temporal's frontend" $temporal.address | quote }}
- name: TEMPORAL_NAMESPACE
  value: {{ $temporal.namespace | quote }}
{{- with $temporal.apiKey.secretName }}
- name: TEMPORAL_API_KEY
  valueFrom:
    secretKeyRef:
      name: {{ . }}
      key: {{ $temporal.apiKey.secretKey }}
{{- end }}
{{- if $temporal.tls.enabled }}
- name: TEMPORAL_TLS
  value: 'true'
{{- end }}
{{- with $temporal.tls.serverName }}
- name: TEMPORAL_TLS_SERVER_NAME
  value: {{ . | quote }}
{{- end }}
{{- if $temporal.tls.clientCertificateSecretName }}
- name: TEMPORAL_TLS_CLIENT_CERT_PATH
  value: /run/secrets/temporal-client/tls.crt
- name: TEMPORAL_TLS_CLIENT_KEY_PATH
  value: /run/secrets/temporal-client/tls.key
{{- end }}
{{- if $temporal.tls.serverCaSecretName }}
- name: TEMPORAL_TLS_SERVER_CA_CERT_PATH
  value: /run/secrets/temporal-ca/ca.crt
{{- end }}
{{- end -}}

{{- define "aftersend.temporalMounts" -}}
{{- if .Values.temporal.tls.clientCertificateSecretName }}
- name: temporal-client
  mountPath: /run/secrets/temporal-client
  readOnly: true
{{- end }}
{{- if .Values.temporal.tls.serverCaSecretName }}
- name: temporal-ca
  mountPath: /run/secrets/temporal-ca
  readOnly: true
{{- end }}
{{- end -}}

{{- define "aftersend.temporalVolumes" -}}
{{- with .Values.temporal.tls.clientCertificateSecretName }}
- name: temporal-client
  secret:
    secretName: {{ . }}
    # Readable by the group of the process alone.
    defaultMode: 0440
{{- end }}
{{- with .Values.temporal.tls.serverCaSecretName }}
- name: temporal-ca
  secret:
    secretName: {{ . }}
{{- end }}
{{- end -}}
