-- Copies a request and its answer to the relay without ever holding them up: bodies are read as they pass by, one
-- message is sent at the end, and nobody waits for it. What is not sent says why in the stream's metadata, which the
-- gateway counts. Every worker thread has its own copy of the variables here.

local LIMIT = 65536          -- bytes of each body; larger ones are not compared
local OPEN_AT_MOST = 256     -- requests without an answer yet; bounds the memory
local EXPIRY_MS = 120000     -- a request that was aborted is forgotten after this
local RELAY = "abreast/relay"

local open, opened, swept = {}, 0, 0
local tokens, refilled = 0, 0

local function mark(handle, outcome)
  handle:streamInfo():dynamicMetadata():set("abreast", "capture", outcome)
end

local function head(headers)
  local lines = {}
  for name, value in pairs(headers) do
    lines[#lines + 1] = name .. ": " .. value .. "\n"
  end
  return table.concat(lines)
end

-- The whole body as it passes by; nil if it is larger than the limit.
local function body(handle)
  local chunks, size = {}, 0
  for chunk in handle:bodyChunks() do
    local length = chunk:length()
    size = size + length
    if size > LIMIT then
      chunks = nil
    elseif length > 0 then
      chunks[#chunks + 1] = chunk:getBytes(0, length)
    end
  end
  return chunks and table.concat(chunks)
end

local function close(id)
  open[id] = nil
  opened = opened - 1
end

local function room(now)
  if opened < OPEN_AT_MOST then return true end
  if now - swept > 1000 then
    swept = now
    for id, entry in pairs(open) do
      if now - entry.at > EXPIRY_MS then close(id) end
    end
  end
  return opened < OPEN_AT_MOST
end

-- A token bucket of one second.
local function within_budget(now, rate)
  tokens = math.min(math.max(rate, 1), tokens + (now - refilled) * rate / 1000)
  refilled = now
  if tokens < 1 then return false end
  tokens = tokens - 1
  return true
end

function envoy_on_request(handle)
  local now = handle:timestamp()
  if not room(now) or not within_budget(now, handle:metadata():get("rate")) then
    return mark(handle, "budget")
  end
  mark(handle, "aborted")  -- unless the end is reached
  local headers = handle:headers()
  local id = headers:get("x-request-id")
  handle:streamInfo():dynamicMetadata():set("abreast", "id", id)
  local entry = {at = now, head = head(headers)}
  open[id] = entry
  opened = opened + 1
  entry.body = body(handle) or false
end

function envoy_on_response(handle)
  local headers = handle:headers()
  -- Behind who answered stand Envoy's response flags: any but "-" says that the answer is the gateway's own.
  local upstream = (headers:get("x-abreast-upstream") or ""):match("^(.+) %-$")
  local found = handle:streamInfo():dynamicMetadata():get("abreast")
  local id = found and found["id"]
  local entry = id and open[id]
  if upstream then headers:replace("x-abreast-upstream", upstream) end
  local answer = entry and head(headers)
  headers:remove("x-abreast-upstream")
  if not entry then return end
  local answered = body(handle)
  local trailers = handle:trailers()
  local last = trailers and head(trailers) or ""
  if open[id] then close(id) end
  if not upstream then
    return mark(handle, "no-upstream")
  end
  if not answered or not entry.body then
    return mark(handle, "oversize")
  end
  mark(handle, "captured")
  handle:httpCall(
    RELAY,
    {[":method"] = "POST", [":path"] = "/exchange", [":authority"] = "relay"},
    table.concat({
      "abreast1 ", #entry.head, " ", #entry.body, " ", #answer, " ", #answered, " ", #last, " -\n",
      entry.head, entry.body, answer, answered, last,
    }),
    {asynchronous = true, timeout_ms = 1000, send_xff = false, trace_sampled = false})
end
