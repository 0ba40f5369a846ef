{{- /* A list of patterns, in which `*` is any text, as one regular expression. */}}
{{- define "mlrun-operator.pattern" -}}
{{- $parts := list }}
{{- range . }}{{ $parts = append $parts (regexQuoteMeta . | replace "\\*" ".*") }}{{ end }}
{{- printf "^(%s)$" (join "|" $parts) }}
{{- end }}

{{- /* Labels as people write them. */}}
{{- define "mlrun-operator.labelText" -}}
{{- $parts := list }}
{{- range $key, $value := . }}{{ $parts = append $parts (printf "%s=%s" $key $value) }}{{ end }}
{{- join ", " $parts }}
{{- end }}

{{- /*
The fields of a spec that may change although a policy would refuse the object: none of them starts anything. Whatever is
not here, a field of tomorrow too, counts as a change.
*/}}
{{- define "mlrun-operator.idleFields" -}}
['description', 'gitSource', 'embedded', 'stop', 'suspend', 'activeDeadlineSeconds', 'pendingDeadlineSeconds',
'ttlSecondsAfterFinished', 'runTtlSecondsAfterFinished', 'successfulRunsHistoryLimit', 'failedRunsHistoryLimit']
{{- end }}

{{- /*
A policy and its binding, of (dict "root" . "name" "images" "rules" (list …)). A rule may use the variables below.
*/}}
{{- define "mlrun-operator.policy" }}
{{- $root := .root }}
{{- $policies := .root.Values.policies }}
{{- $name := printf "%s-%s" (include "mlrun-operator.name" .root) .name }}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: {{ $name }}
  labels:
    {{- include "mlrun-operator.labels" $root | nindent 4 }}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
      - apiGroups: [mlrun-operator.dev]
        apiVersions: ["*"]
        operations: [CREATE, UPDATE]
        resources: [mlrunfunctions, mlrunruns]
  matchConditions:
    # What was let in before a policy came may still be stopped, suspended, labelled and deleted, but nothing that starts
    # anything: neither `suspend` nor `stop` is taken back.
    - name: new-or-changed
      expression: >-
        oldObject == null
        || [object.spec, oldObject.spec].exists(s, s.exists(f, object.spec[?f] != oldObject.spec[?f] && !(f in
        {{- include "mlrun-operator.idleFields" . | replace "\n" " " | printf " %s" }})))
        || ['stop', 'suspend'].exists(f, oldObject.spec[?f].orValue(false) && !object.spec[?f].orValue(false))
    # The runs of a schedule are made by the operator; they are what the schedule is, which was looked at.
    - name: not-by-the-operator
      expression: request.userInfo.username != 'system:serviceaccount:{{ $root.Release.Namespace }}:{{ include "mlrun-operator.serviceAccount" $root }}'
  variables:
    # The function that the object is or holds, or nothing.
    - name: fn
      expression: "object.kind == 'MlrunFunction' ? object.spec : object.spec[?'function'].orValue({})"
    # What is said of the pods: by the run, and by the function for its runs.
    - name: options
      expression: "[object.spec, variables.fn.?run.orValue({})]"
    - name: templates
      expression: "[variables.options[0].?podTemplate.orValue({}), variables.options[1].?podTemplate.orValue({})]"
    - name: source
      expression: variables.fn.?source.?source.orValue('')
    - name: containers
      expression: >-
        variables.templates[0].?spec.?containers.orValue([]) + variables.templates[0].?spec.?initContainers.orValue([])
        + variables.templates[1].?spec.?containers.orValue([]) + variables.templates[1].?spec.?initContainers.orValue([])
    - name: volumes
      expression: >-
        variables.options[0].?volumes.orValue([]) + variables.options[1].?volumes.orValue([])
        + variables.templates[0].?spec.?volumes.orValue([]) + variables.templates[1].?spec.?volumes.orValue([])
    - name: images
      expression: >-
        ([variables.fn.?image] + variables.containers.map(c, c.?image) + variables.volumes.map(v, v.?image.?reference))
        .filter(i, i.hasValue()).map(i, i.value())
    # Lists of variables: the run's, the function's, each container's.
    - name: env
      expression: >-
        variables.options.map(o, o.?env.orValue([])) + variables.containers.map(c, c.?env.orValue([]))
  validations:
    {{- toYaml .rules | nindent 4 }}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ $name }}
  labels:
    {{- include "mlrun-operator.labels" $root | nindent 4 }}
spec:
  policyName: {{ $name }}
  validationActions:
    {{- toYaml $policies.actions | nindent 4 }}
  {{- if or $policies.namespaceSelector $root.Values.namespaces }}
  matchResources:
    namespaceSelector:
      {{- with $policies.namespaceSelector.matchLabels }}
      matchLabels:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      matchExpressions:
        {{- with $root.Values.namespaces }}
        - key: kubernetes.io/metadata.name
          operator: In
          values:
            {{- toYaml . | nindent 12 }}
        {{- end }}
        {{- with $policies.namespaceSelector.matchExpressions }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  {{- end }}
{{- end }}
