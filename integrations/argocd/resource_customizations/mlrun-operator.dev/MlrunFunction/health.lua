-- An MlrunFunction is Healthy if runs of it can start.

if obj.status ~= nil and obj.status.observedGeneration == obj.metadata.generation then
  for _, condition in ipairs(obj.status.conditions or {}) do
    if condition.type == "Ready" and condition.status == "True" then
      return {status = "Healthy", message = condition.message}
    end
    if condition.type == "Ready" and condition.status == "False" then
      return {status = "Degraded", message = condition.reason .. ": " .. (condition.message or "")}
    end
  end
end
return {status = "Progressing", message = "the operator has not seen this function yet"}
