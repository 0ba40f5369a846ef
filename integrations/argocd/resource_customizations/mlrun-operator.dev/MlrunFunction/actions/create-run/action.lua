-- A run of the function as it is, without inputs and parameters. It belongs to the function, so that Argo CD shows it.

local run = {
  apiVersion = obj.apiVersion,
  kind = "MlrunRun",
  metadata = {
    generateName = obj.metadata.name .. "-",
    namespace = obj.metadata.namespace,
    ownerReferences = {
      {apiVersion = obj.apiVersion, kind = obj.kind, name = obj.metadata.name, uid = obj.metadata.uid},
    },
  },
  spec = {functionRef = {name = obj.metadata.name}},
}
return {{operation = "create", resource = run}}
