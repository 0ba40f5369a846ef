-- A run that was stopped needs `rerun`; a schedule that was stopped goes on.
obj.spec.suspend = nil
if obj.spec.schedule ~= nil then
  obj.spec.stop = nil
end
return obj
