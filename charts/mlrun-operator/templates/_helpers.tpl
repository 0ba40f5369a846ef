{{- define "mlrun-operator.name" -}}
{{- .Values.fullnameOverride | default "mlrun-operator" | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "mlrun-operator.labels" -}}
{{ include "mlrun-operator.selector" . }}
{{ include "mlrun-operator.commonLabels" . }}
{{- end }}

{{- /* Of everything in this release, whatever it belongs to. */ -}}
{{- define "mlrun-operator.commonLabels" -}}
app.kubernetes.io/part-of: mlrun-operator
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "mlrun-operator.selector" -}}
app.kubernetes.io/name: mlrun-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* Of the pod of `helm test`. */ -}}
{{- define "mlrun-operator.testSelector" -}}
app.kubernetes.io/name: mlrun-operator-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "mlrun-operator.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "mlrun-operator.name" .) }}
{{- end }}

{{- /*
The reference of an image: (list $ .Values.image "operator"). A digest of the values goes before a tag of the values, and
that before the digest that the release workflow has put into files/digests.yaml.
*/ -}}
{{- define "mlrun-operator.image" -}}
{{- $root := index . 0 }}{{ $image := index . 1 -}}
{{- $released := index ($root.Files.Get "files/digests.yaml" | fromYaml) (index . 2) | default "" -}}
{{- $digest := $image.digest | default (ternary "" $released (not (empty $image.tag))) -}}
{{- if $digest }}{{ printf "%s@%s" $image.repository $digest }}
{{- else }}{{ printf "%s:%s" $image.repository ($image.tag | default $root.Chart.AppVersion) }}{{ end }}
{{- end }}

{{- define "mlrun-operator.seaweedfs" -}}
{{ include "mlrun-operator.name" . }}-seaweedfs
{{- end }}

{{- define "mlrun-operator.storeEndpoint" -}}
{{- if .Values.store.endpoint }}{{ .Values.store.endpoint }}
{{- else if .Values.seaweedfs.enabled }}http://{{ include "mlrun-operator.seaweedfs" . }}.{{ .Release.Namespace }}.svc:8333
{{- end }}
{{- end }}

{{- /* Ports of name servers, as a NetworkPolicy has them. */ -}}
{{- define "mlrun-operator.dnsPorts" -}}
{{- range . }}
- port: {{ . | int }}
  protocol: UDP
- port: {{ . | int }}
  protocol: TCP
{{- end }}
{{- end }}

{{- define "mlrun-operator.storeAnonymous" -}}
{{- or .Values.store.anonymous .Values.seaweedfs.enabled }}
{{- end }}

{{- define "mlrun-operator.rules" -}}
# Users' objects are read; their status is written, and a run whose own TTL is over is deleted.
- apiGroups: [mlrun-operator.dev]
  resources: [mlrunfunctions]
  verbs: [list, watch]
- apiGroups: [mlrun-operator.dev]
  resources: [mlrunruns]
  verbs: [create, delete, get, list, watch]
- apiGroups: [mlrun-operator.dev]
  resources: [mlrunfunctions/status, mlrunruns/status]
  verbs: [update]
# patch: only spec.suspend, and of a Job that a CronJob made the labels of its run.
- apiGroups: [batch]
  resources: [jobs]
  verbs: [create, delete, get, list, patch, watch]
- apiGroups: [batch]
  resources: [cronjobs]
  verbs: [create, get, list, patch, update, watch]
# delete: a pod that another container keeps although the wrapper has reported; its condition says so first.
- apiGroups: [""]
  resources: [pods]
  verbs: [delete, list, watch]
- apiGroups: [""]
  resources: [pods/status]
  verbs: [patch]
# The names of replicas, for runs that ask for them.
- apiGroups: [""]
  resources: [services]
  verbs: [create]
# list: some causes of a hanging pod exist in events only.
- apiGroups: [""]
  resources: [events]
  verbs: [create, list]
{{- end }}
