local s = require "streamrt"

s.pipeline { name = "access-log", dlq = "access.dlq" }

s.file(s.param("log", "sample.log"), { codec = "text" })
  :map(s.parse.combined)
  :key_by "v.ip"
  :to("access.requests", { codec = "json" })
  :filter "v.status >= 400"
  :to("access.errors", { codec = "json" })
