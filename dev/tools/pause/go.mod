// The process that holds a pod's namespaces open in the embedded development cluster.
module mlrun-operator.dev/dev/tools/pause

go 1.24.0
