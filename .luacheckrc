std = "lua54"
max_line_length = 100
ignore = { "212/_.*" }
exclude_files = { "lualib/_meta", "build", "tests/mistakes", "tests/sandbox/attacks" }
