{{- define "emr-gateway.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "emr-gateway.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "emr-gateway.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "emr-gateway.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "emr-gateway.selector" -}}
app.kubernetes.io/name: {{ include "emr-gateway.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "emr-gateway.labels" -}}
{{ include "emr-gateway.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "emr-gateway.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "emr-gateway.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "emr-gateway.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- define "emr-gateway.tlsSecret" -}}
{{- if .Values.tls.certManager.enabled }}
{{- printf "%s-tls" (include "emr-gateway.fullname" .) }}
{{- else }}
{{- .Values.tls.secretName }}
{{- end }}
{{- end }}

{{- define "emr-gateway.policy" -}}
{{- default (printf "%s-policy" (include "emr-gateway.fullname" .)) .Values.policy.existingConfigMap }}
{{- end }}

{{/* The most replicas there may be: what every rate is shared among. */}}
{{- define "emr-gateway.replicas" -}}
{{- if .Values.autoscaling.enabled }}{{ .Values.autoscaling.maxReplicas }}{{ else }}{{ .Values.replicaCount }}{{ end }}
{{- end }}

{{/* "token" where callers with certificates and callers with tokens have a port each. */}}
{{- define "emr-gateway.tokenPort" -}}
{{- if and .Values.config.identity.mtls .Values.config.identity.jwt }}token{{ end }}
{{- end }}

{{/* gateway.yaml: what the values say, and what has to fit the rest of the chart. */}}
{{- define "emr-gateway.gatewayYaml" -}}
{{- $tls := dict "certificate" "/etc/emr-gateway/tls/tls.crt" "key" "/etc/emr-gateway/tls/tls.key" }}
{{- if .Values.config.identity.mtls }}
{{- $_ := set $tls "client_ca" "/etc/emr-gateway/tls/ca.crt" }}
{{- end }}
{{- $own := dict
      "listen" "0.0.0.0:50051"
      "metrics" "0.0.0.0:9464"
      "tls" $tls
      "policy" (dict "directory" "/etc/emr-gateway/policy")
      "replicas" (include "emr-gateway.replicas" . | int) }}
{{- if include "emr-gateway.tokenPort" . }}
{{- $_ := set $own "listen_token" "0.0.0.0:50052" }}
{{- end }}
{{- toYaml (mergeOverwrite (deepCopy .Values.config) $own) }}
{{- end }}

{{/* preStop, the gateway's own pause and drain, and ten seconds for last words. The defaults are gateway.yaml's. */}}
{{- define "emr-gateway.graceSeconds" -}}
{{- $limits := default dict .Values.config.limits }}
{{- $pause := dig "drain_pause_seconds" 2 $limits }}
{{- $drain := dig "drain_seconds" 30 $limits }}
{{- addf .Values.preStopSeconds $pause $drain 10 | ceil | int }}
{{- end }}

{{/* What no schema says. */}}
{{- define "emr-gateway.checked" -}}
{{- if eq (empty .Values.tls.secretName) (not .Values.tls.certManager.enabled) }}
{{- fail "tls: give tls.secretName, or tls.certManager.enabled: one of them, since the gateway serves the network by TLS alone" }}
{{- end }}
{{- if and .Values.tls.clientCa.secretName .Values.tls.clientCa.configMapName }}
{{- fail "tls.clientCa: a Secret or a ConfigMap, not both" }}
{{- end }}
{{- if eq (empty .Values.policy.files) (empty .Values.policy.existingConfigMap) }}
{{- fail "policy: give policy.files, or policy.existingConfigMap: one of them, since nothing is allowed that no policy grants" }}
{{- end }}
{{- if and .Values.autoscaling.enabled (gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) }}
{{- fail "autoscaling: minReplicas is above maxReplicas" }}
{{- end }}
{{- if and (gt (include "emr-gateway.replicas" . | int) 1) (ne (dig "ledger" "kind" "memory" .Values.config) "dynamodb") }}
{{- fail "config.ledger: several replicas remember submissions together: set kind: dynamodb, table and region, or one replica" }}
{{- end }}
{{- end }}
