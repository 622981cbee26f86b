-- wrk script: sends pre-signed requests, each once; bench/intake.py writes the table of them.
local threads = {}

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function init(args)
  local load = assert(loadfile(args[1]))
  bodies, headers = load()
  path, step = args[2], tonumber(args[3])
  next_one = number + 1
end

function request()
  local n = next_one
  next_one = next_one + step
  if n > #bodies then n = #bodies end
  return wrk.format("POST", path, headers[n], bodies[n])
end

function done(summary, latency, requests)
  io.write(string.format('\n{"requests": %d, "seconds": %.3f, "p50_ms": %.3f, "p99_ms": %.3f, "bad": %d, "broken": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
