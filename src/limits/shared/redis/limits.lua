-- The shared counts in Redis or Valkey. shared_limits.ts says what each operation means.
-- KEYS[1]: the beginning of all keys. ARGV[1]: the operation. ARGV[2]: its argument as JSON. ARGV[3]: the time, in tests.

local P = KEYS[1]
local HOUR = 3600000
local MOST_OPTIMISTIC = 4
local REPLICA_LIFETIME, RESERVED, TELLING, UNTOLD = 10000, 600000, 4000, 3 * HOUR
local MOST_FORGOTTEN = 500
local LEDGER_LIFETIME = 62 * 86400
local FREE_FAILURES, SEEN_GUESSES, MAX_ADDRESSES = 5, 10, 10000
local FIRST_WAIT, LONGEST_WAIT, FORGOTTEN = 15000, 900000, 3600
local PERIODS = { { name = 'day', f = 'd' }, { name = 'week', f = 'w' }, { name = 'month', f = 'm' } }
local SHARED_KEYS = {
  'born', 'marks', 'mark', 'replicas', 'silent', 'whole', 'sessions', 'held', 'of:', 'untold', 'waits', 'groups',
}
local BUDGETS = { day = 'dayBudgetMicros', week = 'weekBudgetMicros', month = 'monthBudgetMicros' }

local call = redis.call
local time = call('TIME')
local now = tonumber(ARGV[3]) or time[1] * 1000 + math.floor(time[2] / 1000)
local input = cjson.decode(ARGV[2])

local function ledgerKey(key) return P .. 'l:' .. key end
local function hoursKey(key) return P .. 'h:' .. key end
local function requestsKey(key) return P .. 'r:' .. key end
local function tokensKey(key) return P .. 't:' .. key end
local function int(value) return string.format('%.0f', value) end
local function present(value) return value ~= nil and value ~= cjson.null end

-- Keys that no replica uses any more expire, such as those of an earlier version.
local function keep(name) call('EXPIRE', P .. name, LEDGER_LIFETIME) end

local info = redis.pcall('INFO', 'server')
local process = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or 'unknown'

-- The present run of the counts, in the hash of the holdings: the process of the server, and when the run began. It begins the
-- mark of each ledger. A server that starts again may have older data, from a snapshot or from another server, and one that
-- evicts keys may have lost some lists: then another run begins. Holdings and replicas are dropped here, and what ledgers
-- had of them with the mark of the ledger, with its spending. A server that does not tell its process is believed.
local run = call('HGET', P .. 'held', '')

local function begin()
  for _, list in ipairs({ 'replicas', 'silent' }) do
    for _, replica in ipairs(call('ZRANGE', P .. list, 0, -1)) do
      call('UNLINK', P .. 'of:' .. replica, P .. 'kept:' .. replica)
    end
  end
  call('UNLINK', P .. 'of:', P .. 'held', P .. 'untold', P .. 'replicas', P .. 'silent', P .. 'whole', P .. 'born', P .. 'sessions')
  run = process .. ' ' .. int(now) .. ' ' .. call('INCR', P .. 'marks') .. ' '
  keep('marks')
  call('HSET', P .. 'held', '', run)
  keep('held')
end

if not run or string.sub(run, 1, #process + 1) ~= process .. ' ' then begin() end

-- Whether the lists have all holdings. If not, the server has evicted some of them.
local function isComplete()
  local count, seen = call('SCARD', P .. 'of:'), {}
  if count ~= call('ZCARD', P .. 'untold') then return false end
  for _, list in ipairs({ 'replicas', 'silent' }) do
    for _, replica in ipairs(call('ZRANGE', P .. list, 0, -1)) do
      if not seen[replica] then
        seen[replica] = true
        count = count + call('SCARD', P .. 'of:' .. replica) + call('SCARD', P .. 'kept:' .. replica)
      end
    end
  end
  return count + 1 == call('HLEN', P .. 'held')
end

-- For how long replicas may still tell what they hold.
local function tellingMs()
  local born = call('GET', P .. 'born')
  return born and math.min(0, born - now) + TELLING or TELLING
end

-- The sliding count of the last 61 seconds: the count of each second, their sum, and the latest second.
local function windowSum(key)
  local second = math.floor(now / 1000)
  local state = call('HMGET', key, 'at', 'sum')
  if not state[1] then return 0, second end
  local at, sum = tonumber(state[1]), tonumber(state[2])
  if second <= at and at - second <= 61 then return sum, at end
  -- All of it is over, or the clock was set back.
  if math.abs(second - at) >= 61 then
    call('DEL', key)
    return 0, second
  end
  for old = at - 60, second - 61 do
    local count = call('HGET', key, int(old))
    if count then
      sum = sum - count
      call('HDEL', key, int(old))
    end
  end
  call('HSET', key, 'at', int(second), 'sum', int(sum))
  return sum, second
end

local function windowAdd(key, amount)
  local sum, second = windowSum(key)
  call('HINCRBY', key, int(second), int(amount))
  call('HSET', key, 'at', int(second), 'sum', int(sum + amount))
  call('EXPIRE', key, 62)
end

local function msUntilBelow(key, limit)
  local sum, second = windowSum(key)
  for one = second - 60, second do
    if sum < limit then return math.max(0, (one + 60) * 1000 - now) end
    sum = sum - (call('HGET', key, int(one)) or 0)
  end
  return (second + 61) * 1000 - now
end

-- The spending of a ledger is one hash, so that a server evicts all of it or nothing. The ledger notes with 'hours' that there
-- is one. Its fields:
-- '0': it is there. HOUR: what counts. 'b HOUR', 'b': the balance of the database, by hour and in total. 'c REPLICA PAGE HOUR':
-- costs that the database may lack. 'v REPLICA': the last page that is in the balance.
local function isSeeded(key) return call('HEXISTS', hoursKey(key), '0') == 1 end

-- The spending of a ledger since the start of an hour. The sums of the latest periods are kept.
local function spentSince(key, f, from)
  local kept = call('HMGET', ledgerKey(key), f .. 'f', f)
  if kept[1] and tonumber(kept[1]) == from then return tonumber(kept[2]) end
  local sum = 0
  local hours = call('HGETALL', hoursKey(key))
  for index = 1, #hours, 2 do
    local start = tonumber(hours[index])
    if start and start >= from then sum = sum + hours[index + 1] end
    if start and start > 0 and start < now - LEDGER_LIFETIME * 1000 then
      call('HDEL', hoursKey(key), hours[index], 'b ' .. hours[index])
    end
  end
  call('HSET', ledgerKey(key), f .. 'f', int(from), f, int(sum))
  return sum
end

-- Changes the spending of an hour, and the kept sums of its periods.
local function spend(key, hour, micros)
  call('HINCRBY', hoursKey(key), int(hour), int(micros))
  for _, period in ipairs(PERIODS) do
    local from = call('HGET', ledgerKey(key), period.f .. 'f')
    if from and tonumber(from) <= hour then call('HINCRBY', ledgerKey(key), period.f, int(micros)) end
  end
  call('EXPIRE', hoursKey(key), LEDGER_LIFETIME)
end

-- A server may evict a ledger while the holdings remain. Each ledger therefore has a mark, which a holding keeps: what it
-- added to a ledger with another mark is gone, and must not be subtracted. The mark begins with the run of the counts.
local function markOf(key) return call('HGET', ledgerKey(key), 'mark') end

local function isPresent(mark) return mark and string.sub(mark, 1, #run) == run end

-- All replicas tell again what they hold, and which costs the database may lack.
local function tellAgain()
  call('DEL', P .. 'whole')
  call('SET', P .. 'born', int(now))
end

local function marked(key)
  local mark = markOf(key)
  local isLost = isPresent(mark) and call('HGET', ledgerKey(key), 'hours') and call('EXISTS', hoursKey(key)) == 0
  if isPresent(mark) and not isLost then return mark end
  if isLost then
    call('HDEL', ledgerKey(key), 'seeded', 'hours', 'total', 'df', 'wf', 'mf')
    tellAgain()
    return mark
  end
  if not mark and tellingMs() <= 0 and call('EXISTS', hoursKey(key)) == 1 then tellAgain() end
  call('HDEL', ledgerKey(key), 'seeded', 'hours', 'running', 'tokens', 'micros', 'excess', 'optimistic', 'total', 'df', 'wf', 'mf')
  call('DEL', hoursKey(key))
  mark = run .. int(now) .. '.' .. call('INCR', P .. 'marks')
  keep('marks')
  call('HSET', ledgerKey(key), 'mark', mark)
  return mark
end

-- Whether a replica may still send costs.
local function isThere(replica)
  return call('ZSCORE', P .. 'replicas', replica) or call('ZSCORE', P .. 'silent', replica)
end

-- Adds what a ledger lacks of costs of a replica.
local function addCosts(replica, costs)
  for _, cost in ipairs(costs) do
    local key = cost.key
    local field = 'c ' .. replica .. ' ' .. int(cost.page) .. ' ' .. int(cost.hour)
    marked(key)
    local known = call('HMGET', hoursKey(key), field, 'v ' .. replica)
    local missing = cost.micros - (known[1] or 0)
    if missing > 0 and cost.page > tonumber(known[2] or 0) then
      call('HSET', hoursKey(key), field, int(cost.micros))
      call('HSET', ledgerKey(key), 'hours', 1)
      call('HINCRBY', ledgerKey(key), 'total', int(missing))
      spend(key, cost.hour, missing)
      -- The balance may have it already, and nothing knows its page any more. So the balance is read again.
      if not isThere(replica) then call('HDEL', ledgerKey(key), 'seeded') end
    end
  end
end

-- What a holding adds to a ledger, or removes from it.
local function change(holding, key, sign)
  local at = ledgerKey(key)
  if holding.isRunning then call('HINCRBY', at, 'running', sign) end
  if holding.tokens ~= 0 then call('HINCRBY', at, 'tokens', int(sign * holding.tokens)) end
  if holding.micros ~= 0 then call('HINCRBY', at, 'micros', int(sign * holding.micros)) end
  if holding.excessMicros ~= 0 then call('HINCRBY', at, 'excess', int(sign * holding.excessMicros)) end
  for _, optimistic in ipairs(holding.optimistic) do
    if optimistic == key then call('HINCRBY', at, 'optimistic', sign) end
  end
  call('EXPIRE', at, LEDGER_LIFETIME)
end

-- Returns the holding, and whether all of its ledgers had it.
local function remove(id)
  local text = call('HGET', P .. 'held', id)
  if not text then return nil end
  local holding, isWhole = cjson.decode(text), true
  for index, key in ipairs(holding.keys) do
    if markOf(key) == holding.marks[index] then change(holding, key, -1) else isWhole = false end
  end
  call('HDEL', P .. 'held', id)
  if holding.owner == '' then call('ZREM', P .. 'untold', id) end
  if call('SREM', P .. 'of:' .. holding.owner, id) == 0 then call('SREM', P .. 'kept:' .. holding.owner, id) end
  return holding, isWhole
end

-- Notes when a holding of no replica was told.
local function told(holding)
  if holding.owner ~= '' then return end
  call('ZADD', P .. 'untold', int(now), holding.id)
  keep('untold')
end

-- Removes a holding. If a ledger did not have it, others are missing there too, and all replicas hold theirs again.
local function release(id)
  local holding, isWhole = remove(id)
  if holding and not isWhole then tellAgain() end
  return holding
end

local function add(holding)
  holding.marks = {}
  for index, key in ipairs(holding.keys) do
    holding.marks[index] = marked(key)
    change(holding, key, 1)
  end
  call('HSET', P .. 'held', holding.id, cjson.encode(holding))
  keep('held')
  call('SADD', P .. 'of:' .. holding.owner, holding.id)
  keep('of:' .. holding.owner)
  told(holding)
end

local function isSame(one, other)
  if one.owner ~= other.owner or one.isRunning ~= other.isRunning or one.tokens ~= other.tokens
    or one.micros ~= other.micros or one.excessMicros ~= other.excessMicros or #one.keys ~= #other.keys then
    return false
  end
  for index, key in ipairs(one.keys) do
    if other.keys[index] ~= key or one.marks[index] ~= markOf(key) then return false end
  end
  return true
end

local function set(holding)
  local text = call('HGET', P .. 'held', holding.id)
  local earlier = text and cjson.decode(text)
  local owner = holding.owner
  if owner ~= '' and not call('ZSCORE', P .. 'replicas', owner) then
    holding.isRunning = false
    call('ZADD', P .. 'silent', 'NX', int(now + RESERVED), owner)
    keep('silent')
  end
  if earlier and isSame(earlier, holding) then return told(holding) end
  if earlier then remove(holding.id) end
  holding.optimistic = earlier and earlier.optimistic or {}
  add(holding)
end

-- Frees the slots of a replica, and keeps its reservations. A replica with more than the script does in a short time has the
-- deadline 0 until a later call frees the rest. Returns whether there is more.
local function silence(replica)
  local ids = call('SRANDMEMBER', P .. 'of:' .. replica, MOST_FORGOTTEN)
  for _, id in ipairs(ids) do
    local holding = release(id)
    call('SREM', P .. 'of:' .. replica, id)
    if holding then
      holding.isRunning, holding.optimistic = false, {}
      add(holding)
      call('SMOVE', P .. 'of:' .. replica, P .. 'kept:' .. replica, id)
      keep('kept:' .. replica)
    end
  end
  call('SREM', P .. 'whole', replica)
  call('ZADD', P .. 'silent', int(now + RESERVED), replica)
  if #ids < MOST_FORGOTTEN then
    call('ZREM', P .. 'replicas', replica)
  else
    call('ZADD', P .. 'replicas', 0, replica)
  end
  return #ids == MOST_FORGOTTEN
end

-- Releases what a replica holds, with a further call for more than the script does in a short time.
local function forget(replica)
  local left = MOST_FORGOTTEN
  for _, list in ipairs({ 'of:', 'kept:' }) do
    local ids = call('SRANDMEMBER', P .. list .. replica, left)
    for _, id in ipairs(ids) do
      release(id)
      call('SREM', P .. list .. replica, id)
    end
    left = left - #ids
  end
  call('SREM', P .. 'whole', replica)
  call('ZREM', P .. 'replicas', replica)
  call('HDEL', P .. 'sessions', replica)
  if left > 0 then call('ZREM', P .. 'silent', replica) else call('ZADD', P .. 'silent', 0, replica) end
end

-- Whether the session of a replica is the present one.
local function isKnown(from)
  local deadline = call('ZSCORE', P .. 'replicas', from.replica)
  return deadline and tonumber(deadline) > 0 and call('SISMEMBER', P .. 'whole', from.replica) == 1
    and call('HGET', P .. 'sessions', from.replica) == int(from.session)
end

-- Begins a session, if it is a later one. Returns false if it is an earlier one. A replica that is not known is silent.
local function enter(from)
  if not call('ZSCORE', P .. 'replicas', from.replica) then
    call('ZADD', P .. 'silent', 'NX', int(now + RESERVED), from.replica)
    keep('silent')
  end
  local present = tonumber(call('HGET', P .. 'sessions', from.replica) or 0)
  if from.session > present then
    call('HSET', P .. 'sessions', from.replica, int(from.session))
    keep('sessions')
  end
  return from.session >= present
end

-- Times that are later than any can be were set before the clock was set back. They begin again now.
local function rewind()
  for list, most in pairs({ replicas = now + REPLICA_LIFETIME, silent = now + RESERVED, untold = now }) do
    local late = call('ZRANGEBYSCORE', P .. list, '(' .. int(most), '+inf', 'LIMIT', 0, MOST_FORGOTTEN)
    for _, member in ipairs(late) do call('ZADD', P .. list, int(most), member) end
  end
  if tonumber(call('GET', P .. 'born') or 0) > now then call('SET', P .. 'born', int(now)) end
end

local function count(minute)
  for _, key in ipairs(minute.keys) do
    if minute.requests > 0 then windowAdd(requestsKey(key), minute.requests) end
    if minute.tokens > 0 then windowAdd(tokensKey(key), minute.tokens) end
  end
end

local ops = {}

function ops.take()
  if not isKnown(input.from) then return { 'unknown_replica' } end
  if input.hour ~= math.floor(now / HOUR) * HOUR then return { 'other_hour', int(now) } end
  -- A message that arrives twice counts once.
  if call('HEXISTS', P .. 'held', input.id) == 1 then return { 'taken' } end
  local counts, unseeded, telling = {}, { 'unseeded' }, tellingMs()
  for index, one in ipairs(input.ledgers) do
    local limits = one.limits
    local state = call('HMGET', ledgerKey(one.key), 'seeded', 'requests', 'running', 'tokens', 'micros', 'excess',
      'optimistic', 'total', 'mark')
    if state[9] and not isPresent(state[9]) then
      for at = 1, 7 do if at ~= 2 then state[at] = false end end
    end
    local counted = {
      requests = tonumber(state[2] or 0), running = tonumber(state[3] or 0), tokens = tonumber(state[4] or 0),
      micros = tonumber(state[5] or 0), excess = tonumber(state[6] or 0), optimistic = tonumber(state[7] or 0),
      total = tonumber(state[8] or 0), budgets = {},
    }
    for _, period in ipairs(PERIODS) do
      local budget = limits[BUDGETS[period.name]]
      if present(budget) then table.insert(counted.budgets, { period = period, budget = budget }) end
    end
    if present(limits.totalBudgetMicros) then
      table.insert(counted.budgets, { budget = limits.totalBudgetMicros, spent = counted.total })
    end
    if present(one.maxRequests) or #counted.budgets > 0 then
      if telling > 0 then return { 'telling', int(telling) } end
      if not (state[1] and isSeeded(one.key)) then table.insert(unseeded, one.key) end
    end
    counts[index] = counted
  end
  if #unseeded > 1 then return unseeded end
  for index, one in ipairs(input.ledgers) do
    local limits, counted = one.limits, counts[index]
    for _, each in ipairs(counted.budgets) do
      each.spent = each.spent or spentSince(one.key, each.period.f, input.spans[each.period.name].from)
    end
    local function rejected(...) return { 'rejected', index - 1, ... } end
    if present(one.maxRequests) and counted.requests >= one.maxRequests then return rejected('max_requests') end
    if present(limits.concurrentRequests) and counted.running >= limits.concurrentRequests then
      return rejected('concurrent_requests')
    end
    local rate = limits.requestsPerMinute
    if present(rate) and windowSum(requestsKey(one.key)) >= rate then
      return rejected('requests_per_minute', int(msUntilBelow(requestsKey(one.key), rate)))
    end
    if not input.isFree then
      if present(limits.tokensPerMinute) then
        local free = limits.tokensPerMinute - counted.tokens
        if windowSum(tokensKey(one.key)) >= free then
          return rejected('tokens_per_minute', int(free > 0 and msUntilBelow(tokensKey(one.key), free) or 1000))
        end
      end
      for _, each in ipairs(counted.budgets) do
        if each.spent + counted.micros >= each.budget then
          local name = each.period and each.period.name or 'total'
          if each.spent < each.budget then return rejected('budget', name, 'reserved') end
          local span = each.period and input.spans[name]
          if not span then return rejected('budget', name, 'spent') end
          if present(span['until']) then return rejected('budget', name, 'spent', int(span['until'] - now)) end
          -- A rolling period must drop its oldest hours.
          local hours, sum = {}, each.spent
          local all = call('HGETALL', hoursKey(one.key))
          for at = 1, #all, 2 do
            local start = tonumber(all[at])
            if start and start >= span.from then table.insert(hours, { start = start, micros = tonumber(all[at + 1]) }) end
          end
          table.sort(hours, function(a, b) return a.start < b.start end)
          for _, hour in ipairs(hours) do
            sum = sum - hour.micros
            if sum < each.budget then
              return rejected('budget', name, 'spent', int(hour.start + HOUR + input.hour - span.from - now))
            end
          end
          return rejected('budget', name, 'spent')
        end
      end
    end
  end
  local reservation = input.reservation
  local most = present(reservation.mostMicros) and reservation.mostMicros or reservation.micros
  local excess = math.max(0, most - reservation.micros)
  local optimistic = {}
  if excess > 0 then
    local full
    for index, one in ipairs(input.ledgers) do
      local counted, left = counts[index], math.huge
      for _, each in ipairs(counted.budgets) do left = math.min(left, each.budget - each.spent - counted.micros) end
      if reservation.micros + excess + counted.excess > left then
        table.insert(optimistic, one.key)
        if counted.optimistic >= MOST_OPTIMISTIC then full = full or index end
      end
    end
    if full then return { 'rejected', full - 1, 'optimistic' } end
  end
  local keys = {}
  for index, one in ipairs(input.ledgers) do
    keys[index] = one.key
    windowAdd(requestsKey(one.key), 1)
    call('HINCRBY', ledgerKey(one.key), 'requests', 1)
  end
  add({
    id = input.id, owner = input.from.replica, keys = keys, isRunning = true, tokens = reservation.tokens,
    micros = reservation.micros, excessMicros = excess, optimistic = optimistic,
  })
  return { 'taken' }
end

function ops.hold()
  addCosts(input.from.replica, input.costs)
  if enter(input.from) then
    for _, holding in ipairs(input.holdings) do set(holding) end
  end
  return {}
end

function ops.settle()
  addCosts(input.from.replica, input.costs)
  local holding = release(input.id)
  if not holding then return { 'unknown' } end
  for _, key in ipairs(holding.keys) do
    if input.tokens > 0 then windowAdd(tokensKey(key), input.tokens) end
  end
  return { 'settled' }
end

function ops.count()
  count(input)
  return {}
end

-- Raises the balance of a ledger and removes the pages that are in it, with few commands.
local function raise(balance, pages)
  local key = balance.key
  local at, fields, set, del, changes = ledgerKey(key), { 'b' }, {}, {}, {}
  for index, hour in ipairs(balance.hours) do fields[index + 1] = 'b ' .. int(hour.start) end
  local known = call('HMGET', hoursKey(key), unpack(fields))
  local function change(hour, micros) changes[hour] = (changes[hour] or 0) + micros end
  local function write(field, value)
    table.insert(set, field)
    table.insert(set, int(value))
  end
  local total = math.max(0, balance.totalMicros - (known[1] or 0))
  if total > 0 then write('b', balance.totalMicros) end
  for index, hour in ipairs(balance.hours) do
    local missing = hour.micros - (known[index + 1] or 0)
    if missing > 0 then
      write('b ' .. int(hour.start), hour.micros)
      change(hour.start, missing)
    end
  end
  if balance.hasMore ~= true then
    for replica, page in pairs(pages) do
      -- Others send no late costs.
      if isThere(replica) then
        if page > tonumber(call('HGET', hoursKey(key), 'v ' .. replica) or 0) then write('v ' .. replica, page) end
      end
    end
    local all = call('HGETALL', hoursKey(key))
    local oldest = now - LEDGER_LIFETIME * 1000
    for index = 1, #all, 2 do
      local replica, page, hour = string.match(all[index], '^c (%S+) (%d+) (%d+)$')
      local late = hour or string.match(all[index], '^b (%d+)$') or string.match(all[index], '^%d+$')
      local gone = string.match(all[index], '^v (%S+)$')
      if (late and late ~= '0' and tonumber(late) < oldest) or (gone and not isThere(gone)) then
        table.insert(del, all[index])
      elseif replica and pages[replica] and tonumber(page) <= pages[replica] then
        table.insert(del, all[index])
        change(tonumber(hour), -all[index + 1])
        total = total - all[index + 1]
      end
    end
  end
  if #set > 0 then call('HSET', at, 'hours', 1) end
  if total ~= 0 then call('HINCRBY', at, 'total', int(total)) end
  for index = 1, #set, 1000 do call('HSET', hoursKey(key), unpack(set, index, math.min(index + 999, #set))) end
  for index = 1, #del, 1000 do call('HDEL', hoursKey(key), unpack(del, index, math.min(index + 999, #del))) end
  local from, more = call('HMGET', at, 'df', 'wf', 'mf'), { 0, 0, 0 }
  local counted = {}
  for hour, micros in pairs(changes) do
    if micros ~= 0 then
      table.insert(counted, { hour = hour, micros = micros })
      for index = 1, 3 do
        if from[index] and tonumber(from[index]) <= hour then more[index] = more[index] + micros end
      end
    end
  end
  for _, each in ipairs(counted) do call('HINCRBY', hoursKey(key), int(each.hour), int(each.micros)) end
  for index, period in ipairs(PERIODS) do
    if more[index] ~= 0 then call('HINCRBY', at, period.f, int(more[index])) end
  end
end

function ops.raise()
  local mayComplete = tellingMs() <= 0 and isKnown(input.from)
  for _, balance in ipairs(input.balances) do
    local at = ledgerKey(balance.key)
    marked(balance.key)
    raise(balance, input.pages)
    if balance.isPart ~= true and mayComplete then
      call('HSET', at, 'seeded', 1, 'hours', 1)
      call('HSET', hoursKey(balance.key), '0', 0)
    end
    call('HSET', at, 'requests', int(math.max(call('HGET', at, 'requests') or 0, balance.requests)))
    call('EXPIRE', at, LEDGER_LIFETIME)
    call('EXPIRE', hoursKey(balance.key), LEDGER_LIFETIME)
  end
  return {}
end

function ops.renew()
  if not isComplete() then begin() end
  rewind()
  local hasMore = false
  for _, replica in ipairs(call('ZRANGEBYSCORE', P .. 'replicas', '-inf', int(now))) do hasMore = silence(replica) or hasMore end
  for _, replica in ipairs(call('ZRANGEBYSCORE', P .. 'silent', '-inf', int(now))) do forget(replica) end
  local replica = input.from.replica
  local known = isKnown(input.from) and 1 or 0
  -- If the clock was set forward, all replicas became silent, and tell again what they know.
  if known == 1 and call('ZCOUNT', P .. 'silent', '(' .. int(now + RESERVED - TELLING), '+inf') == 0 then
    local untold = call('ZRANGEBYSCORE', P .. 'untold', '-inf', '(' .. int(now - UNTOLD), 'LIMIT', 0, MOST_FORGOTTEN)
    for _, id in ipairs(untold) do
      release(id)
      call('ZREM', P .. 'untold', id)
    end
  end
  if enter(input.from) then
    if present(input.heldIds) or not call('ZSCORE', P .. 'replicas', replica) then
      call('SADD', P .. 'whole', replica)
    end
    if call('ZREM', P .. 'silent', replica) == 1 then
      local mine, kept = P .. 'of:' .. replica, P .. 'kept:' .. replica
      call('SUNIONSTORE', mine, mine, kept)
      call('DEL', kept)
    end
    if present(input.heldIds) then
      local kept = {}
      for _, id in ipairs(input.heldIds) do kept[id] = true end
      for _, id in ipairs(call('SMEMBERS', P .. 'of:' .. replica)) do
        if not kept[id] then remove(id) end
      end
    end
    call('ZADD', P .. 'replicas', int(now + REPLICA_LIFETIME), replica)
  end
  call('SET', P .. 'born', int(now), 'NX')
  for _, name in ipairs(SHARED_KEYS) do keep(name) end
  for _, list in ipairs({ 'of:', 'kept:' }) do keep(list .. replica) end
  local waits = {}
  for _, group in ipairs(call('ZRANGEBYSCORE', P .. 'waits', '(' .. int(input.waitsMark), '+inf')) do
    local wait = (call('HGET', P .. 'g:' .. group, 'until') or 0) - now
    if wait > 0 then
      table.insert(waits, group)
      table.insert(waits, int(math.min(LONGEST_WAIT, wait)))
    end
  end
  return { known, int(now), call('GET', P .. 'mark') or '0', waits, hasMore and 1 or 0 }
end

function ops.leave()
  forget(input.replica)
  return {}
end

function ops.guess()
  local at, seen = P .. 'g:' .. input.group, P .. 's:' .. input.group
  local last = call('HGET', at, 'last')
  if last and now - last > FORGOTTEN * 1000 then call('DEL', at, seen) end
  call('HSET', at, 'last', int(now))
  if call('SISMEMBER', seen, input.guess) == 0 then
    if call('SCARD', seen) < SEEN_GUESSES then call('SADD', seen, input.guess) end
    local over = call('HINCRBY', at, 'failures', 1) - FREE_FAILURES
    if over >= 0 then
      local wait = math.min(FIRST_WAIT * 2 ^ math.min(over, 30), LONGEST_WAIT)
      call('HSET', at, 'until', int(now + wait))
      call('ZADD', P .. 'waits', call('INCR', P .. 'mark'), input.group)
    end
  end
  call('EXPIRE', at, FORGOTTEN)
  call('EXPIRE', seen, FORGOTTEN)
  call('ZADD', P .. 'groups', int(now), input.group)
  for _, name in ipairs({ 'groups', 'waits', 'mark' }) do keep(name) end
  if call('ZCARD', P .. 'groups') > MAX_ADDRESSES then
    local oldest = call('ZPOPMIN', P .. 'groups')[1]
    call('DEL', P .. 'g:' .. oldest, P .. 's:' .. oldest)
    call('ZREM', P .. 'waits', oldest)
  end
  return { int(math.min(LONGEST_WAIT, math.max(0, (call('HGET', at, 'until') or 0) - now))) }
end

return ops[ARGV[1]]()
