-- Everything is offered, so that the menu does not jump; what makes no sense now is disabled.

local phase = obj.status ~= nil and obj.status.phase or "Pending"
local finished = phase == "Succeeded" or phase == "Failed" or phase == "Stopped"
local stopped, suspended = obj.spec.stop == true, obj.spec.suspend == true

local function action(name, icon, disabled)
  return {displayName = name, iconClass = "fa fa-fw " .. icon, disabled = disabled}
end

local actions = {}
if obj.spec.schedule ~= nil then
  actions["trigger"] = action("Trigger", "fa-bolt", phase ~= "Scheduled" and phase ~= "Suspended")
  actions["suspend"] = action("Suspend", "fa-pause", suspended or finished)
  actions["resume"] = action("Resume", "fa-play", not suspended and not stopped)
  actions["stop"] = action("Stop", "fa-stop", stopped)
else
  actions["rerun"] = action("Run Again", "fa-redo", not finished)
  actions["suspend"] = action("Suspend", "fa-pause", suspended or finished)
  actions["resume"] = action("Resume", "fa-play", not suspended)
  actions["stop"] = action("Stop", "fa-stop", stopped or finished)
end
return actions
