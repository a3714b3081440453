-- Random texts, of which some are UTF-8.
-- luacheck: globals stock rounds
local compare = require "compare"
local same, text = compare.same, compare.text
local random = math.random
local ours, theirs = utf8, stock.utf8

local parts = { "a", "\0", "é", "€", "𝄞", "\u{7FF}", "\u{FFFF}", "\u{10FFFF}", "\u{110000}",
  "\u{7FFFFFFF}",
  "\u{3FFFFFF}", "\xED\xA0\x80", "\xED\xBF\xBF", "\xC0\x80", "\xE0\x80\x80", "\xF0\x80\x80\x80" }
local bytes = { "\x80", "\xBF", "\xC3", "\xE2\x82", "\xFF", "\xFE\x80", "\xF8\x88\x80\x80\x80",
  "\xFF\x80\x80\x80\x80\x80\x80\x80", "\xFE\x80\x80\x80\x80\x80\x80" }

local function place()
  local dice = random(8)
  return dice == 1 and math.mininteger or dice == 2 and math.maxinteger or dice > 4 and random(-20,
    20) or nil
end

for _ = 1, rounds do
  local subject = text(parts, 6)
  if random(4) == 1 then
    subject = subject .. text(bytes, 2) .. text(parts, 3)
  end
  local lax = random(2) == 1
  same("len", ours.len, theirs.len, subject, place(), place(), lax)
  same("codepoint", ours.codepoint, theirs.codepoint, subject, place(), place(), lax)
  same("codepoint", ours.codepoint, theirs.codepoint, subject, 1, -1, lax)
  same("offset", ours.offset, theirs.offset, subject, random(-8, 8), place())
  same("offset", ours.offset, theirs.offset, subject, random(-8, 8))
end
for _, name in ipairs { "len", "codepoint", "offset" } do
  same(name, ours[name], theirs[name])
  same(name, ours[name], theirs[name], {}, 1)
  same(name, ours[name], theirs[name], "x", "y")
  same(name, ours[name], theirs[name], 12, 1)
end
return compare.count()
