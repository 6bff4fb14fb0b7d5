{{- define "abreast.selector" -}}
app.kubernetes.io/name: abreast
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "abreast.labels" -}}
{{ include "abreast.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}
