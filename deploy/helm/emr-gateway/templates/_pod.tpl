{{/* The container's environment: AWS's and OpenTelemetry's own variables. */}}
{{- define "emr-gateway.env" -}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: NODE_NAME
  valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
{{- $named := printf "k8s.namespace.name=%s,k8s.deployment.name=%s,k8s.pod.name=$(POD_NAME),k8s.node.name=$(NODE_NAME)" .Release.Namespace (include "emr-gateway.fullname" .) }}
{{- with .Values.otel.OTEL_RESOURCE_ATTRIBUTES }}
{{- $named = printf "%s,%s" $named . }}
{{- end }}
- name: OTEL_RESOURCE_ATTRIBUTES
  value: {{ $named | quote }}
{{- range $name, $value := omit .Values.otel "OTEL_RESOURCE_ATTRIBUTES" }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- with .Values.aws.region }}
- name: AWS_REGION
  value: {{ . }}
{{- end }}
{{- with .Values.aws.roleArn }}
- name: AWS_ROLE_ARN
  value: {{ . }}
- name: AWS_WEB_IDENTITY_TOKEN_FILE
  value: /var/run/secrets/emr-gateway/aws/token
- name: AWS_ROLE_SESSION_NAME
  value: emr-gateway
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* tls.crt and tls.key, and the callers' authority as ca.crt where callers have certificates. */}}
{{- define "emr-gateway.tlsSources" -}}
{{- $ca := .Values.tls.clientCa }}
{{- $own := and .Values.config.identity.mtls (not $ca.secretName) (not $ca.configMapName) -}}
- secret:
    name: {{ include "emr-gateway.tlsSecret" . }}
    items:
      - {key: tls.crt, path: tls.crt}
      - {key: tls.key, path: tls.key}
      {{- if $own }}
      - {key: {{ $ca.key }}, path: ca.crt}
      {{- end }}
{{- if and .Values.config.identity.mtls $ca.secretName }}
- secret:
    name: {{ $ca.secretName }}
    items: [{key: {{ $ca.key }}, path: ca.crt}]
{{- else if and .Values.config.identity.mtls $ca.configMapName }}
- configMap:
    name: {{ $ca.configMapName }}
    items: [{key: {{ $ca.key }}, path: ca.crt}]
{{- end }}
{{- end }}
