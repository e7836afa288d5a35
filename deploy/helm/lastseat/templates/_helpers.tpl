{{- define "lastseat.fullname" -}}
{{- if contains "lastseat" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}{{ printf "%s-lastseat" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "lastseat.selector" -}}
app.kubernetes.io/name: lastseat
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "lastseat.labels" -}}
{{ include "lastseat.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "lastseat.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "lastseat.fullname" .) }}
{{- else }}{{ .Values.serviceAccount.name | default "default" }}{{ end }}
{{- end }}

{{/* The most pods there can be. */}}
{{- define "lastseat.mostPods" -}}
{{- if eq .Values.mode "embedded" }}1
{{- else if .Values.cluster.autoscaling.enabled }}{{ .Values.cluster.autoscaling.maxReplicas }}
{{- else }}{{ .Values.cluster.replicas }}{{ end }}
{{- end }}

{{/* The settings, with what the chart knows better than a default. */}}
{{- define "lastseat.settings" -}}
{{- $settings := deepCopy .Values.settings }}
{{- if and (ne $settings.payments "sandbox") (not .Values.existingSecret) }}
{{- fail (printf "settings.payments is %s, which needs existingSecret: a Secret with LASTSEAT_STRIPE_KEY. To try it out without money: --set settings.payments=sandbox" $settings.payments) }}
{{- end }}
{{- if and .Values.ingress.enabled (not (hasKey $settings "public_url")) }}
{{- $_ := set $settings "public_url" (printf "http%s://%s" (ternary "s" "" (ne .Values.ingress.tlsSecretName "")) .Values.ingress.host) }}
{{- end }}
{{- $pods := include "lastseat.mostPods" . | int }}
{{- if and (gt $pods 1) (not (hasKey $settings "stripe_rate_share")) }}
{{- /* Rounded down: together they must not send more than Stripe takes. One more pod exists during an update. */}}
{{- $_ := set $settings "stripe_rate_share" (printf "0.%04d" (div 10000 (add $pods 1))) }}
{{- end }}
{{- toYaml $settings }}
{{- end }}

{{/* Numbers without an exponent: a YAML number arrives here as a float. */}}
{{- define "lastseat.value" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- end }}
