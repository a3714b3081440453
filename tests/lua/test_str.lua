local s = require "streamrt"
local T = {}
local str = s.str

local function list(t) return table.concat(t, "|") .. "#" .. #t end

function T.split_parts_at_literal_separators()
  assert(list(str.split("a,b,,c", ",")) == "a|b||c#4")
  assert(list(str.split("", ",")) == "#1")
  assert(list(str.split("a.b", ".")) == "a|b#2")
  assert(list(str.split("a::b::c", "::", 2)) == "a|b::c#2")
  assert(list(str.split("abc", ",")) == "abc#1")
  assert(not pcall(str.split, "a", ""))
end

function T.split_without_a_separator_gives_words()
  assert(list(str.split "  a \t b\nc ") == "a|b|c#3")
  assert(list(str.split "   ") == "#0")
  assert(list(str.split "") == "#0")
  assert(list(str.split(" a b c ", nil, 2)) == "a|b c #2")
end

function T.trim_takes_white_space_off_both_ends()
  assert(str.trim "  a b \n" == "a b" and str.trim "" == "")
  assert(str.trim " \t" == "" and str.trim "x" == "x")
end

function T.beginnings_and_ends_are_literal()
  assert(str.starts_with("a.b", "a.") and not str.starts_with("axb", "a."))
  assert(str.starts_with("a", ""))
  assert(str.ends_with("a.b", ".b") and not str.ends_with("axb", ".b") and str.ends_with("a", ""))
  assert(str.contains("a.b", ".") and not str.contains("axb", ".") and str.contains("a", ""))
  assert(not str.ends_with("b", "ab"))
end

return T
