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
    # What was let in before a policy came may still be stopped, labelled and deleted, but not run again.
    - name: new-or-changed
      expression: >-
        oldObject == null || ['image', 'source', 'function', 'functionRef', 'podTemplate', 'resources', 'run', 'rerun', 'schedule']
        .exists(f, object.spec[?f] != oldObject.spec[?f])
    # The runs of a schedule are made by the operator; they are what the schedule is, which was looked at.
    - name: not-by-the-operator
      expression: request.userInfo.username != 'system:serviceaccount:{{ $root.Release.Namespace }}:{{ include "mlrun-operator.serviceAccount" $root }}'
  variables:
    # The function that the object is or holds, or nothing.
    - name: fn
      expression: "object.kind == 'MlrunFunction' ? object.spec : object.spec[?'function'].orValue({})"
    - name: templates
      expression: "[object.spec.?podTemplate.orValue({}), variables.fn.?run.?podTemplate.orValue({})]"
    - name: source
      expression: variables.fn.?source.?source.orValue('')
    - name: containers
      expression: >-
        variables.templates[0].?spec.?containers.orValue([]) + variables.templates[0].?spec.?initContainers.orValue([])
        + variables.templates[1].?spec.?containers.orValue([]) + variables.templates[1].?spec.?initContainers.orValue([])
    - name: images
      expression: >-
        ([variables.fn.?image] + variables.containers.map(c, c.?image)).filter(i, i.hasValue()).map(i, i.value())
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
