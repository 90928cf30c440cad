-- One account's door, for all processes: what outbox/doors.py is for one. KEYS[1] is a hash; ARGV[1] is JSON:
-- what is done ("let in", "answer", "fault", "leave"), `now`, what it needs, and the rest the caller knows of.
-- Times are whole microseconds: numbers of Lua hold them up to the year 2255. Returns a word, its number, and
-- how the door stands.

local told = cjson.decode(ARGV[1])
local now = told.now
local names = {"full_at", "faults", "began", "ends", "over", "trial"}
local door = {}
for place, value in ipairs(redis.call("HMGET", KEYS[1], unpack(names))) do
    door[names[place]] = tonumber(value or 0)
end

-- A rest that began while Redis was away, or was forgotten when it was emptied. One that is over was the last
-- that was known here, or an earlier one.
if told.ends > door.ends then
    door.began, door.ends, door.over = told.began, told.ends, 0
    door.faults = math.max(door.faults, told.faults)
end

local function rests()
    return door.ends > 0 and door.over == 0
end

local function take_one()
    if told.interval == 0 then
        return 0
    end
    if door.full_at > now + told.reserve + told.clocks_differ then
        door.full_at = now + told.reserve
    end
    local full_after = math.max(door.full_at, now) + told.interval
    local wait = math.max(0, full_after - now - told.room)
    if wait == 0 then
        door.full_at = full_after
    end
    return wait
end

local doings = {}

doings["let in"] = function()
    if rests() and now < door.ends then
        return "resting", door.ends - now
    end
    if rests() and (now < door.trial or not told.tries) then
        return "tried", told.trial_wait
    end
    local wait = take_one()
    if wait > 0 then
        return "busy", wait
    end
    if not rests() then
        return "in", 0
    end
    door.trial = now + told.trial_lasts
    return "in", door.trial
end

doings["answer"] = function()
    door.faults = 0
    if now >= door.ends then
        door.over = 1
    end
    return "noted", 0
end

doings["fault"] = function()
    door.faults = door.faults + 1
    local wait = told.wait
    if wait == 0 and door.faults >= told.faults_in_a_row then
        wait = told.rest
    end
    if wait == 0 then
        return "noted", 0
    end
    if rests() and now <= door.ends + told.same_rest then
        door.ends = math.max(door.ends, now + wait)
    else
        door.began, door.ends, door.over = now, now + wait, 0
    end
    return "closed", 0
end

-- Who tried has left, whatever came of it.
doings["leave"] = function()
    if door.trial == told.trial then
        door.trial = 0
    end
    return "noted", 0
end

local word, number = doings[told.doing]()
local fields = {}
for _, name in ipairs(names) do
    fields[#fields + 1] = name
    fields[#fields + 1] = string.format("%.0f", door[name])
end
redis.call("HSET", KEYS[1], unpack(fields))
redis.call("PEXPIRE", KEYS[1], string.format("%.0f", (told.kept + math.max(0, door.ends - now)) / 1000))
local resting = rests()
return {word, number, door.full_at, door.faults, resting and door.began or 0, resting and door.ends or 0}
