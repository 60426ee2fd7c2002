{{- define "bridge.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "bridge.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "bridge.labels" -}}
{{ include "bridge.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- /* What the container stands on is not the operator's choice: data under /data, all addresses, the port of the Service. */ -}}
{{- define "bridge.config" -}}
{{- $fixed := dict "dataDir" "/data" "http" (dict "host" "0.0.0.0" "port" 8080) -}}
{{- mergeOverwrite (deepCopy .Values.config) $fixed | toPrettyJson -}}
{{- end -}}
