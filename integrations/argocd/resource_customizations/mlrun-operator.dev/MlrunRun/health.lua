-- An MlrunRun is Healthy once it has ended well. A run with a schedule is Healthy while it is set up: each of its firings
-- is a run of its own.

local function condition(kind)
  for _, found in ipairs(obj.status.conditions or {}) do
    if found.type == kind and found.status == "True" then
      return found
    end
  end
end

local function verdict(status, message)
  return {status = status, message = message}
end

if obj.status == nil or obj.status.phase == nil then
  return verdict("Progressing", "the operator has not seen this run yet")
end
if obj.status.observedGeneration ~= obj.metadata.generation then
  return verdict("Progressing", "the operator has not seen this change yet")
end

local phase, reason = obj.status.phase, obj.status.reason or ""
local words = ""
for _, found in ipairs(obj.status.conditions or {}) do
  if found.type == "Ready" and found.message ~= nil then
    words = found.message
  end
end

local told = reason
if words ~= "" then
  told = reason .. ": " .. words
end

if phase == "Failed" then
  return verdict("Degraded", told)
end
if phase == "Pending" or phase == "Running" then
  return verdict("Progressing", told)
end
-- A sync waits for what is Suspended. It has nothing to wait for in a schedule.
if phase == "Suspended" and obj.spec.schedule == nil then
  return verdict("Suspended", told)
end
if phase == "Scheduled" and obj.status.schedule ~= nil and obj.status.schedule.nextScheduleTime ~= nil then
  told = "next at " .. obj.status.schedule.nextScheduleTime
end
for _, kind in ipairs({"FunctionChanged", "TTLIgnored", "Warnings", "ResultMissing", "ResultTruncated"}) do
  local warning = condition(kind)
  if warning ~= nil then
    told = told .. "; " .. (warning.message or kind)
  end
end
return verdict("Healthy", told)
