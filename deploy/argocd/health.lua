-- Argo CD's health of a ParallelRun, from its status.
local function said(status, message)
  return { status = status, message = message or "" }
end

if obj.metadata.deletionTimestamp ~= nil then
  return said("Progressing", "it is being deleted")
end
local status = obj.status
if status == nil or status.conditions == nil then
  return said("Progressing", "the operator has not looked at it yet")
end

local conditions = {}
for _, condition in ipairs(status.conditions) do
  conditions[condition.type] = condition
end
local function holds(kind)
  return conditions[kind] ~= nil and conditions[kind].status == "True"
end
local function fails(kind)
  return conditions[kind] ~= nil and conditions[kind].status == "False"
end

-- What is told while nobody answers may be old, whatever it says.
if fails("Reachable") then
  return said("Unknown", conditions["Reachable"].message)
end
if (status.observedGeneration or 0) < (obj.metadata.generation or 0) then
  return said("Progressing", "the operator has not looked at this change yet")
end
local words = status.message
if status.weight ~= nil then
  words = (status.phase or "") .. " at " .. status.weight .. ": " .. (words or "")
end
if holds("InvalidSpec") or fails("Healthy") then
  return said("Degraded", words)
end
if holds("Paused") then
  return said("Suspended", words)
end
if holds("Completed") then
  return said("Healthy", words)
end
if holds("Progressing") then
  return said("Progressing", words)
end
return said("Unknown", words)
