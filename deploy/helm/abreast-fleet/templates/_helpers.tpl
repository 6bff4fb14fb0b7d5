{{- /* Each takes a dict: root, the part (server, gateway or relay), and where it says so the part's values. */ -}}

{{- define "abreast.name" -}}
{{ .root.Release.Name }}-{{ .part }}
{{- end }}

{{- define "abreast.selector" -}}
app.kubernetes.io/name: abreast-fleet
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "abreast.labels" -}}
{{ include "abreast.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- /* The name of an agent: also that of its last pod has to be one that abreast takes. With values. */ -}}
{{- define "abreast.agent" -}}
{{- $last := printf "%s-%d" (include "abreast.name" .) (sub (int .values.replicas) 1) }}
{{- if gt (len $last) 40 }}
{{- fail (printf "the pod %s would have no name for an agent, of at most 40 letters: choose a shorter name for the release" $last) }}
{{- end }}
{{- include "abreast.name" . }}
{{- end }}

{{- define "abreast.budget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "abreast.name" . }}
  labels: {{- include "abreast.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels: {{- include "abreast.selector" . | nindent 6 }}
{{- end }}

{{- define "abreast.user" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- /* Where pods go: a lost node is not the whole part. With values. */ -}}
{{- define "abreast.placement" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: DoNotSchedule
    nodeTaintsPolicy: Honor # else a node that is away holds its place
    labelSelector:
      matchLabels: {{- include "abreast.selector" . | nindent 8 }}
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "abreast.selector" . | nindent 8 }}
{{- with .values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* What every container is. With values. */ -}}
{{- define "abreast.container" -}}
name: abreast
image: "{{ .root.Values.image.repository }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}"
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
resources: {{- toYaml .values.resources | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- /* Each server by its name. */ -}}
{{- define "abreast.servers" -}}
{{- $server := include "abreast.name" (dict "root" .root "part" "server") }}
{{- range $place := until (int .root.Values.servers.replicas) }}
- --server={{ $server }}-{{ $place }}.{{ $server }}:8443
{{- end }}
{{- end }}

{{- define "abreast.agent.mounts" -}}
- {name: state, mountPath: /srv/agent}
- {name: tokens, mountPath: /etc/abreast/tokens, readOnly: true}
- {name: scratch, mountPath: /tmp}
{{- end }}

{{- define "abreast.agent.volumes" -}}
- name: tokens
  secret:
    secretName: {{ .root.Values.tokens }}
    optional: true # needed until all have joined
- name: scratch
  emptyDir: {}
{{- end }}

{{- /* An agent's volume. With values. */ -}}
{{- define "abreast.agent.claims" -}}
- metadata:
    name: state
  spec:
    accessModes: [ReadWriteOnce]
    {{- with .values.storage.className }}
    storageClassName: {{ . }}
    {{- end }}
    resources:
      requests: {storage: {{ .values.storage.size }}}
{{- end }}
